// `run-unit`: runs one unit of a plan; every engine calls this, and reads the exit status.
import type { Command } from 'commander'
import { UsageError } from '../../errors.js'
import { openPlan, readUnit, type Unit } from '../../processing/manifest.js'
import { runUnit, type UnitOutcome } from '../../processing/run-unit.js'
import { unitIndex } from '../../processing/unit-index.js'
import { TRY_LATER } from '../../processing/unit-status.js'
import { type CliContext, talkTo } from '../context.js'
import { EXIT_STATUSES, type ExitStatus, FAILED } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { formatBytes, formatDuration, formatError, JSON_SCHEMA } from '../output.js'
import type { Finish } from '../program.js'
import { openProgress } from '../progress.js'

const NAMES = [
  'manifest',
  'unitIndex',
  'indexOffset',
  'offline',
  'stopWithStdin',
  'scratch',
  'threads',
  'maxMemory',
  'json',
  'quiet',
  'verbose',
  'progress',
] as const
export type RunUnitCommandOptions = OptionValues<(typeof NAMES)[number]>

/** How long a unit may take to save what it has. */
const PATIENCE_MS = 25_000

export function registerRunUnit(program: Command, ctx: CliContext, finish: Finish): void {
  const command = program.command('run-unit').description('run one unit of a plan, in a job or by hand')
  addOptions(command, NAMES).action(() => finish(runRunUnit(ctx, readOptions(command, NAMES))))
}

export async function runRunUnit(ctx: CliContext, options: RunUnitCommandOptions): Promise<ExitStatus> {
  const { manifest, offline, scratch, threads, maxMemory: memoryBytes, json = false, quiet, verbose } = options
  const { env } = ctx
  ctx.bePatient?.(PATIENCE_MS, statusOf(TRY_LATER))
  if (manifest === undefined) {
    throw new UsageError('--manifest is missing', {
      hint: 'name the plan-....jsonl that `plan` wrote, or its run folder',
    })
  }
  const talk = talkTo(ctx, { quiet: quiet || json, verbose })
  const plan = await openPlan(manifest)
  const unit = await readUnit(plan, unitIndex({ index: options.unitIndex, offset: options.indexOffset }, env))
  const progress = openProgress(ctx, talk, { mode: options.progress, quiet: quiet || json, verbose })
  try {
    const outcome = await runUnit(plan, unit, {
      ...{ env, offline, scratch, threads, memoryBytes, history: ctx.commandLine },
      signal: options.stopWithStdin ? withStdin(ctx) : ctx.signal,
      onWait: ({ host, pid }) => talk.note(`${unit.id} is being made by process ${pid} on ${host}; waiting`),
      onFetch: ({ kind, message }) => kind === 'failed' && talk.warn(message ?? 'a file could not be fetched'),
      onCompute: (event) => progress.onEvent(event),
      onNote: (text) => talk.detail(text),
      onWarning: (text) => talk.warn(text),
    })
    progress.end()
    say(ctx, unit, outcome, json)
    return statusOf(outcome.exitStatus)
  } finally {
    progress.end()
  }
}

/** Stops also when stdin ends: whoever held its other end is gone. */
function withStdin(ctx: CliContext): AbortSignal {
  const gone = new AbortController()
  ctx.stdinEnd?.().then(() => gone.abort('the end of stdin'))
  return AbortSignal.any([ctx.signal, gone.signal])
}

function statusOf(status: number): ExitStatus {
  return EXIT_STATUSES.find((one) => one.status === status)?.status ?? FAILED
}

function say(ctx: CliContext, unit: Unit, outcome: UnitOutcome, json: boolean): void {
  const { kind, wasDone, exitStatus, seconds, record, error } = outcome
  if (json) {
    const { code, message, hint, path, retryable } = error ?? {}
    const failure = error === undefined ? {} : { error: { code, message, hint, path, retryable } }
    const facts = { schema: JSON_SCHEMA, index: unit.index, id: unit.id, state: kind, wasDone, exitStatus, seconds }
    ctx.stdout.write(`${JSON.stringify({ ...facts, outputs: record?.outputs, ...failure })}\n`)
    return
  }
  if (error !== undefined) {
    ctx.stderr.write(`${unit.id}: ${formatError(error)}`)
    return
  }
  const bytes = record?.outputs.reduce((sum, one) => sum + one.bytes, 0) ?? 0
  const what = kind === 'empty' ? 'no scene has data here' : formatBytes(bytes)
  ctx.stdout.write(`${unit.id}: ${wasDone ? 'was done' : `done in ${formatDuration(seconds * 1000)}`}, ${what}\n`)
}
