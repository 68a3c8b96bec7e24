// Finds the scenes that `search` and `run` work on, and says what was left out and why.
import type { SearchResult } from '../catalog/backend.js'
import { ASTERCatalog } from '../catalog/catalog.js'
import { parsePeriod } from '../catalog/query.js'
import { NotFoundError, UsageError } from '../errors.js'
import { endpointsFrom } from '../net/endpoints.js'
import type { CliContext, Talk } from './context.js'
import type { OptionValues } from './options.js'
import { formatDegrees, plural } from './output.js'

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
  'months',
  'dayNight',
  'productVersion',
  'archiveIndex',
] as const

export type SceneOptions = OptionValues<(typeof SCENE_OPTIONS)[number]>

export interface FoundScenes extends SearchResult {
  /** Where they were looked for, in words. */
  source: string
}

/** The area asked for, by name or by numbers. */
export function areaOf({ region, bbox }: SceneOptions) {
  if (region !== undefined && bbox !== undefined) throw new UsageError('--region and --bbox exclude each other')
  return region ?? bbox
}

/** Checks what can be checked without looking at any file. */
export function checkSceneOptions(paths: readonly string[], options: SceneOptions): void {
  parsePeriod(options.start, options.end, { start: '--start', end: '--end' })
  areaOf(options)
  const { backend = 'local', archive } = options
  if (backend === 'local' && archive === undefined && paths.length === 0) {
    throw new UsageError('nothing to look in: --archive is missing', {
      hint: 'name a folder of granules with --archive DIR, or name granules',
    })
  }
}

/** The catalogue to look in, and what to look for. */
export function openSearch(ctx: CliContext, paths: readonly string[], options: SceneOptions) {
  checkSceneOptions(paths, options)
  const { backend, archive, product, start, end, cloudCoverMax } = options
  const { polygon, months, dayNight, productVersion, archiveIndex } = options
  const endpoints = endpointsFrom(ctx.env)
  const catalog = new ASTERCatalog({ backend, archive, granules: paths, archiveIndex, endpoints })
  const query = {
    product,
    bbox: areaOf(options),
    startDate: start,
    endDate: end,
    cloudCoverMax,
    polygon,
    months,
    dayNight,
    productVersion,
    signal: ctx.signal,
  }
  return { catalog, query }
}

export async function findScenes(
  ctx: CliContext,
  paths: readonly string[],
  options: SceneOptions,
  limit?: number,
): Promise<FoundScenes> {
  const { catalog, query } = openSearch(ctx, paths, options)
  const result = await catalog.searchDetailed({ ...query, limit })
  return { ...result, source: catalog.description }
}

export function sayWhatWasLeftOut(talk: Talk, found: FoundScenes): void {
  for (const note of found.notes) talk.note(note)
  for (const { path, error } of found.skipped) talk.warn(`skipped ${path}: ${error.message}`)
  if (found.duplicates.length > 0) {
    talk.note(`${plural(found.duplicates.length, 'older version')} of the same acquisitions left out`)
    for (const scene of found.duplicates) talk.detail(`left out ${scene.path ?? scene.id}`)
  }
  if (found.cloudUnknown > 0) talk.note(`${plural(found.cloudUnknown, 'scene')} of unknown cloud cover kept`)
}

/** The error for a request that no scene answers: what turned the scenes away, and what there is. */
export function nothingFound({ source, coverage, rejected }: FoundScenes): NotFoundError {
  const reasons: [number, string][] = [
    [rejected.product, 'of another product'],
    [rejected.dates, 'outside the period'],
    [rejected.area, 'outside the area'],
    [rejected.cloudCover, 'too cloudy'],
    [rejected.dayNight, 'of the other half of the day'],
  ]
  const said = reasons.filter(([count]) => count > 0).map(([count, reason]) => `${count} ${reason}`)
  const { bbox, firstTime, lastTime } = coverage
  if (said.length === 0)
    return new NotFoundError(`no scenes in ${source}`, { hint: 'name a folder that holds granules' })
  const message = `no scenes for this request in ${source}: ${said.join(', ')}`
  if (bbox === undefined) return new NotFoundError(message, { hint: 'leave --product out, or choose another' })
  const degrees = [bbox.west, bbox.south, bbox.east, bbox.north].map(formatDegrees).join(' ')
  const period = `${firstTime?.slice(0, 10)} to ${lastTime?.slice(0, 10)}`
  return new NotFoundError(message, {
    hint: `there are scenes within ${degrees} (west south east north), ${period}`,
  })
}
