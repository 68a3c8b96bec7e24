// NASA Earthdata: which hosts may see the token, where the token comes from, and when it is replaced.
import { z } from 'zod'
import { AsterError, AuthError } from '../errors.js'
import { type Clock, SYSTEM_CLOCK } from '../net/clock.js'
import type { Endpoints } from '../net/endpoints.js'
import type { HeadersFor, HttpClient } from '../net/http.js'
import {
  type CredentialProvider,
  type Env,
  type FoundCredentials,
  findCredentials,
  type GivenCredentials,
} from './credentials.js'
import { SingleFlight } from './single-flight.js'
import { readTokenFile, writeTokenFile } from './token-file.js'
import { readWebToken } from './web-token.js'

export const TOKEN_PAGE = 'https://urs.earthdata.nasa.gov/profile'
/** A token of ours that would end so soon is replaced before it is used. */
const SHORTEST_LIFE_MS = 3_600_000
const LOGIN_HINT =
  'make a token at https://urs.earthdata.nasa.gov/profile and set EARTHDATA_TOKEN, or put a login for ' +
  'urs.earthdata.nasa.gov into ~/.netrc'

const tokenAnswer = z.object({ access_token: z.string().min(1) })

export interface EarthdataOptions {
  readonly http: HttpClient
  readonly endpoints: Endpoints
  readonly env: Env
  readonly given?: GivenCredentials | undefined
  /** Where to keep the token between runs; in memory only without it. */
  readonly tokenFile?: string | undefined
  /** Told once about things such as a netrc that others can read. */
  readonly onWarning?: ((text: string) => void) | undefined
  readonly clock?: Clock | undefined
}

/** What is known without asking anybody; holds no secret. */
export interface EarthdataStatus {
  readonly kind: 'token' | 'login' | 'none'
  readonly source: string | undefined
  readonly user: string | undefined
  /** End of a given token's life, ISO 8601. */
  readonly expires: string | undefined
  readonly isExpired: boolean
  readonly tokenFile: string | undefined
  readonly lookedIn: readonly string[]
  readonly warning: string | undefined
}

export class EarthdataCredentials implements CredentialProvider {
  readonly #options: EarthdataOptions
  readonly #clock: Clock
  readonly #flight = new SingleFlight<string>()
  readonly #mayHaveToken: (url: URL) => boolean
  #found: Promise<FoundCredentials> | undefined
  #token: string | undefined
  /** Tokens that a host refused; never used again. */
  readonly #refused = new Set<string>()

  constructor(options: EarthdataOptions) {
    this.#options = options
    this.#clock = options.clock ?? SYSTEM_CLOCK
    this.#mayHaveToken = tokenHosts(options.endpoints)
  }

  /** The bearer token for download hosts of NASA; nothing for the stores behind them, or for anybody else. */
  readonly headersFor: HeadersFor = async (url, signal): Promise<Record<string, string>> => {
    if (!this.#mayHaveToken(url)) return {}
    return { authorization: `Bearer ${await this.token(signal)}` }
  }

  /**
   * The token: given, kept, or fetched with user and password, once for all who ask.
   * @throws AuthError when there are no credentials, or they are not good
   */
  async token(signal?: AbortSignal): Promise<string> {
    const found = await this.#find()
    if (found.kind === 'none') {
      const lookedIn = `looked in ${found.lookedIn.join(', ')}`
      throw new AuthError('AUTH_MISSING', `no credentials for Earthdata Login: ${lookedIn}`, { hint: LOGIN_HINT })
    }
    if (found.kind === 'token') return this.#givenToken(found.token, found.source)
    if (this.#token !== undefined && this.#lifeMs(this.#token) > 0) return this.#token
    return this.#flight.run(() => this.#login(found), signal)
  }

  async renew(used: string, _error: AuthError, signal?: AbortSignal): Promise<boolean> {
    const found = await this.#find()
    if (found.kind !== 'login') return false
    const token = used.replace(/^Bearer /, '')
    const wasRefusedBefore = this.#refused.has(token)
    this.#refused.add(token)
    if (this.#token === token) this.#token = undefined
    if (!wasRefusedBefore || this.#token === undefined) await this.token(signal)
    return this.#token !== token
  }

  /** What was found and where, without any request. */
  async explain(): Promise<EarthdataStatus> {
    const found = await this.#find()
    const { tokenFile } = this.#options
    const claims = found.kind === 'token' ? readWebToken(found.token) : undefined
    const { expiresAt } = claims ?? {}
    return {
      kind: found.kind,
      source: found.kind === 'none' ? undefined : found.source,
      user: found.kind === 'login' ? found.username : claims?.user,
      expires: expiresAt === undefined ? undefined : new Date(expiresAt).toISOString(),
      isExpired: expiresAt !== undefined && expiresAt <= this.#clock.now(),
      tokenFile,
      lookedIn: found.kind === 'none' ? found.lookedIn : [],
      warning: found.kind === 'login' ? found.warning : undefined,
    }
  }

  #find(): Promise<FoundCredentials> {
    const { given = {}, env, onWarning } = this.#options
    this.#found ??= findCredentials(given, env).then((found) => {
      if (found.kind === 'login' && found.warning !== undefined) onWarning?.(found.warning)
      return found
    })
    return this.#found
  }

  #givenToken(token: string, source: string): string {
    if (this.#lifeMs(token) > 0) return token
    throw new AuthError('AUTH_EXPIRED', `the token in ${source} has expired`, {
      hint: `make a new one at ${TOKEN_PAGE}`,
    })
  }

  /** How long a token will live, in ms; for ever if it does not say. */
  #lifeMs(token: string): number {
    return (readWebToken(token)?.expiresAt ?? Number.POSITIVE_INFINITY) - this.#clock.now()
  }

