// GlobalASTERProcessor: a large area, tile by tile, on this machine; a tile that is done is not done again.
import { join } from 'node:path'
import { cacheDirOf } from '../access/cache-folder.js'
import { type ASTERDataAccess, environmentFor } from '../access/data-access.js'
import { ASTERCatalog } from '../catalog/catalog.js'
import { resolveProduct, type SceneQuery } from '../catalog/query.js'
import { BACKENDS } from '../catalog/scene.js'
import { errorFromCode, UsageError } from '../errors.js'
import { BoundingBox } from '../geo/bounding-box.js'
import { type TileSize, tiles } from '../geo/tiles.js'
import type { CallOptions } from '../native/call.js'
import type { Engine, EngineEvent } from './engine.js'
import { createLocalEngine } from './local-engine.js'
import { neededBands } from './obtain.js'
import type { PlanStatus } from './open-units.js'
import { makePlan } from './plan.js'
import { runPlan } from './run-plan.js'
import { type TileContent, tileRequest } from './tile-request.js'

export interface GlobalProcessorOptions {
  /** Where scenes are found; default: NASA's catalogue. */
  catalog?: ASTERCatalog | undefined
  /**
   * Tiles fetch with its credentials and addresses, without it with those of the environment and of netrc. Engines of
   * clusters hand no credentials on.
   */
  access?: ASTERDataAccess | undefined
  /** Default 10. */
  tileSizeDeg?: number | undefined
  /** Squares of a projected grid, or of UTM zones, instead of degrees. */
  tiling?: TileSize | undefined
  /** Threads in all; default: the processors there are. */
  nWorkers?: number | undefined
  /** Default: `ASTER_CACHE_DIR`, else `~/.cache/aster_timeseries`. */
  cacheDir?: string | undefined
  /** Threads of one tile; default 2. */
  unitThreads?: number | undefined
  /** Memory of one tile; default 3000. */
  unitMemoryMiB?: number | undefined
  maxMemoryBytes?: number | undefined
  /** What runs the tiles; default: processes of this machine. */
  engine?: Engine | undefined
}

export interface GlobalRunOptions extends SceneQuery, Omit<TileContent, 'product' | 'polygon'>, CallOptions {
  outputDir: string
  /** Folder of the plan; default: `run` in the output folder. */
  runFolder?: string | undefined
  /** As `subsystems`, for one. */
  subsystem?: string | undefined
  /** A tile counts as done though bad granules of it were left out. */
  allowSkipped?: boolean | undefined
  /** Also tiles that failed for good. */
  retryFailed?: boolean | undefined
  offline?: boolean | undefined
  onEvent?: ((event: EngineEvent) => void) | undefined
}

export class GlobalASTERProcessor {
  readonly #options: GlobalProcessorOptions
  #status: PlanStatus | undefined

  constructor(options: GlobalProcessorOptions = {}) {
    this.#options = options
  }

  /** How the last run ended: tiles done, without data, failed. */
  get status(): PlanStatus | undefined {
    return this.#status
  }

  /**
   * Makes the tiles of an area (the whole Earth without one) and returns the paths of their outputs. Tiles of an earlier
   * run with the same options and scenes are taken as they are.
   *
   * @throws AsterError when something stops all tiles, such as missing credentials, or the index of results cannot be
   *   written; tiles that failed are in `status`
   */
  async run({ outputDir, runFolder, signal, onEvent = () => {}, ...options }: GlobalRunOptions): Promise<string[]> {
    const {
      tileSizeDeg = 10,
      nWorkers,
      cacheDir,
      unitThreads = 2,
      unitMemoryMiB = 3000,
      maxMemoryBytes,
    } = this.#options
    const { catalog = new ASTERCatalog({ backend: 'earthaccess' }), engine = createLocalEngine() } = this.#options
    const { access } = this.#options
    const env = access === undefined ? process.env : environmentFor(access, process.env)
    const { polygon, subsystem, allowSkipped, retryFailed, offline } = options
    if (!(tileSizeDeg > 0)) throw new UsageError(`tileSizeDeg must be greater than 0, got ${tileSizeDeg}`)
    const { tiling = { degrees: tileSizeDeg } } = this.#options
    const product = resolveProduct(options.product ?? 'AST_L1T')
    const subsystems = [...(options.subsystems ?? []), ...(subsystem === undefined ? [] : [subsystem])]
    const content = { ...options, product, subsystems }
    const area = options.bbox ?? polygon?.bbox ?? { west: -180, south: -90, east: 180, north: 90 }
    const bbox = new BoundingBox(area)
    const { startDate, endDate, cloudCoverMax, dayNight, months, productVersion } = options
    const query = { product, bbox, startDate, endDate, cloudCoverMax, dayNight, months, productVersion, polygon }
    const needed = neededBands({ product, bands: options.bands, index: options.indices, subsystem: subsystems })
    const shared = tileRequest(content)
    const { roomMetres } = shared
    const { plan } = await makePlan({
      ...shared,
      ...{ outputDir, runFolder: runFolder ?? join(outputDir, 'run'), product, polygon, allowSkipped, signal },
      cacheDir: cacheDirOf(cacheDir, process.env),
      backend: BACKENDS.find((name) => name === catalog.backend) ?? 'local',
      tiles: tiles(options.bbox === undefined && polygon !== undefined ? polygon : bbox, { ...tiling, roomMetres }),
      scenes: catalog.iterScenes({ ...query, signal }),
      area: [bbox.west, bbox.south, bbox.east, bbox.north],
      tiling,
      selection: { bands: needed.bands ?? [], subsystems: needed.subsystems ?? [] },
      ...{ threads: unitThreads, memoryMiB: unitMemoryMiB },
    })
    const failures: EngineEvent[] = []
    const listen = (event: EngineEvent) => {
      if (event.kind === 'failed' && !event.willRetry) failures.push(event)
      onEvent(event)
    }
    const settings = { nWorkers, maxMemoryBytes, offline, retryFailed, env }
    const { outcome, outputs, status, problem } = await runPlan(
      plan,
      engine,
      settings,
      listen,
      signal ?? new AbortController().signal,
    )
    this.#status = status
    if (signal?.aborted) throw errorFromCode('CANCELLED', 'stopped; what is done stays, and the same call goes on')
    if (outcome.stoppedBy !== undefined) {
      const last = failures.find((event) => event.kind === 'failed' && event.exitStatus === outcome.stoppedBy)
      const message = last?.kind === 'failed' ? last.message : `a tile ended with status ${outcome.stoppedBy}`
      throw errorFromCode(outcome.stoppedBy === 77 ? 'AUTH_MISSING' : 'CONFIG', message)
    }
    if (problem !== undefined) throw problem
    return outputs
  }
}
