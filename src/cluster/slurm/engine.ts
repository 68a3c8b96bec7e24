// The engine that hands the open units of a plan to Slurm: scripts, a look at the cluster, then only what is not queued.
import { mkdir, rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { claim } from '../../access/claim.js'
import { AsterError } from '../../errors.js'
import type { Clock } from '../../net/clock.js'
import type { Engine, EngineEvent, EngineOptions, EngineOutcome } from '../../processing/engine.js'
import { iterUnits, type Plan, type Unit } from '../../processing/manifest.js'
import { isMended, type UnitWithState } from '../../processing/open-units.js'
import { ownCommand } from '../../processing/own-command.js'
import { unitState } from '../../processing/unit-state.js'
import { type ClusterFacts, readClusterFacts } from './cluster-facts.js'
import { SlurmCommands } from './commands.js'
import { goesAgain } from './failure-kind.js'
import { chunkSize } from './index-list.js'
import { largestNodeCpus, type Preflight, preflight } from './preflight.js'
import { type Raised, raisedFor } from './retry-needs.js'
import { type ScriptContext, stopPath } from './script.js'
import { writeScripts } from './script-folder.js'
import { resolveSettings, type SlurmOptions, type SlurmSettings } from './settings.js'
import { type SlurmStatus, slurmStatus, type UnitStatus } from './status.js'
import { type Batch, callLine, plannedCalls, type SubmitContext, submitCalls } from './submit.js'

export interface SlurmEngineSetup {
  /** Waits between tries when Slurm does not answer. */
  readonly waitsMs?: readonly number[] | undefined
  readonly clock?: Clock | undefined
  /** What jobs run instead of this package's program. */
  readonly program?: string | undefined
  /** Where the plan will be, for refusing that folder before anything is planned. */
  readonly runFolder?: string | undefined
}

type Tell = (event: EngineEvent) => void

/** Stands for a plan where only the options are checked. */
const ANY_PLAN = { runFolder: '/', needs: { threads: 1, memoryMiB: 1, unitCount: 1 } }

export class SlurmEngine implements Engine {
  readonly name = 'slurm'
  readonly #options: SlurmOptions
  readonly #setup: SlurmEngineSetup

  /** @throws UsageError for values that Slurm would not take: before a search, a plan, or a call of Slurm */
  constructor(options: SlurmOptions, setup: SlurmEngineSetup = {}) {
    resolveSettings(options, setup.runFolder ?? ANY_PLAN.runFolder, ANY_PLAN.needs)
    this.#options = options
    this.#setup = setup
  }

  /**
   * Writes the scripts; with `submit` also submits the open units that are neither queued nor running.
   *
   * @throws UsageError for values that the cluster could never satisfy; AsterError `SCHEDULER` when it does not answer,
   *   `SERVICE` when it refuses a job
   */
  async run(
    plan: Plan,
    open: AsyncIterable<Unit>,
    options: EngineOptions,
    onEvent: Tell,
    signal: AbortSignal,
  ): Promise<EngineOutcome> {
    const { submit = false, dryRun = false } = this.#options
    const commands = this.#commands(plan, options, onEvent, signal)
    const wanted = await this.#settings(plan, options)
    const { facts, silence } = await this.#facts(commands, onEvent)
    const settings = this.#within(facts, wanted, onEvent)
    const limits = facts === undefined ? undefined : preflight(facts, settings)
    for (const message of limits?.warnings ?? []) onEvent({ kind: 'warning', message })
    const chunk = chunkSize(facts?.maxArraySize)
    const context = scriptContext(plan, options, this.#setup.program)
    if (!dryRun) {
      const { tiles, changed } = await writeScripts(context, settings, iterUnits(plan), chunk)
      onEvent({ kind: 'note', message: `${tiles} tile scripts in ${settings.scriptDir}, ${changed} files written` })
    }
    if (!submit && !dryRun) return this.#leaveToUser(settings, open, onEvent)
    if (silence !== undefined) throw silence
    const user = userInfo().username
    const place = { commands, runFolder: plan.runFolder, hash: plan.hash, settings, chunk, user }
    const submitting = {
      ...place,
      onSubmitted: (units: number, job: string) => onEvent({ kind: 'submitted', units, job }),
    }
    if (dryRun) return this.#submit(plan, open, submitting, limits, onEvent)
    // Two commands at a time would both find the same units open.
    await mkdir(join(plan.runFolder, 'slurm'), { recursive: true })
    const onWait = () => onEvent({ kind: 'note', message: 'waiting: another command submits jobs of this run' })
    const held = await claim(join(plan.runFolder, 'slurm', '.submit.claim'), { signal, onWait })
    try {
      return await this.#submit(plan, open, submitting, limits, onEvent)
    } finally {
      await held.release()
    }
  }

  #commands(plan: Plan, options: EngineOptions, onEvent: Tell, signal: AbortSignal): SlurmCommands {
    const onWait = (message: string) => onEvent({ kind: 'note', message })
    const { waitsMs, clock } = this.#setup
    const commands = new SlurmCommands({ env: options.env, cwd: plan.runFolder, signal, waitsMs, clock, onWait })
    const { secrets, overrides } = commands.environment
    if (!this.#options.submit) return commands
    if (overrides.length > 0) {
      onEvent({ kind: 'note', message: `${overrides.join(', ')} would overrule the scripts and is left out` })
    }
    if (secrets.length > 0) {
      const message = `${secrets.join(', ')} is not handed to jobs: clusters store the environment of a job. Jobs read ~/.netrc, or the file that NETRC names`
      onEvent({ kind: 'warning', message })
    }
    return commands
  }

  /** What the cluster has. Without an answer scripts can still be written, but nothing submitted. */
  async #facts(
    commands: SlurmCommands,
    onEvent: Tell,
  ): Promise<{ facts?: ClusterFacts; silence?: AsterError | undefined }> {
    try {
      return { facts: await readClusterFacts(commands) }
    } catch (error) {
      const known = error instanceof AsterError ? error : undefined
      if (known?.code === 'CANCELLED') throw error
      const message = error instanceof Error ? error.message : String(error)
      onEvent({ kind: 'warning', message: `what is asked for is not compared with the cluster: ${message}` })
      return { silence: known }
    }
  }

  async #settings(plan: Plan, { nWorkers }: EngineOptions): Promise<SlurmSettings> {
    let [threads, memoryMiB] = [nWorkers ?? 1, 1]
    for await (const unit of iterUnits(plan)) {
      threads = nWorkers ?? Math.max(threads, unit.threads)
      memoryMiB = Math.max(memoryMiB, unit.memoryMiB)
    }
    return resolveSettings(this.#options, plan.runFolder, { threads, memoryMiB, unitCount: plan.unitCount })
  }

  /** No more processors than the largest node has, unless they were asked for. */
  #within(facts: ClusterFacts | undefined, settings: SlurmSettings, onEvent: Tell): SlurmSettings {
    const most = facts === undefined ? undefined : largestNodeCpus(facts, settings.partition)
    if (this.#options.cpusPerTask !== undefined || most === undefined || settings.cpusPerTask <= most) return settings
    onEvent({ kind: 'note', message: `the largest node has ${most} processors: --slurm-cpus-per-task is ${most}` })
    return { ...settings, cpusPerTask: most }
  }

  /** The scripts are the result; when they run is for the user to say. */
  async #leaveToUser({ scriptDir }: SlurmSettings, open: AsyncIterable<Unit>, onEvent: Tell): Promise<EngineOutcome> {
    let handedOver = 0
    for await (const _ of open) handedOver += 1
    const message = `nothing was submitted: add --slurm-submit, or run ${join(scriptDir, 'submit.sh')}`
    onEvent({ kind: 'note', message })
    return { done: 0, failed: 0, retry: 0, handedOver }
  }

  async #submit(
    plan: Plan,
    open: AsyncIterable<Unit>,
    context: SubmitContext,
    limits: Preflight | undefined,
    onEvent: Tell,
  ): Promise<EngineOutcome> {
    const { settings, commands, user } = context
    const status = await slurmStatus(plan, withStates(plan, open), commands, user)
    tellOfStatus(status, onEvent)
    const mended = new Set<UnitStatus>()
    for (const one of status.units) if (one.kind === 'permanent' && (await isMended(plan, one.unit))) mended.add(one)
    const again = status.units.filter((one) => goesAgain(one.kind, settings) || mended.has(one))
    const { batches, beyond } = batchesOf(again, settings, limits)
    for (const { unit } of beyond) {
      const message = `${unit.id} ran out of memory, and no node has more: make tiles smaller, choose another partition, or try it once more with --retry-failed`
      onEvent({ kind: 'warning', message })
    }
    const calls = plannedCalls(context, batches)
    const isLeft = (one: UnitStatus) => one.kind !== 'done' && one.kind !== 'active' && !again.includes(one)
    const left = status.units.filter(isLeft)
    for (const one of left) onEvent(failedEvent(one))
    const counts = {
      done: status.units.filter(({ kind }) => kind === 'done').length,
      failed: left.length + beyond.length,
    }
    const active = status.units.filter(({ kind }) => kind === 'active').length
    if (this.#options.dryRun) {
      for (const call of calls) onEvent({ kind: 'note', message: callLine(call, settings) })
      return { ...counts, retry: 0, handedOver: active + again.length - beyond.length }
    }
    if (calls.length > 0) await rm(stopPath(plan.runFolder), { force: true })
    const outcome = await submitCalls(context, calls)
    if (outcome.limit !== undefined) {
      const [inNow, later] = [outcome.submitted.length, outcome.waiting.length]
      const message = `Slurm takes no more jobs of yours now (${outcome.limit}): ${inNow} tiles went in, ${later} wait for the same command to be run again once some are done; --slurm-mode pack needs fewer jobs`
      onEvent({ kind: 'warning', message })
    }
    return { ...counts, retry: outcome.waiting.length, handedOver: active + outcome.submitted.length }
  }
}

