// Opens scenes where they are hosted: small records are fetched whole, as for a download; data are left to be read in ranges.
import { join } from 'node:path'
import { AsterError } from '../errors.js'
import { type CallOptions, throwIfAborted } from '../native/call.js'
import type { RangeSource } from '../native/remote.js'
import { type BlockCache, DiskBlocks, MemoryBlocks } from './block-cache.js'
import {
  type DownloadedScene,
  type DownloadOptions,
  type DownloadTools,
  downloadPlanned,
  type FailedFile,
  planScenes,
} from './download.js'
import type { DownloadEvent } from './download-events.js'
import type { PlannedGranule } from './download-plan.js'
import { RemoteFile, type Traffic } from './remote-file.js'
import { RemoteRanges } from './remote-ranges.js'
import type { DownloadableScene } from './selection.js'

export interface StreamOptions<S extends DownloadableScene>
  extends Pick<DownloadOptions<S>, 'bands' | 'subsystems' | 'cacheDir' | 'concurrency' | 'records'>,
    CallOptions {
  /** Folder that keeps ranges for later runs; without it they are kept in memory, for this one. */
  streamCache?: string | undefined
  /** What that folder may hold; default 10 GiB. */
  streamCacheBytes?: number | undefined
  onWarning?: ((text: string) => void) | undefined
  /** Told what is done beyond the plain case, in words. */
  onNote?: ((text: string) => void) | undefined
}

/** What was fetched, files and ranges together. */
export interface StreamTraffic extends Traffic {
  scenes: ({ id: string } & Traffic)[]
}

/** Scenes that can be opened although their data are elsewhere. */
export interface StreamedScenes<S extends DownloadableScene> {
  /** In the order given; their paths are those that a download would give them. */
  scenes: DownloadedScene<S>[]
  /** What could not be fetched of the records; those scenes are left out. */
  failed: FailedFile[]
  /** Scenes that hold nothing of what was asked for. */
  empty: S[]
  warnings: string[]
  /** The files that are elsewhere; none if all are in the cache. */
  remote: RangeSource | undefined
  /** What was fetched until now. */
  traffic(): StreamTraffic
}

const MEMORY_BYTES = 64 * 1024 * 1024
const DISK_BYTES = 10 * 1024 ** 3

/**
 * Nothing of the data is fetched yet. Files that the download cache holds are read there.
 *
 * @throws AsterError for what concerns every scene: credentials, a cache that cannot be written, an abort
 */
export async function streamScenes<S extends DownloadableScene>(
  scenes: readonly S[],
  options: StreamOptions<S>,
  tools: DownloadTools,
): Promise<StreamedScenes<S>> {
  const { streamCache, streamCacheBytes = DISK_BYTES, onWarning = () => {}, onNote, signal } = options
  throwIfAborted(signal)
  const plan = await planScenes(scenes, options, tools.env)
  const cache: BlockCache =
    streamCache === undefined
      ? new MemoryBlocks(MEMORY_BYTES)
      : await DiskBlocks.open(streamCache, streamCacheBytes, onWarning)
  const files = new Map<string, RemoteFile>()
  const counts = new Map<string, Traffic>()
  const whole = plan.granules.map((granule) => {
    const traffic: Traffic = { bytesFetched: 0, requests: 0 }
    counts.set(granule.scene.id, traffic)
    const elsewhere = granule.files.filter(({ isData, isCached }) => isData && !isCached)
    for (const { folder, name, url, bytes } of elsewhere) {
      const { http, clock } = tools
      files.set(join(folder, name), new RemoteFile({ name, url, bytes }, { http, clock, onNote }, traffic))
    }
    return { ...granule, files: granule.files.filter((file) => !elsewhere.includes(file)) }
  })
  let counted = 0
  const onEvent = ({ kind, id = '', bytesFetched }: DownloadEvent) => {
    const traffic = counts.get(id)
    if (kind !== 'file' || traffic === undefined || bytesFetched === counted) return
    traffic.requests += 1
    traffic.bytesFetched += bytesFetched - counted
    counted = bytesFetched
  }
  const report = await downloadPlanned({ ...plan, granules: whole }, scenes, { ...options, onEvent }, tools)
  const lost = new Set(report.failed.map(({ id }) => id))
  const paths = new Map(plan.granules.map((granule) => [granule.scene.id, pathOf(granule)]))
  const found = scenes.flatMap((scene): DownloadedScene<S>[] => {
    const path = scene.path ?? paths.get(scene.id)
    return path === undefined || lost.has(scene.id) ? [] : [{ ...scene, path }]
  })
  const { failed, empty, warnings } = report
  return {
    scenes: found,
    ...{ failed, empty, warnings },
    remote: files.size === 0 ? undefined : new RemoteRanges(files, cache),
    traffic: () => {
      const each = [...counts].map(([id, traffic]) => ({ id, ...traffic }))
      const sum = (of: (one: Traffic) => number) => each.reduce((total, one) => total + of(one), 0)
      return { bytesFetched: sum((one) => one.bytesFetched), requests: sum((one) => one.requests), scenes: each }
    },
  }
}

/** A granule in one file goes by that file, one in several by its folder: as after a download. */
function pathOf({ scene, folder }: PlannedGranule<DownloadableScene>): string {
  const [only, second] = scene.files.filter(({ role }) => role === 'band')
  return only === undefined || second !== undefined ? folder : join(folder, only.name)
}

/** The one scene that was to be opened, or why it cannot be. */
export function onlyScene<S extends DownloadableScene>({ scenes, failed, empty }: StreamedScenes<S>) {
  const [scene] = scenes
  if (scene !== undefined) return scene
  const [failure] = failed
  if (failure !== undefined) throw failure.error
  throw new AsterError('NO_DATA', `${empty[0]?.id ?? 'the scene'} holds nothing of what was asked for`)
}
