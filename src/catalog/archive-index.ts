// What an archive folder holds, asking the engine only about what is new or changed since the last time.
//
// The engine alone decides what a granule is. Its answer depends on the files of a folder and on records in the folder
// above, so the answer is kept by folder, and asked for again when one of those files changes.
import { dirname, sep } from 'node:path'
import { type CallOptions, callForOutcome, callNative, callNow } from '../native/call.js'
import type { ArchiveListing } from '../native/contract.js'
import { type FolderState, walkArchive } from './archive-walk.js'
import { productOfName } from './file-name.js'
import { type FolderEntry, indexPaths, readIndex, writeIndex } from './index-file.js'
import type { IndexMode } from './local.js'

export interface IndexOptions extends CallOptions {
  /** Default `use`. */
  archiveIndex?: IndexMode | undefined
  env?: Readonly<Record<string, string | undefined>> | undefined
  /** Archives with fewer granules are quick to read and get no index. */
  minGranules?: number | undefined
  /** Folders in which something changed so recently are not kept: another change might leave no trace. */
  settleMs?: number | undefined
}

const MIN_GRANULES = 100
/** The coarsest clock of a file system in use (FAT) ticks every two seconds. */
const SETTLE_MS = 2000
/** Changed folders that are asked about one by one; for more, the whole archive is. */
const MAX_ONE_BY_ONE = 32
/** Changed files of one folder that are asked about one by one. */
const FILES_AT_ONCE = 4
const HDF = /\.hdf$/i

/** The granules of an archive: the same as the engine's own listing, in the same order. */
export async function listArchive(
  archive: string,
  product: string | undefined,
  options: IndexOptions = {},
): Promise<ArchiveListing> {
  const { signal, archiveIndex = 'use', env = process.env } = options
  const whole = () => callNative((addon) => addon.scanArchive(archive, product), { signal })
  if (archiveIndex === 'none') return whole()
  const base = archive.replace(/[\\/]+$/, '')
  const walkedMs = Date.now()
  const folders = base === '' ? undefined : await walkArchive(base)
  if (folders === undefined) return whole()
  const engine = JSON.stringify(callNow((addon) => addon.buildInfo()))
  const paths = indexPaths(base, env)
  const before = archiveIndex === 'rebuild' ? [] : await readIndex(paths, base, engine)
  const scope = product ?? null
  const ofScope = new Map(before.filter((entry) => entry.product === scope).map((entry) => [entry.folder, entry]))
  const known = [...folders].filter(([folder, state]) => isSame(ofScope.get(folder), state))
  const changed = [...folders].filter(([folder, state]) => !isSame(ofScope.get(folder), state))
  const isFew = changed.length <= MAX_ONE_BY_ONE && ofScope.size > 0
  const asked = isFew
    ? await askFolders(changed, folders, ofScope, scope, signal)
    : await askWhole(whole, folders, scope)
  const kept = isFew ? known.flatMap(([folder]) => ofScope.get(folder) ?? []) : []
  const entries = [...kept, ...asked]
  const isGone = [...ofScope.keys()].some((folder) => !folders.has(folder))
  if (changed.length > 0 || isGone) {
    const edgeMs = walkedMs - (options.settleMs ?? SETTLE_MS)
    const settled = entries.filter(({ files, above }) =>
      [...files, ...above].every(([, , m, c]) => Math.max(m, c) < edgeMs),
    )
    const others = before.filter((entry) => entry.product !== scope && folders.has(entry.folder))
    const count = settled.reduce((sum, { granules, skipped }) => sum + granules.length + skipped.length, 0)
    if (count >= (options.minGranules ?? MIN_GRANULES)) await writeIndex(paths, base, engine, [...others, ...settled])
  }
  return listingOf(entries, folders)
}

/** Whether nothing that the engine's answer depends on has changed. */
function isSame(entry: FolderEntry | undefined, { files, above }: FolderState): entry is FolderEntry {
  return entry !== undefined && JSON.stringify([entry.files, entry.above]) === JSON.stringify([files, above])
}

/** The engine's listing of the whole archive, by folder. */
async function askWhole(
  whole: () => Promise<ArchiveListing>,
  folders: ReadonlyMap<string, FolderState>,
  product: string | null,
): Promise<FolderEntry[]> {
  return byFolder(await whole(), folders, product)
}

