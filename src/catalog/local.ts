// A folder of granules as a source of scenes, searched with the same filters as any catalogue.
import { statSync } from 'node:fs'
import { type CallOptions, callForOutcome, callNative } from '../native/call.js'
import type { ArchiveListing, NativeError } from '../native/contract.js'
import type { IndexOptions } from './archive-index.js'
import {
  type CatalogBackend,
  coverageOf,
  type IterOptions,
  noneRejected,
  type SceneCount,
  type SearchResult,
} from './backend.js'
import { passesUnknownCloud, rejectingFilter } from './filter.js'
import { acquisitionOf, newestOfEachAcquisition } from './newest.js'
import type { ResolvedQuery } from './query.js'
import { type Scene, sceneFromGranule } from './scene.js'

/** What is done with an archive's index: read and kept, built anew, or nothing. */
export const INDEX_MODES = ['use', 'rebuild', 'none'] as const
export type IndexMode = (typeof INDEX_MODES)[number]

export interface LocalSources extends Pick<IndexOptions, 'archiveIndex'> {
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

  async *iter(query: ResolvedQuery, { leftOut, signal }: IterOptions = {}): AsyncGenerator<Scene, void, undefined> {
    const granules = await this.#listing(query, { signal })
    for (const file of granules.skipped) leftOut?.skipped?.(file)
    const { scenes, duplicates } = selectScenes(granules, query, leftOut?.rejected)
    for (const scene of duplicates) leftOut?.older?.(scene)
    yield* scenes
  }

  async search(query: ResolvedQuery, options: CallOptions = {}): Promise<SearchResult> {
    return selectScenes(await this.#listing(query, options), query)
  }

  async count(query: ResolvedQuery, options: CallOptions = {}): Promise<SceneCount> {
    return { count: (await this.search(query, options)).scenes.length, exact: true }
  }

  async #listing({ product }: ResolvedQuery, options: CallOptions): Promise<ArchiveListing> {
    const { archive, granules = [], archiveIndex } = this.#sources
    const listings: ArchiveListing[] = []
    if (archive !== undefined) {
      const { listArchive } = await import('./archive-index.js')
      listings.push(await listArchive(archive, product, { ...options, archiveIndex }))
    }
    for (const path of granules) listings.push(await listPath(path, product, options))
    return merge(listings)
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
export function selectScenes(
  { granules, skipped }: ArchiveListing,
  query: ResolvedQuery,
  onRejected: (filter: keyof SearchResult['rejected'], scene: Scene) => void = () => {},
): SearchResult {
  const { product, productVersion } = query
  const ofProduct = granules.filter(
    (granule) =>
      (product === undefined || granule.product === product) &&
      (productVersion === undefined || granule.version === productVersion),
  )
  const rejected = { ...noneRejected(), product: granules.length - ofProduct.length }
  let cloudUnknown = 0
  const { kept, older } = newestOfEachAcquisition(ofProduct.map(sceneFromGranule))
  const scenes = kept.filter((scene) => {
    const filter = rejectingFilter(scene, query)
    if (filter === undefined && passesUnknownCloud(scene, query)) cloudUnknown += 1
    if (filter === undefined) return true
    rejected[filter] += 1
    onRejected(filter, scene)
    return false
  })
  const found = new Set(scenes.map(acquisitionOf))
  const duplicates = older.filter((scene) => found.has(acquisitionOf(scene)))
  return { scenes, duplicates, cloudUnknown, rejected, skipped, coverage: coverageOf(kept), notes: [] }
}
