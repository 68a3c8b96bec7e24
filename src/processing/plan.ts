// Makes a plan: each scene goes into the tiles it touches, each tile with scenes becomes a unit.
import { createHash, hash } from 'node:crypto'
import { resolve } from 'node:path'
import { isWanted, resolveSelection, type Selection } from '../access/selection.js'
import type { Scene } from '../catalog/scene.js'
import { NotFoundError } from '../errors.js'
import { Polygon, type Position } from '../geo/polygon.js'
import type { Tile, TileSize } from '../geo/tiles.js'
import { present, throwIfAborted } from '../native/call.js'
import { keptPath, type Plan } from './manifest.js'
import { PlanWriter, type ScenePlace, type SharedFacts } from './plan-writer.js'
import { tilePlace } from './tile-clip.js'
import { tileLattice } from './tile-grid.js'
import { TileIndex } from './tile-index.js'
import type { TileRequest } from './tile-request.js'
import { tilePath } from './unit-request.js'

export interface PlanInput extends TileRequest {
  /** Folder that the plan is written to; made if it is not there. */
  runFolder: string
  outputDir: string
  cacheDir: string
  product: string
  backend: Scene['backend']
  tiles: Iterable<Tile>
  /** In any order; each is stored once, if a tile needs it. */
  scenes: AsyncIterable<Scene>
  area: readonly [number, number, number, number]
  /** How the tiles were made. */
  tiling: TileSize
  /** Pixels outside of it become missing. */
  polygon?: Polygon | undefined
  selection: { bands: readonly string[]; subsystems: readonly string[] }
  allowSkipped?: boolean | undefined
  overwrite?: boolean | undefined
  threads: number
  memoryMiB: number
  signal?: AbortSignal | undefined
  /** Told now and then how many scenes were placed. */
  onScenes?: ((count: number) => void) | undefined
}

export interface PlanMade {
  plan: Plan
  /** Tiles of the area, those without scenes too. */
  tiles: number
  /** Scenes that were found. */
  found: number
  /** Bytes of the files that units fetch, as far as the catalogue tells; cached ones too. */
  fetchBytes: number
}

/** Scenes between two signs of progress. */
const TOLD_EVERY = 1000

/**
 * Writes a plan. Memory: some hundred bytes for each tile, 20 for each scene, 8 for each scene of each tile.
 *
 * @throws NotFoundError when no tile has a scene
 */
export async function makePlan(input: PlanInput): Promise<PlanMade> {
  const { signal, onScenes } = input
  const tiles = [...input.tiles]
  const index = new TileIndex(tiles)
  const selection = resolveSelection(input.selection)
  const writer = await PlanWriter.open(input.runFolder, signal)
  try {
    const placed = new PlacedScenes()
    const scenesOfVersions = new Map<string, number>()
    let found = 0
    let fetchBytes = 0
    for await (const scene of input.scenes) {
      found += 1
      const numbers = index.tilesOf(scene)
      if (numbers.length > 0) {
        scenesOfVersions.set(scene.version, (scenesOfVersions.get(scene.version) ?? 0) + 1)
        const needed = withWantedFiles(scene, selection)
        if (scene.path === undefined) fetchBytes += needed.files.reduce((sum, { bytes = 0 }) => sum + bytes, 0)
        placed.add(await writer.addScene(needed), identityOf(scene), numbers)
      }
      if (found % TOLD_EVERY === 0) {
        onScenes?.(found)
        throwIfAborted(signal)
      }
    }
    throwIfAborted(signal)
    const facts = sharedFacts(input, scenesOfVersions)
    const decisive = decisiveText(facts)
    for (const [number, scenes] of placed.byTile(tiles.length)) {
      const tile = tiles[number]
      if (tile !== undefined) await addUnit(writer, tile, scenes, placed, input, decisive)
    }
    if (writer.unitCount === 0) {
      throw new NotFoundError(`none of the ${tiles.length} tiles has a scene (${found} scenes were found)`, {
        hint: 'widen the area, the period or the filters',
      })
    }
    return { plan: await writer.finish(facts), tiles: tiles.length, found, fetchBytes }
  } finally {
    await writer.close()
  }
}

async function addUnit(
  writer: PlanWriter,
  tile: Tile,
  scenes: readonly number[],
  placed: PlacedScenes,
  input: PlanInput,
  decisive: string,
): Promise<void> {
  const { product, outputDir, runFolder, format, isOneStep, clipRule, roomMetres, threads, memoryMiB } = input
  // Squares of a grid reach beyond the area, where nobody searched.
  const polygon = input.polygon ?? ('metres' in input.tiling ? polygonOf(input.area) : undefined)
  // Only of a polygon that somebody drew.
  const rule = input.polygon === undefined ? 'centre' : clipRule
  const cut = polygon && { polygon, rule, roomMetres, area: input.area }
  const request = tilePlace(tile, isOfZones(input.tiling), cut)
  // The polygon only touches the tile, or runs along its side.
  if (request === undefined) return
  const id = `${product}_${tile.id}`
  const key = createHash('sha256')
    .update(decisive)
    .update(JSON.stringify([id, tile.bbox, request]))
  for (const scene of scenes) key.update(placed.identity(scene))
  await writer.addUnit({
    id,
    bbox: tile.bbox,
    scenes: scenes.map((scene) => placed.place(scene)),
    outputs: [keptPath(resolve(runFolder), tilePath(outputDir, id, format, isOneStep))],
    ...{ threads, memoryMiB, key: key.digest('hex').slice(0, 16), request },
  })
}

