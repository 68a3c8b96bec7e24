// `run`: stacks scenes into a time series, or says what that would take.
import type { Command } from 'commander'
import type { StreamedScenes } from '../../access/remote-scenes.js'
import type { Scene } from '../../catalog/scene.js'
import { errorFromCode, UsageError } from '../../errors.js'
import { present, toException } from '../../native/call.js'
import type { CubeOutput, CubeRequest, SkippedFile } from '../../native/contract.js'
import { checkOutput, checkpointsBeside, formatOf } from '../../series/output-path.js'
import { buildRequest, checkRequest, resolveSelection } from '../../series/request.js'
import { planRequest, writeRequest } from '../../series/run.js'
import { ASTERTimeSeries } from '../../series/time-series.js'
import { type CliContext, type Talk, talkTo } from '../context.js'
import { DONE, type ExitStatus, SKIPPED_SOME } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { plural } from '../output.js'
import type { Finish } from '../program.js'
import { openProgress } from '../progress.js'
import { withRegion } from '../region.js'
import { checkFree, repeatedRequest } from '../repeat.js'
import { formatPlan, formatReport, type LeftOut, lostSome, planJson, reportJson, sayNotes } from '../report.js'
import {
  checkBounded,
  checkSceneOptions,
  type FoundScenes,
  findScenes,
  limitOf,
  nothingFound,
  SCENE_OPTIONS,
  sayWhatWasLeftOut,
} from '../scenes.js'
import { STACK_OPTIONS, seriesOptions } from '../stack-options.js'

const NAMES = [
  ...SCENE_OPTIONS,
  'scenes',
  'limit',
  'cacheDir',
  'stream',
  'streamCache',
  'streamCacheSize',
  'connections',
  'request',
  'plan',
  ...STACK_OPTIONS,
  'nWorkers',
  'maxMemory',
  'output',
  'fileFormat',
  'compressionLevel',
  'pack',
  'roundBits',
  'chunkFor',
  'checkpoints',
  'quicklook',
  'overwrite',
  'strict',
  'dryRun',
  'json',
  'quiet',
  'verbose',
  'progress',
] as const

export type RunOptions = OptionValues<(typeof NAMES)[number]>

export function registerRun(program: Command, ctx: CliContext, finish: Finish): void {
  const command = program
    .command('run')
    .description('stack scenes into a time series')
    .argument('[granules...]', 'granule files, granule folders, or folders to search')
  addOptions(command, NAMES).action((paths: string[]) => finish(runRun(ctx, paths, readOptions(command, NAMES))))
}

export async function runRun(ctx: CliContext, paths: readonly string[], given: RunOptions): Promise<ExitStatus> {
  // With --json the report carries what is said here.
  const talk = talkTo(ctx, { quiet: given.quiet || given.json, verbose: given.verbose })
  if (given.request !== undefined || given.plan !== undefined) {
    checkFree(paths, NAMES, given)
    return execute(ctx, await repeatedRequest(ctx, given), NOTHING_LEFT_OUT, given, talk)
  }
  const options = await withRegion(ctx, given)
  const output = outputOf(options)
  checkSceneOptions(paths, options)
  checkBounded(options)
  checkStream(options)
  const settings = seriesOptions(options)
  checkRequest(buildRequest([], resolveSelection(settings), settings, output))
  const found = await reachable(ctx, await findScenes(ctx, paths, options, limitOf(options)), options, talk)
  checkUsable(found, options, talk)
  const series = new ASTERTimeSeries(found.scenes, [], settings)
  const history = options.dryRun ? undefined : ctx.commandLine
  return execute(ctx, series.toRequest(output, history), found, options, talk)
}

function checkStream({ stream = false, streamCache, streamCacheSize }: RunOptions): void {
  const other =
    streamCache !== undefined ? '--stream-cache' : streamCacheSize !== undefined ? '--stream-cache-size' : ''
  if (!stream && other !== '') {
    throw new UsageError(`${other} is about streaming, which was not asked for`, { hint: 'add --stream' })
  }
  if (streamCacheSize !== undefined && streamCache === undefined) {
    throw new UsageError('--stream-cache-size needs a folder', { hint: 'name it with --stream-cache' })
  }
}

const NOTHING_LEFT_OUT: LeftOut = { skipped: [], duplicates: [], cloudUnknown: 0 }

/** Scenes that can be worked on, with the files that are read where they are hosted. */
type ReachableScenes = FoundScenes & Partial<Pick<StreamedScenes<Scene>, 'remote' | 'traffic'>>

