// The one client for HTTP: every request of this package goes through `send`, with retries, redirects and limits.
import { type AsterError, InternalError, NetworkError, UsageError } from '../errors.js'
import { answerOf, named } from './answer.js'
import { decoded, ENCODINGS, endingWith, readSome } from './body.js'
import { type Clock, SYSTEM_CLOCK } from './clock.js'
import { type Endpoints, endpointsFrom, isLoopback, redirectsWithin } from './endpoints.js'
import { HostLimiter } from './limit.js'
import { type Manners, mannersOf } from './manners.js'
import { redact, safeUrl } from './redact.js'
import { type Hop, type MayFollow, MOST_HOPS, nextHop, REDIRECTS, redirectLoop, tooManyHops } from './redirect.js'
import { type Credentials, refusalOf, retiredHost } from './refusal.js'
import { type Failure, isPassing, nextWaitMs, RETRY_POLICY, type RetryPolicy, retryAfterMs } from './retry.js'
import type { Shortcut, Way } from './shortcut.js'
import { createTransport, type Exchange, type Transport } from './transport.js'
import { userAgent } from './user-agent.js'

/** Headers that belong to one URL's host (credentials). Asked anew for every hop of a redirect. */
export type HeadersFor = (url: URL, signal?: AbortSignal) => Promise<Readonly<Record<string, string>>>

export interface HttpRequest {
  readonly url: string | URL
  /** Default GET. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | undefined
  /** Sent on every hop; never credentials. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
  /** Credentials, per hop. */
  readonly headersFor?: HeadersFor | undefined
  /** Statuses besides 2xx that are returned, not thrown: 304, 404, 412, 416. */
  readonly accept?: readonly number[] | undefined
  /** For messages: `search in CMR`, `download of AST_…`. */
  readonly what: string
  readonly signal?: AbortSignal | undefined
  /** How long the first byte of an answer may take, where the client's own bound does not fit. */
  readonly firstByteTimeoutMs?: number | undefined
  /** For many requests of one file: where redirects ended before is asked first, as long as that is good. */
  readonly shortcut?: Shortcut | undefined
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Headers
  /** Last hop, without query. */
  readonly url: string
  /** Must be read or cancelled. */
  readonly body: AsyncIterable<Uint8Array>
  /** The body as text, at most `maxBytes` long (default 64 MiB). */
  text(maxBytes?: number): Promise<string>
  /** The body as JSON, for the caller to check. */
  json(maxBytes?: number): Promise<unknown>
  cancel(): Promise<void>
}

export interface HttpClient {
  /**
   * Sends a request until it is answered for good. Documents in JSON and XML are read whole before they are returned, so that a
   * broken one is asked for again; other bodies are read by the caller, and what breaks in them is the caller's.
   *
   * @throws NetworkError, AuthError, NotFoundError for what went wrong at the service or on the way; AbortError
   */
  send(request: HttpRequest): Promise<HttpResponse>
}

export interface HttpClientOptions {
  readonly userAgent?: string | undefined
  /** The services' addresses; default: those of `env`. They say where redirects may lead, and how to ask whom. */
  readonly endpoints?: Endpoints | undefined
  /** Manners at every host in place of its own. */
  readonly manners?: Partial<Manners> | undefined
  readonly retry?: Partial<RetryPolicy> | undefined
  readonly connectTimeoutMs?: number | undefined
  /** How long a body may stand still. */
  readonly idleTimeoutMs?: number | undefined
  /** Certificate authorities in PEM, instead of those of Node. */
  readonly ca?: string | undefined
  /** Read for proxies and addresses; default that of the process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Told what is done beyond the plain case (redirects, waits); without secrets. */
  readonly onNote?: ((text: string) => void) | undefined
  readonly clock?: Clock | undefined
  readonly transport?: Transport | undefined
}

const CONNECT_TIMEOUT_MS = 10_000
const IDLE_TIMEOUT_MS = 30_000
/** How much of an unwelcome answer is read for its message. */
const REFUSAL_BYTES = 8 * 1024
const CREDENTIAL_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization'])