/** A box as a polygon, with a corner at least every 90 degrees; longitudes run on past 180. */
function polygonOf([west, south, east, north]: PlanInput['area']): Polygon {
  const width = (east < west ? east + 360 : east) - west
  const steps = Math.ceil(width / 90)
  const lons = Array.from({ length: steps + 1 }, (_, step) => west + (width * step) / steps)
  const below = lons.map((lon): Position => [lon, south])
  return new Polygon([[[...below, ...lons.reverse().map((lon): Position => [lon, north])]]])
}

/** Whether tiles are squares of each UTM zone, which end where the zone does. */
function isOfZones(tiling: TileSize): boolean {
  return 'crs' in tiling && tiling.crs.trim().toLowerCase() === 'utm'
}

function sharedFacts(input: PlanInput, scenesOfVersions: ReadonlyMap<string, number>): SharedFacts {
  const { product, backend, format, tileOutput, tiling, allowSkipped = false, overwrite = false } = input
  const lattice = tileLattice(input.request, scenesOfVersions)
  const { bands, subsystems } = input.selection
  const [west, south, east, north] = input.area
  const runFolder = resolve(input.runFolder)
  return {
    ...{ product, backend, format, tileOutput, tiling: { ...tiling }, allowSkipped, overwrite },
    cacheDir: keptPath(runFolder, input.cacheDir),
    outputDir: keptPath(runFolder, input.outputDir),
    area: [west, south, east, north],
    request: present({ ...input.request, lattice, granules: [] }),
    selection: { bands: [...bands], subsystems: [...subsystems] },
  }
}

/** What decides over the content of every output: not where it lies, nor how much of the machine it may use. */
function decisiveText({ product, format, tileOutput, allowSkipped, request, selection }: SharedFacts): string {
  const { nWorkers: _, maxMemoryBytes: __, ...rest } = request
  return JSON.stringify([product, format, tileOutput, allowSkipped, rest, selection])
}

/** A scene as units need it: of those that have to be fetched, no files that no unit fetches. */
function withWantedFiles(scene: Scene, selection: Selection): Scene {
  if (scene.path !== undefined) return scene
  return { ...scene, files: scene.files.filter((file) => isWanted(file, selection)) }
}

/** What makes a scene the one it is, wherever its files lie. */
function identityOf({ id, backend, processingStamp = '' }: Scene): Buffer {
  const form = backend === 'planetary_computer' || backend === 'aws' ? backend : ''
  return hash('sha1', `${id} ${processingStamp} ${form}`, 'buffer').subarray(0, IDENTITY_BYTES)
}

const IDENTITY_BYTES = 8

/** Where scenes lie and which tiles they touch, in arrays of numbers that grow. */
class PlacedScenes {
  #offsets = new Float64Array(1024)
  #lengths = new Uint32Array(1024)
  #identities = Buffer.alloc(1024 * IDENTITY_BYTES)
  #count = 0
  #pairTiles = new Uint32Array(4096)
  #pairScenes = new Uint32Array(4096)
  #pairs = 0

  add([offset, length]: ScenePlace, identity: Buffer, tiles: readonly number[]): void {
    const scene = this.#count
    if (scene === this.#offsets.length) {
      this.#offsets = grown(this.#offsets, Float64Array)
      this.#lengths = grown(this.#lengths, Uint32Array)
      this.#identities = Buffer.concat([this.#identities, Buffer.alloc(this.#identities.length)])
    }
    this.#offsets[scene] = offset
    this.#lengths[scene] = length
    identity.copy(this.#identities, scene * IDENTITY_BYTES)
    this.#count += 1
    for (const tile of tiles) {
      if (this.#pairs === this.#pairTiles.length) {
        this.#pairTiles = grown(this.#pairTiles, Uint32Array)
        this.#pairScenes = grown(this.#pairScenes, Uint32Array)
      }
      this.#pairTiles[this.#pairs] = tile
      this.#pairScenes[this.#pairs] = scene
      this.#pairs += 1
    }
  }

  place(scene: number): ScenePlace {
    return [this.#offsets[scene] ?? 0, this.#lengths[scene] ?? 0]
  }

  identity(scene: number): Buffer {
    return this.#identities.subarray(scene * IDENTITY_BYTES, (scene + 1) * IDENTITY_BYTES)
  }

  /** Tiles with scenes, in order, each with its scenes in the order they came: a counting sort. */
  *byTile(tiles: number): Generator<[tile: number, scenes: number[]]> {
    const ends = new Uint32Array(tiles + 1)
    for (let pair = 0; pair < this.#pairs; pair += 1) {
      const next = (this.#pairTiles[pair] ?? 0) + 1
      ends[next] = (ends[next] ?? 0) + 1
    }
    for (let tile = 1; tile <= tiles; tile += 1) ends[tile] = (ends[tile] ?? 0) + (ends[tile - 1] ?? 0)
    const starts = ends.slice()
    const sorted = new Uint32Array(this.#pairs)
    for (let pair = 0; pair < this.#pairs; pair += 1) {
      const tile = this.#pairTiles[pair] ?? 0
      const place = ends[tile] ?? 0
      sorted[place] = this.#pairScenes[pair] ?? 0
      ends[tile] = place + 1
    }
    for (let tile = 0; tile < tiles; tile += 1) {
      const scenes = sorted.subarray(starts[tile], starts[tile + 1])
      if (scenes.length > 0) yield [tile, [...scenes]]
    }
  }
}

/** An array of twice the length, with the same beginning. */
function grown<T extends Float64Array | Uint32Array>(array: T, kind: new (length: number) => T): T {
  const larger = new kind(array.length * 2)
  larger.set(array)
  return larger
}
