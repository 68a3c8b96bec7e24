// The cache as a whole: which granules it holds, whether their bytes are still right, and what goes when it is full.
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AbortError, AsterError } from '../errors.js'
import { isAnythingClaimed } from './claim.js'
import { checksumOf } from './file-sum.js'
import { RECORD_NAME, type RecordedFile, RecordKeeper, readRecord } from './granule-record.js'
import { sizeOf } from './resume.js'
import { isEqual } from './verify.js'

export interface CachedGranule {
  product: string
  id: string
  /** Its folder; of a flat cache of old, its file. */
  path: string
  /** Backend that it came from; absent in a flat cache. */
  source?: string
  /** `complete`: every file is whole; `partial`: a download was begun and not ended; `flat`: `<PRODUCT>/<file>.hdf`. */
  state: 'complete' | 'partial' | 'flat'
  files: number
  /** On disk, parts included. */
  bytes: number
  /** Last time that a download brought it or found it here, ISO 8601. */
  usedAt: string
}

export interface DamagedFile {
  path: string
  product: string
  id: string
  reason: string
}

export interface VerifyReport {
  granules: number
  files: number
  bytes: number
  damaged: DamagedFile[]
  /** Files of flat caches, and others that no record knows. */
  unknown: number
}

export interface PruneReport {
  removed: CachedGranule[]
  /** Granules that would have gone, and that somebody is working on. */
  claimed: CachedGranule[]
  bytesBefore: number
  bytesAfter: number
}

/** Files whose bytes are read at the same time. */
const FILES_AT_ONCE = 4
const FOLDERS_AT_ONCE = 16
const OLD_FILE = /^AST.*\.(hdf|tiff?)$/i

/** Granules of a cache, by product and name. A cache that is not there holds none. */
export async function listCache(cacheDir: string): Promise<CachedGranule[]> {
  const granules: CachedGranule[] = []
  for (const product of await foldersIn(cacheDir)) {
    const productFolder = join(cacheDir, product)
    const names = await foldersIn(productFolder)
    granules.push(...(await mapAtOnce(names, FOLDERS_AT_ONCE, (name) => granuleIn(productFolder, name))).flat())
    const flat = await Promise.all(
      (await filesIn(productFolder)).filter((name) => OLD_FILE.test(name)).map((name) => flatFile(productFolder, name)),
    )
    granules.push(...flat.flat())
  }
  return granules.sort((left, right) => (left.path < right.path ? -1 : 1))
}

async function granuleIn(productFolder: string, name: string): Promise<CachedGranule[]> {
  const folder = join(productFolder, name)
  const names = await filesIn(folder)
  const sizes = await Promise.all(names.map((file) => sizeOf(join(folder, file))))
  const record = await readRecord(folder)
  const isBegun = names.some((file) => file.endsWith('.part'))
  if (record === undefined && !isBegun) return []
  const used = await stat(record === undefined ? folder : join(folder, RECORD_NAME)).catch(() => undefined)
  return [
    {
      product: basename(productFolder),
      id: record?.id ?? name,
      path: folder,
      ...(record === undefined ? {} : { source: record.source }),
      state: isBegun ? 'partial' : 'complete',
      files: record?.files.length ?? 0,
      bytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
      usedAt: new Date(used?.mtimeMs ?? 0).toISOString(),
    },
  ]
}

async function flatFile(productFolder: string, name: string): Promise<CachedGranule[]> {
  const path = join(productFolder, name)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return []
  const usedAt = new Date(Math.max(found.mtimeMs, found.atimeMs)).toISOString()
  const id = name.replace(/\.[^.]+$/, '')
  return [{ product: basename(productFolder), id, path, state: 'flat', files: 1, bytes: found.size, usedAt }]
}

/** Notes that a granule was used now; failing is no error, since this only orders what goes first. */
export async function touchGranule(folder: string): Promise<void> {
  const now = new Date()
  await utimes(join(folder, RECORD_NAME), now, now).catch(() => {})
}

export interface VerifyOptions {
  signal?: AbortSignal | undefined
  onFile?: ((path: string, bytes: number) => void) | undefined
}

/**
 * Reads every file that a record knows and compares size and checksum. Damaged files are taken out of their records, so
 * that the next download brings them anew; nothing is deleted.
 */
