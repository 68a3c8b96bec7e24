// What a unit gets when it is submitted again: more memory or more time than the job that ran out of it.
import type { UnitKind } from './failure-kind.js'
import type { Submission } from './job-records.js'
import type { SlurmMemory, SlurmSettings } from './settings.js'

export interface Raised {
  readonly memory: SlurmMemory
  readonly timeSeconds: number
  readonly isRaised: boolean
}

/** The most that any node or partition gives. */
export interface RetryLimits {
  readonly maxMemoryMiB: number
  readonly maxSeconds: number
}

/** `undefined` when the unit had all the memory there is and it was too little. */
export function raisedFor(
  kind: UnitKind,
  last: Pick<Submission, 'perJobMiB' | 'perCpuMiB' | 'timeSeconds' | 'isRaised'> | undefined,
  settings: Pick<SlurmSettings, 'memory' | 'timeSeconds' | 'retryMemory' | 'retryTime' | 'cpusPerTask'>,
  limits: RetryLimits | undefined,
): Raised | undefined {
  const { memory, cpusPerTask } = settings
  const most = limits === undefined || limits.maxMemoryMiB === 0 ? Number.POSITIVE_INFINITY : limits.maxMemoryMiB
  const isMemory = kind === 'memory'
  const perJobMiB = raise(memory.perJobMiB, last?.perJobMiB, isMemory, last?.isRaised, settings.retryMemory, most)
  const mostPerCpu = Math.floor(most / cpusPerTask)
  const perCpuMiB = raise(memory.perCpuMiB, last?.perCpuMiB, isMemory, last?.isRaised, settings.retryMemory, mostPerCpu)
  const longest = limits?.maxSeconds || Number.POSITIVE_INFINITY
  const before = last === undefined ? undefined : (last.timeSeconds ?? Number.POSITIVE_INFINITY)
  const timeSeconds = raise(settings.timeSeconds, before, kind === 'time', last?.isRaised, settings.retryTime, longest)
  if (isMemory && (isSpent(perJobMiB, last?.perJobMiB, most) || isSpent(perCpuMiB, last?.perCpuMiB, mostPerCpu))) {
    return undefined
  }
  const isRaised =
    perJobMiB !== memory.perJobMiB || perCpuMiB !== memory.perCpuMiB || timeSeconds !== settings.timeSeconds
  return {
    memory: {
      ...(perJobMiB === undefined ? {} : { perJobMiB }),
      ...(perCpuMiB === undefined ? {} : { perCpuMiB }),
    },
    timeSeconds: timeSeconds ?? settings.timeSeconds,
    isRaised,
  }
}

/** What was asked for, or more: the last job's times the factor if it ran out, as much again if it was raised before. */
function raise(
  asked: number | undefined,
  before: number | undefined,
  ranOut: boolean,
  wasRaised: boolean | undefined,
  factor: number,
  most: number,
): number | undefined {
  // 0 is all that a node has.
  if (asked === undefined || asked === 0) return asked
  const wanted = ranOut ? (before ?? asked) * factor : wasRaised ? (before ?? asked) : asked
  return Math.max(asked, Math.min(most, Math.ceil(wanted)))
}

function isSpent(next: number | undefined, before: number | undefined, most: number): boolean {
  return next !== undefined && before !== undefined && before >= most && next <= before
}
