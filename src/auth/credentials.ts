// Where credentials come from, in which order; and what anything that has them offers.
import { homedir } from 'node:os'
import { type AuthError, UsageError } from '../errors.js'
import type { HeadersFor } from '../net/http.js'
import { netrcPaths, readNetrcLogin } from './netrc.js'

export type Env = Readonly<Record<string, string | undefined>>

/** Something that can authorize requests. */
export interface CredentialProvider {
  /** Headers for one address: credentials for the hosts that may see them, nothing for all others. */
  readonly headersFor: HeadersFor
  /**
   * Told that a host refused what `headersFor` gave. Resolves to whether there is something new to try.
   * @param used the `authorization` header that was refused
   */
  renew(used: string, error: AuthError, signal?: AbortSignal): Promise<boolean>
}

/** Credentials given by the caller; they come before all others. */
export interface GivenCredentials {
  readonly token?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
}

export type FoundCredentials =
  | { readonly kind: 'token'; readonly token: string; readonly source: string }
  | {
      readonly kind: 'login'
      readonly username: string
      readonly password: string
      readonly source: string
      readonly warning?: string | undefined
    }
  | { readonly kind: 'none'; readonly lookedIn: readonly string[] }

/**
 * Credentials for Earthdata Login: those given, else `EARTHDATA_TOKEN`, else `EARTHDATA_USERNAME` and
 * `EARTHDATA_PASSWORD`, else the netrc entry of `host`.
 */
export async function findCredentials(
  given: GivenCredentials,
  env: Env,
  host = 'urs.earthdata.nasa.gov',
): Promise<FoundCredentials> {
  const direct =
    fromPair(given.token, given.username, given.password, 'options', 'options', ['username', 'password']) ??
    fromPair(
      env.EARTHDATA_TOKEN,
      env.EARTHDATA_USERNAME,
      env.EARTHDATA_PASSWORD,
      'EARTHDATA_TOKEN',
      'EARTHDATA_USERNAME and EARTHDATA_PASSWORD',
      ['EARTHDATA_USERNAME', 'EARTHDATA_PASSWORD'],
    )
  if (direct !== undefined) return direct
  const paths = netrcPaths(env, env.HOME ?? env.USERPROFILE ?? homedir())
  const entry = await readNetrcLogin(paths, host)
  if (entry === undefined) {
    return { kind: 'none', lookedIn: ['EARTHDATA_TOKEN', 'EARTHDATA_USERNAME and EARTHDATA_PASSWORD', ...paths] }
  }
  const { login, password, path, line, warning } = entry
  return { kind: 'login', username: login, password, source: `${path}, line ${line}`, warning }
}

/** Given credentials as the variables that another process finds them in; variables that would come before them are unset. */
export function credentialVariables({ token, username, password }: GivenCredentials): Env {
  const found = fromPair(token, username, password, 'options', 'options', ['username', 'password'])
  if (found?.kind === 'token') return { EARTHDATA_TOKEN: found.token }
  if (found?.kind !== 'login') return {}
  return { EARTHDATA_TOKEN: undefined, EARTHDATA_USERNAME: found.username, EARTHDATA_PASSWORD: found.password }
}

function fromPair(
  token: string | undefined,
  username: string | undefined,
  password: string | undefined,
  tokenSource: string,
  pairSource: string,
  [userName, passwordName]: readonly [string, string],
): FoundCredentials | undefined {
  const word = present(token)?.replace(/^Bearer\s+/i, '')
  if (word !== undefined) {
    // Anything else would break out of its header, or is a whole file that was pasted.
    if (/^[\x21-\x7e]+$/.test(word)) return { kind: 'token', token: word, source: tokenSource }
    throw new UsageError(`the token in ${tokenSource} holds blanks or characters that no token has`, { code: 'CONFIG' })
  }
  const [user, secret] = [present(username), password === '' ? undefined : password]
  if (user === undefined && secret === undefined) return undefined
  if (user === undefined || secret === undefined) {
    const [here, missing] = user === undefined ? [passwordName, userName] : [userName, passwordName]
    throw new UsageError(`${here} is set, but not ${missing}`, { code: 'CONFIG', hint: 'set both, or EARTHDATA_TOKEN' })
  }
  return { kind: 'login', username: user, password: secret, source: pairSource }
}

function present(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === '' ? undefined : trimmed
}
