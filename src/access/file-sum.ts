// Checksums of files, taken in threads of their own while the files grow: a busy network leaves this one no time for them.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { AbortError, InternalError } from '../errors.js'
import { packageFile } from '../package-file.js'
import type { Answer, Order } from './file-sum-thread.js'
import { type Checksum, hashOf, OWN_ALGORITHM } from './verify.js'

/** One sums 400 MB a second; a few keep up with any network. */
const MOST_THREADS = Math.max(1, Math.min(4, availableParallelism() - 1))

/** How long a thread waits for its next file. */
const IDLE_MS = 2000

/** The checksum of a file's first bytes; of the kind of another one, or of our own kind. */
export class FileSum {
  readonly #algorithm: string
  readonly #thread: Thread
  readonly #id: number
  #bytes = 0
  #isOpen = true

  constructor(path: string, like: Checksum | undefined) {
    this.#algorithm = like?.algorithm ?? OWN_ALGORITHM
    this.#thread = freest()
    this.#id = this.#thread.begin(path, hashOf({ algorithm: this.#algorithm }))
  }

  /** Tells that the first `bytes` of the file are there and stay. */
  upTo(bytes: number): void {
    if (bytes <= this.#bytes || !this.#isOpen) return
    this.#bytes = bytes
    this.#thread.tell({ id: this.#id, kind: 'upTo', bytes })
  }

  /**
   * The checksum of the first `bytes`, or of all bytes if there are fewer. Once.
   *
   * @throws what the system says when the file cannot be read; AbortError; InternalError
   */
  async result(bytes = Number.MAX_SAFE_INTEGER, signal?: AbortSignal): Promise<Checksum> {
    this.#isOpen = false
    return { algorithm: this.#algorithm, value: await this.#thread.end(this.#id, bytes, signal) }
  }

  /** Gives the file up, unless its result was asked for. */
  drop(): void {
    if (this.#isOpen) this.#thread.drop(this.#id)
    this.#isOpen = false
  }
}

/** The checksum of a file that is whole, of the kind of another one. */
export function checksumOf(path: string, like: Checksum | undefined, signal?: AbortSignal): Promise<Checksum> {
  return new FileSum(path, like).result(undefined, signal)
}

type Settle = (answer: Answer | Error) => void

class Thread {
  readonly #worker = new Worker(packageFile('dist/access/file-sum-thread.js'))
  readonly #waiting = new Map<number, Settle>()
  #files = 0
  #last = 0
  #farewell: NodeJS.Timeout | undefined
  isDead = false

  constructor() {
    this.#worker.unref()
    this.#worker.on('message', (answer: Answer) => this.#waiting.get(answer.id)?.(answer))
    this.#worker.once('error', (cause) => this.#die(cause))
    this.#worker.once('exit', () => this.#die())
  }

  /** Files begun and not ended. */
  get files(): number {
    return this.#files
  }

  tell(order: Order): void {
    this.#worker.postMessage(order)
  }

  begin(path: string, hash: string): number {
    clearTimeout(this.#farewell)
    this.#last += 1
    this.#files += 1
    this.tell({ id: this.#last, kind: 'begin', path, hash })
    return this.#last
  }

  drop(id: number): void {
    this.tell({ id, kind: 'drop' })
    this.#ended()
  }

  end(id: number, bytes: number, signal: AbortSignal | undefined): Promise<string> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.tell({ id, kind: 'drop' })
        settle(new AbortError(undefined, { cause: signal?.reason }))
      }
      const settle: Settle = (answer) => {
        this.#waiting.delete(id)
        this.#ended()
        // A process that has nothing else to do waits for answers, not for questions.
        if (this.#waiting.size === 0) this.#worker.unref()
        signal?.removeEventListener('abort', onAbort)
        if (answer instanceof Error) reject(answer)
        else if ('value' in answer) resolve(answer.value)
        else reject(Object.assign(new Error(answer.message), { code: answer.code }))
      }
      this.#waiting.set(id, settle)
      this.#worker.ref()
      if (this.isDead) settle(ended())
      else if (signal?.aborted) onAbort()
      else {
        signal?.addEventListener('abort', onAbort, { once: true })
        this.tell({ id, kind: 'end', bytes })
      }
    })
  }

  /** A thread without work gives its memory back soon. */
  #ended(): void {
    this.#files -= 1
    if (this.#files > 0) return
    this.#farewell = setTimeout(() => {
      this.isDead = true
      void this.#worker.terminate()
    }, IDLE_MS).unref()
  }

  #die(cause?: Error): void {
    this.isDead = true
    for (const settle of this.#waiting.values()) settle(ended(cause))
  }
}

/** No fault of a file. */
function ended(cause?: Error): InternalError {
  return new InternalError(`the thread for checksums has ended${cause === undefined ? '' : `: ${cause.message}`}`, {
    cause,
  })
}

let threads: Thread[] = []

/** A thread that sums no file yet, else a new one, else that which sums the fewest. */
function freest(): Thread {
  threads = threads.filter(({ isDead }) => !isDead)
  const [best] = threads.toSorted((left, right) => left.files - right.files)
  if (best !== undefined && (best.files === 0 || threads.length >= MOST_THREADS)) return best
  const thread = new Thread()
  threads.push(thread)
  return thread
}
