// How each service wants to be asked: how much at a time, how often, and how long it may think.
import type { Endpoints } from './endpoints.js'

export interface Manners {
  /** Requests in flight to one host, bodies included. */
  readonly concurrency: number
  /** Starts per second to one host, after a burst of `concurrency`. */
  readonly requestsPerSecond: number
  /** How long the first byte of an answer may take. */
  readonly firstByteTimeoutMs: number
}

const USUAL: Manners = { concurrency: 6, requestsPerSecond: 50, firstByteTimeoutMs: 60_000 }
/** CMR answers, or gives up, within 180 s, and asks for few searches at a time. */
const SEARCH: Manners = { concurrency: 4, requestsPerSecond: 10, firstByteTimeoutMs: 185_000 }

/** The manners at each host (`name:port`), with some of them replaced at all hosts. */
export function mannersOf(endpoints: Endpoints, replaced: Partial<Manners>): (host: string) => Manners {
  const search = new URL(endpoints.cmr).host
  return (host) => ({ ...(host === search ? SEARCH : USUAL), ...replaced })
}