export async function verifyCache(cacheDir: string, { signal, onFile }: VerifyOptions = {}): Promise<VerifyReport> {
  const report: VerifyReport = { granules: 0, files: 0, bytes: 0, damaged: [], unknown: 0 }
  const tasks: { granule: CachedGranule; file: RecordedFile }[] = []
  for (const granule of await listCache(cacheDir)) {
    report.granules += 1
    if (granule.state === 'flat') report.unknown += 1
    const record = granule.state === 'flat' ? undefined : await readRecord(granule.path)
    for (const file of record?.files ?? []) tasks.push({ granule, file })
  }
  await mapAtOnce(tasks, FILES_AT_ONCE, async ({ granule, file }) => {
    if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason })
    const path = join(granule.path, file.name)
    const reason = await damageOf(path, file, signal)
    report.files += 1
    if (reason === undefined) report.bytes += file.bytes
    else report.damaged.push({ path, product: granule.product, id: granule.id, reason })
    onFile?.(path, file.bytes)
  })
  report.damaged.sort((left, right) => (left.path < right.path ? -1 : 1))
  for (const folder of new Set(report.damaged.map(({ path }) => dirname(path)))) {
    const names = report.damaged.filter(({ path }) => dirname(path) === folder).map(({ path }) => basename(path))
    await forget(folder, new Set(names))
  }
  return report
}

async function damageOf(
  path: string,
  file: RecordedFile,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const bytes = await sizeOf(path)
  if (bytes === undefined) return 'it is gone'
  if (bytes !== file.bytes) return `it has ${bytes} bytes, it had ${file.bytes}`
  try {
    const checksum = await checksumOf(path, file.checksum, signal)
    if (isEqual(checksum, file.checksum)) return undefined
    return `its ${checksum.algorithm} is ${checksum.value}, it was ${file.checksum.value}`
  } catch (error) {
    if (error instanceof AsterError) throw error
    return `it cannot be read: ${error instanceof Error ? error.message : String(error)}`
  }
}

async function forget(folder: string, names: ReadonlySet<string>): Promise<void> {
  const record = await readRecord(folder)
  if (record === undefined) return
  // A cache that cannot be written, such as a shared one, is verified all the same.
  await new RecordKeeper(folder, record).remove(names).catch(() => {})
}

/** Removes whole granules, those first that were not used for longest, until the cache fits; never one that is claimed. */
export async function pruneCache(
  cacheDir: string,
  maxBytes: number,
  { dryRun = false }: { dryRun?: boolean | undefined } = {},
): Promise<PruneReport> {
  const granules = await listCache(cacheDir)
  const bytesBefore = granules.reduce((sum, { bytes }) => sum + bytes, 0)
  const report: PruneReport = { removed: [], claimed: [], bytesBefore, bytesAfter: bytesBefore }
  for (const granule of granules.sort((left, right) => left.usedAt.localeCompare(right.usedAt))) {
    if (report.bytesAfter <= maxBytes) break
    if (dryRun ? await isClaimed(granule) : !(await remove(granule))) {
      report.claimed.push(granule)
      continue
    }
    report.removed.push(granule)
    report.bytesAfter -= granule.bytes
  }
  return report
}

function isClaimed({ path, state }: CachedGranule): Promise<boolean> {
  return state === 'flat' ? Promise.resolve(false) : isAnythingClaimed(path)
}

/** Takes a granule out under another name first, so that nobody ever sees half of it. */
async function remove(granule: CachedGranule): Promise<boolean> {
  if (await isClaimed(granule)) return false
  if (granule.state === 'flat') {
    await rm(granule.path, { force: true })
    return true
  }
  const grave = join(dirname(granule.path), `.${basename(granule.path)}.pruned`)
  await rm(grave, { recursive: true, force: true })
  await rename(granule.path, grave)
  if (await isAnythingClaimed(grave)) {
    // Somebody began in the very moment; if they have a new folder by now, the old one is of no more use.
    const isBack = await rename(grave, granule.path).then(
      () => true,
      () => false,
    )
    if (isBack) return false
  }
  await rm(grave, { recursive: true, force: true })
  return true
}

async function foldersIn(folder: string): Promise<string[]> {
  return entriesOf(folder, true)
}

async function filesIn(folder: string): Promise<string[]> {
  return entriesOf(folder, false)
}

async function entriesOf(folder: string, isFolder: boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const wanted = entries.filter((entry) =>
    isFolder ? entry.isDirectory() && !entry.name.startsWith('.') : entry.isFile(),
  )
  return wanted.map(({ name }) => name).sort()
}

async function mapAtOnce<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const queue = items.entries()
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
  return results
}
