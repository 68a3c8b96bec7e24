// A clock that waits without waiting: sleeping moves it on. For tests with processes there is one that ticks.
import { AbortError } from '../../src/errors.js'
import { type Clock, SYSTEM_CLOCK } from '../../src/net/clock.js'

export class FakeClock implements Clock {
  readonly sleeps: number[] = []
  #now: number
  #seed = 1
  readonly #born = Date.now()

  /** One that ticks goes with real time, and sleeping takes as long as it says. */
  constructor(
    start = Date.now(),
    private readonly ticks = false,
  ) {
    this.#now = start
  }

  now(): number {
    return this.ticks ? this.#now + Date.now() - this.#born : this.#now
  }

  advance(ms: number): void {
    this.#now += ms
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason })
    this.sleeps.push(ms)
    if (this.ticks) return SYSTEM_CLOCK.sleep(ms, signal)
    this.#now += ms
    await Promise.resolve()
  }

  /** The same numbers in every run: Park and Miller's generator. */
  random(): number {
    this.#seed = (this.#seed * 48_271) % 2_147_483_647
    return this.#seed / 2_147_483_647
  }
}
