// `run`: stacks scenes into a NetCDF time series, or says what that would take.
import type { Command } from 'commander'
import { localPath } from '../../catalog/scene.js'
import { errorFromCode, UsageError } from '../../errors.js'
import { present, toException } from '../../native/call.js'
import type { SkippedFile } from '../../native/contract.js'
import { checkDistinct, checkNetcdfName, checkOutputPath, checkPictureName } from '../../series/output-path.js'
import { resolveArea, resolveSelection } from '../../series/request.js'
import { ASTERTimeSeries } from '../../series/time-series.js'
import { type CliContext, type Talk, talkTo } from '../context.js'
import { DONE, type ExitStatus, SKIPPED_SOME } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import type { Finish } from '../program.js'
import { openProgress } from '../progress.js'
import { formatPlan, formatReport, lostSome, planJson, reportJson, sayNotes } from '../report.js'
import {
  areaOf,
  checkSceneOptions,
  type FoundScenes,
  findScenes,
  nothingFound,
  SCENE_OPTIONS,
  sayWhatWasLeftOut,
} from '../scenes.js'

const NAMES = [
  ...SCENE_OPTIONS,
  'subsystem',
  'bands',
  'index',
  'calibration',
  'crs',
  'resolution',
  'resampling',
  'solarIrradiance',
  'gains',
  'coefficients',
  'allowBadSwir',
  'maskSaturated',
  'nWorkers',
  'maxMemory',
  'output',
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
    .description('stack scenes into a NetCDF time series')
    .argument('[granules...]', 'granule files, granule folders, or folders to search')
  addOptions(command, NAMES).action((paths: string[]) => finish(runRun(ctx, paths, readOptions(command, NAMES))))
}

export async function runRun(ctx: CliContext, paths: readonly string[], options: RunOptions): Promise<ExitStatus> {
  const outputs = checkOutputs(options)
  checkIsLocal(options)
  checkSceneOptions(paths, options)
  const area = areaOf(options)
  if (area !== undefined) resolveArea(area)
  resolveSelection(seriesOptions(options))
  const found = await findScenes(ctx, paths, options)
  // With --json the report carries what is said here.
  const talk = talkTo(ctx, { quiet: options.quiet || options.json, verbose: options.verbose })
  checkUsable(found, options, talk)
  checkDistinct(outputs, found.scenes.map(localPath))
  const series = new ASTERTimeSeries(found.scenes, [], seriesOptions(options))
  return options.dryRun ? dryRun(ctx, series, found, options, talk) : write(ctx, series, found, options, talk)
}

/** Scenes of a remote search are not on disk. */
function checkIsLocal({ backend = 'local' }: RunOptions): void {
  if (backend === 'local') return
  throw new UsageError(`run reads granules on disk; the ${backend} backend only finds them`, {
    code: 'UNSUPPORTED',
    exitCode: 2,
    hint: `find them with \`search --backend ${backend}\`, download them, and name their folder with --archive`,
  })
}

function seriesOptions(options: RunOptions) {
  const { product, calibration, crs, resolution, resampling, solarIrradiance, gains, coefficients } = options
  const { allowBadSwir, maskSaturated, nWorkers, maxMemory, strict } = options
  return {
    bbox: areaOf(options),
    product,
    subsystems: options.subsystem,
    bands: options.bands,
    indices: options.index,
    calibration,
    crs,
    resolution,
    resampling,
    solarIrradiance,
    gains,
    coefficients,
    allowBadSwir,
    maskSaturated,
    nWorkers,
    maxMemoryBytes: maxMemory,
    strict,
  }
}

/** Everything that can be wrong with the outputs, before any granule is opened. */
function checkOutputs({ output, quicklook, overwrite, dryRun = false }: RunOptions): string[] {
  if (output === undefined && !dryRun) {
    throw new UsageError('--output is missing', { hint: 'name the file to write: --output series.nc' })
  }
  if (output !== undefined) checkNetcdfName(output)
  if (quicklook !== undefined) checkPictureName(quicklook)
  const outputs = [output, quicklook].filter((path) => path !== undefined)
  checkDistinct(outputs, [])
  for (const path of outputs) checkOutputPath(path, { overwrite })
  return outputs
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

async function dryRun(
  ctx: CliContext,
  series: ASTERTimeSeries,
  found: FoundScenes,
  options: RunOptions,
  talk: Talk,
): Promise<ExitStatus> {
  const { output: path, overwrite, quicklook } = options
  const output = path === undefined ? undefined : { format: 'netcdf', path, ...present({ overwrite, quicklook }) }
  const plan = await series.plan(output, { signal: ctx.signal })
  sayNotes(talk, found, plan)
  ctx.stdout.write(options.json ? planJson(plan, found) : formatPlan(plan, found, path))
  return lostSome(found, plan.skipped) ? SKIPPED_SOME : DONE
}

async function write(
  ctx: CliContext,
  series: ASTERTimeSeries,
  found: FoundScenes,
  options: RunOptions,
  talk: Talk,
): Promise<ExitStatus> {
  const { output = '', overwrite, quicklook, json, quiet, verbose } = options
  const progress = openProgress(ctx, talk, { mode: options.progress, quiet: quiet || json, verbose })
  try {
    const report = await series.toNetCDF(output, {
      overwrite,
      quicklook,
      history: ctx.commandLine,
      signal: ctx.signal,
      onEvent: (event) => progress.onEvent(event),
    })
    progress.end()
    sayNotes(talk, found, report)
    ctx.stdout.write(json ? reportJson(report, found) : formatReport(report, found))
    return lostSome(found, report.skipped) ? SKIPPED_SOME : DONE
  } finally {
    progress.end()
  }
}
