// When a failed request is worth another try, and how long to wait before it.
import type { AsterError } from '../errors.js'

export interface RetryPolicy {
  /** Tries in all, the first included. */
  readonly attempts: number
  /** Upper bound of the first wait; it doubles with every try. */
  readonly firstWaitMs: number
  readonly longestWaitMs: number
  /** Waiting in all. A service that asks for more than is left of it is not waited for. */
  readonly budgetMs: number
}

export const RETRY_POLICY: RetryPolicy = { attempts: 5, firstWaitMs: 1000, longestWaitMs: 16_000, budgetMs: 120_000 }

const PASSING = new Set([429, 500, 502, 503, 504])

/** Whether an answer says that the service is busy or broken for the moment. */
export function isPassing(status: number, headers: Headers): boolean {
  return PASSING.has(status) || saysItGaveUp(headers)
}

/** CMR answers 200 with fewer records, and this header, when its own search ran out of time. */
export function saysItGaveUp(headers: Headers): boolean {
  return ['cmr-timed-out', 'cmr-time-out'].some((name) => headers.get(name)?.trim().toLowerCase() === 'true')
}

/** The wait that the service asks for, in ms, from seconds or from an HTTP date. */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const text = headers.get('retry-after')?.trim()
  if (text === undefined || text === '') return undefined
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const date = /^[A-Z][a-z]+, /.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(date)) return undefined
  // Against the service's own clock where it tells it, since ours may be off.
  const theirs = Date.parse(headers.get('date') ?? '')
  return Math.max(0, date - (Number.isNaN(theirs) ? nowMs : theirs))
}

/** Exponential back-off with full jitter: anything between nothing and a bound that doubles. `attempt` counts from 1. */
export function backoffMs(attempt: number, policy: RetryPolicy, random: number): number {
  return random * Math.min(policy.longestWaitMs, policy.firstWaitMs * 2 ** (attempt - 1))
}

/** A failure together with what its sender said about trying again. */
export interface Failure {
  readonly error: AsterError
  readonly retryAfterMs?: number | undefined
  /** The address at the end of a redirect was no longer good; the first one may lead to a better. */
  readonly isStale?: boolean | undefined
  /** It comes from something that has done its own retries. */
  readonly isFinal?: boolean | undefined
}

/** How long to wait before the next try, or `undefined` when there is to be none. */
export function nextWaitMs(
  { error, retryAfterMs: asked, isFinal = false }: Failure,
  { attempt, waitedMs, random }: { attempt: number; waitedMs: number; random: number },
  policy: RetryPolicy,
): number | undefined {
  if (isFinal || !error.retryable || attempt >= policy.attempts) return undefined
  const wait = asked ?? backoffMs(attempt, policy, random)
  return waitedMs + wait > policy.budgetMs ? undefined : wait
}
