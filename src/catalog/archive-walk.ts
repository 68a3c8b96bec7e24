// What lies in an archive folder, as far as it can change what the engine finds there: names, sizes, times.
import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'

/** Name, size in bytes, and when its content and its entry changed, ms since 1970. */
export type FileState = [name: string, bytes: number, mtimeMs: number, ctimeMs: number]

export interface FolderState {
  /** Granule files of the folder and records beside them, by name. */
  files: FileState[]
  /** AST_L1A records one folder up, which granules of this folder take gains from. */
  above: FileState[]
}

interface Folder {
  path: string
  /** Real paths of the folders on the way here, its own last. */
  lineage: string[]
}

/** As deep as the engine goes (`granule/archive.rs`): files of this depth are the last. */
const MAX_DEPTH = 16
/** A superset of what the engine takes for a granule's file or for a record of one. */
const GRANULE_FILE = /\.(hdf|tiff?)$/i
const RECORD = /\d{17}.*\.(json|xml)$/i
const ABOVE = /^AST_L1A_\d{17}.*\.cmr\.json$/
const FOLDERS_AT_ONCE = 16

/**
 * The folders of an archive that hold granule files, by path; paths are written as the engine writes them. Links are
 * followed, circles and unreadable folders left out. Nothing for a folder that is not there.
 */
export async function walkArchive(base: string): Promise<Map<string, FolderState> | undefined> {
  const files = new Map<string, FileState[]>()
  let level: Folder[] = [{ path: base, lineage: [await realpath(base).catch(() => base)] }]
  for (let depth = 1; depth <= MAX_DEPTH && level.length > 0; depth += 1) {
    const next: Folder[] = []
    await eachAtOnce(level, async (folder) => {
      const entries = await entriesOf(folder.path)
      if (entries === undefined) return
      files.set(folder.path, await statesOf(folder.path, entries))
      const below = await Promise.all(entries.map((entry) => folderBelow(folder, entry)))
      next.push(...below.filter((inner) => inner !== undefined))
    })
    level = next
  }
  const root = files.get(base)
  if (root === undefined) return undefined
  const aboveRoot = await recordsAbove(resolve(base))
  const folders = new Map<string, FolderState>()
  for (const path of [...files.keys()].sort()) {
    const own = files.get(path) ?? []
    if (!own.some(([name]) => GRANULE_FILE.test(name))) continue
    const records = path === base ? aboveRoot : (files.get(dirname(path)) ?? []).filter(([name]) => ABOVE.test(name))
    folders.set(path, { files: own, above: records })
  }
  return folders
}

async function entriesOf(path: string): Promise<Dirent[] | undefined> {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch {
    return undefined
  }
}

async function statesOf(folder: string, entries: readonly Dirent[]): Promise<FileState[]> {
  const names = entries.map((entry) => entry.name).filter((name) => GRANULE_FILE.test(name) || RECORD.test(name))
  const states = await Promise.all(names.sort().map((name) => stateOf(folder, name)))
  return states.filter((state) => state !== undefined)
}

async function stateOf(folder: string, name: string): Promise<FileState | undefined> {
  try {
    const found = await stat(`${folder}${sep}${name}`)
    return found.isFile() ? [name, found.size, found.mtimeMs, found.ctimeMs] : undefined
  } catch {
    return undefined
  }
}

/** The folder that an entry is or leads to; a link back to a folder on the way here is left out. */
async function folderBelow({ path: parent, lineage }: Folder, entry: Dirent): Promise<Folder | undefined> {
  const path = `${parent}${sep}${entry.name}`
  if (entry.isDirectory()) return { path, lineage: [...lineage, `${lineage.at(-1)}${sep}${entry.name}`] }
  if (!entry.isSymbolicLink()) return undefined
  try {
    if (!(await stat(path)).isDirectory()) return undefined
    const real = await realpath(path)
    return lineage.includes(real) ? undefined : { path, lineage: [...lineage, real] }
  } catch {
    return undefined
  }
}

async function recordsAbove(folder: string): Promise<FileState[]> {
  const parent = join(folder, '..')
  const entries = (await entriesOf(parent)) ?? []
  return statesOf(
    parent,
    entries.filter((entry) => ABOVE.test(entry.name)),
  )
}

async function eachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const worker = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(FOLDERS_AT_ONCE, items.length) }, worker))
}
