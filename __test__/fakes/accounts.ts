// Earthdata accounts of the fake world: who may log in, which tokens there are, and what a token is worth.
import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '../../src/net/clock.js'

export interface Account {
  readonly name: string
  readonly password: string
  /** Whether the terms of use were accepted. */
  hasAcceptedTerms: boolean
}

export type TokenState = 'good' | 'expired' | 'no token of ours' | 'no JWT'

/** Earthdata allows a user so many tokens at a time. */
const MOST_TOKENS = 2

export class Accounts {
  readonly tokens: { token: string; account: Account; expiresAt: number; isRevoked: boolean }[] = []
  /** Sessions of browsers and of programs that log in by cookie. */
  readonly cookies = new Map<string, Account>()
  readonly codes = new Map<string, Account>()
  readonly #key = randomBytes(16)

  constructor(
    readonly list: readonly Account[],
    private readonly clock: Clock,
    private readonly tokenLifeMs: number,
  ) {}

  /** A JSON Web Token as Earthdata makes them, good until it expires. */
  issue(account: Account, lifeMs = this.tokenLifeMs): string {
    const seconds = (ms: number) => Math.floor(ms / 1000)
    const expiresAt = this.clock.now() + lifeMs
    const claims = {
      type: 'User',
      uid: account.name,
      exp: seconds(expiresAt),
      iat: seconds(this.clock.now()),
      iss: 'https://urs.earthdata.nasa.gov',
      jti: randomBytes(6).toString('hex'),
    }
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = `${encode({ typ: 'JWT', origin: 'Earthdata Login', sig: 'edljwtpubkey_ops', alg: 'RS256' })}.${encode(claims)}`
    const token = `${signed}.${createHmac('sha256', this.#key).update(signed).digest('base64url')}`
    this.tokens.push({ token, account, expiresAt, isRevoked: false })
    return token
  }

  /** Tokens of an account that are still good. */
  tokensOf(account: Account) {
    return this.tokens.filter((row) => row.account === account && this.#isGood(row))
  }

  findOrCreate(account: Account): { token: string; expiresAt: number } | 'limit' {
    return this.tokensOf(account)[0] ?? this.create(account)
  }

  create(account: Account): { token: string; expiresAt: number } | 'limit' {
    if (this.tokensOf(account).length >= MOST_TOKENS) return 'limit'
    const token = this.issue(account)
    return { token, expiresAt: this.tokens.at(-1)?.expiresAt ?? 0 }
  }

  revoke(token: string): boolean {
    const row = this.tokens.find((known) => known.token === token)
    if (row !== undefined) row.isRevoked = true
    return row !== undefined
  }

  look(token: string): { state: TokenState; account?: Account } {
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return { state: 'no JWT' }
    const row = this.tokens.find((known) => known.token === token)
    if (row === undefined) return { state: 'no token of ours' }
    return this.#isGood(row) ? { state: 'good', account: row.account } : { state: 'expired' }
  }

  byBasic(header: string | undefined): Account | undefined {
    const [, pair = ''] = /^Basic (\S+)$/.exec(header ?? '') ?? []
    const text = Buffer.from(pair, 'base64').toString('utf8')
    return this.list.find(({ name, password }) => text === `${name}:${password}`)
  }

  byCookie(header: string | undefined): Account | undefined {
    return this.cookies.get(/\basf-urs=([^;]+)/.exec(header ?? '')?.[1] ?? '')
  }

  newCookie(account: Account): string {
    const value = `cookie-${randomBytes(12).toString('hex')}`
    this.cookies.set(value, account)
    return value
  }

  #isGood({ expiresAt, isRevoked }: { expiresAt: number; isRevoked: boolean }): boolean {
    return !isRevoked && expiresAt > this.clock.now()
  }
}
