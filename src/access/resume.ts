// Parts of files and their sidecars: what is there to go on from, and what an answer to "the rest, please" means.
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type Checksum, isEqual, isSameKind } from './verify.js'
import { draftOf, writeWhole } from './write-file.js'

/** Where the pieces of one file lie. */
export interface FilePlace {
  /** The finished file. */
  path: string
  part: string
  sidecar: string
}

export function placeOf(folder: string, name: string): FilePlace {
  return { path: join(folder, name), part: join(folder, `.${name}.part`), sidecar: join(folder, `.${name}.part.json`) }
}

const ChecksumJson = z.object({ algorithm: z.string(), value: z.string() })
const SidecarJson = z.object({
  schema: z.literal(1),
  /** Where the bytes came from, without query: never a signed address. */
  url: z.string(),
  etag: z.string().nullable(),
  /** Bytes of the whole file, as the service announced them. */
  total: z.number().int().nonnegative().nullable(),
  checksum: ChecksumJson.nullable(),
})
export type Sidecar = z.output<typeof SidecarJson>

/** What a download wants, as far as it decides about going on. */
export interface WantedFile {
  url: string
  bytes?: number | undefined
  checksum?: Checksum | undefined
}

/** Bytes that are there, and how to ask for the rest of the same file. */
export interface Part {
  bytes: number
  etag: string | undefined
  total: number | undefined
  /** What the whole file should have, as far as that was known when its first bytes came. */
  checksum: Checksum | undefined
}

const NOTHING: Part = { bytes: 0, etag: undefined, total: undefined, checksum: undefined }

/** The part that can be gone on from; what cannot is removed. */
export async function findPart({ part, sidecar }: FilePlace, wanted: WantedFile): Promise<Part> {
  const bytes = await sizeOf(part)
  const known = await readSidecar(sidecar)
  if (bytes === undefined && known === undefined) return NOTHING
  if (bytes !== undefined && bytes > 0 && known !== undefined && isSameFile(known, wanted)) {
    const total = known.total ?? wanted.bytes
    const fits = total === undefined || bytes <= total
    // Without a strong validator only a checksum can tell that both pieces are of one file.
    const etag = strongEtag(known.etag)
    const checksum = known.checksum ?? undefined
    if (fits && (etag !== undefined || wanted.checksum !== undefined)) return { bytes, etag, total, checksum }
  }
  await dropPart({ part, sidecar })
  return NOTHING
}

export async function dropPart({ part, sidecar }: Pick<FilePlace, 'part' | 'sidecar'>): Promise<void> {
  // The bytes first: a part without a sidecar is thrown away, a sidecar of other bytes would be believed.
  await rm(part, { force: true })
  await rm(sidecar, { force: true })
  await rm(draftOf(sidecar), { force: true })
}

export async function readSidecar(path: string): Promise<Sidecar | undefined> {
  try {
    return SidecarJson.safeParse(JSON.parse(await readFile(path, 'utf8'))).data
  } catch {
    return undefined
  }
}

export async function writeSidecar(path: string, sidecar: Omit<Sidecar, 'schema'>): Promise<void> {
  await writeWhole(path, `${JSON.stringify({ schema: 1, ...sidecar })}\n`)
}

/** Size of a file in bytes; `undefined` where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() ? found.size : undefined
  } catch {
    return undefined
  }
}

function isSameFile(known: Sidecar, wanted: WantedFile): boolean {
  if (known.total !== null && wanted.bytes !== undefined && known.total !== wanted.bytes) return false
  if (known.checksum !== null && wanted.checksum !== undefined) {
    if (isSameKind(known.checksum, wanted.checksum)) return isEqual(known.checksum, wanted.checksum)
  }
  return known.url === withoutQuery(wanted.url)
}

export function withoutQuery(url: string): string {
  return url.split(/[?#]/)[0] ?? url
}

export function strongEtag(etag: string | null | undefined): string | undefined {
  return etag == null || !etag.startsWith('"') ? undefined : etag
}

/** Headers that ask for what is missing, and for the whole file if it is another one by now. */
export function rangeHeaders({ bytes, etag }: Part): Record<string, string> {
  const plain = { 'accept-encoding': 'identity' }
  if (bytes === 0) return plain
  return { ...plain, range: `bytes=${bytes}-`, ...(etag === undefined ? {} : { 'if-range': etag }) }
}

/** What to do with an answer. */
export type Verdict =
  /** The body is the file from its beginning. */
  | { kind: 'whole'; total: number | undefined }
  /** The body is what is missing. */
  | { kind: 'rest'; total: number | undefined }
  /** Nothing is missing. */
  | { kind: 'complete' }
  /** The answer fits no part of ours: ask for the whole file. */
  | { kind: 'unfit'; why: string }

export function judge(status: number, headers: Headers, part: Part): Verdict {
  if (status === 416) {
    const [, size] = /^bytes \*\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
    const total = size === undefined ? part.total : Number(size)
    if (part.bytes > 0 && total === part.bytes) return { kind: 'complete' }
    return { kind: 'unfit', why: 'the service has fewer bytes than were fetched before' }
  }
  if (status === 206) return judgePart(headers, part)
  if (status !== 200) return { kind: 'unfit', why: `status ${status} brings no file` }
  // What was packed on the way has no length of its own.
  const length = headers.get('content-length')
  return { kind: 'whole', total: length === null ? undefined : Number(length) }
}

function judgePart(headers: Headers, part: Part): Verdict {
  const [, first = '', last = '', size = ''] =
    /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? []
  if (first === '') return { kind: 'unfit', why: 'the service does not say which part it sends' }
  if (Number(first) !== part.bytes) return { kind: 'unfit', why: 'the service sends another part than was asked for' }
  const etag = strongEtag(headers.get('etag'))
  if (part.etag !== undefined && etag !== undefined && etag !== part.etag) {
    return { kind: 'unfit', why: 'the file has changed since its first bytes were fetched' }
  }
  const total = size === '*' ? part.total : Number(size)
  if (part.total !== undefined && total !== part.total) {
    return { kind: 'unfit', why: 'the file has another size than when its first bytes were fetched' }
  }
  if (total !== undefined && Number(last) !== total - 1)
    return { kind: 'unfit', why: 'the service sends less than the rest' }
  return { kind: part.bytes === 0 ? 'whole' : 'rest', total }
}
