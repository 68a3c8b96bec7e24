// Where a redirect may lead: the next hop, or an error that says what is wrong with it.
import { NetworkError } from '../errors.js'
import { safeUrl } from './redact.js'

export const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
export const MOST_HOPS = 10

export interface Hop {
  readonly url: URL
  readonly method: string
  readonly body: string | undefined
}

/** Whether a redirect may go from one address to another; hosts are the business of `endpoints.ts`. */
export type MayFollow = (from: URL, to: URL) => boolean

/** The hop that an answer with a redirect status asks for. */
export function nextHop(from: Hop, status: number, location: string | null, mayFollow: MayFollow): Hop {
  if (location === null || location.trim() === '') throw refused(from.url, 'does not say where to')
  const url = resolve(from.url, location)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused(from.url, `leads to ${url.protocol}`)
  if (url.username !== '' || url.password !== '') throw refused(from.url, 'leads to an address with a user name')
  if (from.url.protocol === 'https:' && url.protocol === 'http:') {
    throw refused(from.url, `leads from https to http, at ${url.host}`)
  }
  if (url.origin !== from.url.origin && !mayFollow(from.url, url)) {
    throw refused(from.url, `leads to ${url.host}, which is none of the service's hosts`)
  }
  const keepsMethod = from.method === 'HEAD' || (status !== 303 && (status >= 307 || from.method === 'GET'))
  return keepsMethod ? { ...from, url } : { url, method: 'GET', body: undefined }
}

export function redirectLoop(url: URL): NetworkError {
  return refused(url, 'leads back to where it came from')
}

export function tooManyHops(url: URL): NetworkError {
  return refused(url, `is one of more than ${MOST_HOPS}`)
}

function resolve(from: URL, location: string): URL {
  try {
    return new URL(location, from)
  } catch {
    throw refused(from, 'leads to something that is no address')
  }
}

function refused(url: URL, why: string): NetworkError {
  return new NetworkError('SERVICE', `the redirect of ${safeUrl(url)} ${why}`, {
    hint: 'nothing was sent there; if a proxy or a login portal answers in place of the service, log in there first',
  })
}
