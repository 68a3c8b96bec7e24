// The Dask engine: units of a plan as tasks of a scheduler that is already running.
import { setTimeout as pause } from 'node:timers/promises'
import { AbortError } from '../../errors.js'
import {
  type Engine,
  type EngineEvent,
  type EngineOptions,
  type EngineOutcome,
  RUN_WIDE,
  WORTH_A_RETRY,
} from '../../processing/engine.js'
import type { Plan, Unit } from '../../processing/manifest.js'
import { readFailure, type UnitState, unitState } from '../../processing/unit-state.js'
import { schedulerAddress } from './address.js'
import { runDriver } from './driver.js'
import { type DriverEvent, errorOf, PROTOCOL, type UnitEvent } from './protocol.js'
import { findPython } from './python.js'

export interface DaskOptions {
  /** Address of the scheduler, or the file it wrote. */
  readonly scheduler: string
  /** Interpreter that has `distributed`; else it is looked for. */
  readonly python?: string | undefined
  /** How this machine starts aster-timeseries: absolute paths, or names for the PATH of the workers. */
  readonly command: readonly string[]
  readonly version: string
  /** Further tries of a unit after a passing failure; default 3. */
  readonly retries?: number | undefined
  /** How long the scheduler may take to answer; default 10. */
  readonly timeoutSeconds?: number | undefined
  /** How long a shared file system may take to show what another machine wrote; default a minute. */
  readonly visibleWithinMs?: number | undefined
}

/** An engine that drives the scheduler of `options`; wrong addresses and interpreters throw here. */
export function daskEngine(options: DaskOptions, env: EngineOptions['env']): Engine {
  const scheduler = schedulerAddress(options.scheduler)
  const python = findPython(options.python, env)
  return {
    name: 'dask',
    async run(plan, open, engineOptions, onEvent, signal) {
      const units = new Map<number, Unit>()
      for await (const unit of open) units.set(unit.index, unit)
      if (units.size === 0) return { done: 0, failed: 0, retry: 0, handedOver: 0 }
      const tally = new Tally(plan, units, options.visibleWithinMs ?? 60_000, onEvent, signal)
      const all = [...units.values()]
      const end = await runDriver({
        python,
        env: engineOptions.env,
        signal,
        job: {
          protocol: PROTOCOL,
          scheduler,
          timeoutSeconds: options.timeoutSeconds ?? 10,
          manifest: plan.manifestPath,
          runFolder: plan.runFolder,
          command: options.command,
          arguments: argumentsOf(engineOptions),
          version: options.version,
          units: [...units.keys()],
          threads: largest(all, ({ threads }) => threads),
          memoryMiB: largest(all, ({ memoryMiB }) => memoryMiB),
          retries: options.retries ?? 3,
        },
        onEvent: (event) => tally.take(event),
      })
      const outcome = await tally.outcome()
      return end.reason === 'run-wide' ? { ...outcome, stoppedBy: end.exitStatus } : outcome
    },
  }
}

/** Largest of what units ask for; a spread into Math.max ends at some ten thousand of them. */
function largest(units: readonly Unit[], of: (unit: Unit) => number): number {
  return units.reduce((most, unit) => Math.max(most, of(unit)), 1)
}

function argumentsOf({ offline, scratch }: EngineOptions): string[] {
  return [...(offline ? ['--offline'] : []), ...(scratch === undefined ? [] : ['--scratch', scratch])]
}

/** Turns what the driver says into what a run reports; a unit counts as done when its record says so, not before. */
class Tally {
  readonly #counts = { done: 0, failed: 0 }
  #work: Promise<void> = Promise.resolve()
  #failure: unknown
  #deadline = 0

  constructor(
    private readonly plan: Plan,
    private readonly units: ReadonlyMap<number, Unit>,
    private readonly visibleWithinMs: number,
    private readonly onEvent: (event: EngineEvent) => void,
    private readonly signal: AbortSignal,
  ) {}

  take(event: DriverEvent): void {
    if (event.event === 'warning') this.onEvent({ kind: 'warning', message: event.message })
    else if (event.event === 'unit') this.#inOrder(() => this.#takeUnit(event))
    else if (event.event === 'workers') this.onEvent({ kind: 'note', message: workersLine(event) })
    else if (event.event === 'connected') {
      const page = event.dashboard === null ? '' : `; its web page: ${event.dashboard}`
      const message = `connected to the Dask scheduler at ${event.scheduler}, distributed ${event.distributed}${page}`
      this.onEvent({ kind: 'note', message })
    }
  }

  /** The counts, when every event has been dealt with. */
  async outcome(): Promise<EngineOutcome> {
    await this.#work
    if (this.#failure !== undefined) throw this.#failure
    const { done, failed } = this.#counts
    return { done, failed, retry: this.units.size - done - failed, handedOver: 0 }
  }

  #inOrder(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => {
      this.#failure ??= error
    })
  }

  async #takeUnit(event: UnitEvent): Promise<void> {
    const unit = this.units.get(event.index)
    if (unit === undefined) return
    const { index, id } = unit
    if (event.state === 'started') {
      this.onEvent({ kind: 'started', index, id, where: event.worker })
      return
    }
    const { exitStatus, tail } = event
    if (event.state === 'done') {
      const state = await this.#recordOf(unit)
      if (state === 'done') this.onEvent({ kind: 'done', index, id, seconds: event.seconds })
      else if (state === 'empty') this.onEvent({ kind: 'empty', index, id })
      else {
        const message = `finished on ${event.worker}, but its output is not here: is the output folder shared with the workers?`
        this.onEvent({ kind: 'failed', index, id, exitStatus: 75, message, willRetry: false })
        return
      }
      this.#counts.done += 1
      return
    }
    const willRetry = event.state === 'retry'
    const message = await this.#messageOf(unit, tail)
    if (!willRetry && !WORTH_A_RETRY.has(exitStatus) && !RUN_WIDE.has(exitStatus)) this.#counts.failed += 1
    this.onEvent({ kind: 'failed', index, id, exitStatus, message, willRetry })
  }

  /** Waits for the record of a unit that said it was done: network file systems show new files late. */
  async #recordOf(unit: Unit): Promise<UnitState['kind']> {
    for (let waitMs = 100; ; waitMs *= 2) {
      const { kind } = await unitState(this.plan, unit)
      if (kind === 'done' || kind === 'empty') {
        this.#deadline = 0
        return kind
      }
      if (this.#deadline === 0) this.#deadline = Date.now() + this.visibleWithinMs
      if (Date.now() >= this.#deadline) return kind
      await pause(Math.min(waitMs, 5000), undefined, { signal: this.signal }).catch(() => {
        throw new AbortError()
      })
    }
  }

  async #messageOf(unit: Unit, tail: string): Promise<string> {
    const error = errorOf(tail)
    if (error !== undefined) return error.message
    const lines = tail.split('\n').filter((line) => line.trim() !== '')
    return lines.at(-1) ?? (await readFailure(this.plan, unit))?.message ?? 'it said nothing'
  }
}

function workersLine({ workers, slots }: { workers: number; slots: number }): string {
  if (workers === 0) return 'no Dask workers yet; units wait for them'
  return `${workers} Dask worker${workers === 1 ? '' : 's'}, ${slots} unit${slots === 1 ? '' : 's'} at once`
}
