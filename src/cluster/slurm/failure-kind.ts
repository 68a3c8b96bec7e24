// Why a unit is not done: what its records and Slurm say, brought to one word, and whether it goes into the next run.
import type { UnitState } from '../../processing/unit-state.js'
import type { JobEntry } from './queue.js'
import type { SlurmSettings } from './settings.js'

/** From `done` to `suspicious`; `active` jobs are never touched. */
export const UNIT_KINDS = [
  'done',
  'active',
  'open',
  'memory',
  'time',
  'transient',
  'launch',
  'run-wide',
  'permanent',
  'cancelled',
  'suspicious',
] as const
export type UnitKind = (typeof UNIT_KINDS)[number]

export interface UnitFinding {
  readonly kind: UnitKind
  /** Of an active unit. */
  readonly activity?: 'queued' | 'starting' | 'running'
  /** What is going on, in a few words. */
  readonly detail: string
  /** Something that waiting does not cure. */
  readonly warning?: string
}

/** States of a job that will still do something, or has not told its end. Unknown states count as such. */
const ENDED = new Set([
  'BOOT_FAIL',
  'CANCELLED',
  'COMPLETED',
  'DEADLINE',
  'FAILED',
  'NODE_FAIL',
  'OUT_OF_MEMORY',
  'PREEMPTED',
  'REVOKED',
  'TIMEOUT',
])

/** Reasons of waiting that do not go away, and what helps. */
const STUCK: Readonly<Record<string, string>> = {
  AssocGrpCPUMinutesLimit: 'the account has used up its share',
  BadConstraints: 'no node has what is asked for; cancel it and choose another --slurm-constraint',
  DependencyNeverSatisfied: 'the job it depends on failed; cancel it',
  JobArrayTaskLimit: '',
  JobHeldAdmin: 'held by an administrator',
  JobHeldUser: 'held; `scontrol release` lets it go',
  PartitionConfig: 'it asks for more than the partition has; cancel it and ask for less',
  PartitionDown: 'the partition is down',
  PartitionInactive: 'the partition is inactive',
  PartitionTimeLimit: 'it asks for more time than the partition allows; cancel it and ask for less',
  QOSMaxCpuPerJobLimit: 'it asks for more processors than the QOS allows',
  QOSMaxMemoryPerJob: 'it asks for more memory than the QOS allows',
  QOSMaxWallDurationPerJobLimit: 'it asks for more time than the QOS allows',
}

const RUN_WIDE = new Set([2, 77, 78])
/** How long a shared folder may hide what another machine wrote. */
export const SETTLING_MS = 60_000

export function isActive(entry: JobEntry): boolean {
  return !ENDED.has(entry.state)
}

/**
 * @param job the latest job of the unit that Slurm still knows
 * @param submissions how often the unit was submitted
 * @param logTail the end of its log, if somebody read it
 */
export function classify(
  state: UnitState,
  job: JobEntry | undefined,
  context: { submissions: number; nowMs: number; isPacked?: boolean; logTail?: string | undefined },
): UnitFinding {
  if (state.kind === 'done') return { kind: 'done', detail: 'done' }
  if (state.kind === 'empty') return { kind: 'done', detail: 'done, without data' }
  if (job !== undefined && isActive(job)) return activity(job)
  if (state.kind === 'claimed')
    return { kind: 'active', activity: 'running', detail: `being worked on by ${state.host}` }
  const record = state.kind === 'failed' ? ofRecord(state) : undefined
  // Of several tiles in a job, each says for itself what is wrong with it.
  if (record !== undefined && (context.isPacked || job === undefined)) return record
  if (job === undefined)
    return { kind: 'open', detail: context.submissions === 0 ? 'not submitted' : 'no trace of its job' }
  return ofJob(job, context) ?? record ?? { kind: 'transient', detail: `${job.state.toLowerCase()} before it was done` }
}

