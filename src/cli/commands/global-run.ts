// `global-run`: plans a large area and runs its tiles, here or on a cluster; the same command goes on where it ended.
import type { Command } from 'commander'
import type { SkippedFile } from '../../native/contract.js'
import type { EngineEvent, EngineOutcome } from '../../processing/engine.js'
import { type Plan, pathOf } from '../../processing/manifest.js'
import { type PlanRun, runPlan } from '../../processing/run-plan.js'
import { type CliContext, type Talk, talkTo } from '../context.js'
import { engineFor } from '../engines.js'
import { DONE, EXIT_STATUSES, type ExitStatus, FAILED } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { formatBytes, formatDuration, formatFacts, JSON_SCHEMA, plural, toJson } from '../output.js'
import { PLAN_OPTIONS, planningStatus, planTiles } from '../planning.js'
import type { Finish } from '../program.js'
import { SLURM_OPTIONS } from '../slurm-options.js'

const NAMES = [
  ...PLAN_OPTIONS,
  'executionBackend',
  'daskScheduler',
  'daskPython',
  'daskRetries',
  'nWorkers',
  'maxMemory',
  'retryFailed',
  ...SLURM_OPTIONS,
  'offline',
  'scratch',
  'json',
  'quiet',
  'verbose',
  'progress',
] as const
export type GlobalRunOptions = OptionValues<(typeof NAMES)[number]>

export function registerGlobalRun(program: Command, ctx: CliContext, finish: Finish): void {
  const command = program
    .command('global-run')
    .description('make the tiles of a large area; run it again to go on where it ended')
  addOptions(command, NAMES).action(() => finish(runGlobalRun(ctx, readOptions(command, NAMES))))
}

/** How long the units of a stopped run may take to save what they have. */
const PATIENCE_MS = 40_000

export async function runGlobalRun(ctx: CliContext, options: GlobalRunOptions): Promise<ExitStatus> {
  const { nWorkers, maxMemory: maxMemoryBytes, retryFailed, offline, scratch, json, quiet, verbose } = options
  const talk = talkTo(ctx, { quiet: quiet || json, verbose })
  const engine = await engineFor(ctx, options, talk)
  const made = await planTiles(ctx, options, talk)
  const { plan, tiles, skipped } = made
  talk.note(`${plural(plan.unitCount, 'unit')} of ${plural(tiles, 'tile')} in ${plan.manifestPath}`)
  ctx.bePatient?.(PATIENCE_MS, 75)
  const tell = tellEvents(ctx, talk, plan, options)
  const settings = { nWorkers, maxMemoryBytes, retryFailed, offline, scratch, env: ctx.env }
  const run = await runPlan(plan, engine, settings, tell, ctx.signal)
  for (const note of run.notes) talk.note(note)
  if (run.problem !== undefined) talk.warn(`the index of results is not whole: ${run.problem.message}`)
  ctx.stdout.write(json ? runJson(plan, run, skipped) : formatRun(plan, run))
  const ended = statusOf(run, ctx.signal)
  if (ended !== DONE && !json) ctx.stderr.write(`${adviceOn(run, ctx.signal)}\n`)
  return ended === DONE ? planningStatus(made, options) : ended
}

/** Says what happens to units, one line each; on a terminal that nobody asked for more, a count that is written over. */
function tellEvents(ctx: CliContext, talk: Talk, plan: Plan, { progress, quiet, verbose, json }: GlobalRunOptions) {
  const { stderr } = ctx
  if (progress === 'json') return (event: EngineEvent) => stderr.write(`${JSON.stringify(event)}\n`)
  const isPlain = quiet || json || verbose || progress === 'none' || !stderr.isTTY || (ctx.env.CI ?? '') !== ''
  const erase = isPlain ? '' : '\r\u001b[K'
  let done = 0
  const running = new Set<number>()
  return (event: EngineEvent) => {
    if (erase !== '') stderr.write(erase)
    if (event.kind === 'started') running.add(event.index)
    if (event.kind === 'done' || event.kind === 'empty') done += 1
    if ('index' in event && event.kind !== 'started') running.delete(event.index)
    say(talk, event)
    if (erase !== '')
      stderr.write(`${done} done, ${running.size} running, of ${plan.unitCount}`.slice(0, stderr.columns - 1))
  }
}

