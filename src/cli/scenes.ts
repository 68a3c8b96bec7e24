// Finds the scenes that `search` and `run` work on, and says what was left out and why.
import { collect, type IterOptions, passing, type SearchResult } from '../catalog/backend.js'
import { ASTERCatalog } from '../catalog/catalog.js'
import { parsePeriod, type ResolvedQuery, resolveQuery, type SceneQuery } from '../catalog/query.js'
import type { Scene } from '../catalog/scene.js'
import { NotFoundError, UsageError } from '../errors.js'
import { endpointsFrom } from '../net/endpoints.js'
import type { CliContext, Talk } from './context.js'
import { readInput } from './input.js'
import { longFlag, OPTIONS, type OptionValues } from './options.js'
import { formatDegrees, plural, skippedText } from './output.js'
import { REGION_OPTIONS } from './region.js'

export const SCENE_OPTIONS = [
  'backend',
  'archive',
  'product',
  'start',
  'end',
  'region',
  'bbox',
  'cloudCoverMax',
  'polygon',
  ...REGION_OPTIONS,
  'months',
  'dayNight',
  'productVersion',
  'archiveIndex',
] as const

export type SceneOptions = OptionValues<(typeof SCENE_OPTIONS)[number]>
/** Options of commands that also take scenes which were found before. */
export type GivenSceneOptions = SceneOptions & OptionValues<'scenes'>

export interface FoundScenes extends SearchResult {
  /** Where they were looked for, in words. */
  source: string
  /** Found before, and read from a file or from stdin. */
  isGiven?: boolean
}

/** The area asked for, by name or by numbers. */
export function areaOf({ region, bbox }: SceneOptions) {
  if (region !== undefined && bbox !== undefined) throw new UsageError('--region and --bbox exclude each other')
  return region ?? bbox
}

/** Checks what can be checked without looking at any file. */
export function checkSceneOptions(paths: readonly string[], options: GivenSceneOptions): void {
  parsePeriod(options.start, options.end, { start: '--start', end: '--end' })
  areaOf(options)
  const { backend = 'local', archive, scenes } = options
  if (scenes !== undefined) checkNoOtherSource(paths, options)
  else if (backend === 'local' && archive === undefined && paths.length === 0) {
    throw new UsageError('nothing to look in: --archive is missing', {
      hint: 'name a folder of granules: --archive DIR',
    })
  }
}

/** Scenes that were found before are looked for nowhere else. */
function checkNoOtherSource(paths: readonly string[], options: GivenSceneOptions): void {
  const sources = ['backend', 'archive', 'archiveIndex'] as const
  const given = sources.filter((name) => options[name] !== undefined).map((name) => longFlag(OPTIONS[name].flags))
  const [other] = paths.length > 0 ? ['granules', ...given] : given
  if (other !== undefined) throw new UsageError(`--scenes and ${other} exclude each other`)
}

/** Refuses to take all that a catalogue has. */
export function checkBounded(options: GivenSceneOptions & OptionValues<'limit'>): void {
  const { backend = 'local' } = options
  if (backend === 'local' || options.scenes !== undefined) return
  const bounds = ['start', 'end', 'bbox', 'region', 'polygon', 'limit'] as const
  if (bounds.some((name) => options[name] !== undefined)) return
  throw new UsageError('nothing says which scenes: that would be millions', {
    hint: 'name --scenes, an area, a period, or --limit',
  })
}

/** The limit stated, if there is one: `all` is none. */
export function limitOf({ limit }: OptionValues<'limit'>): number | undefined {
  return limit !== undefined && Number.isFinite(limit) ? limit : undefined
}

/** The catalogue to look in, and what to look for. */
export function openSearch(ctx: CliContext, paths: readonly string[], options: SceneOptions) {
  checkSceneOptions(paths, options)
  const { backend, archive, archiveIndex } = options
  const endpoints = endpointsFrom(ctx.env)
  const catalog = new ASTERCatalog({ backend, archive, granules: paths, archiveIndex, endpoints })
  return { catalog, query: { ...queryOf(options), signal: ctx.signal } }
}

/** What the options ask of a catalogue. */
export function queryOf(options: SceneOptions): SceneQuery {
  const { product, start, end, cloudCoverMax, polygon, months, dayNight, productVersion } = options
  const period = { startDate: start, endDate: end }
  return { product, bbox: areaOf(options), ...period, cloudCoverMax, polygon, months, dayNight, productVersion }
}

export async function findScenes(
  ctx: CliContext,
  paths: readonly string[],
  options: GivenSceneOptions,
  limit?: number,
): Promise<FoundScenes> {
  if (options.scenes !== undefined) return givenScenes(ctx, options.scenes, options)
  const { catalog, query } = openSearch(ctx, paths, options)
  const result = await catalog.searchDetailed({ ...query, limit })
  return { ...result, source: catalog.description }
}

/** The scenes of a file, or of stdin, that pass the filters. */
async function givenScenes(ctx: CliContext, file: string, options: GivenSceneOptions): Promise<FoundScenes> {
  checkSceneOptions([], options)
  const { name, text } = await readInput(ctx, '--scenes', file)
  const { parseScenes } = await import('../catalog/scene-json.js')
  const scenes = parseScenes(text, name)
  const source = {
    iter: (query: ResolvedQuery, { leftOut }: IterOptions = {}) => passing(each(scenes), query, leftOut),
  }
  const found = await collect(source, resolveQuery(queryOf(options)), { signal: ctx.signal })
  return { ...found, source: name, isGiven: true }
}

async function* each(scenes: readonly Scene[]): AsyncGenerator<Scene, void, undefined> {
  yield* scenes
}

export function sayWhatWasLeftOut(talk: Talk, found: FoundScenes): void {
  for (const note of found.notes) talk.note(note)
  for (const { path, error } of found.skipped) talk.warn(skippedText(path, error))
  if (found.duplicates.length > 0) {
    talk.note(`${plural(found.duplicates.length, 'older version')} of the same acquisitions left out`)
    for (const scene of found.duplicates) talk.detail(`left out ${scene.path ?? scene.id}`)
  }
  if (found.cloudUnknown > 0) talk.note(`${plural(found.cloudUnknown, 'scene')} of unknown cloud cover kept`)
}

/** The error for a request that no scene answers: what turned the scenes away, and what there is. */
export function nothingFound({ source, isGiven, coverage, rejected }: FoundScenes): NotFoundError {
  const reasons: [number, string][] = [
    [rejected.product, 'of another product or version'],
    [rejected.dates, 'outside the period'],
    [rejected.area, 'outside the area'],
    [rejected.cloudCover, 'too cloudy'],
    [rejected.dayNight, 'of the other half of the day'],
  ]
  const said = reasons.filter(([count]) => count > 0).map(([count, reason]) => `${count} ${reason}`)
  const { bbox, firstTime, lastTime } = coverage
  if (said.length === 0)
    return new NotFoundError(`no scenes in ${source}`, {
      hint: isGiven ? 'widen the area, the period or the filters of its search' : 'name a folder that holds granules',
    })
  const message = `no scenes for this request in ${source}: ${said.join(', ')}`
  if (bbox === undefined) {
    return new NotFoundError(message, { hint: 'leave --product and --product-version out, or choose others' })
  }
  const degrees = [bbox.west, bbox.south, bbox.east, bbox.north].map(formatDegrees).join(' ')
  const period = `${firstTime?.slice(0, 10)} to ${lastTime?.slice(0, 10)}`
  return new NotFoundError(message, {
    hint: `there are scenes within ${degrees} (west south east north), ${period}`,
  })
}