function byFolder(
  { granules, skipped }: ArchiveListing,
  folders: ReadonlyMap<string, FolderState>,
  product: string | null,
): FolderEntry[] {
  const entries = new Map<string, FolderEntry>()
  for (const [folder, state] of folders) entries.set(folder, { folder, product, ...state, granules: [], skipped: [] })
  // A granule in several files may be listed by the folder that holds nothing else. A folder that came after the walk
  // gets an entry without files, which fits nothing the next time.
  const home = (path: string) => {
    const folder = entries.has(path) ? path : dirname(path)
    const entry = entries.get(folder) ?? { folder, product, files: [], above: [], granules: [], skipped: [] }
    entries.set(folder, entry)
    return entry
  }
  for (const granule of granules) home(granule.path).granules.push(granule)
  for (const file of skipped) home(file.path).skipped.push(file)
  return [...entries.values()]
}

/** Folders that changed, one by one. */
async function askFolders(
  changed: readonly (readonly [string, FolderState])[],
  folders: ReadonlyMap<string, FolderState>,
  before: ReadonlyMap<string, FolderEntry>,
  product: string | null,
  signal: AbortSignal | undefined,
): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = []
  for (const [folder, state] of changed) {
    const entry = before.get(folder)
    const news = entry === undefined ? undefined : changedFiles(entry, state)
    if (entry !== undefined && news !== undefined && [...news].every((name) => HDF.test(name))) {
      entries.push(await askFiles(entry, state, news, signal))
    } else {
      const listing = await callNative((addon) => addon.scanArchive(folder, product), { signal })
      entries.push(...byFolder(listing, folders, product).filter((found) => found.folder === folder))
    }
  }
  return entries
}

/** Names of files that came, went or changed; a record above counts as one. */
function changedFiles(entry: FolderEntry, state: FolderState): Set<string> {
  const texts = ({ files, above }: FolderState) => new Set([...files, ...above].map((file) => JSON.stringify(file)))
  const [old, now] = [texts(entry), texts(state)]
  const all = [...entry.files, ...entry.above, ...state.files, ...state.above]
  const differs = all.filter((file) => !(old.has(JSON.stringify(file)) && now.has(JSON.stringify(file))))
  return new Set(differs.map(([name]) => name))
}

/** A folder in which only HDF files changed: each is a granule of its own, and the others are as they were. */
async function askFiles(
  entry: FolderEntry,
  state: FolderState,
  changed: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<FolderEntry> {
  const { folder, product } = entry
  const isChanged = new Set([...changed].map((name) => `${folder}${sep}${name}`))
  const granules = entry.granules.filter(({ path }) => !isChanged.has(path))
  const skipped = entry.skipped.filter(({ path }) => !isChanged.has(path))
  const wanted = state.files
    .map(([name]) => name)
    .filter((name) => changed.has(name))
    .filter((name) => product === null || (productOfName(name) ?? product) === product)
    .map((name) => `${folder}${sep}${name}`)
  for (let start = 0; start < wanted.length; start += FILES_AT_ONCE) {
    const batch = wanted.slice(start, start + FILES_AT_ONCE)
    const outcomes = await Promise.all(
      batch.map((path) => callForOutcome((addon) => addon.describeGranule(path), { signal })),
    )
    for (const [index, { value, error }] of outcomes.entries()) {
      if (value !== undefined) granules.push(value)
      else if (error !== undefined) skipped.push({ path: batch[index] ?? '', error })
    }
  }
  return { folder, product, ...state, granules, skipped }
}

/** One listing in the engine's order, which is that of the paths. */
function listingOf(entries: readonly FolderEntry[], folders: ReadonlyMap<string, FolderState>): ArchiveListing {
  const byPath = (left: { path: string }, right: { path: string }) => comparePaths(left.path, right.path)
  return {
    granules: entries.flatMap(({ granules }) => granules).sort(byPath),
    skipped: entries.flatMap(({ skipped }) => skipped).sort(byPath),
    filesSeen: [...folders.values()].reduce((sum, { files }) => sum + files.length, 0),
  }
}

/** Orders paths part by part, and parts by their bytes, as the engine does. */
function comparePaths(left: string, right: string): number {
  const parts = left.split(sep)
  for (const [index, other] of right.split(sep).entries()) {
    const part = parts[index]
    if (part === undefined) return -1
    const order = Buffer.compare(Buffer.from(part), Buffer.from(other))
    if (order !== 0) return order
  }
  return parts.length - right.split(sep).length
}