function scriptContext(plan: Plan, { offline, scratch }: EngineOptions, otherProgram?: string): ScriptContext {
  const { runFolder, manifestPath, hash } = plan
  const [node, program] = ownCommand()
  const unitArguments = [...(offline ? ['--offline'] : []), ...(scratch === undefined ? [] : ['--scratch', scratch])]
  return { runFolder, manifestPath, hash, node, program: otherProgram ?? program, unitArguments }
}

async function* withStates(plan: Plan, units: AsyncIterable<Unit>): AsyncGenerator<UnitWithState> {
  for await (const unit of units) yield { unit, state: await unitState(plan, unit) }
}

function tellOfStatus({ units, olderJobs }: SlurmStatus, onEvent: Tell): void {
  if (olderJobs.length > 0) {
    const message = `jobs of an older plan of this run are still there: ${olderJobs.join(', ')}; \`scancel\` them if their tiles are not wanted`
    onEvent({ kind: 'warning', message })
  }
  const warnings = new Set(units.flatMap(({ warning }) => warning ?? []))
  for (const message of warnings) onEvent({ kind: 'warning', message })
  const unstarted = units.find(({ kind }) => kind === 'launch')
  if (unstarted !== undefined) onEvent({ kind: 'warning', message: `${unstarted.unit.id}: ${unstarted.detail}` })
}