function activity({ state, reason, id }: JobEntry): UnitFinding {
  if (state === 'CONFIGURING')
    return { kind: 'active', activity: 'starting', detail: `starting: the node of job ${id} is being made ready` }
  if (state === 'RUNNING' || state === 'COMPLETING')
    return { kind: 'active', activity: 'running', detail: `running as job ${id}` }
  if (state !== 'PENDING') return { kind: 'active', activity: 'queued', detail: `${state.toLowerCase()}, job ${id}` }
  const why = reason === '' || reason === 'None' ? '' : ` (${reason})`
  const held = /held/i.test(reason) ? 'held by Slurm; see why, then `scontrol release` or `scancel` it' : undefined
  const warning = (Object.hasOwn(STUCK, reason) ? STUCK[reason] : undefined) ?? held
  const finding: UnitFinding = { kind: 'active', activity: 'queued', detail: `queued as job ${id}${why}` }
  return warning === undefined || warning === ''
    ? finding
    : { ...finding, warning: `job ${id} (${reason}): ${warning}` }
}

/** What the end of a job says; nothing when the unit itself knows better. */
function ofJob(
  job: JobEntry,
  context: { submissions: number; nowMs: number; isPacked?: boolean; logTail?: string | undefined },
): UnitFinding | undefined {
  const { state, exit, id, reason } = job
  const told = `job ${id}: ${state}${exit === undefined ? '' : ` ${exit.status}:${exit.signal}`}`
  if (state === 'OUT_OF_MEMORY' || reason === 'OutOfMemory') return { kind: 'memory', detail: `out of memory, ${told}` }
  if (state === 'TIMEOUT' || state === 'DEADLINE') return { kind: 'time', detail: `reached its time limit, ${told}` }
  if (state === 'CANCELLED') return { kind: 'cancelled', detail: `cancelled, ${told}` }
  if (['NODE_FAIL', 'BOOT_FAIL', 'PREEMPTED', 'REVOKED'].includes(state)) return { kind: 'transient', detail: told }
  if (state === 'COMPLETED') return completed(job, context)
  // Slurm gives the reason JobLaunchFailure to what it killed for its memory as well.
  if (exit === undefined ? reason === 'JobLaunchFailure' : exit.signal === 53) {
    return { kind: 'launch', detail: `could not be started, ${told}: is the folder of logs there on all nodes?` }
  }
  if (exit?.signal === 9 || exit?.status === 137 || /oom[_-]kill/i.test(context.logTail ?? '')) {
    return { kind: 'memory', detail: `killed, most likely out of memory, ${told}` }
  }
  if (exit === undefined || exit.status === 0) {
    return exit === undefined ? undefined : { kind: 'transient', detail: `ended by a signal, ${told}` }
  }
  return context.isPacked ? undefined : ofStatus(exit.status, told)
}

function completed(
  { endedAtMs, id }: JobEntry,
  { nowMs, submissions, isPacked = false }: { submissions: number; nowMs: number; isPacked?: boolean },
): UnitFinding {
  if (endedAtMs !== undefined && nowMs - endedAtMs < SETTLING_MS) {
    return { kind: 'active', activity: 'running', detail: `job ${id} has ended; its result is not visible here yet` }
  }
  // Somebody may have removed the result to have it made anew; that it vanishes twice is another matter.
  if (submissions < 2 || isPacked) return { kind: 'open', detail: `job ${id} ended well, but there is no result` }
  return { kind: 'suspicious', detail: `job ${id} ended well, and again there is no result` }
}

function ofRecord({ exitStatus, code, message }: UnitState & { kind: 'failed' }): UnitFinding {
  // The job's memory is the unit's budget, so a larger job may do.
  return code === 'MEMORY_BUDGET' ? { kind: 'memory', detail: message } : ofStatus(exitStatus, message)
}

/** Exit statuses are those of the command line. */
function ofStatus(status: number, told: string): UnitFinding {
  if (RUN_WIDE.has(status)) return { kind: 'run-wide', detail: told }
  if (status === 137) return { kind: 'memory', detail: told }
  if (status === 75 || status === 143 || status === 130) return { kind: 'transient', detail: told }
  return { kind: 'permanent', detail: told }
}

/** Whether a unit goes into the next submission. */
export function goesAgain(kind: UnitKind, settings: Pick<SlurmSettings, 'retryFailed' | 'retryCancelled'>): boolean {
  if (kind === 'done' || kind === 'active') return false
  if (kind === 'permanent' || kind === 'suspicious') return settings.retryFailed
  return kind === 'cancelled' ? settings.retryCancelled : true
}
