// Whether bytes are the right ones: checksums while they stream, checksums of files, and first bytes by file type.
import { createHash, type Hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { AbortError } from '../errors.js'

export interface Checksum {
  /** As catalogues write it: `SHA-512`, `MD5`, `SHA-256`, `SHA-1`. */
  algorithm: string
  /** Hexadecimal. */
  value: string
}

const ALGORITHMS: Readonly<Record<string, string>> = { SHA512: 'sha512', SHA256: 'sha256', SHA1: 'sha1', MD5: 'md5' }
/** Taken where nobody tells a checksum, so that later damage can be seen. */
const OWN_ALGORITHM = 'SHA-512'
const READ_BYTES = 1024 * 1024

function hashName({ algorithm }: Pick<Checksum, 'algorithm'>): string | undefined {
  return ALGORITHMS[algorithm.toUpperCase().replace(/[^A-Z0-9]/g, '')]
}

/** A checksum that can be computed here and compared; `undefined` for an algorithm that is not known. */
export function usable(checksum: Checksum | undefined): Checksum | undefined {
  return checksum !== undefined && hashName(checksum) !== undefined ? checksum : undefined
}

/** Whether two checksums can be compared. */
export function isSameKind(left: Checksum, right: Checksum): boolean {
  return hashName(left) !== undefined && hashName(left) === hashName(right)
}

export function isEqual(left: Checksum, right: Checksum): boolean {
  return isSameKind(left, right) && left.value.toLowerCase() === right.value.toLowerCase()
}

/** The checksum of bytes as they pass; of the kind of another one, or of our own kind. */
export class RunningChecksum {
  readonly #algorithm: string
  readonly #hash: Hash

  constructor(like: Checksum | undefined) {
    this.#algorithm = like?.algorithm ?? OWN_ALGORITHM
    this.#hash = createHash(hashName({ algorithm: this.#algorithm }) ?? 'sha512')
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }

  /** Takes in the first `length` bytes of a file; gives how many there were. */
  async updateFromFile(path: string, length: number, signal?: AbortSignal): Promise<number> {
    const file = await open(path, 'r')
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, length)))
    try {
      let done = 0
      while (done < length) {
        if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason })
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, length - done), done)
        if (bytesRead === 0) break
        this.#hash.update(buffer.subarray(0, bytesRead))
        done += bytesRead
      }
      return done
    } finally {
      await file.close()
    }
  }

  /** Ends the count. */
  result(): Checksum {
    return { algorithm: this.#algorithm, value: this.#hash.digest('hex') }
  }
}

/** The checksum of a file, of the kind of another one. */
export async function checksumOf(path: string, like: Checksum | undefined, signal?: AbortSignal): Promise<Checksum> {
  const running = new RunningChecksum(like)
  await running.updateFromFile(path, Number.MAX_SAFE_INTEGER, signal)
  return running.result()
}

/** The MD5 that Azure keeps of a blob, and others of an answer's whole body (RFC 1864: base64). */
export function checksumOfHeaders(headers: Headers, status: number): Checksum | undefined {
  const text = headers.get('x-ms-blob-content-md5') ?? (status === 200 ? headers.get('content-md5') : null)
  if (text === null || headers.has('content-encoding')) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === 16 ? { algorithm: 'MD5', value: bytes.toString('hex') } : undefined
}

const SIGNATURES: readonly { ending: RegExp; name: string; begins: readonly string[] }[] = [
  { ending: /\.tiff?$/i, name: 'TIFF', begins: ['49492a00', '4d4d002a', '49492b00', '4d4d002b'] },
  { ending: /\.hdf$/i, name: 'HDF', begins: ['0e031301', '89484446'] },
]

/** What a file should be by its name and is not by its first bytes; `undefined` if nothing is wrong. */
export function wrongType(name: string, head: Uint8Array): string | undefined {
  const type = SIGNATURES.find(({ ending }) => ending.test(name))
  const begin = Buffer.from(head.subarray(0, 4)).toString('hex')
  return type === undefined || type.begins.includes(begin) ? undefined : type.name
}
