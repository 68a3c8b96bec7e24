// Time and chance as one value, so that tests can wait without waiting.
import { AbortError } from '../errors.js'

export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number
  /** Waits; rejects with an `AbortError` as soon as the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** A number in [0, 1). */
  random(): number
}

export const SYSTEM_CLOCK: Clock = { now: Date.now, sleep, random: Math.random }

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new AbortError(undefined, { cause: signal.reason }))
    const onAbort = () => {
      clearTimeout(timer)
      reject(new AbortError(undefined, { cause: signal?.reason }))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
