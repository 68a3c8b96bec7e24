// Rules that hold in every scenario, read off the request log: who may see credentials, and what is tried again.
import type { LogEntry } from './origin.js'

/** Rules that one test breaks on purpose. */
export interface Excused {
  /** A missing or forbidden thing is asked for again, by a second call of the test's own. */
  readonly repeats?: boolean
  /** Further token calls than one per expiry: a test that is several processes. */
  readonly tokenCalls?: number
  /** Requests to CMR without Client-Id, in tests of the client alone. */
  readonly clientId?: boolean
  /** The host that nobody should ask was asked on purpose. */
  readonly evil?: boolean
}

export interface Evidence {
  readonly log: readonly LogEntry[]
  /** Everything that a user may have seen. */
  readonly heard: readonly string[]
  readonly secrets: readonly string[]
  /** Tokens of Earthdata that died of age. */
  readonly expiredTokens: number
  readonly excused: Excused
}

const SIGNED = new Set(['signed', 'blob', 'aws', 'evil'])
const MOST_TRIES = 5

export function brokenRules({ log, heard, secrets, expiredTokens, excused }: Evidence): string[] {
  return [
    ...log.flatMap((entry) => aboutOne(entry, excused)),
    ...aboutRetries(log, excused),
    ...aboutTokens(log, expiredTokens, excused),
    ...aboutSecrets(heard, secrets),
  ]
}

function aboutOne({ host, method, path, headers, query }: LogEntry, excused: Excused): string[] {
  const broken: string[] = []
  const where = `${method} ${host}${path}`
  const blame = (text: string) => broken.push(`${where}: ${text}`)
  const { authorization = '' } = headers
  if (SIGNED.has(host)) {
    for (const name of ['authorization', 'cookie', 'referer', 'ocp-apim-subscription-key']) {
      if (headers[name] !== undefined) blame(`${name} at a host that must not see it`)
    }
  }
  if (/^basic/i.test(authorization) && host !== 'urs') blame('a password outside of Earthdata Login')
  if (/^bearer/i.test(authorization) && !['urs', 'data', 'cmr'].includes(host)) blame('a token at a foreign host')
  if (host === 'evil' && excused.evil !== true) blame('nobody should ask this host')
  if (/^mozilla/i.test(headers['user-agent'] ?? 'Mozilla')) blame('a user agent that is taken for a browser')
  if (host === 'cmr' && headers['client-id'] === undefined && excused.clientId !== true) blame('no Client-Id')
  if (/token=eyJ/.test(query) && path !== '/api/users/revoke_token') blame('a token in an address')
  return broken
}

/** What asks for the same thing: the query without its signature, and the part of the object. */
function sameThing({ host, method, path, query, headers, body }: LogEntry): string {
  const unsigned = query.replace(/\b(Signature|X-Amz-[A-Za-z]+|Expires|sig|se|st)=[^&]*/g, '')
  return [host, method, path, unsigned, headers.range ?? '', headers['cmr-search-after'] ?? '', body].join(' ')
}

function aboutRetries(log: readonly LogEntry[], excused: Excused): string[] {
  const broken: string[] = []
  const byThing = new Map<string, LogEntry[]>()
  for (const entry of log) byThing.set(sameThing(entry), [...(byThing.get(sameThing(entry)) ?? []), entry])
  for (const entries of byThing.values()) {
    let failures = 0
    for (const [index, entry] of entries.entries()) {
      const before = entries[index - 1]
      if (before === undefined) continue
      const where = `${entry.method} ${entry.host}${entry.path}`
      if (isFinal(before) && excused.repeats !== true) broken.push(`${where}: asked again after ${before.status}`)
      failures = isPassing(before) ? failures + 1 : 0
      if (failures >= MOST_TRIES && excused.repeats !== true)
        broken.push(`${where}: tried more than ${MOST_TRIES} times`)
      const wait = wishOf(before)
      if (wait !== undefined && entry.at < before.at + wait) {
        broken.push(`${where}: asked again after ${entry.at - before.at} ms, though Retry-After said ${wait} ms`)
      }
    }
  }
  return broken
}

/** An answer that will be the same next time. */
function isFinal({ status, replyText, host }: LogEntry): boolean {
  if (status === 400 || status === 404 || status === 422) return host !== 'signed'
  return status === 403 && /eula/i.test(replyText)
}

function isPassing({ status, closedEarly }: LogEntry): boolean {
  return status === 0 || status === 429 || status >= 500 || closedEarly
}

/** Retry-After in ms, where it is one that can be met. */
function wishOf({ replyHeaders, status, at }: LogEntry): number | undefined {
  const text = new Map(Object.entries(replyHeaders).map(([name, value]) => [name.toLowerCase(), value])).get(
    'retry-after',
  )
  if (text === undefined || status < 400) return undefined
  return /^\d+$/.test(text) ? Number(text) * 1000 : Math.max(0, Date.parse(text) - at - 1000)
}

/** At most one token per expiry, however many ask at the same time. */
function aboutTokens(log: readonly LogEntry[], expiredTokens: number, { tokenCalls = 0 }: Excused): string[] {
  const isTokenCall = ({ host, path, status }: LogEntry) =>
    host === 'urs' && path === '/api/users/find_or_create_token' && status === 200
  const isRefused = ({ host, status, headers }: LogEntry) =>
    (host === 'data' || host === 'urs') && status === 401 && /^bearer/i.test(headers.authorization ?? '')
  const tokens = log.filter(isTokenCall)
  // Parallel requests may all be refused with the same old token: one refusal counts for each token, not each request.
  const refusedTokens = new Set(log.filter(isRefused).map(({ headers }) => headers.authorization))
  const revoked = log.filter(({ path }) => path === '/api/users/revoke_token').length
  const allowed = 1 + refusedTokens.size + revoked + expiredTokens + tokenCalls
  const broken = tokens.length > allowed ? [`${tokens.length} token calls, ${allowed} were due`] : []
  const sas = log.filter(({ host, path, status }) => host === 'pcsas' && path.includes('/token/') && status === 200)
  const turnedAway = log.filter(({ host, status }) => host === 'blob' && status === 403).length
  const lives = sas.filter((entry, index) => index > 0 && entry.at - (sas[index - 1]?.at ?? 0) < 60_000).length
  if (lives > turnedAway + tokenCalls) broken.push(`${sas.length} tokens for one container within a minute`)
  return broken
}

function aboutSecrets(heard: readonly string[], secrets: readonly string[]): string[] {
  return secrets
    .filter((secret) => secret.length >= 6)
    .flatMap((secret) =>
      heard
        .filter((text) => text.includes(secret))
        .map((text) => `a secret is told: ${text.slice(0, 200).replaceAll(secret, '<secret>')}`),
    )
}
