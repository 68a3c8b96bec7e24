// The plan on disk: units one to a line, scenes each once, what all units share; written whole, then never changed.
import { type FileHandle, open, readFile, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { z } from 'zod'
import { systemCode } from '../access/write-file.js'
import { BACKENDS, type Scene } from '../catalog/scene.js'
import { parseScenes } from '../catalog/scene-json.js'
import { NotFoundError, UsageError } from '../errors.js'
import { FILE_FORMATS } from '../series/output-path.js'
import { TILE_OUTPUTS } from './tile-output.js'

export const PLAN_SCHEMA = 1

/** The offset of every so many lines of the manifest is kept, so that a unit is found without reading the rest. */
export const LINES_PER_OFFSET = 64

/** What is computed at once: one tile. */
export interface Unit {
  readonly schema: 1
  /** Line of the manifest, from 0. */
  readonly index: number
  /** Product and corners, such as `AST_L1T_129.0_-38.1_131.0_-36.1`. */
  readonly id: string
  /** West, south, east, north in degrees. */
  readonly bbox: readonly [number, number, number, number]
  /** Where each scene lies in the file of scenes, in bytes. */
  readonly scenes: readonly (readonly [offset: number, length: number])[]
  /** Files or folders that it writes; relative to the run folder when they lie below it. */
  readonly outputs: readonly string[]
  readonly threads: number
  readonly memoryMiB: number
  /** Hash of all that decides over the content of the outputs; plans may share units. */
  readonly key: string
  /** Fields of the request that are this tile's own: its part of the polygon, CRS, resolution. */
  readonly request?: Readonly<Record<string, unknown>>
}

const count = z.number().int().nonnegative()
const whole = z.number().int().positive()

const UnitJson = z.object({
  schema: z.literal(PLAN_SCHEMA),
  index: count,
  id: z.string().regex(/^[\w.+-]+$/),
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  scenes: z.array(z.tuple([count, whole])),
  outputs: z.array(z.string().min(1)).min(1),
  threads: whole,
  memoryMiB: whole,
  key: z.string().regex(/^[0-9a-f]{16}$/),
  request: z.record(z.string(), z.unknown()).exactOptional(),
}) satisfies z.ZodType<Unit>

/** What all units share: `plan-<hash>.json`. */
export const PlanJson = z.object({
  schema: z.literal(PLAN_SCHEMA),
  /** Program and version. */
  createdBy: z.string(),
  /** ISO 8601. */
  createdAt: z.string(),
  product: z.string(),
  backend: z.enum(BACKENDS),
  /** Where granules are kept that have to be fetched. */
  cacheDir: z.string(),
  outputDir: z.string(),
  format: z.enum(FILE_FORMATS),
  tileOutput: z.enum(TILE_OUTPUTS),
  /** What was tiled: west, south, east, north in degrees. */
  area: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  tiling: z.record(z.string(), z.unknown()),
  /** The cube request without its granules, its area and the path of its output. */
  request: z.record(z.string(), z.unknown()),
  /** Bands and telescopes whose files are fetched. */
  selection: z.object({ bands: z.array(z.string()), subsystems: z.array(z.string()) }),
  /** Whether a tile is done though granules of it were skipped. */
  allowSkipped: z.boolean(),
  /** Whether outputs may be replaced that no unit made. */
  overwrite: z.boolean(),
  counts: z.object({ units: count, scenes: count, scenesOfUnits: count }),
  /** Bytes before lines 0, 64, 128 and so on of the manifest. */
  lineOffsets: z.array(count),
})
export type PlanDocument = z.output<typeof PlanJson>

export interface Plan {
  /** Absolute. */
  readonly runFolder: string
  /** Absolute. */
  readonly manifestPath: string
  readonly hash: string
  readonly unitCount: number
  readonly product: string
  readonly shared: PlanDocument
}

/** Names within a run folder. */
export function planPaths(runFolder: string, hash: string) {
  const stem = join(runFolder, `plan-${hash}`)
  return { manifest: `${stem}.jsonl`, scenes: `${stem}.scenes.jsonl`, shared: `${stem}.json` }
}

/** The file of a run folder that names its newest plan. */
export function currentPath(runFolder: string): string {
  return join(runFolder, 'current')
}

/** A path as a plan keeps it: relative when it lies below the run folder, with `/` on every system. */
export function keptPath(runFolder: string, path: string): string {
  const below = relative(runFolder, resolve(path))
  const isBelow = below !== '' && !below.startsWith('..') && !isAbsolute(below)
  return isBelow ? below.split(sep).join('/') : resolve(path)
}

/** A path of a plan as an absolute one. */
export function pathOf(plan: Pick<Plan, 'runFolder'>, kept: string): string {
  return resolve(plan.runFolder, kept)
}

/** Absolute paths of what a unit writes. */
export function outputsOf(plan: Pick<Plan, 'runFolder'>, unit: Pick<Unit, 'outputs'>): string[] {
  return unit.outputs.map((path) => pathOf(plan, path))
}

/**
 * Opens a plan by its manifest, or the newest of a run folder.
 *
 * @throws NotFoundError without one; UsageError `CONFIG` for one that is damaged or of another version
 */
export async function openPlan(runFolderOrManifest: string): Promise<Plan> {
  const path = resolve(runFolderOrManifest)
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  const [runFolder, hash] = isFolder
    ? [path, await newestOf(path)]
    : [dirname(path), hashOf(basename(path), runFolderOrManifest)]
  const { manifest, shared } = planPaths(runFolder, hash)
  const text = await readPlanFile(shared)
  const parsed = PlanJson.safeParse(parseJson(text, shared))
  if (!parsed.success) throw damaged(shared, parsed.error.issues[0]?.message)
  const { counts, product } = parsed.data
  return { runFolder, manifestPath: manifest, hash, unitCount: counts.units, product, shared: parsed.data }
}

async function newestOf(runFolder: string): Promise<string> {
  const current = currentPath(runFolder)
  return hashOf((await readPlanFile(current)).trim(), current)
}

/** The hash in the name of a manifest or plan. */
function hashOf(name: string, label = name): string {
  const hash = /^plan-([0-9a-f]{12})(?:\.jsonl|\.json)?$/.exec(name)?.[1]
  if (hash !== undefined) return hash
  throw new UsageError(`${label} names no plan`, {
    hint: 'give the run folder that `plan` made, or its plan-....jsonl',
  })
}

/** The unit of a line. */
export async function readUnit(plan: Plan, index: number): Promise<Unit> {
  if (!Number.isSafeInteger(index) || index < 0 || index >= plan.unitCount) {
    throw new UsageError(`there is no unit ${index} in ${basename(plan.manifestPath)}`, {
      hint: `it has ${plan.unitCount}, from 0 to ${plan.unitCount - 1}`,
    })
  }
  const from = plan.shared.lineOffsets[Math.floor(index / LINES_PER_OFFSET)]
  if (from === undefined) throw damaged(planPaths(plan.runFolder, plan.hash).shared, 'lineOffsets')
  for await (const unit of unitsFrom(plan, from, index - (index % LINES_PER_OFFSET), index)) return unit
  throw damaged(plan.manifestPath, `line ${index + 1} is missing`)
}

/** All units, in order. */
export function iterUnits(plan: Plan): AsyncIterable<Unit> {
  return unitsFrom(plan, 0, 0, 0)
}

/** Units from the line `wanted` on; the line at byte `from` is number `line`. */
async function* unitsFrom(plan: Plan, from: number, line: number, wanted: number): AsyncGenerator<Unit> {
  const { manifestPath } = plan
  const file = await openPlanFile(manifestPath)
  try {
    let index = line
    for await (const text of file.readLines({ start: from, autoClose: false })) {
      if (index >= wanted) yield unitOf(text, index, manifestPath)
      index += 1
    }
  } finally {
    await file.close().catch(() => {})
  }
}

function unitOf(text: string, index: number, path: string): Unit {
  const parsed = UnitJson.safeParse(parseJson(text, `${path}, line ${index + 1}`))
  if (!parsed.success) throw damaged(`${path}, line ${index + 1}`, parsed.error.issues[0]?.message)
  if (parsed.data.index !== index) throw damaged(`${path}, line ${index + 1}`, `it is unit ${parsed.data.index}`)
  return parsed.data
}

/** The scenes of a unit, in the order of the manifest, as they were found. */
export async function readScenes(plan: Plan, unit: Pick<Unit, 'scenes'>): Promise<Scene[]> {
  const { scenes: path } = planPaths(plan.runFolder, plan.hash)
  const file = await openPlanFile(path)
  try {
    const lines: Buffer[] = []
    for (const [offset, length] of unit.scenes) {
      const buffer = Buffer.alloc(length)
      const { bytesRead } = await file.read(buffer, 0, length, offset)
      if (bytesRead !== length) throw damaged(path, 'it is shorter than the manifest says')
      lines.push(buffer)
    }
    const text = lines.map((line) => line.toString('utf8').trim()).join('\n')
    return lines.length === 0
      ? []
      : parseScenes(text, path).map((scene) => withPaths(scene, (kept) => pathOf(plan, kept)))
  } finally {
    await file.close()
  }
}

/** A scene with its paths, if it has any, said in another way. */
export function withPaths(scene: Scene, say: (path: string) => string): Scene {
  if (scene.path === undefined && scene.files.every(({ path }) => path === undefined)) return scene
  const files = scene.files.map((file) => (file.path === undefined ? file : { ...file, path: say(file.path) }))
  return { ...scene, files, ...(scene.path === undefined ? {} : { path: say(scene.path) }) }
}

async function readPlanFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

async function openPlanFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

function unreadable(path: string, cause: unknown) {
  if (systemCode(cause) === 'ENOENT' || systemCode(cause) === 'ENOTDIR') {
    return new NotFoundError(`there is no plan: ${path} does not exist`, {
      path,
      hint: 'make one: aster-timeseries plan ... --out RUN',
      exitCode: 78,
      cause,
    })
  }
  return new UsageError(`cannot read ${path} (${systemCode(cause) || 'unknown'})`, { code: 'CONFIG', path, cause })
}

function parseJson(text: string, label: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw damaged(label, 'no JSON')
  }
}

function damaged(path: string, what = 'it has another shape'): UsageError {
  return new UsageError(`${path} is damaged, or of another version: ${what}`, {
    code: 'CONFIG',
    path,
    hint: 'make the plan again with the same command; tiles that are done stay done',
  })
}
