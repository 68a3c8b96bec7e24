// What we and python/run_units.py say to each other: one job in, events out, each a line of JSON.
import { z } from 'zod'

export const PROTOCOL = 1

/** The first line of the driver's stdin. */
export interface DaskJob {
  readonly protocol: typeof PROTOCOL
  /** With protocol and port. */
  readonly scheduler: string
  readonly timeoutSeconds: number
  /** Absolute, as on the workers. */
  readonly manifest: string
  readonly runFolder: string
  /** How this machine starts aster-timeseries; workers without these files look on their PATH. */
  readonly command: readonly string[]
  /** Added to every `run-unit`. */
  readonly arguments: readonly string[]
  /** Version that workers need to have. */
  readonly version: string
  /** Indices of the units to run. */
  readonly units: readonly number[]
  /** At most, for one unit. */
  readonly threads: number
  /** At most, of one unit. */
  readonly memoryMiB: number
  /** Further tries of a unit after a passing failure. */
  readonly retries: number
}

const count = z.number().int().nonnegative()
const text = z.string().nullable()

const outcome = {
  event: z.literal('unit'),
  index: count,
  /** From 1. */
  attempt: count,
  /** Address of the worker; empty when none reported. */
  worker: z.string(),
}
const ended = { ...outcome, exitStatus: count, seconds: z.number(), tail: z.string() }

const Started = z.object({ ...outcome, state: z.literal('started') })
const Ended = z.object({ ...ended, state: z.enum(['done', 'failed']) })
const Retry = z.object({ ...ended, state: z.literal('retry'), waitSeconds: z.number() })
const UnitEvent = z.discriminatedUnion('state', [Started, Ended, Retry])

const Connected = z.object({
  event: z.literal('connected'),
  protocol: z.literal(PROTOCOL),
  scheduler: z.string(),
  dashboard: text,
  distributed: z.string(),
})
const Workers = z.object({ event: z.literal('workers'), workers: count, slots: count })
const Warning = z.object({ event: z.literal('warning'), message: z.string() })
const End = z.object({
  event: z.literal('end'),
  exitStatus: count,
  reason: z.enum(['finished', 'unreachable', 'lost', 'unfit', 'no-distributed', 'run-wide', 'stopped', 'bug']),
  message: text,
  hint: text,
  index: count.optional(),
  tail: z.string().optional(),
})
const DriverEvent = z.discriminatedUnion('event', [Connected, Workers, Warning, UnitEvent, End])

export type DriverEvent = z.output<typeof DriverEvent>
export type DriverEnd = z.output<typeof End>
export type UnitEvent = z.output<typeof UnitEvent>

/** An event of a line; nothing for a line that the driver did not write. */
export function parseEvent(line: string): DriverEvent | undefined {
  try {
    return DriverEvent.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}

const ErrorLine = z.object({ error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }) })
export type UnitError = z.output<typeof ErrorLine>['error']

/** The error that a unit printed last, from the end of its output. */
export function errorOf(tail: string): UnitError | undefined {
  for (const line of tail.split('\n').reverse()) {
    if (!line.startsWith('{')) continue
    try {
      const parsed = ErrorLine.safeParse(JSON.parse(line))
      if (parsed.success) return parsed.data.error
    } catch {}
  }
  return undefined
}
