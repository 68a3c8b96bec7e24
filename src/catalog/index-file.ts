// The index file of an archive: one line of JSON per folder, written whole and read whole or not at all.
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import type { GranuleInfo, SkippedFile } from '../native/contract.js'
import type { FileState, FolderState } from './archive-walk.js'
import { GranuleJson, SkippedJson } from './granule-json.js'

export const INDEX_NAME = '.aster-index.jsonl'

/** What the engine found in one folder, asked for one product or for all, and the files it found it in. */
export interface FolderEntry extends FolderState {
  folder: string
  /** Product that was asked for; `null` for all. */
  product: string | null
  granules: GranuleInfo[]
  skipped: SkippedFile[]
}

const State = z.tuple([z.string(), z.number(), z.number(), z.number()]) satisfies z.ZodType<FileState>
const Entry = z.object({
  folder: z.string(),
  product: z.string().nullable(),
  files: z.array(State),
  above: z.array(State),
  granules: z.array(GranuleJson),
  skipped: z.array(SkippedJson),
}) satisfies z.ZodType<FolderEntry>

/** First line: paths mean what they say only for the same spelling of the archive, contents only for the same engine. */
const Header = z.object({ index: z.literal(1), archive: z.string(), engine: z.string(), folders: z.number() })

/** Where the index of an archive may lie: in it, else in the user's cache folder. */
export function indexPaths(archive: string, env: Readonly<Record<string, string | undefined>>): string[] {
  const name = createHash('sha256').update(resolve(archive)).digest('hex').slice(0, 32)
  return [join(archive, INDEX_NAME), join(cacheFolder(env), 'index', `${name}.jsonl`)]
}

function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'aster-timeseries')
  if (process.platform === 'win32' && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, 'aster-timeseries', 'cache')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'aster-timeseries')
  return join(homedir(), '.cache', 'aster-timeseries')
}

/** The entries of the first index that is whole and fits; a damaged one counts as none. */
export async function readIndex(paths: readonly string[], archive: string, engine: string): Promise<FolderEntry[]> {
  for (const path of paths) {
    try {
      const [first = '', ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n')
      const header = Header.parse(JSON.parse(first))
      if (header.archive !== archive || header.engine !== engine || header.folders !== lines.length) continue
      return lines.map((line) => Entry.parse(JSON.parse(line)))
    } catch {
      // Absent, cut short or altered: the next one, or the engine itself, knows.
    }
  }
  return []
}

/** Writes the index to the first place that takes it. Failing is no error: the index only saves time. */
export async function writeIndex(
  paths: readonly string[],
  archive: string,
  engine: string,
  entries: readonly FolderEntry[],
): Promise<void> {
  const header: z.output<typeof Header> = { index: 1, archive, engine, folders: entries.length }
  const text = [header, ...entries].map((line) => `${JSON.stringify(line)}\n`).join('')
  for (const path of paths) {
    const partial = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.partial`
    try {
      // The archive is there; a cache folder may have to be made.
      if (path !== paths[0]) await mkdir(dirname(path), { recursive: true })
      await writeFile(partial, text)
      await rename(partial, path)
      return
    } catch {
      await rm(partial, { force: true }).catch(() => {})
    }
  }
}
