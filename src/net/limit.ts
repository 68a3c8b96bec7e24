// How many requests one host gets at a time, and how fast one after the other.
import { AbortError } from '../errors.js'
import type { Clock } from './clock.js'
import type { Manners } from './manners.js'

/** Returned by `acquire`; gives the place back, once. */
export type Release = () => void

interface Host {
  readonly manners: Manners
  inFlight: number
  /** Earliest instant of the next start, in ms; runs ahead of the clock when the host is asked often. */
  nextStart: number
  /** No start before this instant: the host said so. */
  heldUntil: number
  readonly waiting: (() => void)[]
}

export class HostLimiter {
  readonly #hosts = new Map<string, Host>()

  constructor(
    private readonly mannersAt: (host: string) => Manners,
    private readonly clock: Clock,
  ) {}

  /** Waits for a place at the host, first come, first served. */
  async acquire(name: string, signal?: AbortSignal): Promise<Release> {
    const host = this.#host(name)
    if (host.inFlight < host.manners.concurrency) host.inFlight += 1
    else await turn(host, signal)
    const release = once(() => {
      const next = host.waiting.shift()
      if (next === undefined) host.inFlight -= 1
      else next()
    })
    try {
      const delay = this.#delay(host)
      if (delay > 0) await this.clock.sleep(delay, signal)
    } catch (error) {
      release()
      throw error
    }
    return release
  }

  /** Keeps every further request from the host for a while. */
  hold(name: string, ms: number): void {
    const host = this.#host(name)
    host.heldUntil = Math.max(host.heldUntil, this.clock.now() + ms)
  }

  /** Time to wait before this start, by a leaky bucket that starts out empty. */
  #delay(host: Host): number {
    const { concurrency, requestsPerSecond } = host.manners
    const now = this.clock.now()
    const interval = 1000 / requestsPerSecond
    const start = Math.max(now, host.nextStart - interval * concurrency)
    host.nextStart = Math.max(now, host.nextStart) + interval
    return Math.max(start, host.heldUntil) - now
  }

  #host(name: string): Host {
    const known = this.#hosts.get(name)
    if (known !== undefined) return known
    const manners = this.mannersAt(name)
    const host: Host = { manners, inFlight: 0, nextStart: 0, heldUntil: 0, waiting: [] }
    this.#hosts.set(name, host)
    return host
  }
}

/** Resolves when a finished request hands its place on. */
function turn(host: Host, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new AbortError(undefined, { cause: signal.reason }))
    const onAbort = () => {
      host.waiting.splice(host.waiting.indexOf(enter), 1)
      reject(new AbortError(undefined, { cause: signal?.reason }))
    }
    const enter = () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }
    host.waiting.push(enter)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function once(action: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    action()
  }
}
