// Answers that are no success, as errors that say what the service said and what to do next.
import { type AsterError, AuthError, errorFromCode, NetworkError, NotFoundError } from '../errors.js'
import { redact, safeUrl } from './redact.js'
import { isPassing, saysItGaveUp } from './retry.js'

/** How a request was authorized, as far as an error needs to know. */
export type Credentials = 'none' | 'basic' | 'bearer' | 'signed' | 'key'

export interface Refusal {
  readonly status: number
  readonly headers: Headers
  /** Where the answer came from. */
  readonly url: URL
  /** Beginning of the body. */
  readonly text: string
  /** What the request was for. */
  readonly what: string
  readonly credentials: Credentials
}

const RETIRED_HOSTS = /^e4ftl\d+\.cr\.usgs\.gov$/
const LONGEST_QUOTE = 300

/** The error of a host that is known to be switched off; to be asked before anything is sent there. */
export function retiredHost(url: URL): NetworkError | undefined {
  if (!RETIRED_HOSTS.test(url.hostname)) return undefined
  return new NetworkError('RETIRED_HOST', `${url.hostname} no longer serves data`, {
    hint: 'NASA moved ASTER to Earthdata Cloud, as version 004: search again for current addresses',
  })
}

/** The error for an answer with a status that was not asked for. */
export function refusalOf(refusal: Refusal): AsterError {
  const { status, url, what, credentials } = refusal
  const said = whatItSays(refusal)
  const message = `${what}: ${url.host} answered ${status}${said === '' ? '' : `: ${said}`}${requestId(refusal)}`
  if (status === 429) return errorFromCode('RATE_LIMITED', message, { hint: 'wait a while, then try again' })
  if (status === 408 || status === 504) return errorFromCode('TIMEOUT', message)
  if (isPassing(status, refusal.headers)) {
    const text = saysItGaveUp(refusal.headers) ? `${what}: ${url.host} ran out of time and left records out` : message
    return errorFromCode(saysItGaveUp(refusal.headers) ? 'TIMEOUT' : 'NETWORK', text, {
      hint: 'the service has trouble; try again later',
    })
  }
  if (status === 401 || status === 403) return authRefusal(refusal, message)
  if (status === 400 && hasExpired(refusal.text)) return authRefusal(refusal, message)
  if (status === 404 || status === 410)
    return new NotFoundError(message, { hint: 'search again for current addresses' })
  const hint = credentials === 'none' ? undefined : 'this should not happen; please report it with this text'
  return new NetworkError('SERVICE', message, { hint })
}

/** The error for a web page that came in place of data. */
export function pageInsteadOfData(url: URL, what: string, text: string): AsterError {
  const isLogin = /earthdata login|\/oauth\/authorize|urs\.earthdata|name=["']?password|type=["']?password/i.test(text)
  if (isLogin) {
    return new AuthError('AUTH_LOGIN_PAGE', `${what}: ${url.host} sent a login page instead of data`, {
      hint: 'set EARTHDATA_TOKEN, or check `aster-timeseries auth status`',
    })
  }
  return new NetworkError('SERVICE', `${what}: ${url.host} sent a web page instead of data`, {
    hint: 'a proxy or a login portal may answer in place of the service; open the address in a browser',
  })
}

function authRefusal({ status, text, credentials, url }: Refusal, message: string): AsterError {
  if (/\beula\b/i.test(text)) {
    const link = resolutionUrl(text)
    return new AuthError('AUTH_TERMS', message, {
      hint:
        link === undefined
          ? 'log in at https://urs.earthdata.nasa.gov, and accept the terms of LP DAAC under Applications'
          : `accept the terms at ${link}, then try again`,
    })
  }
  if (credentials === 'basic') {
    return new AuthError('AUTH_REJECTED', message, { hint: 'check the user name and password of Earthdata Login' })
  }
  if (credentials === 'bearer' && status === 401) {
    return new AuthError('AUTH_EXPIRED', message, {
      hint: 'the token has expired or was revoked: make a new one at https://urs.earthdata.nasa.gov/profile',
    })
  }
  if (credentials === 'signed' || hasExpired(text)) {
    return new NetworkError('ADDRESS_EXPIRED', message, { hint: 'try again: there will be a new address' })
  }
  if (credentials === 'none') {
    return new AuthError('AUTH_MISSING', message, {
      hint: `${url.host} wants a login: set EARTHDATA_TOKEN, or see \`aster-timeseries auth status\``,
    })
  }
  return new AuthError('AUTH_REJECTED', message, {
    hint: 'this account may not have this; see `aster-timeseries auth test`',
  })
}

/** Amazon's and Azure's words for a signature whose time is over. */
function hasExpired(text: string): boolean {
  return /Request has expired|ExpiredToken|Signature not valid in the specified time frame|<Code>AuthenticationFailed/.test(
    text,
  )
}

function resolutionUrl(text: string): string | undefined {
  const link = /https:\/\/urs\.earthdata\.nasa\.gov\/approve_app\?client_id=[\w-]+/.exec(text)?.[0]
  return link
}

function requestId({ headers }: Refusal): string {
  const id = headers.get('x-request-id') ?? headers.get('x-ms-request-id') ?? headers.get('cmr-request-id')
  return id === null || !/^[\w=-]{4,100}$/.test(id) ? '' : ` (request ${id})`
}

/** The service's own words: from JSON, from XML, or plain; never a whole page. */
function whatItSays({ text, url }: Refusal): string {
  const trimmed = text.replace(/^\uFEFF/, '').trim()
  const said = fromJson(trimmed) ?? fromXml(trimmed) ?? (trimmed.startsWith('<') ? '' : trimmed)
  const short = said.replace(/\s+/g, ' ').trim()
  const quote = short.length > LONGEST_QUOTE ? `${short.slice(0, LONGEST_QUOTE)}…` : short
  return redact(quote).replaceAll(url.href, safeUrl(url))
}

function fromJson(text: string): string | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  if ('errors' in value && Array.isArray(value.errors)) return value.errors.map(String).join('; ')
  const fields = ['error_description', 'description', 'message', 'detail', 'error'] as const
  const entries = new Map<string, unknown>(Object.entries(value))
  const texts = fields.map((name) => entries.get(name)).filter((field) => typeof field === 'string')
  return texts[0] ?? ''
}

function fromXml(text: string): string | undefined {
  const code = /<Code>([^<]+)<\/Code>/.exec(text)?.[1]
  const message = /<Message>([^<]+)<\/Message>/.exec(text)?.[1]
  return code === undefined ? undefined : [code, message].filter((part) => part !== undefined).join(': ')
}