function say(talk: Talk, event: EngineEvent): void {
  if (event.kind === 'note') talk.note(event.message)
  else if (event.kind === 'warning') talk.warn(event.message)
  else if (event.kind === 'submitted') talk.note(`handed ${plural(event.units, 'unit')} over as job ${event.job}`)
  else if (event.kind === 'failed') {
    const next = event.willRetry ? '; trying again' : ''
    talk.warn(`${event.index} ${event.id}: ${event.message} (${event.exitStatus})${next}`)
  } else talk.detail(`${event.index} ${event.id}: ${event.kind}`)
}

/** What ended the whole run; else that something is left to do, or that something failed for good. */
function statusOf({ outcome, status, problem }: PlanRun, signal: AbortSignal): ExitStatus {
  const { stoppedBy, handedOver, retry } = outcome
  const known = EXIT_STATUSES.find((one) => one.status === stoppedBy)
  if (known !== undefined) return known.status
  if (signal.aborted || problem !== undefined) return 75
  // What failed before may be among what was handed over.
  if (handedOver > 0) return retry === 0 ? DONE : 75
  if (status.open + status.claimed > 0) return 75
  if (status.failed === 0) return DONE
  const statuses = Object.keys(status.failures).map(Number)
  return statuses.every((one) => one === 75) ? 75 : statuses.includes(65) ? 65 : FAILED
}

function adviceOn({ outcome, status }: PlanRun, signal: AbortSignal): string {
  const left = status.open + status.claimed
  if (signal.aborted) return 'stopped; what is done stays, and the same command goes on from there'
  if (outcome.stoppedBy !== undefined)
    return `all stopped by status ${outcome.stoppedBy}; mend that and run the same command again`
  const failed = status.failed > 0 ? `${plural(status.failed, 'unit')} failed, see plan-status; ` : ''
  const open = left > 0 ? `${plural(left, 'unit')} left; ` : ''
  return `${open}${failed}the same command goes on from there, with --retry-failed also over bad data`
}

function runJson(plan: Plan, run: PlanRun, skipped: readonly SkippedFile[]): string {
  const { outcome, status, files, notes, problem } = run
  const { manifestPath: manifest, hash } = plan
  const { code, message, hint } = problem ?? {}
  const indexProblem = problem === undefined ? {} : { indexProblem: { code, message, hint } }
  return toJson({
    schema: JSON_SCHEMA,
    manifest,
    hash,
    ...status,
    skipped,
    outcome,
    index: files,
    notes,
    ...indexProblem,
  })
}

function formatRun(plan: Plan, { outcome, status, files }: PlanRun): string {
  const { units, done, empty, failed, claimed, open, bytes, unitSeconds, peakRssBytes } = status
  const facts: [string, string][] = [
    ['tiles', `${done} done, ${empty} without data, ${failed} failed, ${open + claimed} left, of ${units}`],
    ['this run', outcomeText(outcome)],
    ['outputs', `${formatBytes(bytes)} in ${pathOf(plan, plan.shared.outputDir)}`],
    ['work', `${formatDuration(unitSeconds * 1000)} of units, at most ${formatBytes(peakRssBytes)} of memory each`],
    ['index', files.map((path) => path.split(/[\\/]/).at(-1)).join(', ')],
  ]
  return `ran ${plan.manifestPath}\n${formatFacts(facts)}`
}

function outcomeText({ done, failed, retry, handedOver }: EngineOutcome): string {
  const over = handedOver > 0 ? `, ${handedOver} handed over` : ''
  return `${done} done, ${failed} failed, ${retry} to try again${over}`
}
