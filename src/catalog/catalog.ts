// ASTERCatalog: finds the scenes of an area and a period, on disk or in a remote catalogue.
import { UsageError } from '../errors.js'
import { BoundingBox } from '../geo/bounding-box.js'
import { Polygon } from '../geo/polygon.js'
import { tiles } from '../geo/tiles.js'
import type { CallOptions } from '../native/call.js'
import { nearNames, nearNamesHint } from '../near-names.js'
import type { AcquisitionRecord, AcquisitionRecords } from './acquisition-records.js'
import { type CatalogBackend, collect, type LeftOut, type SceneCount, type SearchResult } from './backend.js'
import { LocalBackend, type LocalSources } from './local.js'
import { resolveQuery, type SceneQuery, toBoundingBox } from './query.js'
import { isRemote, RemoteBackend, type RemoteCatalogOptions } from './remote.js'
import { BACKENDS, type BackendName, type Scene } from './scene.js'

export interface CatalogOptions extends LocalSources, RemoteCatalogOptions {
  /** Default `local`, which needs `archive`, `granules` or both; the others need neither files nor a login. */
  backend?: BackendName | undefined
}

export type SearchOptions = SceneQuery & CallOptions & { limit?: number | undefined }
export type SearchTilesOptions = SearchOptions & {
  /** Default 10. */
  tileSizeDeg?: number | undefined
}
export type IterSceneOptions = SearchOptions & {
  /** Told what is left out, and why. */
  leftOut?: LeftOut | undefined
}

export interface SceneTile {
  bbox: BoundingBox
  scenes: Scene[]
}

export class ASTERCatalog {
  readonly #backend: CatalogBackend
  readonly #options: CatalogOptions
  #acquisitions: Promise<AcquisitionRecords> | undefined

  constructor(options: CatalogOptions = {}) {
    this.#options = options
    this.#backend = openBackend(options)
  }

  get backend(): string {
    return this.#backend.name
  }

  /** Where it looks, in words. */
  get description(): string {
    return this.#backend.description
  }

  /** Scenes in order of acquisition; the newest version of each. A remote search without a product is for AST_L1T. */
  async search(options: SearchOptions = {}): Promise<Scene[]> {
    return (await this.searchDetailed(options)).scenes
  }

  /** As `search`, with what was turned away, skipped or left out, and what the source covers. */
  async searchDetailed({ signal, limit, ...query }: SearchOptions = {}): Promise<SearchResult> {
    checkLimit(limit)
    const backend = limit === undefined ? this.#backend : limited(this.#backend, limit)
    return backend.search(resolveQuery(query), { signal })
  }

  /** Scenes one by one, in order of acquisition; a remote search holds one page of them at a time. */
  async *iterScenes({
    signal,
    limit,
    leftOut,
    ...query
  }: IterSceneOptions = {}): AsyncGenerator<Scene, void, undefined> {
    checkLimit(limit)
    yield* first(this.#backend.iter(resolveQuery(query), { signal, leftOut }), limit)
  }

  /** How many scenes there are; see `exact`. */
  async count({ signal, ...query }: SceneQuery & CallOptions = {}): Promise<SceneCount> {
    return this.#backend.count(resolveQuery(query), { signal })
  }

  /** Tiles of the area that hold scenes, in the order of `tiles`. A remote source is asked tile by tile. */
  async *searchTiles({ tileSizeDeg = 10, ...options }: SearchTilesOptions): AsyncGenerator<SceneTile, void, undefined> {
    const around = options.polygon ?? { west: -180, south: -90, east: 180, north: 90 }
    const area = options.bbox === undefined ? around : toBoundingBox(options.bbox)
    const within = area instanceof Polygon ? area.bbox : area
    const all = this.#backend instanceof LocalBackend ? await this.search({ ...options, bbox: within }) : undefined
    for (const tile of tiles(area, { degrees: tileSizeDeg })) {
      const [west, south, east, north] = tile.bbox
      const bbox = new BoundingBox({ west, south, east, north })
      const scenes = all?.filter((scene) => bbox.intersects(scene.bbox)) ?? (await this.search({ ...options, bbox }))
      if (scenes.length > 0) yield { bbox, scenes }
    }
  }

  /**
   * The AST_L1A record of a scene's acquisition, from NASA's catalogue, if there is one. Version 004 of AST_L1T carries
   * no gains; they are read from this record when it lies beside the granule under its `fileName`.
   */
  async acquisitionRecord(scene: Scene, options: CallOptions = {}): Promise<AcquisitionRecord | undefined> {
    return (await this.#records()).find(scene, options)
  }

  /** As `acquisitionRecord`, for many scenes with few requests; by `sceneKey`. */
  async acquisitionRecords(
    scenes: readonly Scene[],
    options: CallOptions = {},
  ): Promise<Map<string, AcquisitionRecord>> {
    return (await this.#records()).findAll(scenes, options)
  }

  /** The same scenes with gains, outline and cloud cover of their AST_L1A records, where they have none of their own. */
  async *complete(scenes: AsyncIterable<Scene>, options: CallOptions = {}): AsyncGenerator<Scene, void, undefined> {
    yield* (await this.#records()).complete(scenes, options)
  }

  #records(): Promise<AcquisitionRecords> {
    const remote =
      this.#backend instanceof RemoteBackend ? this.#backend : new RemoteBackend('earthaccess', this.#options)
    this.#acquisitions ??= remote.acquisitions()
    return this.#acquisitions
  }
}

function openBackend(options: CatalogOptions): CatalogBackend {
  const { backend = 'local', archive, granules = [] } = options
  if (isRemote(backend)) return new RemoteBackend(backend, options)
  if (backend !== 'local') {
    throw new UsageError(`unknown backend "${String(backend)}"`, {
      hint: nearNamesHint(nearNames(String(backend), BACKENDS), BACKENDS, 'backends'),
    })
  }
  if (archive === undefined && granules.length === 0) {
    throw new UsageError('the local backend needs an archive, which is a folder of granules, or granules by path', {
      hint: 'give it one: { archive: "DIR" }',
    })
  }
  return new LocalBackend(options)
}

function checkLimit(limit: number | undefined): void {
  if (limit === undefined || (Number.isSafeInteger(limit) && limit > 0)) return
  throw new UsageError(`limit must be a whole number, 1 or more, got ${limit}`)
}

/** The first scenes of a stream; the rest is not asked for. */
async function* first(scenes: AsyncIterable<Scene>, limit = Number.POSITIVE_INFINITY): AsyncGenerator<Scene> {
  let count = 0
  for await (const scene of scenes) {
    yield scene
    count += 1
    if (count >= limit) return
  }
}

/** A backend whose search stops after so many scenes. */
function limited(backend: CatalogBackend, limit: number): Pick<CatalogBackend, 'search'> {
  return {
    search: async (query, options) => {
      if (!(backend instanceof LocalBackend)) {
        return collect({ iter: (asked, given) => first(backend.iter(asked, given), limit) }, query, options)
      }
      const result = await backend.search(query, options)
      return { ...result, scenes: result.scenes.slice(0, limit) }
    },
  }
}
