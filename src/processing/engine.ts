// What runs the units of a plan: this machine, or a cluster. Each engine only starts `run-unit`, and reads the records.
import type { Plan, Unit } from './manifest.js'

export const EXECUTION_BACKENDS = ['local', 'slurm', 'dask'] as const
export type ExecutionBackend = (typeof EXECUTION_BACKENDS)[number]

/** What every engine is told; an engine takes what is its own when it is made. */
export interface EngineOptions {
  /** Threads of all units that run at a time on this machine, or workers of a cluster. */
  readonly nWorkers?: number | undefined
  /** Memory of all units that run at a time on this machine. */
  readonly maxMemoryBytes?: number | undefined
  /** Use cached and local files only. */
  readonly offline?: boolean | undefined
  /** Folder for unfinished files, on a disk of the machine that runs a unit. */
  readonly scratch?: string | undefined
  /** Without `EARTHDATA_*` it may be handed on; engines decide what a job sees. */
  readonly env: Readonly<Record<string, string | undefined>>
}

export type EngineEvent =
  | { kind: 'started'; index: number; id: string; where?: string }
  | { kind: 'done'; index: number; id: string; seconds?: number }
  /** Done without output. */
  | { kind: 'empty'; index: number; id: string }
  /** `willRetry`: the engine itself tries again in this run. */
  | { kind: 'failed'; index: number; id: string; exitStatus: number; message: string; willRetry: boolean }
  /** Handed to a queue that runs them later; `job` is what the queue calls it. */
  | { kind: 'submitted'; units: number; job: string }
  | { kind: 'note'; message: string }
  | { kind: 'warning'; message: string }

export interface EngineOutcome {
  /** Units that were done while this ran, empty ones too. */
  readonly done: number
  /** Units that failed for good: 65, 70. */
  readonly failed: number
  /** Units that another run may finish: 75, or never started. */
  readonly retry: number
  /** Units that a queue will run later; whether they finish is for `plan-status` to tell. */
  readonly handedOver: number
  /** Status that ended the whole run (77, 78), if one did. */
  readonly stoppedBy?: number
}

/** Statuses of a unit after which no other unit can succeed either: usage, authentication, configuration. */
export const RUN_WIDE: ReadonlySet<number> = new Set([2, 77, 78])
/** Statuses of a unit that another try may cure: try later, killed, stopped. */
export const WORTH_A_RETRY: ReadonlySet<number> = new Set([75, 130, 137, 143])

export interface Engine {
  readonly name: ExecutionBackend
  /** Runs the open units of a plan, in any order, each at least once; returns when it has nothing left to do. */
  run(
    plan: Plan,
    open: AsyncIterable<Unit>,
    options: EngineOptions,
    onEvent: (event: EngineEvent) => void,
    signal: AbortSignal,
  ): Promise<EngineOutcome>
}
