// A clock that waits without waiting: sleeping moves it on.
import { AbortError } from '../../src/errors.js'
import type { Clock } from '../../src/net/clock.js'

export class FakeClock implements Clock {
  readonly sleeps: number[] = []
  #now: number
  #seed = 1

  constructor(start = Date.now()) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  advance(ms: number): void {
    this.#now += ms
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason })
    this.sleeps.push(ms)
    this.#now += ms
    await Promise.resolve()
  }

  /** The same numbers in every run: Park and Miller's generator. */
  random(): number {
    this.#seed = (this.#seed * 48_271) % 2_147_483_647
    return this.#seed / 2_147_483_647
  }
}
