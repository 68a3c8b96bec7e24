// Whether a file is in the cache already, and good: by the granule's record, else by looking at its bytes.
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { FetchedFile, FileRequest } from './file-download.js'
import { checksumOf } from './file-sum.js'
import { type GranuleRecord, readRecord } from './granule-record.js'
import { placeOf, readSidecar, sizeOf } from './resume.js'
import { isEqual, isSameKind, usable, wrongType } from './verify.js'

export interface CachedFile extends FetchedFile {
  /** Whether the record of its granule knows it. */
  isRecorded: boolean
}

/** What the record says of a file, without looking at more than its size. */
export async function findRecorded(
  request: FileRequest,
  record: GranuleRecord | undefined,
): Promise<CachedFile | undefined> {
  const { path } = placeOf(request.folder, request.name)
  const recorded = record?.files.find(({ name }) => name === request.name)
  if (recorded === undefined) return undefined
  const { bytes, checksum, checkedAgainst } = recorded
  const wanted = usable(request.checksum)
  const isOther = wanted !== undefined && isSameKind(wanted, checksum) && !isEqual(wanted, checksum)
  const isWrong = isOther || (request.bytes !== undefined && request.bytes !== bytes) || (await sizeOf(path)) !== bytes
  return isWrong
    ? undefined
    : { name: request.name, path, bytes, checksum, checkedAgainst, fetchedBytes: 0, isRecorded: true }
}

/** The file in its granule's folder, or in a flat cache of old: `<cache>/<PRODUCT>/<file>`. */
export async function findCached(
  request: FileRequest,
  flatFolder: string,
  signal?: AbortSignal,
): Promise<CachedFile | undefined> {
  const recorded = await findRecorded(request, await readRecord(request.folder))
  return (
    recorded ??
    (await inspect(request, placeOf(request.folder, request.name).path, signal)) ??
    (await inspect(request, join(flatFolder, request.name), signal))
  )
}

/** A file that no record knows. It has its name, but that may come from another program, or from a run that was killed. */
async function inspect(request: FileRequest, path: string, signal?: AbortSignal): Promise<CachedFile | undefined> {
  const bytes = await sizeOf(path)
  if (bytes === undefined || (request.bytes !== undefined && request.bytes !== bytes)) return undefined
  const wanted = usable(request.checksum)
  const { sidecar } = placeOf(request.folder, request.name)
  const left = await readSidecar(sidecar)
  // Files get their name only after they were verified; the sidecar is removed last.
  const isOurs = left !== undefined && (left.total === bytes || (left.total === null && wanted === undefined))
  if (wanted === undefined && !isOurs && request.bytes === undefined) return undefined
  if (wrongType(request.name, await beginningOf(path)) !== undefined) return undefined
  const checksum = await checksumOf(path, wanted ?? usable(left?.checksum ?? undefined), signal)
  const expected = wanted ?? (isOurs ? usable(left.checksum ?? undefined) : undefined)
  if (expected !== undefined && !isEqual(expected, checksum)) return undefined
  const checkedAgainst = wanted !== undefined ? 'catalogue' : expected !== undefined ? 'service' : 'nothing'
  return { name: request.name, path, bytes, checksum, checkedAgainst, fetchedBytes: 0, isRecorded: false }
}

async function beginningOf(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const head = Buffer.alloc(4)
    const { bytesRead } = await file.read(head, 0, 4, 0)
    return head.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