function failedEvent({ unit, kind, detail }: UnitStatus): EngineEvent {
  const option = kind === 'cancelled' ? '--retry-cancelled' : '--retry-failed'
  const message = `${detail}; submitted again only with ${option}`
  return { kind: 'failed', index: unit.index, id: unit.id, exitStatus: 1, message, willRetry: false }
}

/** Units with the same needs go together; those whose needs no node can meet are told apart. */
function batchesOf(again: readonly UnitStatus[], settings: SlurmSettings, limits: Preflight | undefined) {
  const groups = new Map<string, { needs: Raised; units: UnitStatus[] }>()
  const beyond: UnitStatus[] = []
  for (const one of again) {
    const raised = raisedFor(one.kind, one.last, settings, limits)
    // It may have been killed for another reason: whoever asks for it gets the most there is once more.
    const needs = raised ?? (settings.retryFailed ? raisedFor('transient', one.last, settings, limits) : undefined)
    if (needs === undefined) {
      beyond.push(one)
      continue
    }
    const key = JSON.stringify(needs)
    const group = groups.get(key) ?? { needs, units: [] }
    groups.set(key, group)
    group.units.push(one)
  }
  const batches = [...groups.values()].map(
    ({ needs, units }): Batch => ({
      ...needs,
      units: units.map(({ unit }) => ({ index: unit.index, id: unit.id })),
    }),
  )
  return { batches, beyond }
}
