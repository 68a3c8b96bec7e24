// The report of a run and the plan of a dry run, for people and for programs.
import type { StreamTraffic } from '../access/remote-scenes.js'
import type {
  CubePlan,
  CubeRequest,
  GridInfo,
  NativeError,
  PlannedScene,
  SkippedScene,
  TimeStep,
} from '../native/contract.js'
import { hasNoData } from '../series/no-data.js'
import type { RunReport } from '../series/run.js'
import type { Talk } from './context.js'
import { formatBytes, formatDuration, formatFacts, JSON_SCHEMA, plural, toJson } from './output.js'
import type { FoundScenes } from './scenes.js'

/** What the search for scenes left out. */
export type LeftOut = Pick<FoundScenes, 'skipped' | 'duplicates' | 'cloudUnknown'>

/** Granules that were skipped, while looking for scenes or while working on them, each once. */
function allSkipped(leftOut: LeftOut, skipped: readonly SkippedScene[]): SkippedScene[] {
  const byPath = new Map<string, SkippedScene>([...leftOut.skipped, ...skipped].map((scene) => [scene.path, scene]))
  return [...byPath.values()]
}

/** Whether granules were skipped that should have added something. */
export function lostSome(leftOut: LeftOut, skipped: readonly SkippedScene[]): boolean {
  return allSkipped(leftOut, skipped).some((scene) => !hasNoData(scene))
}

/** The report with the request, so that it can be run again from what is printed. */
export function reportJson(report: RunReport, request: CubeRequest, leftOut: LeftOut, stream?: StreamTraffic): string {
  return toJson({
    schema: JSON_SCHEMA,
    ...report,
    ...leftOutJson(leftOut, report.skipped),
    ...streamJson(stream),
    request,
  })
}

export function planJson(plan: CubePlan, request: CubeRequest, leftOut: LeftOut, stream?: StreamTraffic): string {
  return toJson({ ...plan, ...leftOutJson(leftOut, plan.skipped), ...streamJson(stream), request })
}

/** What was fetched, of a run that streamed. */
function streamJson(stream: StreamTraffic | undefined) {
  return stream === undefined ? {} : { stream }
}

function streamFact(stream: StreamTraffic | undefined): [string, string][] {
  if (stream === undefined) return []
  return [['fetched', `${formatBytes(stream.bytesFetched)} in ${plural(stream.requests, 'request')}`]]
}

function leftOutJson(leftOut: LeftOut, skipped: readonly SkippedScene[]) {
  const duplicates = leftOut.duplicates.map((scene) => scene.path)
  return { skipped: allSkipped(leftOut, skipped), duplicates, cloudUnknown: leftOut.cloudUnknown }
}

export function formatReport(report: RunReport, leftOut: LeftOut, stream?: StreamTraffic): string {
  const skipped = allSkipped(leftOut, report.skipped)
  const facts: [string, string][] = [
    ['scenes', scenesText(report.scenes, skipped)],
    ...stepsFact(report),
    ['grid', gridText(report.grid)],
    ['variables', report.variables.join(', ')],
    ...validFact(report),
    ...streamFact(stream),
    ['read', `${formatBytes(report.bytesRead)} in ${formatDuration(report.elapsedMs)}`],
    ['written', formatBytes(report.bytesWritten)],
    ['peak memory', formatBytes(report.peakMemoryBytes)],
  ]
  return `wrote ${outputsText(report.outputs)}\n${formatFacts(facts)}`
}

export function formatPlan(
  plan: CubePlan,
  leftOut: LeftOut,
  output: string | undefined,
  stream?: StreamTraffic,
): string {
  const skipped = allSkipped(leftOut, plan.skipped)
  const free: [string, string][] =
    plan.freeDiskBytes === undefined ? [] : [['free disk', formatBytes(plan.freeDiskBytes)]]
  const facts: [string, string][] = [
    ['scenes', scenesText(plan.scenes, skipped)],
    ...stepsFact(plan),
    ['grid', gridText(plan.grid)],
    ['variables', plan.variables.join(', ')],
    ...streamFact(stream),
    ['to read', formatBytes(plan.bytesToRead)],
    ['to write', `at most ${formatBytes(plan.outputBytesMax)}, before compression`],
    ...checkpointsFact(plan),
    ['chunks', `${plan.chunksWithData} of ${plan.chunksTotal} hold data`],
    ...blocksFact(plan),
    ['peak memory', `${formatBytes(plan.peakMemoryBytes)} of ${formatBytes(plan.maxMemoryBytes)} allowed`],
    ['workers', String(plan.nWorkers)],
    ...free,
  ]
  const head = output === undefined ? 'dry run: nothing is written' : `dry run for ${output}: nothing is written`
  return `${head}\n${formatFacts(facts)}`
}

