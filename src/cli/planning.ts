// Makes a plan from options: searches once, cuts the area into tiles, writes what every tile needs.
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDirOf } from '../access/cache-folder.js'
import type { LeftOut } from '../catalog/backend.js'
import { passing } from '../catalog/backend.js'
import { resolveProduct, resolveQuery } from '../catalog/query.js'
import type { Scene } from '../catalog/scene.js'
import { parseScenes } from '../catalog/scene-json.js'
import { UsageError } from '../errors.js'
import { BoundingBox } from '../geo/bounding-box.js'
import { tiles } from '../geo/tiles.js'
import type { SkippedFile } from '../native/contract.js'
import { neededBands } from '../processing/obtain.js'
import { makePlan, type PlanMade } from '../processing/plan.js'
import { tileRequest } from '../processing/tile-request.js'
import type { CliContext, Talk } from './context.js'
import { DONE, type ExitStatus, SKIPPED_SOME } from './exit-status.js'
import type { OptionValues } from './options.js'
import { plural, skippedText } from './output.js'
import { withRegion } from './region.js'
import { areaOf, checkBounded, checkSceneOptions, limitOf, openSearch, queryOf, SCENE_OPTIONS } from './scenes.js'
import { STACK_OPTIONS, seriesOptions } from './stack-options.js'

export const PLAN_OPTIONS = [
  ...SCENE_OPTIONS,
  'scenes',
  'limit',
  'tileSize',
  'tileOutput',
  ...STACK_OPTIONS,
  'fileFormat',
  'compressionLevel',
  'pack',
  'roundBits',
  'chunkFor',
  'out',
  'outputDir',
  'cacheDir',
  'unitThreads',
  'unitMemory',
  'allowSkipped',
  'overwrite',
] as const

export type PlanOptions = OptionValues<(typeof PLAN_OPTIONS)[number]>
export type PlanFolders = Pick<PlanOptions, 'out' | 'outputDir'>

/** Scenes between two notes on a search that takes long. */
const NOTE_EVERY = 10_000
const DEFAULT_TILE_DEG = 10
const DEFAULT_THREADS = 2
const DEFAULT_MEMORY_MIB = 3000

/** The folders of a plan: run folder and output folder, each named by the other if need be. */
export function planFolders({ out, outputDir }: PlanFolders): { runFolder: string; outputDir: string } {
  const runFolder = out ?? (outputDir === undefined ? 'run' : join(outputDir, 'run'))
  return { runFolder, outputDir: outputDir ?? join(runFolder, 'tiles') }
}

/** A plan, and the granules of the archive that could not be read. */
export interface PlannedTiles extends PlanMade {
  skipped: SkippedFile[]
}

/** How planning itself ended. */
export function planningStatus(
  { skipped }: Pick<PlannedTiles, 'skipped'>,
  { allowSkipped = false }: PlanOptions,
): ExitStatus {
  return skipped.length > 0 && !allowSkipped ? SKIPPED_SOME : DONE
}

export async function planTiles(ctx: CliContext, given: PlanOptions, talk: Talk): Promise<PlannedTiles> {
  const options = await withRegion(ctx, given)
  const { cacheDir, allowSkipped, overwrite, polygon, tileSize = { degrees: DEFAULT_TILE_DEG } } = options
  const tiling = 'metres' in tileSize ? { ...tileSize, crs: options.crs ?? 'utm' } : tileSize
  const product = resolveProduct(options.product ?? 'AST_L1T')
  const stated = { ...options, product }
  checkSceneOptions([], stated)
  checkBounded(stated)
  const { fileFormat: format, tileOutput, compressionLevel, pack, roundBits, chunkFor, clipRule } = stated
  const settings = { ...seriesOptions({ ...stated, bbox: undefined, region: undefined }), clipRule }
  const shared = tileRequest({ ...settings, tileOutput, format, compressionLevel, pack, roundBits, chunkFor })
  const box = areaOf(options)
  const around = box ?? polygon?.bbox ?? new BoundingBox({ west: -180, south: -90, east: 180, north: 90 })
  const { bands = [], subsystems = [] } = neededBands(stated)
  const memoryMiB = options.unitMemory === undefined ? DEFAULT_MEMORY_MIB : Math.ceil(options.unitMemory / 2 ** 20)
  const skipped: SkippedFile[] = []
  const leftOut: LeftOut = {
    skipped: (file) => {
      skipped.push(file)
      talk.warn(skippedText(file.path, file.error))
    },
    note: (text) => talk.note(text),
  }
  const made = await makePlan({
    ...planFolders(options),
    ...shared,
    ...{ product, polygon, allowSkipped, overwrite, memoryMiB },
    backend: options.backend ?? 'local',
    cacheDir: cacheDirOf(cacheDir, ctx.env),
    tiles: tiles(box ?? polygon ?? around, { ...tiling, roomMetres: shared.roomMetres }),
    scenes: scenesFor(ctx, { ...stated, bbox: around, region: undefined }, leftOut, talk),
    area: [around.west, around.south, around.east, around.north],
    tiling,
    selection: { bands, subsystems },
    threads: options.unitThreads ?? DEFAULT_THREADS,
    signal: ctx.signal,
    onScenes: (count) => count % NOTE_EVERY === 0 && talk.note(`${plural(count, 'scene')} so far`),
  })
  return { ...made, skipped }
}

/** Scenes one by one, from a search or from a file of scenes that were found before. */
async function* scenesFor(
  ctx: CliContext,
  options: PlanOptions,
  told: LeftOut,
  talk: Talk,
): AsyncGenerator<Scene, void, undefined> {
  let older = 0
  const leftOut: LeftOut = {
    ...told,
    older: () => {
      older += 1
    },
  }
  if (options.scenes !== undefined) {
    const query = resolveQuery(queryOf(options))
    yield* passing(scenesIn(ctx, options.scenes), query, leftOut)
    return
  }
  const { catalog, query } = openSearch(ctx, [], options)
  yield* catalog.iterScenes({ ...query, limit: limitOf(options), leftOut })
  if (older > 0) talk.note(`${plural(older, 'older version')} of the same acquisitions left out`)
}

/** Lines are read as they are needed: a file of a million scenes is larger than a text may be. */
async function* scenesIn(ctx: CliContext, path: string): AsyncGenerator<Scene, void, undefined> {
  if (path === '-') {
    yield* parseScenes(await ctx.stdin(), 'stdin')
    return
  }
  let number = 0
  try {
    const file = await open(path, 'r')
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 0)
    if (buffer.toString() === '[') {
      yield* parseScenes(await file.readFile('utf8').finally(() => file.close()), path)
      return
    }
    for await (const line of file.readLines({ start: 0 })) {
      number += 1
      if (line.trim() !== '') yield* parseScenes(line, `${path}, line ${number}`)
    }
  } catch (cause) {
    if (cause instanceof Error && 'syscall' in cause) {
      throw new UsageError(`--scenes: cannot read ${path}`, { path, hint: cause.message, cause })
    }
    throw cause
  }
}
