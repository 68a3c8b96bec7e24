// Writes files that appear under their name only when they are whole, and names a full disk for what it is.
import { type FileHandle, mkdir, open, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type AsterError, OutputError } from '../errors.js'

/** Bytes that are collected before they are handed to the system. */
const BATCH_BYTES = 1024 * 1024

/** System code of an error, such as `ENOENT`; empty for anything else. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Free space for this user on the disk of a folder, in bytes; `undefined` where the system does not tell. */
export async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    return undefined
  }
}

/** The error of a write that failed; `freeBefore` is the free space when the work began. */
export async function writeFailure(cause: unknown, path: string, freeBefore?: number): Promise<AsterError> {
  const code = systemCode(cause)
  if (code !== 'ENOSPC' && code !== 'EDQUOT') {
    return new OutputError('OUTPUT_IO', `cannot write ${path} (${code || 'unknown'})`, {
      path,
      hint: 'check the folder and its permissions, or choose another',
      cause,
    })
  }
  const now = await freeBytes(dirname(path))
  const words = code === 'EDQUOT' ? 'the quota is used up' : 'the disk is full'
  const sizes = [
    ...(freeBefore === undefined ? [] : [`${freeBefore} bytes were free before`]),
    ...(now === undefined ? [] : [`${now} are free now`]),
  ]
  return new OutputError(
    'DISK_FULL',
    `${words}: cannot write ${path}${sizes.length > 0 ? ` (${sizes.join(', ')})` : ''}`,
    {
      path,
      hint: 'make room, in the cache with `aster-timeseries cache prune --max-size SIZE`, or choose another folder; what was done is kept',
      cause,
    },
  )
}

export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (cause) {
    throw await writeFailure(cause, path)
  }
}

/** Name under which a text file is written before it gets its own. */
export function draftOf(path: string): string {
  return join(dirname(path), `.${basename(path).replace(/^\./, '')}.new`)
}

/** Writes a small text file, whole or not at all. One writer at a time: the caller has a claim on it. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const draft = draftOf(path)
  try {
    await writeFile(draft, text)
    await rename(draft, path)
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => {})
    throw await writeFailure(cause, path)
  }
}

/** As `writeWhole`, and on the disk when it returns: the text is synced before the file gets its name. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const draft = draftOf(path)
  try {
    await writeFile(draft, text, { flush: true })
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => {})
    throw await writeFailure(cause, path)
  }
  await renameDurably(draft, path)
}

/** Gives a finished file its name, durably: the bytes were synced before, the folder is now. */
export async function renameDurably(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (cause) {
    throw await writeFailure(cause, to)
  }
  try {
    const folder = await open(dirname(to), 'r')
    await folder.sync().finally(() => folder.close())
  } catch {
    // Not every file system syncs folders; the rename stands all the same.
  }
}

/** A file that grows at its end: bytes are stored in the order given, a batch behind what is received. */
export class PartWriter {
  readonly #file: FileHandle
  readonly #path: string
  readonly #freeBefore: number | undefined
  #position: number
  #queued: Uint8Array[] = []
  #queuedBytes = 0
  #inFlight: Promise<void> = Promise.resolve()
  #failure: unknown

  private constructor(file: FileHandle, path: string, from: number, freeBefore: number | undefined) {
    this.#file = file
    this.#path = path
    this.#position = from
    this.#freeBefore = freeBefore
  }

  /** Opens the file, makes it if it is not there, and cuts off what lies after its first `from` bytes. */
  static async open(path: string, from: number, freeBefore?: number): Promise<PartWriter> {
    try {
      // Opened for appending it is made but not emptied, whoever made it before.
      await (await open(path, 'a')).close()
      const file = await open(path, 'r+')
      await file.truncate(from)
      return new PartWriter(file, path, from, freeBefore)
    } catch (cause) {
      throw await writeFailure(cause, path, freeBefore)
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#queued.push(chunk)
    this.#queuedBytes += chunk.length
    if (this.#queuedBytes < BATCH_BYTES) return
    await this.#settle()
    this.#inFlight = this.#store(this.#take()).catch((error: unknown) => {
      this.#failure = error
    })
  }

  /** Empties the file. */
  async restart(): Promise<void> {
    this.#take()
    await this.#inFlight
    this.#failure = undefined
    this.#position = 0
    await this.#file.truncate(0)
  }

  /** How many of the file's first bytes the system has been given. */
  get stored(): number {
    return this.#position
  }

  /** Gives the system what is queued. */
  async flush(): Promise<void> {
    await this.#settle()
    await this.#store(this.#take()).catch(this.#fail)
  }

  /** Waits until what the system was given is on the disk. */
  async sync(): Promise<void> {
    await this.#file.sync().catch(this.#fail)
  }

  /** Closes the file; what was queued is stored as far as that goes, for somebody to go on from. */
  async close(): Promise<void> {
    await this.#inFlight
    if (this.#failure === undefined) await this.#store(this.#take()).catch(() => {})
    await this.#file.close().catch(() => {})
  }

  #take(): Uint8Array[] {
    const batch = this.#queued
    this.#queued = []
    this.#queuedBytes = 0
    return batch
  }

  async #settle(): Promise<void> {
    await this.#inFlight
    if (this.#failure !== undefined) await this.#fail(this.#failure)
  }

  readonly #fail = async (cause: unknown): Promise<never> => {
    throw await writeFailure(cause, this.#path, this.#freeBefore)
  }

  async #store(batch: readonly Uint8Array[]): Promise<void> {
    for (let left = batch; left.length > 0; ) {
      // A disk that is nearly full takes a part of a batch before it says so.
      const { bytesWritten } = await this.#file.writev(left, this.#position)
      this.#position += bytesWritten
      left = without(left, bytesWritten)
    }
  }
}

/** Chunks without their first bytes. */
function without(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes
  return chunks.flatMap((chunk) => {
    const rest = chunk.subarray(Math.min(skip, chunk.length))
    skip -= chunk.length - rest.length
    return rest.length === 0 ? [] : [rest]
  })
}
