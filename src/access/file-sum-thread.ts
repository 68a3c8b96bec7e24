// A thread that sums files while others write them; `file-sum.ts` tells it what.
import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'

export type Order = { readonly id: number } & (
  | { readonly kind: 'begin'; readonly path: string; readonly hash: string }
  /** So many of the file's first bytes are there. */
  | { readonly kind: 'upTo'; readonly bytes: number }
  /** Answered with the sum of the first `bytes`, or of all if there are fewer; ends the file. */
  | { readonly kind: 'end'; readonly bytes: number }
  | { readonly kind: 'drop' }
)

export type Answer = { readonly id: number } & (
  | { readonly value: string }
  | { readonly message: string; readonly code: string }
)

/** Enough for a system call to cost nothing, little enough to stay in the cache of a processor. */
const READ_BYTES = 256 * 1024

const room = Buffer.allocUnsafe(READ_BYTES)
const files = new Map<number, GrowingFile>()

class GrowingFile {
  readonly #path: string
  readonly #hash: Hash
  #descriptor: number | undefined
  #bytes = 0
  #failure: unknown

  constructor(path: string, hash: string) {
    this.#path = path
    this.#hash = createHash(hash)
  }

  /** What goes wrong is kept for the end. */
  goOn(bytes: number): void {
    if (this.#failure !== undefined) return
    try {
      this.#descriptor ??= openSync(this.#path, 'r')
      while (this.#bytes < bytes) {
        const length = Math.min(room.length, bytes - this.#bytes)
        const count = readSync(this.#descriptor, room, 0, length, this.#bytes)
        if (count === 0) return
        this.#hash.update(room.subarray(0, count))
        this.#bytes += count
      }
    } catch (error) {
      this.#failure = error
    }
  }

  result(): string {
    if (this.#failure !== undefined) throw this.#failure
    return this.#hash.digest('hex')
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}

function obey(order: Order): Answer | undefined {
  const { id, kind } = order
  if (kind === 'begin') {
    files.set(id, new GrowingFile(order.path, order.hash))
    return
  }
  const file = files.get(id)
  if (kind === 'drop') {
    file?.close()
    files.delete(id)
    return
  }
  file?.goOn(order.bytes)
  if (kind === 'upTo' || file === undefined) return
  files.delete(id)
  try {
    return { id, value: file.result() }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    return { id, message: error instanceof Error ? error.message : String(error), code }
  } finally {
    file.close()
  }
}

parentPort?.on('message', (order: Order) => {
  const answer = obey(order)
  if (answer !== undefined) parentPort?.postMessage(answer)
})
