// `download`: fetches the files of scenes into the cache; prints where the granules lie.
import type { Command } from 'commander'
import { type DownloadReport, planScenes } from '../../access/download.js'
import type { DownloadPlan } from '../../access/download-plan.js'
import { BACKENDS, type Scene } from '../../catalog/scene.js'
import { parseScenes } from '../../catalog/scene-json.js'
import { AbortError, type AsterError, UsageError } from '../../errors.js'
import { type CliContext, type Talk, talkTo } from '../context.js'
import { showDownload } from '../download-progress.js'
import { DONE, type ExitStatus, FAILED, SKIPPED_SOME } from '../exit-status.js'
import { readInput } from '../input.js'
import { obtain } from '../obtain.js'
import { addOptions, longFlag, OPTIONS, type OptionValues, readOptions } from '../options.js'
import { formatBytes, formatFacts, JSON_SCHEMA, plural, toJson } from '../output.js'
import type { Finish } from '../program.js'
import { withRegion } from '../region.js'
import { checkBounded, findScenes, limitOf, SCENE_OPTIONS, sayWhatWasLeftOut } from '../scenes.js'

const FILTERS = SCENE_OPTIONS.filter((name) => name !== 'archive' && name !== 'archiveIndex')
const NAMES = [
  'scenes',
  ...FILTERS,
  'limit',
  'bands',
  'subsystem',
  'include',
  'cacheDir',
  'connections',
  'failOnEmpty',
  'dryRun',
  'json',
  'quiet',
  'verbose',
  'progress',
] as const

export type DownloadCommandOptions = OptionValues<(typeof NAMES)[number]>

export function registerDownload(program: Command, ctx: CliContext, finish: Finish): void {
  const command = program
    .command('download')
    .description('fetch scenes into the cache, those of --scenes or of a search; prints paths')
  const remote = BACKENDS.filter((name) => name !== 'local').join(', ')
  const helps = { backend: `where to search: ${remote}; default earthaccess` }
  addOptions(command, NAMES, helps).action(() => finish(runDownload(ctx, readOptions(command, NAMES))))
}

export async function runDownload(ctx: CliContext, options: DownloadCommandOptions): Promise<ExitStatus> {
  // With --json the report carries what is said here.
  const talk = talkTo(ctx, { quiet: options.quiet || options.json, verbose: options.verbose })
  const scenes = await scenesOf(ctx, options, talk)
  if (scenes.length === 0) {
    talk.note('no scenes, nothing to download')
    if (options.failOnEmpty) return FAILED
  }
  const { bands, subsystem: subsystems, include, cacheDir } = options
  const selection = { bands, subsystems, include, cacheDir }
  if (options.dryRun) {
    const plan = await planScenes(scenes, selection, ctx.env)
    ctx.stdout.write(options.json ? planJson(plan) : formatPlan(plan))
    return DONE
  }
  return fetchAndReport(ctx, scenes, options, talk)
}

async function fetchAndReport(
  ctx: CliContext,
  scenes: readonly Scene[],
  options: DownloadCommandOptions,
  talk: Talk,
): Promise<ExitStatus> {
  const { bands, subsystem: subsystems, include, cacheDir, connections, json, quiet, verbose } = options
  const shown = showDownload(ctx, talk, { mode: options.progress, quiet: quiet || json, verbose })
  const done: string[] = []
  try {
    const report = await obtain(
      ctx,
      scenes,
      {
        ...{ bands, subsystems, include, cacheDir, connections },
        onEvent: (event) => {
          if (event.kind === 'granule' && event.path !== undefined) done.push(event.path)
          shown.onEvent(event)
        },
      },
      talk,
    )
    shown.end()
    say(talk, report)
    ctx.stdout.write(json ? reportJson(report) : report.scenes.map(({ path }) => `${path}\n`).join(''))
    return outcomeOf(report)
  } catch (error) {
    shown.end()
    // What is complete is there to be used, whatever stopped the rest.
    if (!json) ctx.stdout.write(done.map((path) => `${path}\n`).join(''))
    if (error instanceof AbortError) talk.note('what was fetched is kept; the same command goes on from there')
    throw error
  } finally {
    shown.end()
  }
}

