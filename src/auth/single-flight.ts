// One fetch for all who ask at the same time.
import { AbortError } from '../errors.js'

/**
 * Calls `make` once for everybody who asks while it runs. Somebody who stops waiting does not stop the others, so the
 * call itself goes on without a signal.
 */
export class SingleFlight<T> {
  #pending: Promise<T> | undefined

  run(make: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.#pending ??= make().finally(() => {
      this.#pending = undefined
    })
    return untilAborted(this.#pending, signal)
  }
}

async function untilAborted<T>(pending: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return pending
  let onAbort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new AbortError(undefined, { cause: signal.reason }))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([pending, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
