// ASTERCatalog: finds the scenes of an area and a period.
import { UsageError } from '../errors.js'
import { BoundingBox } from '../geo/bounding-box.js'
import type { CallOptions } from '../native/call.js'
import { nearNames, nearNamesHint } from '../near-names.js'
import type { CatalogBackend, SearchResult } from './backend.js'
import { LocalBackend, type LocalSources } from './local.js'
import { resolveQuery, type SceneQuery, toBoundingBox } from './query.js'
import type { Scene } from './scene.js'

/** Every backend there is a name for; this version searches `local`. */
export const BACKENDS = ['local', 'earthaccess', 'planetary_computer', 'aws'] as const
export type BackendName = (typeof BACKENDS)[number]

export interface CatalogOptions extends LocalSources {
  /** Default `local`, which needs `archive`, `granules` or both. */
  backend?: BackendName | undefined
}

export type SearchOptions = SceneQuery & CallOptions
export type TileOptions = SearchOptions & {
  /** Default 10. */
  tileSizeDeg?: number | undefined
}

export interface SceneTile {
  bbox: BoundingBox
  scenes: Scene[]
}

export class ASTERCatalog {
  readonly #backend: CatalogBackend

  constructor(options: CatalogOptions = {}) {
    this.#backend = openBackend(options)
  }

  get backend(): string {
    return this.#backend.name
  }

  /** Where it looks, in words. */
  get description(): string {
    return this.#backend.description
  }

  /** Scenes in order of acquisition; the newest version of each. */
  async search(options: SearchOptions = {}): Promise<Scene[]> {
    return (await this.searchDetailed(options)).scenes
  }

  /** As `search`, with what was turned away, skipped or left out, and what the source covers. */
  async searchDetailed({ signal, ...query }: SearchOptions = {}): Promise<SearchResult> {
    return this.#backend.search(resolveQuery(query), { signal })
  }

  /** Scenes one by one, in order of acquisition. */
  async *iterScenes(options: SearchOptions = {}): AsyncGenerator<Scene, void, undefined> {
    yield* await this.search(options)
  }

  /** Tiles of the area that hold scenes, west to east and then south to north. */
  async *searchTiles({ tileSizeDeg = 10, ...options }: TileOptions): AsyncGenerator<SceneTile, void, undefined> {
    if (!(tileSizeDeg > 0)) throw new UsageError(`tileSizeDeg must be greater than 0, got ${tileSizeDeg}`)
    const area = toBoundingBox(options.bbox ?? { west: -180, south: -90, east: 180, north: 90 })
    const scenes = await this.search({ ...options, bbox: area })
    for (const part of area.split()) {
      for (const bbox of tilesOf(part, tileSizeDeg)) {
        const inside = scenes.filter((scene) => bbox.intersects(scene.bbox))
        if (inside.length > 0) yield { bbox, scenes: inside }
      }
    }
  }
}

function openBackend({ backend = 'local', archive, granules = [] }: CatalogOptions): CatalogBackend {
  if (!BACKENDS.includes(backend)) {
    throw new UsageError(`unknown backend "${backend}"`, {
      hint: nearNamesHint(nearNames(backend, BACKENDS), BACKENDS, 'backends'),
    })
  }
  if (backend !== 'local') {
    throw new UsageError(`the ${backend} backend is not in this version`, {
      code: 'UNSUPPORTED',
      exitCode: 2,
      hint: 'use the local backend with a folder of granules that you have: { backend: "local", archive: "DIR" }',
    })
  }
  if (archive === undefined && granules.length === 0) {
    throw new UsageError('the local backend needs an archive, which is a folder of granules, or granules by path', {
      hint: 'give it one: { archive: "DIR" }',
    })
  }
  return new LocalBackend({ archive, granules })
}

function* tilesOf(box: BoundingBox, size: number): Generator<BoundingBox, void, undefined> {
  const rows = Math.ceil((box.north - box.south) / size)
  const columns = Math.ceil((box.east - box.west) / size)
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const west = box.west + column * size
      const south = box.south + row * size
      const east = Math.min(west + size, box.east)
      const north = Math.min(south + size, box.north)
      if (east > west && north > south) yield new BoundingBox({ west, south, east, north })
    }
  }
}