  async #login(login: FoundCredentials & { kind: 'login' }): Promise<string> {
    const { tokenFile } = this.#options
    const service = new URL(this.#options.endpoints.edl).origin
    if (tokenFile !== undefined) {
      const kept = await readTokenFile(tokenFile)
      const isOurs = kept?.service === service && kept.username === login.username
      if (kept !== undefined && isOurs && this.#isFresh(kept.token)) return this.#use(kept.token)
    }
    let token = await this.#call('find_or_create_token', login)
    if (!this.#isFresh(token)) {
      // Earthdata hands out the oldest of at most two tokens; one near its end makes room for a new one.
      await this.#call(`revoke_token?token=${encodeURIComponent(token)}`, login)
      token = await this.#call('find_or_create_token', login)
    }
    if (tokenFile !== undefined) await writeTokenFile(tokenFile, { service, username: login.username, token })
    return this.#use(token)
  }

  #use(token: string): string {
    this.#token = token
    return token
  }

  #isFresh(token: string): boolean {
    return !this.#refused.has(token) && this.#lifeMs(token) >= SHORTEST_LIFE_MS
  }

  /** A call of the token service, the only one that ever sees the password. */
  async #call(path: string, { username, password, source }: FoundCredentials & { kind: 'login' }): Promise<string> {
    const url = new URL(`${this.#options.endpoints.edl}/api/users/${path}`)
    const basic = `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`
    const headersFor: HeadersFor = async (hop): Promise<Record<string, string>> =>
      hop.origin === url.origin && hop.pathname === url.pathname ? { authorization: basic } : {}
    try {
      const request = { url, method: 'POST', headersFor, what: 'login at Earthdata', accept: [403] } as const
      const response = await this.#options.http.send(request)
      if (response.status === 403) throw tooManyTokens(await response.text(8192))
      if (path.startsWith('revoke_token')) {
        await response.cancel()
        return ''
      }
      const answer: unknown = await response.json(65_536)
      const { data } = tokenAnswer.safeParse(answer)
      if (data !== undefined) return data.access_token
      throw new AuthError('AUTH_REJECTED', 'login at Earthdata: the answer holds no token', { hint: LOGIN_HINT })
    } catch (error) {
      if (error instanceof AsterError && error.code === 'AUTH_REJECTED') throw inSource(error, source)
      throw error
    }
  }
}

/** Hosts whose requests carry the token. Never Earthdata's login page, never the signed stores. */
function tokenHosts({ edl, lpdaac }: Endpoints): (url: URL) => boolean {
  const [login, data] = [new URL(edl).origin, new URL(lpdaac).origin]
  return (url) => {
    if (url.origin === login) return url.pathname.startsWith('/api/')
    return url.origin === data || (url.protocol === 'https:' && /\.earthdatacloud\.nasa\.gov$/.test(url.hostname))
  }
}

function tooManyTokens(text: string): AuthError {
  if (/max_token_limit/.test(text)) {
    return new AuthError('AUTH_REJECTED', 'login at Earthdata: this account has its two tokens already', {
      hint: `revoke one at ${TOKEN_PAGE}, or set EARTHDATA_TOKEN to one of them`,
    })
  }
  return new AuthError('AUTH_REJECTED', 'login at Earthdata: refused', { hint: LOGIN_HINT })
}

function inSource(error: AsterError, source: string): AuthError {
  const hint = error.message.includes('two tokens') ? error.hint : `check the user name and password in ${source}`
  return new AuthError('AUTH_REJECTED', error.message, { hint })
}
