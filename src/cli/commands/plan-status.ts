// `plan-status`: what is done, open and failed of a plan; files tell, and a queue adds why something is missing.
import type { Command } from 'commander'
import { openPlan, type Plan } from '../../processing/manifest.js'
import { type PlanStatus, planStatus, type UnitWithState } from '../../processing/open-units.js'
import type { CliContext } from '../context.js'
import { DONE, type ExitStatus } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { formatBytes, formatDuration, formatFacts, JSON_SCHEMA, plural, toJson } from '../output.js'
import type { Finish } from '../program.js'
import { askQueue, type QueuedUnit } from '../queue.js'

const NAMES = ['watch', 'all', 'json'] as const
export type PlanStatusOptions = OptionValues<(typeof NAMES)[number]>

/** Between two looks; a login node is shared. */
const WATCH_MS = 30_000
/** Failures that are told one by one. */
const MOST_TOLD = 20

export function registerPlanStatus(program: Command, ctx: CliContext, finish: Finish): void {
  const command = program
    .command('plan-status')
    .description('say what is done, open and failed of a plan')
    .argument('[run]', 'run folder, or a plan-....jsonl in it; default run')
  addOptions(command, NAMES).action((run: string | undefined) =>
    finish(runPlanStatus(ctx, run ?? 'run', readOptions(command, NAMES))),
  )
}

export async function runPlanStatus(ctx: CliContext, run: string, options: PlanStatusOptions): Promise<ExitStatus> {
  for (;;) {
    const plan = await openPlan(run)
    const queue = await askQueue(ctx, plan)
    const told: UnitWithState[] = []
    const wanted = options.all ? ['failed', 'claimed', 'open', 'done', 'empty'] : ['failed', 'claimed']
    const status = await planStatus(plan, (found) => {
      if (wanted.includes(found.state.kind) || queue?.has(found.unit.index)) told.push(found)
    })
    ctx.stdout.write(options.json ? statusJson(plan, status, told, queue) : formatStatus(plan, status, told, queue))
    const isOver = status.claimed + status.open === 0
    if (!options.watch || isOver || ctx.signal.aborted) return DONE
    await sleep(WATCH_MS, ctx.signal)
    if (ctx.signal.aborted) return DONE
  }
}

function statusJson(
  plan: Plan,
  status: PlanStatus,
  told: readonly UnitWithState[],
  queue: ReadonlyMap<number, QueuedUnit> | undefined,
): string {
  const units = told.map(({ unit: { index, id }, state }) => ({ index, id, ...state, queue: queue?.get(index) }))
  return toJson({ schema: JSON_SCHEMA, manifest: plan.manifestPath, hash: plan.hash, ...status, told: units })
}

export function formatStatus(
  plan: Plan,
  status: PlanStatus,
  told: readonly UnitWithState[],
  queue: ReadonlyMap<number, QueuedUnit> | undefined,
): string {
  const { units, done, empty, failed, claimed, open, bytes, unitSeconds, peakRssBytes } = status
  const percent = Math.floor((100 * (done + empty)) / Math.max(1, units))
  const facts: [string, string][] = [
    ['done', `${done + empty} of ${plural(units, 'unit')} (${percent} %)${empty > 0 ? `, ${empty} without data` : ''}`],
    ['running', String(claimed)],
    ['open', String(open)],
    ['failed', failedText(status, failed)],
    ...(done === 0
      ? []
      : ([
          ['outputs', `${formatBytes(bytes)}, ${formatDuration((unitSeconds * 1000) / done)} each`],
          ['peak memory', formatBytes(peakRssBytes)],
        ] satisfies [string, string][])),
  ]
  const lines = told.slice(0, MOST_TOLD).map((found) => `  ${unitText(found, queue)}\n`)
  const more = told.length > MOST_TOLD ? `  ... and ${told.length - MOST_TOLD} more; --json has them all\n` : ''
  return `${plan.manifestPath}\n${formatFacts(facts)}${lines.join('')}${more}`
}

function failedText({ failures }: PlanStatus, failed: number): string {
  const kinds = Object.entries(failures).map(([status, count]) => `${count} with ${status}`)
  return kinds.length === 0 ? '0' : `${failed} (${kinds.join(', ')}; see \`help exit-codes\`)`
}

function unitText({ unit, state }: UnitWithState, queue: ReadonlyMap<number, QueuedUnit> | undefined): string {
  const queued = queue?.get(unit.index)
  const inQueue = queued === undefined ? '' : ` [${queued.state}${queued.reason ? `: ${queued.reason}` : ''}]`
  const head = `${unit.index} ${unit.id}`
  if (state.kind === 'failed') return `${head}: failed (${state.exitStatus}, ${state.code}): ${state.message}${inQueue}`
  if (state.kind === 'claimed') return `${head}: on ${state.host}, last heard of ${state.ageSeconds} s ago${inQueue}`
  return `${head}: ${state.kind}${inQueue}`
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
