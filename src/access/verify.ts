// Whether bytes are the right ones: kinds of checksums, those that services tell, and first bytes by file type.
export interface Checksum {
  /** As catalogues write it: `SHA-512`, `MD5`, `SHA-256`, `SHA-1`. */
  algorithm: string
  /** Hexadecimal. */
  value: string
}

const ALGORITHMS: Readonly<Record<string, string>> = { SHA512: 'sha512', SHA256: 'sha256', SHA1: 'sha1', MD5: 'md5' }
/** Taken where nobody tells a checksum, so that later damage can be seen. */
export const OWN_ALGORITHM = 'SHA-512'

function hashName({ algorithm }: Pick<Checksum, 'algorithm'>): string | undefined {
  return ALGORITHMS[algorithm.toUpperCase().replace(/[^A-Z0-9]/g, '')]
}

/** Node's name of an algorithm that is known. */
export function hashOf(kind: Pick<Checksum, 'algorithm'>): string {
  return hashName(kind) ?? 'sha512'
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
