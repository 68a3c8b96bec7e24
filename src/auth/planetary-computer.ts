// Planetary Computer: tokens for its stores, one per container, fetched shortly before the last one ends.
import { z } from 'zod'
import { AsterError, NetworkError } from '../errors.js'
import { type Clock, SYSTEM_CLOCK } from '../net/clock.js'
import type { Endpoints } from '../net/endpoints.js'
import type { HeadersFor, HttpClient } from '../net/http.js'
import type { Env } from './credentials.js'
import { SingleFlight } from './single-flight.js'

/** A token is replaced when less than this is left of it. */
const SHORTEST_LIFE_MS = 60_000
const PUBLIC_ACCOUNT = 'ai4edatasetspublicassets'
const SUBSCRIPTION_VARIABLE = 'PC_SDK_SUBSCRIPTION_KEY'

const tokenAnswer = z.object({ 'msft:expiry': z.string(), token: z.string().min(1) })

interface SasToken {
  readonly token: string
  readonly expiresAt: number
}

export interface SignerOptions {
  readonly http: HttpClient
  readonly endpoints: Endpoints
  readonly env: Env
  readonly clock?: Clock | undefined
}

export class BlobSigner {
  readonly #options: SignerOptions
  readonly #clock: Clock
  readonly #tokens = new Map<string, SasToken>()
  readonly #flights = new Map<string, SingleFlight<SasToken>>()

  constructor(options: SignerOptions) {
    this.#options = options
    this.#clock = options.clock ?? SYSTEM_CLOCK
  }

  /** The address with a token; as it is where it needs none: it has one, or it is in no store of this kind. */
  async sign(address: string | URL, signal?: AbortSignal): Promise<URL> {
    const url = new URL(address)
    const container = this.#containerOf(url)
    if (container === undefined) return url
    const { token } = await this.#token(container, signal)
    // Appended as it came: its signature is encoded already.
    return new URL(`${url.href}${url.search === '' ? '?' : '&'}${token}`)
  }

  /** Forgets the token that signed an address, unless there is a newer one. */
  forget(signed: URL): void {
    const container = this.#containerOf(new URL(signed.origin + signed.pathname))
    const held = container === undefined ? undefined : this.#tokens.get(container)
    if (container !== undefined && held !== undefined && signed.href.includes(held.token))
      this.#tokens.delete(container)
  }

  /** `account/container` of an address that has to be signed. */
  #containerOf(url: URL): string | undefined {
    const isSigned = ['st', 'se', 'sp', 'sig'].some((name) => url.searchParams.has(name))
    const isOwn = url.origin === new URL(this.#options.endpoints.pcBlob).origin
    const account = /^([a-z0-9]+)\.blob\.core\.windows\.net$/.exec(url.hostname)?.[1] ?? (isOwn ? 'astersa' : undefined)
    const container = url.pathname.split('/')[1] ?? ''
    if (isSigned || account === undefined || account === PUBLIC_ACCOUNT || container === '') return undefined
    return `${account}/${container}`
  }

  async #token(container: string, signal: AbortSignal | undefined): Promise<SasToken> {
    const held = this.#tokens.get(container)
    if (held !== undefined && held.expiresAt - this.#clock.now() >= SHORTEST_LIFE_MS) return held
    const flight = this.#flights.get(container) ?? new SingleFlight<SasToken>()
    this.#flights.set(container, flight)
    return flight.run(() => this.#newToken(container), signal)
  }

  async #newToken(container: string): Promise<SasToken> {
    const { http, endpoints, env } = this.#options
    const url = new URL(`${endpoints.pcSas}/token/${container}`)
    const key = env[SUBSCRIPTION_VARIABLE]
    const headersFor: HeadersFor = async (hop): Promise<Record<string, string>> =>
      key === undefined || key === '' || hop.origin !== url.origin ? {} : { 'Ocp-Apim-Subscription-Key': key }
    const response = await http.send({ url, headersFor, what: 'token of Planetary Computer' })
    const given: unknown = await response.json(65_536)
    const { data } = tokenAnswer.safeParse(given)
    const expiry = Date.parse(data?.['msft:expiry'] ?? '')
    if (data === undefined || Number.isNaN(expiry)) {
      throw new NetworkError('SERVICE', 'token of Planetary Computer: the answer holds no token')
    }
    // Its life by the service's own clock, so that ours may be wrong.
    const theirs = Date.parse(response.headers.get('date') ?? '')
    const now = this.#clock.now()
    const token = { token: data.token, expiresAt: now + (expiry - (Number.isNaN(theirs) ? now : theirs)) }
    this.#tokens.set(container, token)
    return token
  }
}

/** The client whose requests for blobs are signed, anew if a token ran out sooner than it said. */
export function signing(http: HttpClient, signer: BlobSigner): HttpClient {
  return {
    send: async (request) => {
      const signed = await signer.sign(request.url, request.signal)
      try {
        return await http.send({ ...request, url: signed })
      } catch (error) {
        const isOver = error instanceof AsterError && error.code === 'ADDRESS_EXPIRED'
        if (!isOver || signed.href === new URL(request.url).href) throw error
        signer.forget(signed)
        return http.send({ ...request, url: await signer.sign(request.url, request.signal) })
      }
    },
  }
}

/** Where the key that raises limits comes from; the service works without it. */
export function subscriptionKeySource(env: Env): string | undefined {
  const key = env[SUBSCRIPTION_VARIABLE]
  return key === undefined || key === '' ? undefined : SUBSCRIPTION_VARIABLE
}