/** Nothing at all is a failure, by its first error; something is what the table calls "some skipped". */
function outcomeOf({ failed, scenes }: DownloadReport<Scene>): ExitStatus {
  const [first] = failed
  if (first === undefined) return DONE
  if (scenes.length === 0) throw first.error
  return SKIPPED_SOME
}

function say(talk: Talk, report: DownloadReport<Scene>): void {
  for (const warning of report.warnings) talk.warn(warning)
  for (const { id } of report.empty) talk.note(`${id} holds nothing of what was asked for`)
  const granules = plural(report.scenes.length, 'granule')
  const cached = report.filesCached === 0 ? '' : `, ${report.filesCached} of ${plural(report.files, 'file')} were there`
  talk.note(`${granules} in ${report.cacheDir}; fetched ${formatBytes(report.bytesFetched)}${cached}`)
  const incomplete = new Set(report.failed.map(({ id }) => id)).size
  if (incomplete > 0) talk.warn(`${plural(incomplete, 'granule')} incomplete; the same command goes on from there`)
}

async function scenesOf(ctx: CliContext, given: DownloadCommandOptions, talk: Talk): Promise<Scene[]> {
  const { scenes: source } = given
  if (source !== undefined) {
    const filter = [...FILTERS, 'limit' as const].find((name) => given[name] !== undefined)
    if (filter !== undefined) {
      throw new UsageError(`--scenes and ${longFlag(OPTIONS[filter].flags)} exclude each other`, {
        hint: 'filter when searching: `aster-timeseries search ... | aster-timeseries download --scenes -`',
      })
    }
    const { name, text } = await readInput(ctx, '--scenes', source)
    return parseScenes(text, name)
  }
  const options = await withRegion(ctx, given)
  const { backend = 'earthaccess' } = options
  if (backend === 'local') throw new UsageError('scenes of the local backend are on disk already')
  checkBounded({ ...options, backend })
  const found = await findScenes(ctx, [], { ...options, backend }, limitOf(options))
  sayWhatWasLeftOut(talk, found)
  return found.scenes
}

function reportJson(report: DownloadReport<Scene>): string {
  const failed = report.failed.map(({ id, name, error }) => ({ id, name, error: errorFacts(error) }))
  return toJson({ schema: JSON_SCHEMA, ...report, failed, empty: report.empty.map(({ id }) => id) })
}

function errorFacts({ code, message, hint, retryable }: AsterError) {
  return { code, message, hint, retryable }
}

function planJson({ granules, empty, local, ...sums }: DownloadPlan<Scene>): string {
  const planned = granules.map(({ scene, folder, files }) => ({
    id: scene.id,
    path: folder,
    files: files.map(({ name, url, bytes, bytesThere, isCached }) => ({ name, url, bytes, bytesThere, isCached })),
  }))
  const names = (scenes: readonly Scene[]) => scenes.map(({ id }) => id)
  return toJson({ schema: JSON_SCHEMA, ...sums, granules: planned, empty: names(empty), local: names(local) })
}

function formatPlan(plan: DownloadPlan<Scene>): string {
  const { granules, empty, files, filesCached, bytes, bytesToFetch, sizesUnknown, freeBytes } = plan
  const unknown = sizesUnknown === 0 ? '' : `, and ${plural(sizesUnknown, 'file')} of unknown size`
  const facts: [string, string][] = [
    ['granules', `${granules.length}${empty.length === 0 ? '' : `, ${empty.length} without data for this request`}`],
    ['files', `${files}, ${filesCached} of them in the cache`],
    ['size', formatBytes(bytes)],
    ['to fetch', `${formatBytes(bytesToFetch)}${unknown}`],
    ...(freeBytes === undefined ? [] : [['free disk', formatBytes(freeBytes)] satisfies [string, string]]),
  ]
  return `dry run for ${plan.cacheDir}: nothing is fetched\n${formatFacts(facts)}`
}
