// The way out through a proxy: HTTPS_PROXY and NO_PROXY, and tunnels by CONNECT.
//
// Node gained proxy variables for its own clients in 22.21 and 24.5 only, and compute nodes of clusters often have no
// other way out; so the tunnel is made here, for every Node that the package supports.
import { request as requestOverTcp } from 'node:http'
import { Agent, type AgentOptions, type RequestOptions, request as requestOverTls } from 'node:https'
import { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import { type AsterError, AuthError, NetworkError, UsageError } from '../errors.js'
import { isLoopback } from './endpoints.js'

type Env = Readonly<Record<string, string | undefined>>

/** The proxy for an address, or `undefined` for the direct way. This machine itself is never asked for by proxy. */
export function proxyFor(url: URL, env: Env): URL | undefined {
  const text = env.https_proxy ?? env.HTTPS_PROXY ?? env.all_proxy ?? env.ALL_PROXY
  if (text === undefined || text === '' || url.protocol !== 'https:' || isLoopback(url)) return undefined
  if (isExempt(url, env.no_proxy ?? env.NO_PROXY ?? '')) return undefined
  return parseProxy(text)
}

/** `NO_PROXY` as curl reads it: `*`, or host names with everything below them, each with an optional port. */
export function isExempt(url: URL, list: string): boolean {
  const port = url.port === '' ? '443' : url.port
  return list
    .split(/[\s,]+/)
    .filter((item) => item !== '')
    .some((item) => {
      if (item === '*') return true
      const [, name = '', onlyPort] = /^\*?\.?(.+?)(?::(\d+))?$/.exec(item.toLowerCase()) ?? []
      const isNamed = url.hostname === name || url.hostname.endsWith(`.${name}`)
      return isNamed && (onlyPort === undefined || onlyPort === port)
    })
}

function parseProxy(text: string): URL {
  const given = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  try {
    const url = new URL(given)
    if (url.protocol === 'http:' || url.protocol === 'https:') return url
  } catch {
    // Told below, without the address: it may hold a password.
  }
  throw new UsageError('HTTPS_PROXY is no address of an http or https proxy', {
    code: 'CONFIG',
    hint: 'give it as http://host:port, or unset it',
  })
}

/** An agent whose connections go through the proxy. */
export class TunnelAgent extends Agent {
  readonly #proxy: URL
  readonly #timeoutMs: number

  constructor(proxy: URL, options: AgentOptions & { timeoutMs: number }) {
    const { timeoutMs, ...rest } = options
    super(rest)
    this.#proxy = proxy
    this.#timeoutMs = timeoutMs
  }

  override createConnection(options: RequestOptions, done?: (error: Error | null, stream: Duplex) => void): undefined {
    const host = options.host ?? ''
    const port = options.port ?? 443
    const target = `${host.includes(':') ? `[${host}]` : host}:${port}`
    const proxy = this.#proxy
    const connectRequest = (proxy.protocol === 'https:' ? requestOverTls : requestOverTcp)({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : 80) : proxy.port,
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...proxyCredentials(proxy) },
      timeout: this.#timeoutMs,
      agent: false,
    })
    const fail = (error: Error) => done?.(error, new Duplex())
    connectRequest.once('timeout', () => connectRequest.destroy(new Error('no answer')))
    connectRequest.once('error', (error) => fail(new Error(`proxy ${proxy.host}: ${error.message}`, { cause: error })))
    connectRequest.once('connect', (response, socket) => {
      if (response.statusCode !== 200) {
        socket.destroy()
        return fail(refusalOf(proxy, response.statusCode ?? 0))
      }
      socket.setTimeout(0)
      const { ca, rejectUnauthorized } = this.options
      done?.(
        null,
        connect({
          socket,
          servername: options.servername ?? host,
          ALPNProtocols: ['http/1.1'],
          ca,
          rejectUnauthorized,
        }),
      )
    })
    connectRequest.end()
    return undefined
  }
}

function refusalOf(proxy: URL, status: number): AsterError {
  const message = `proxy ${proxy.host}: answered ${status} to CONNECT`
  if (status === 407) return new AuthError('AUTH_REJECTED', message, { hint: 'give user and password in HTTPS_PROXY' })
  if (status === 429 || status >= 500) return new NetworkError('NETWORK', message)
  return new NetworkError('SERVICE', message, { hint: 'the proxy does not let this host through; ask who runs it' })
}

function proxyCredentials({ username, password }: URL): Record<string, string> {
  if (username === '') return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}