/** Scenes of a catalogue are fetched into the cache first, only the bands that are needed; or not, with --stream. */
async function reachable(
  ctx: CliContext,
  found: FoundScenes,
  options: RunOptions,
  talk: Talk,
): Promise<ReachableScenes> {
  const missing = found.scenes.filter((scene) => scene.path === undefined).length
  if (missing === 0) {
    if (options.stream === true) talk.note('nothing is streamed: all scenes are on disk')
    return found
  }
  const lost = found.scenes.find((scene) => scene.path === undefined && scene.files.length === 0)
  if (lost !== undefined) {
    throw new UsageError(`${lost.id} is not on disk, and its record does not say where its files are`, {
      hint: 'download scenes of a catalogue, or search the archive again',
    })
  }
  const { cacheDir, connections, stream, dryRun, streamCache, streamCacheSize: streamCacheBytes } = options
  if (dryRun && stream !== true) {
    throw new UsageError(`${plural(missing, 'scene')} would have to be fetched before a plan can be made`, {
      hint: 'fetch them with `download`, see what it would fetch with `download --dry-run`, or add --stream',
    })
  }
  const [{ obtainFound, streamFound }, { neededBands }] = await Promise.all([
    import('../obtain.js'),
    import('../../processing/obtain.js'),
  ])
  if (stream === true) {
    const where = { cacheDir, connections, streamCache, streamCacheBytes }
    return streamFound(ctx, found, { ...where, ...neededBands(options) }, talk)
  }
  return obtainFound(ctx, found, { cacheDir, connections, ...neededBands(options) }, talk)
}

/** Where the result goes, checked before any granule is opened; a dry run needs no name. */
function outputOf(options: RunOptions): CubeOutput {
  const { output: path, quicklook, overwrite, compressionLevel, pack, roundBits, chunkFor, dryRun } = options
  const { checkpoints: keeps } = options
  if (path === undefined && !dryRun) {
    throw new UsageError('--output is missing', { hint: 'name the file to write: --output series.nc' })
  }
  if (path === undefined) return { format: 'statistics' }
  const format = formatOf(path, options.fileFormat)
  const checkpoints = keeps ? checkpointsBeside(path) : undefined
  const output = { format, path, quicklook, overwrite, compressionLevel, pack, roundBits, chunkFor, checkpoints }
  const stated = present<CubeOutput>(output)
  checkOutput(stated, [])
  return stated
}

/** Stops when no scene is left to work on, or when one is bad and that matters. */
function checkUsable(found: FoundScenes, { strict = false }: RunOptions, talk: Talk): void {
  const { scenes, skipped, coverage } = found
  const [bad] = skipped
  const isOnlyBad = coverage.scenes === 0 && scenes.length === 0 && skipped.length === 1
  if (bad !== undefined && (strict || isOnlyBad)) throw unusable(bad)
  sayWhatWasLeftOut(talk, found)
  if (scenes.length > 0) return
  if (bad === undefined || coverage.scenes > 0) throw nothingFound(found)
  const { code, message, hint } = bad.error
  throw errorFromCode(code, `none of the ${skipped.length} granules can be used; the first, ${bad.path}: ${message}`, {
    path: bad.path,
    hint,
  })
}

/** The error of a granule, with its file named. */
function unusable({ path, error }: SkippedFile) {
  const message = error.message.includes(path) ? error.message : `${path}: ${error.message}`
  return toException({ ...error, path, message })
}

/** Runs the request, or plans it, and prints the report. */
async function execute(
  ctx: CliContext,
  request: CubeRequest,
  leftOut: LeftOut & Pick<ReachableScenes, 'remote' | 'traffic'>,
  options: RunOptions,
  talk: Talk,
): Promise<ExitStatus> {
  const { dryRun, json, quiet, verbose } = options
  const { signal } = ctx
  const { remote, traffic } = leftOut
  if (dryRun) {
    const plan = await planRequest(request, { signal, remote })
    sayNotes(talk, leftOut, plan)
    ctx.stdout.write(
      json
        ? planJson(plan, request, leftOut, traffic?.())
        : formatPlan(plan, leftOut, request.output.path, traffic?.()),
    )
    return lostSome(leftOut, plan.skipped) ? SKIPPED_SOME : DONE
  }
  const progress = openProgress(ctx, talk, { mode: options.progress, quiet: quiet || json, verbose })
  try {
    const report = await writeRequest(request, { signal, remote, onEvent: (event) => progress.onEvent(event) })
    progress.end()
    sayNotes(talk, leftOut, report)
    ctx.stdout.write(
      json ? reportJson(report, request, leftOut, traffic?.()) : formatReport(report, leftOut, traffic?.()),
    )
    return lostSome(leftOut, report.skipped) ? SKIPPED_SOME : DONE
  } finally {
    progress.end()
  }
}
