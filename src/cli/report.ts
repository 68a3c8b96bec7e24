// The report of a run and the plan of a dry run, for people and for programs.
import type { CubePlan, GridInfo, NativeError, PlannedScene, SkippedScene } from '../native/contract.js'
import type { RunReport } from '../series/time-series.js'
import type { Talk } from './context.js'
import { formatBytes, formatDuration, formatFacts, JSON_SCHEMA, plural, toJson } from './output.js'
import type { FoundScenes } from './scenes.js'

/** Granules that were skipped, while looking for scenes or while working on them, each once. */
function allSkipped(found: FoundScenes, skipped: readonly SkippedScene[]): SkippedScene[] {
  const byPath = new Map<string, SkippedScene>([...found.skipped, ...skipped].map((scene) => [scene.path, scene]))
  return [...byPath.values()]
}

/** A sound scene that adds nothing: the telescope was off, or the area lies beside it. That is no failure. */
function hasNoData(found: FoundScenes, { path, error }: SkippedScene): boolean {
  const wasRead = found.scenes.some((scene) => scene.path === path)
  return error.code === 'NO_DATA' || (wasRead && error.code === 'NOT_FOUND')
}

/** Whether granules were skipped that should have added something. */
export function lostSome(found: FoundScenes, skipped: readonly SkippedScene[]): boolean {
  return allSkipped(found, skipped).some((scene) => !hasNoData(found, scene))
}

export function reportJson(report: RunReport, found: FoundScenes): string {
  const duplicates = found.duplicates.map((scene) => scene.path)
  const skipped = allSkipped(found, report.skipped)
  return toJson({ schema: JSON_SCHEMA, ...report, skipped, duplicates, cloudUnknown: found.cloudUnknown })
}

export function planJson(plan: CubePlan, found: FoundScenes): string {
  const duplicates = found.duplicates.map((scene) => scene.path)
  const skipped = allSkipped(found, plan.skipped)
  return toJson({ ...plan, skipped, duplicates, cloudUnknown: found.cloudUnknown })
}

export function formatReport(report: RunReport, found: FoundScenes): string {
  const skipped = allSkipped(found, report.skipped)
  const facts: [string, string][] = [
    ['scenes', scenesText(report.scenes, found, skipped)],
    ['grid', gridText(report.grid)],
    ['variables', report.variables.join(', ')],
    ['read', `${formatBytes(report.bytesRead)} in ${formatDuration(report.elapsedMs)}`],
    ['written', formatBytes(report.bytesWritten)],
    ['peak memory', formatBytes(report.peakMemoryBytes)],
  ]
  return `wrote ${report.outputs.join(', ')}\n${formatFacts(facts)}`
}

export function formatPlan(plan: CubePlan, found: FoundScenes, output: string | undefined): string {
  const skipped = allSkipped(found, plan.skipped)
  const free: [string, string][] =
    plan.freeDiskBytes === undefined ? [] : [['free disk', formatBytes(plan.freeDiskBytes)]]
  const facts: [string, string][] = [
    ['scenes', scenesText(plan.scenes, found, skipped)],
    ['grid', gridText(plan.grid)],
    ['variables', plan.variables.join(', ')],
    ['to read', formatBytes(plan.bytesToRead)],
    ['to write', `at most ${formatBytes(plan.outputBytesMax)}, before compression`],
    ['chunks', `${plan.chunksWithData} of ${plan.chunksTotal} hold data`],
    ['peak memory', `${formatBytes(plan.peakMemoryBytes)} of ${formatBytes(plan.maxMemoryBytes)} allowed`],
    ['workers', String(plan.nWorkers)],
    ...free,
  ]
  const head = output === undefined ? 'dry run: nothing is written' : `dry run for ${output}: nothing is written`
  return `${head}\n${formatFacts(facts)}`
}

function scenesText(scenes: readonly PlannedScene[], found: FoundScenes, skipped: readonly SkippedScene[]): string {
  const days = scenes.map((scene) => scene.time.slice(0, 10)).sort()
  const [first] = days
  const last = days.at(-1)
  const period = first === undefined ? '' : first === last ? ` (${first})` : ` (${first} to ${last})`
  const empty = skipped.filter((scene) => hasNoData(found, scene)).length
  const bad = skipped.length - empty
  const without = empty === 0 ? '' : `, ${empty} without data for this request`
  return `${scenes.length}${period}${without}${bad === 0 ? '' : `, ${bad} skipped`}`
}

function gridText({ crs, epsg, width, height, resolution }: GridInfo): string {
  return `${epsg === undefined ? crs : `EPSG:${epsg}`}, ${plural(width, 'column')} x ${plural(height, 'row')} of ${resolution}`
}

/** Tells what a person should know of a result beside its numbers: scenes without data or skipped, and warnings. */
export function sayNotes(
  talk: Talk,
  found: FoundScenes,
  { skipped, warnings }: Pick<CubePlan, 'skipped' | 'warnings'>,
) {
  const told = new Set(found.skipped.map((file) => file.path))
  for (const scene of skipped.filter(({ path }) => !told.has(path))) {
    const reason = `${scene.path}: ${sayError(scene.error)}`
    if (hasNoData(found, scene)) talk.note(`no data in ${reason}`)
    else talk.warn(`skipped ${reason}`)
  }
  for (const warning of warnings) talk.warn(warning)
}

function sayError({ code, message }: NativeError): string {
  return `${message} (${code})`
}