function checkpointsFact({ checkpointBytesMax }: CubePlan): [string, string][] {
  if (checkpointBytesMax === 0) return []
  return [['checkpoints', `at most ${formatBytes(checkpointBytesMax)}, until the output is complete`]]
}

/** Time steps, where they are not the scenes. */
function stepsFact({ steps, scenes }: { steps: TimeStep[]; scenes: PlannedScene[] }): [string, string][] {
  const isReduced = steps.some((step) => step.periodStart !== undefined)
  if (!isReduced && steps.length === scenes.length) return []
  const looks = steps.reduce((sum, step) => sum + step.looks, 0)
  return [['time steps', isReduced ? `${plural(steps.length, 'period')} of ${plural(looks, 'look')}` : String(looks)]]
}

/** Most lines of valid pixels that are told; the rest is in the JSON. */
const VALID_LINES = 4

/** Least and most of the pixels that have a value at a time step; variables with the same are told together. */
function validFact({ steps, variables, pixels }: RunReport): [string, string][] {
  const byText = new Map<string, string[]>()
  for (const name of variables) {
    const shares = steps.map((step) => Math.round((100 * (step.validPixels?.[name] ?? 0)) / pixels))
    const [least, most] = [Math.min(...shares), Math.max(...shares)]
    const text = `${least === most ? least : `${least} to ${most}`} %`
    byText.set(text, [...(byText.get(text) ?? []), name])
  }
  if (pixels === 0 || steps.length === 0) return []
  const isSame = byText.size === 1
  const texts = [...byText].map(([text, names]) => `${text} of the pixels${isSame ? '' : ` in ${names.join(', ')}`}`)
  const more = texts.length > VALID_LINES ? ['...'] : []
  return [['valid', [...texts.slice(0, VALID_LINES), ...more].join('; ')]]
}

/** How the work is divided, where it is. */
function blocksFact({ blocks, order }: CubePlan): [string, string][] {
  if (blocks <= 1) return []
  return [['blocks', `${blocks}, ${order === 'blocks' ? 'each with all scenes' : 'one after another for each scene'}`]]
}

/** Names of a few outputs, or the first and how many more there are. */
function outputsText(outputs: readonly string[]): string {
  const [first = 'nothing', ...others] = outputs
  return others.length < 4 ? outputs.join(', ') : `${first} and ${others.length} more`
}

function scenesText(scenes: readonly PlannedScene[], skipped: readonly SkippedScene[]): string {
  const days = scenes.map((scene) => scene.time.slice(0, 10)).sort()
  const [first] = days
  const last = days.at(-1)
  const period = first === undefined ? '' : first === last ? ` (${first})` : ` (${first} to ${last})`
  const empty = skipped.filter(hasNoData).length
  const bad = skipped.length - empty
  const without = empty === 0 ? '' : `, ${empty} without data for this request`
  return `${scenes.length}${period}${without}${bad === 0 ? '' : `, ${bad} skipped`}`
}

function gridText({ crs, epsg, width, height, resolution }: GridInfo): string {
  return `${epsg === undefined ? crs : `EPSG:${epsg}`}, ${plural(width, 'column')} x ${plural(height, 'row')} of ${resolution}`
}

/** Tells what a person should know of a result beside its numbers: scenes without data or skipped, and warnings. */
export function sayNotes(talk: Talk, leftOut: LeftOut, { skipped, warnings }: Pick<CubePlan, 'skipped' | 'warnings'>) {
  const told = new Set(leftOut.skipped.map((file) => file.path))
  for (const scene of skipped.filter(({ path }) => !told.has(path))) {
    const reason = `${scene.path}: ${sayError(scene.error)}`
    if (hasNoData(scene)) talk.note(`no data in ${reason}`)
    else talk.warn(`skipped ${reason}`)
  }
  for (const warning of warnings) talk.warn(warning)
}

function sayError({ code, message }: NativeError): string {
  return `${message} (${code})`
}
