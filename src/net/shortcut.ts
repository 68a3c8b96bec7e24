// The signed address at the end of a redirect, used again while it is good, and found anew once for all who need it.
import { AbortError } from '../errors.js'

/** A signed address is left this long before it ends. */
const SHORTEST_LIFE_MS = 60_000

/** How a request may begin: at a signed address, or at the usual one; who finds a new address says so, once. */
export interface Way {
  readonly target?: URL
  found(last: URL | undefined): void
}

/** The shortcut to one file. Held in memory only: its address is a secret. */
export class Shortcut {
  #target: { url: URL; until: number } | undefined
  /** The search for a target that somebody is on. */
  #search: Promise<void> | undefined
  /** The file is served where it is asked for. */
  #isDirect = false

  /** Waits while somebody else finds the address. */
  async enter(now: () => number, signal?: AbortSignal): Promise<Way> {
    for (;;) {
      if (this.#isDirect) return { found: () => {} }
      if (this.#target !== undefined && this.#target.until > now()) {
        return { target: this.#target.url, found: () => {} }
      }
      if (this.#search === undefined) return this.#lead(now)
      await untilAborted(this.#search, signal)
    }
  }

  /** Forgets an address that was refused, unless there is a newer one. */
  forget(refused: URL | undefined): void {
    if (refused !== undefined && this.#target?.url.href === refused.href) this.#target = undefined
  }

  #lead(now: () => number): Way {
    let done = () => {}
    this.#search = new Promise((resolve) => {
      done = resolve
    })
    let isOver = false
    return {
      found: (last) => {
        if (isOver) return
        isOver = true
        this.#search = undefined
        if (last !== undefined) this.#keep(last, now())
        done()
      },
    }
  }

  #keep(url: URL, now: number): void {
    const end = endOf(url)
    if (end === undefined) this.#isDirect = !/[?&](Signature|X-Amz-Signature)=/.test(url.search)
    else this.#target = { url, until: Math.max(end - SHORTEST_LIFE_MS, now) }
  }
}

/** When a signed address ends, in ms; `undefined` if it does not say. */
export function endOf(url: URL): number | undefined {
  const { searchParams: query } = url
  const expires = Number(query.get('Expires') ?? Number.NaN)
  if (Number.isFinite(expires) && query.has('Signature')) return expires * 1000
  const began = Date.parse(
    (query.get('X-Amz-Date') ?? '').replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5'),
  )
  const end = began + Number(query.get('X-Amz-Expires') ?? Number.NaN) * 1000
  return Number.isFinite(end) ? end : undefined
}

function untilAborted(pending: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new AbortError(undefined, { cause: signal?.reason }))
    if (signal?.aborted) return onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    pending.then(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, reject)
  })
}
