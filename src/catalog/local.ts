// A folder of granules as a source of scenes, searched with the same filters as any catalogue.
import { statSync } from 'node:fs'
import { type CallOptions, callForOutcome, callNative } from '../native/call.js'
import type { ArchiveListing, Area, NativeError } from '../native/contract.js'
import type { CatalogBackend, Coverage, SearchResult } from './backend.js'
import type { ResolvedQuery } from './query.js'
import { acquisitionOf, newestOfEachAcquisition, type Scene, sceneFromGranule } from './scene.js'

export interface LocalSources {
  /** Folder that is searched for granules. */
  archive?: string | undefined
  /** Granules by path: files, granule folders, or folders to search. */
  granules?: readonly string[] | undefined
}

export class LocalBackend implements CatalogBackend {
  readonly name = 'local'
  readonly description: string
  readonly #sources: LocalSources

  constructor(sources: LocalSources) {
    this.#sources = sources
    const { archive, granules = [] } = sources
    const [only, second] = archive === undefined ? granules : [archive, ...granules]
    this.description = only !== undefined && second === undefined ? only : 'the granules given'
  }

  async search(query: ResolvedQuery, options: CallOptions = {}): Promise<SearchResult> {
    const { archive, granules = [] } = this.#sources
    const listings: ArchiveListing[] = []
    if (archive !== undefined) {
      listings.push(await callNative((addon) => addon.scanArchive(archive, query.product), options))
    }
    for (const path of granules) listings.push(await listPath(path, query.product, options))
    return selectScenes(merge(listings), query)
  }
}

/** A path as a listing: the granule it is, or the granules in the folder it is. */
async function listPath(path: string, product: string | undefined, options: CallOptions): Promise<ArchiveListing> {
  const { value, error } = await callForOutcome((addon) => addon.describeGranule(path), options)
  if (value !== undefined) return { granules: [value], skipped: [], filesSeen: 1 }
  if (!isFolder(path)) return { granules: [], skipped: [{ path, error: error ?? emptyFolder(path) }], filesSeen: 1 }
  const listing = await callNative((addon) => addon.scanArchive(path, product), options)
  if (listing.granules.length > 0 || listing.skipped.length > 0) return listing
  return { ...listing, skipped: [{ path, error: emptyFolder(path) }] }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

function emptyFolder(path: string): NativeError {
  const hint = 'name a granule, or a folder that holds some'
  return { code: 'NOT_FOUND', message: `no granules in the folder ${path}`, hint, retryable: false, path }
}

/** One listing of several, each file once. */
function merge(listings: readonly ArchiveListing[]): ArchiveListing {
  const granules = new Map(listings.flatMap((listing) => listing.granules).map((granule) => [granule.path, granule]))
  const skipped = new Map(listings.flatMap((listing) => listing.skipped).map((file) => [file.path, file]))
  const filesSeen = listings.reduce((sum, listing) => sum + listing.filesSeen, 0)
  return { granules: [...granules.values()], skipped: [...skipped.values()], filesSeen }
}

/** Applies a query to granules that are already described. */
export function selectScenes({ granules, skipped }: ArchiveListing, query: ResolvedQuery): SearchResult {
  const ofProduct = granules.filter(({ product }) => query.product === undefined || product === query.product)
  const rejected = { product: granules.length - ofProduct.length, dates: 0, area: 0, cloudCover: 0 }
  let cloudUnknown = 0
  const { kept, older } = newestOfEachAcquisition(ofProduct.map(sceneFromGranule))
  const scenes = kept.filter((scene) => {
    const filter = rejectingFilter(scene, query)
    if (filter !== undefined) rejected[filter] += 1
    else if (query.cloudCoverMax !== undefined && scene.cloudCoverPercent === undefined) cloudUnknown += 1
    return filter === undefined
  })
  const found = new Set(scenes.map(acquisitionOf))
  const duplicates = older.filter((scene) => found.has(acquisitionOf(scene)))
  return { scenes, duplicates, cloudUnknown, rejected, skipped, coverage: coverageOf(kept) }
}

function rejectingFilter(scene: Scene, query: ResolvedQuery): keyof SearchResult['rejected'] | undefined {
  const time = Date.parse(scene.time)
  if (time < query.startMs || time > query.endMs) return 'dates'
  if (query.boxes.length > 0 && !query.boxes.some((box) => box.intersects(scene.bbox))) return 'area'
  const { cloudCoverMax } = query
  if (cloudCoverMax !== undefined && (scene.cloudCoverPercent ?? 0) > cloudCoverMax) return 'cloudCover'
  return undefined
}

function coverageOf(scenes: readonly Scene[]): Coverage {
  const [first] = scenes
  const last = scenes.at(-1)
  if (first === undefined || last === undefined) return { scenes: 0 }
  const bbox = scenes.map((scene) => scene.bbox).reduce(union)
  return { scenes: scenes.length, bbox, firstTime: first.time, lastTime: last.time }
}

function union(left: Area, right: Area): Area {
  return {
    west: Math.min(left.west, right.west),
    south: Math.min(left.south, right.south),
    east: Math.max(left.east, right.east),
    north: Math.max(left.north, right.north),
  }
}
