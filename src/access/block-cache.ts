// Ranges that were fetched before: in memory, or on disk for the next run too; bounded either way.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFailure } from './write-file.js'

/** A range of one version of a file. */
export interface BlockKey {
  /** File, version and size. */
  readonly identity: string
  readonly start: number
  readonly end: number
}

export interface BlockCache {
  get(key: BlockKey): Promise<Uint8Array | undefined>
  put(key: BlockKey, bytes: Uint8Array): Promise<void>
}

const nameOf = ({ identity, start, end }: BlockKey) => `${start}-${end} ${identity}`

export class MemoryBlocks implements BlockCache {
  /** In the order of their last use. */
  readonly #blocks = new Map<string, Uint8Array>()
  #bytes = 0

  constructor(private readonly mostBytes: number) {}

  async get(key: BlockKey): Promise<Uint8Array | undefined> {
    const name = nameOf(key)
    const found = this.#blocks.get(name)
    if (found === undefined) return undefined
    this.#blocks.delete(name)
    this.#blocks.set(name, found)
    return found
  }

  async put(key: BlockKey, bytes: Uint8Array): Promise<void> {
    const name = nameOf(key)
    if (bytes.length > this.mostBytes || this.#blocks.has(name)) return
    // A copy: a block must not keep alive the longer run that it was cut from.
    this.#blocks.set(name, new Uint8Array(bytes))
    this.#bytes += bytes.length
    for (const [oldest, held] of this.#blocks) {
      if (this.#bytes <= this.mostBytes) break
      this.#blocks.delete(oldest)
      this.#bytes -= held.length
    }
  }
}

const DIGEST_BYTES = 32
const ENDING = '.block'

/** A file per range: its SHA-256, then its bytes. Several processes may share the folder. */
export class DiskBlocks implements BlockCache {
  /** Bytes in the folder, as far as this process knows. */
  #bytes: number | undefined
  #sweep: Promise<void> | undefined
  #isBroken = false

  private constructor(
    private readonly folder: string,
    private readonly mostBytes: number,
    private readonly onWarning: (text: string) => void,
  ) {}

  /** Makes the folder if it is not there. */
  static async open(folder: string, mostBytes: number, onWarning: (text: string) => void): Promise<DiskBlocks> {
    try {
      await mkdir(folder, { recursive: true })
    } catch (cause) {
      throw await writeFailure(cause, folder)
    }
    return new DiskBlocks(folder, mostBytes, onWarning)
  }

  async get(key: BlockKey): Promise<Uint8Array | undefined> {
    const path = this.#pathOf(key)
    const kept = await readFile(path).catch(() => undefined)
    if (kept === undefined) return undefined
    const bytes = kept.subarray(DIGEST_BYTES)
    if (bytes.length !== key.end - key.start || !digestOf(bytes).equals(kept.subarray(0, DIGEST_BYTES))) {
      await rm(path, { force: true })
      return undefined
    }
    const now = new Date()
    await utimes(path, now, now).catch(() => {})
    return bytes
  }

  /** Keeps a range if it can; a full disk costs the cache, not the work. */
  async put(key: BlockKey, bytes: Uint8Array): Promise<void> {
    if (this.#isBroken || bytes.length > this.mostBytes) return
    const path = this.#pathOf(key)
    const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.draft`
    try {
      await writeFile(draft, Buffer.concat([digestOf(bytes), bytes]), { flag: 'wx' })
      await rename(draft, path)
    } catch (cause) {
      await rm(draft, { force: true }).catch(() => {})
      this.#isBroken = true
      this.onWarning(`${(await writeFailure(cause, this.folder)).message}; going on without keeping more there`)
      return
    }
    if (this.#bytes !== undefined) this.#bytes += bytes.length + DIGEST_BYTES
    if (this.#bytes === undefined || this.#bytes > this.mostBytes) {
      this.#sweep ??= this.#makeRoom().finally(() => {
        this.#sweep = undefined
      })
      await this.#sweep
    }
  }

  /** Counts what is there, and removes what was not used for longest. */
  async #makeRoom(): Promise<void> {
    const names = (await readdir(this.folder).catch(() => [])).filter((name) => name.endsWith(ENDING))
    const found: { path: string; bytes: number; used: number }[] = []
    for (const name of names) {
      const path = join(this.folder, name)
      const facts = await stat(path).catch(() => undefined)
      if (facts !== undefined) found.push({ path, bytes: facts.size, used: facts.mtimeMs })
    }
    let bytes = found.reduce((sum, block) => sum + block.bytes, 0)
    if (bytes > this.mostBytes) {
      for (const block of found.sort((a, b) => a.used - b.used)) {
        if (bytes <= 0.9 * this.mostBytes) break
        await rm(block.path, { force: true })
        bytes -= block.bytes
      }
    }
    this.#bytes = bytes
  }

  #pathOf(key: BlockKey): string {
    return join(this.folder, `${createHash('sha256').update(nameOf(key)).digest('hex').slice(0, 40)}${ENDING}`)
  }
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
