// What a download would fetch: files of the bands asked for, where they go, and what is there already.
import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { OutputError } from '../errors.js'
import { granuleFolder, plainName } from './cache-folder.js'
import { findRecorded } from './cached-file.js'
import type { FileRequest } from './file-download.js'
import { readRecord } from './granule-record.js'
import { placeOf, sizeOf } from './resume.js'
import { type DownloadableScene, needsAcquisitionRecord, type Selection, wantedFiles } from './selection.js'
import { freeBytes } from './write-file.js'

export interface PlannedFile extends FileRequest {
  /** Whether it holds measurements. */
  isData: boolean
  /** Bytes that are there: all of a file that the cache holds, some of one that was begun. */
  bytesThere: number
  isCached: boolean
}

export interface PlannedGranule<S extends DownloadableScene> {
  scene: S
  folder: string
  files: PlannedFile[]
  /** Whether its gains are in a record that is not beside it yet. */
  lacksRecord: boolean
}

export interface DownloadPlan<S extends DownloadableScene = DownloadableScene> {
  cacheDir: string
  granules: PlannedGranule<S>[]
  /** Scenes that hold nothing of what was asked for. */
  empty: S[]
  /** Scenes that are on disk without any download. */
  local: S[]
  files: number
  filesCached: number
  /** Of the files whose size is known. */
  bytes: number
  /** Of those, what is not there yet. */
  bytesToFetch: number
  /** Files to fetch whose size nobody tells beforehand. */
  sizesUnknown: number
  freeBytes: number | undefined
}

export async function planDownload<S extends DownloadableScene>(
  scenes: readonly S[],
  selection: Selection,
  cacheDir: string,
): Promise<DownloadPlan<S>> {
  const plan: DownloadPlan<S> = {
    cacheDir,
    ...{ granules: [], empty: [], local: [], files: 0, filesCached: 0, bytes: 0, bytesToFetch: 0, sizesUnknown: 0 },
    freeBytes: await freeBytesAbove(cacheDir),
  }
  const seen = new Set<string>()
  for (const scene of scenes) {
    if (scene.path !== undefined) {
      plan.local.push(scene)
      continue
    }
    const granule = await planGranule(scene, selection, cacheDir)
    if (seen.has(granule.folder)) continue
    seen.add(granule.folder)
    if (granule.files.some(({ isData }) => isData)) plan.granules.push(granule)
    else plan.empty.push(scene)
  }
  for (const { isCached, bytes, bytesThere } of plan.granules.flatMap(({ files }) => files)) {
    plan.files += 1
    if (isCached) plan.filesCached += 1
    plan.bytes += bytes ?? bytesThere
    if (!isCached && bytes === undefined) plan.sizesUnknown += 1
    plan.bytesToFetch += Math.max(0, (bytes ?? bytesThere) - bytesThere)
  }
  return plan
}

async function planGranule<S extends DownloadableScene>(
  scene: S,
  selection: Selection,
  cacheDir: string,
): Promise<PlannedGranule<S>> {
  const folder = granuleFolder(cacheDir, scene)
  const record = await readRecord(folder)
  const wanted = wantedFiles(scene, selection)
  const files: PlannedFile[] = []
  for (const { name, url = '', bytes, checksum, role } of wanted) {
    const request = { name: plainName(name, 'file'), url, bytes, checksum, folder }
    const found = await findRecorded(request, record)
    const { part } = placeOf(folder, name)
    const bytesThere = found?.bytes ?? (await sizeOf(part)) ?? 0
    files.push({ ...request, isData: role === 'band', bytesThere, isCached: found !== undefined })
  }
  const needsRecord = needsAcquisitionRecord(scene, wanted)
  return { scene, folder, files, lacksRecord: needsRecord && !(await hasAcquisitionRecord(folder, scene)) }
}

async function hasAcquisitionRecord(folder: string, { sceneKey }: DownloadableScene): Promise<boolean> {
  const names = await readdir(folder).catch(() => [])
  return names.some((name) => name.startsWith(`AST_L1A_${sceneKey}`) && name.endsWith('.cmr.json'))
}

/** Free space where the cache is or will be made. */
async function freeBytesAbove(folder: string): Promise<number | undefined> {
  const free = await freeBytes(folder)
  const above = dirname(folder)
  return free === undefined && above !== folder ? freeBytesAbove(above) : free
}

/** Refuses a plan that cannot fit, before the first byte is asked for. */
export function checkRoom({ bytesToFetch, freeBytes: free, cacheDir }: DownloadPlan): void {
  if (free === undefined || bytesToFetch <= free) return
  throw new OutputError('DISK_FULL', `${bytesToFetch} bytes are to be fetched, and ${free} are free in ${cacheDir}`, {
    path: cacheDir,
    hint: 'ask for fewer bands or scenes, make room with `aster-timeseries cache prune`, or name another --cache-dir',
    neededBytes: bytesToFetch,
  })
}