export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  return new Client(options)
}

class Client implements HttpClient {
  readonly #clock: Clock
  readonly #limiter: HostLimiter
  readonly #policy: RetryPolicy
  readonly #transport: Transport
  readonly #mayFollow: MayFollow
  readonly #userAgent: string
  readonly #mannersAt: (host: string) => Manners
  readonly #note: (text: string) => void

  constructor(options: HttpClientOptions) {
    const env = options.env ?? process.env
    const endpoints = options.endpoints ?? endpointsFrom(env)
    this.#clock = options.clock ?? SYSTEM_CLOCK
    this.#mannersAt = mannersOf(endpoints, options.manners ?? {})
    this.#limiter = new HostLimiter(this.#mannersAt, this.#clock)
    this.#policy = { ...RETRY_POLICY, ...options.retry }
    this.#mayFollow = redirectsWithin(endpoints)
    this.#userAgent = options.userAgent ?? userAgent()
    this.#note = options.onNote ?? (() => {})
    this.#transport =
      options.transport ??
      createTransport({
        connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
        idleTimeoutMs: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
        ca: options.ca,
        env,
      })
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    const first = firstHop(request)
    let waitedMs = 0
    let isRenewed = false
    for (let attempt = 1; ; attempt += 1) {
      const way = await request.shortcut?.enter(() => this.#clock.now(), request.signal)
      const answer = await this.#follow(way?.target === undefined ? first : { ...first, url: way.target }, request, way)
      way?.found(undefined)
      if (!('error' in answer)) return answer
      const { error } = answer
      if (answer.isStale === true) request.shortcut?.forget(way?.target)
      if (answer.isStale === true && !isRenewed) {
        // The signed address at the end of the redirects ran out on the way: from the beginning there is a new one.
        isRenewed = true
        continue
      }
      const wait = nextWaitMs(answer, { attempt, waitedMs, random: this.#clock.random() }, this.#policy)
      if (wait === undefined) throw answer.retryAfterMs === undefined ? error : withItsWish(error, answer.retryAfterMs)
      this.#note(`${error.message}; trying again in ${(wait / 1000).toFixed(1)} s`)
      await this.#clock.sleep(wait, request.signal)
      waitedMs += wait
    }
  }

  /** One try: from the first hop to an answer or a failure. */
  async #follow(first: Hop, request: HttpRequest, way: Way | undefined): Promise<HttpResponse | Failure> {
    const seen = new Set<string>()
    let hop = first
    let sent: Credentials = 'none'
    try {
      for (let hops = 0; ; hops += 1) {
        if (hops > MOST_HOPS) throw tooManyHops(first.url)
        if (seen.has(`${hop.method} ${hop.url.href}`)) throw redirectLoop(hop.url)
        seen.add(`${hop.method} ${hop.url.href}`)
        const answer = await this.#ask(hop, request, sent)
        const isRedirected = hops > 0 || way?.target !== undefined
        if ('error' in answer) return { ...answer, isStale: answer.isStale === true && isRedirected }
        if (!('location' in answer)) {
          way?.found(hop.url)
          return answer
        }
        sent = answer.sent
        hop = nextHop(hop, answer.status, answer.location, this.#mayFollow)
        this.#note(`${request.what}: ${answer.status} to ${safeUrl(hop.url)}`)
      }
    } catch (error) {
      return { error: named(error, request.what) }
    }
  }

  async #ask(
    hop: Hop,
    request: HttpRequest,
    sentBefore: Credentials,
  ): Promise<HttpResponse | Failure | { status: number; location: string | null; sent: Credentials }> {
    const { url, method, body } = hop
    const { signal, what } = request
    const retired = retiredHost(url)
    if (retired !== undefined) throw retired
    let secrets: Readonly<Record<string, string>>
    try {
      secrets = (await request.headersFor?.(url, signal)) ?? {}
    } catch (error) {
      return { error: named(error, what), isFinal: true }
    }
    const release = await this.#limiter.acquire(url.host, signal)
    const headers = headersOf(this.#userAgent, request, hop, secrets)
    let exchange: Exchange
    try {
      const firstByteTimeoutMs = request.firstByteTimeoutMs ?? this.#mannersAt(url.host).firstByteTimeoutMs
      exchange = await this.#transport({ url, method, headers, body, firstByteTimeoutMs, signal })
    } catch (error) {
      release()
      throw error
    }
    const { status } = exchange
    const sent = credentialsOf(secrets, url) ?? sentBefore
    const { body: raw, drop } = endingWith(exchange.body, release)
    const discard = () => {
      exchange.discard()
      drop()
    }
    if (request.accept?.includes(status) !== true && REDIRECTS.has(status)) {
      discard()
      return { status, location: exchange.headers.get('location'), sent }
    }
    const isWelcome = (status >= 200 && status < 300) || request.accept?.includes(status) === true
    if (!isWelcome || isPassing(status, exchange.headers)) {
      const head = await readSome(decoded(raw, exchange.headers.get('content-encoding')) ?? raw, REFUSAL_BYTES)
      discard()
      const text = Buffer.from(head).toString('utf8')
      const error = refusalOf({ status, headers: exchange.headers, url, text, what, credentials: sent })
      const asked = error.retryable ? retryAfterMs(exchange.headers, this.#clock.now()) : undefined
      if (asked !== undefined && asked <= this.#policy.budgetMs) this.#limiter.hold(url.host, asked)
      return { error, retryAfterMs: asked, isStale: error.code === 'ADDRESS_EXPIRED' }
    }
    try {
      return await answerOf({ ...exchange, body: raw, discard }, hop, what)
    } catch (error) {
      discard()
      throw error
    }
  }
}

function firstHop(request: HttpRequest): Hop {
  let url: URL
  try {
    url = new URL(request.url)
  } catch {
    throw new UsageError(`${request.what}: not an address: ${redact(String(request.url))}`)
  }
  const isSecure = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
  if (!isSecure) throw new UsageError(`${request.what}: only https addresses are asked, got ${safeUrl(url)}`)
  if (url.username !== '' || url.password !== '') {
    throw new UsageError(`${request.what}: an address must not hold a user name: ${safeUrl(url)}`)
  }
  const secret = Object.keys(request.headers ?? {}).find((name) => CREDENTIAL_HEADERS.has(name.toLowerCase()))
  if (secret !== undefined) throw new InternalError(`${secret} belongs into headersFor`)
  return { url, method: request.method ?? 'GET', body: request.body }
}

function headersOf(
  agent: string,
  { headers = {} }: HttpRequest,
  { body }: Hop,
  secrets: Readonly<Record<string, string>>,
): Record<string, string> {
  const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  // A range counts the bytes as they are stored; packing would shift them.
  const encoding = own.range === undefined ? ENCODINGS : 'identity'
  const sent: Record<string, string> = { 'user-agent': agent, accept: '*/*', 'accept-encoding': encoding, ...own }
  if (body === undefined) delete sent['content-type']
  return { ...sent, ...secrets }
}

/** What a hop was authorized by; `undefined` if by nothing. */
function credentialsOf(secrets: Readonly<Record<string, string>>, url: URL): Credentials | undefined {
  const authorization = new Headers(secrets).get('authorization') ?? ''
  if (/^basic /i.test(authorization)) return 'basic'
  if (/^bearer /i.test(authorization)) return 'bearer'
  if (/[?&](sig|Signature|X-Amz-Signature)=/.test(url.search)) return 'signed'
  return Object.keys(secrets).length > 0 ? 'key' : undefined
}

/** The error with the wait that the service asked for, which was longer than there is patience. */
function withItsWish(error: AsterError, askedMs: number): AsterError {
  if (error.code !== 'RATE_LIMITED') return error
  return new NetworkError('RATE_LIMITED', `${error.message}; it asks to wait ${Math.ceil(askedMs / 1000)} s`, {
    hint: error.hint,
  })
}
