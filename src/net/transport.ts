// One request over one connection, without redirects or retries: the only file that talks to the network.
//
// Node's `http` and `https` rather than `fetch`: they connect through proxies on every supported Node (`proxy.ts`),
// take certificates from the caller, tell a slow connection from a slow answer, and say when a body was cut short.
import { Agent as HttpAgent, type IncomingMessage, request as requestOverTcp } from 'node:http'
import { Agent as HttpsAgent, request as requestOverTls } from 'node:https'
import { AbortError, AsterError, NetworkError, UsageError } from '../errors.js'
import { proxyFor, TunnelAgent } from './proxy.js'
import { redact } from './redact.js'

export interface Outgoing {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** How long the first byte of the answer may take. */
  readonly firstByteTimeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** An answer whose body has not been read. */
export interface Exchange {
  readonly status: number
  readonly headers: Headers
  /** Bytes as sent. Throws an error of the family when they stop coming; leaving the loop drops the connection. */
  readonly body: AsyncIterable<Uint8Array>
  /** Drops the body. */
  discard(): void
}

export type Transport = (outgoing: Outgoing) => Promise<Exchange>

export interface TransportOptions {
  readonly connectTimeoutMs: number
  /** How long a body may stand still. */
  readonly idleTimeoutMs: number
  /** Certificate authorities in PEM, instead of those of Node. */
  readonly ca?: string | undefined
  /** Read for proxies. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Bodies up to this size are read to their end when they are not wanted, so that the connection can be used again. */
const CHEAP_TO_READ_BYTES = 64 * 1024

export function createTransport(options: TransportOptions): Transport {
  const { ca } = options
  const agentOptions = { keepAlive: true, ...(ca === undefined ? {} : { ca }) }
  const plain = new HttpAgent({ keepAlive: true })
  const secure = new HttpsAgent(agentOptions)
  const tunnels = new Map<string, TunnelAgent>()
  const agentFor = (url: URL): HttpAgent | HttpsAgent => {
    if (url.protocol === 'http:') return plain
    const proxy = proxyFor(url, options.env)
    if (proxy === undefined) return secure
    const known = tunnels.get(proxy.href)
    if (known !== undefined) return known
    const tunnel = new TunnelAgent(proxy, { ...agentOptions, timeoutMs: options.connectTimeoutMs })
    tunnels.set(proxy.href, tunnel)
    return tunnel
  }
  return (outgoing) => exchange(outgoing, agentFor(outgoing.url), options)
}

function exchange(outgoing: Outgoing, agent: HttpAgent, options: TransportOptions): Promise<Exchange> {
  const { url, method, headers, body, signal, firstByteTimeoutMs } = outgoing
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new AbortError(undefined, { cause: signal.reason }))
    const start = url.protocol === 'https:' ? requestOverTls : requestOverTcp
    const request = start(url, { method, headers: withLength(headers, body), agent })
    let timer = setTimeout(() => giveUp('connection', options.connectTimeoutMs), options.connectTimeoutMs)
    const giveUp = (phase: 'connection' | 'answer', ms: number) => request.destroy(tooSlow(url, phase, ms))
    const onAbort = () => request.destroy(new AbortError(undefined, { cause: signal?.reason }))
    const settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const onConnected = () => {
      clearTimeout(timer)
      timer = setTimeout(() => giveUp('answer', firstByteTimeoutMs), firstByteTimeoutMs)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    request.once('socket', (socket) => {
      if (!socket.connecting && (request.reusedSocket || url.protocol === 'http:')) onConnected()
      else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', onConnected)
    })
    request.once('error', (error) => {
      settle()
      // A kept connection that the server closed just now says nothing about the server.
      if (request.reusedSocket && isReset(error)) exchange(outgoing, agent, options).then(resolve, reject)
      else reject(failureOf(error, url))
    })
    request.once('response', (message) => {
      settle()
      // After the answer began, its errors are those of the body.
      request.on('error', () => {})
      const body = bodyOf(message, url, options.idleTimeoutMs, signal)
      const drop = () => {
        discard(message)
        body.return(undefined).catch(() => {})
      }
      resolve({ status: message.statusCode ?? 0, headers: headersOf(message), body, discard: drop })
    })
    request.end(body)
  })
}

async function* bodyOf(
  message: IncomingMessage,
  url: URL,
  idleMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const onAbort = () => message.destroy(new AbortError(undefined, { cause: signal?.reason }))
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const chunks: AsyncIterator<Uint8Array> = message[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await inTime(chunks.next(), message, url, idleMs)
      if (done) break
      yield value
    }
    if (!message.complete) throw cutShort(url)
  } catch (error) {
    throw failureOf(error, url)
  } finally {
    signal?.removeEventListener('abort', onAbort)
    if (!message.complete) message.destroy()
  }
}

/** The next chunk, or an error. Only the service's own time counts, not that of the caller between two chunks. */
async function inTime<T>(next: Promise<T>, message: IncomingMessage, url: URL, idleMs: number): Promise<T> {
  const timer = setTimeout(() => message.destroy(tooSlow(url, 'body', idleMs)), idleMs)
  try {
    return await next
  } finally {
    clearTimeout(timer)
  }
}

/** Reads a small body that nobody has begun to read, so that the connection lives on; drops the connection otherwise. */
function discard(message: IncomingMessage): void {
  message.on('error', () => {})
  const length = Number(message.headers['content-length'] ?? Number.NaN)
  if (length <= CHEAP_TO_READ_BYTES && !message.readableDidRead) message.resume()
  else message.destroy()
}

function withLength(headers: Outgoing['headers'], body: string | undefined): Record<string, string> {
  return body === undefined ? { ...headers } : { ...headers, 'content-length': String(Buffer.byteLength(body)) }
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '')
  }
  return headers
}

const RESETS = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'])
const CERTIFICATE = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|CRL_|HOSTNAME_MISMATCH|INVALID_CA)/

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function isReset(error: unknown): boolean {
  return RESETS.has(codeOf(error))
}

/** What the system said, as an error of the family. */
function failureOf(error: unknown, url: URL): AsterError {
  if (error instanceof AsterError) return error
  const code = codeOf(error)
  const text = redact(error instanceof Error ? error.message : String(error))
  if (CERTIFICATE.test(code)) {
    return new UsageError(`${url.host} has a certificate that this machine does not trust (${code})`, {
      code: 'CONFIG',
      hint: 'behind an inspecting proxy, put its certificate authority into a file and name it in NODE_EXTRA_CA_CERTS',
      cause: error,
    })
  }
  if (code === 'ENOTFOUND') {
    return new NetworkError('NETWORK', `${url.hostname} has no address here`, {
      hint: 'is this machine online? Where only a proxy leads out, set HTTPS_PROXY',
      retryable: false,
      cause: error,
    })
  }
  if (isReset(error))
    return new NetworkError('NETWORK', `${url.host} closed the connection (${code})`, { cause: error })
  return new NetworkError('NETWORK', `${url.host}: ${text}`, { cause: error })
}

function cutShort(url: URL): NetworkError {
  return new NetworkError('NETWORK', `${url.host} sent less than it announced`)
}

function tooSlow(url: URL, phase: 'connection' | 'answer' | 'body', ms: number): NetworkError {
  const seconds = `${ms / 1000} s`
  const text = {
    connection: `no connection to ${url.host} within ${seconds}`,
    answer: `no answer from ${url.host} within ${seconds}`,
    body: `${url.host} sent nothing for ${seconds}`,
  }
  return new NetworkError('TIMEOUT', text[phase])
}
