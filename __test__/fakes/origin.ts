// One host of the fake world: a listener on loopback that logs, follows its script, and asks its service.
import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../src/net/clock.js'
import { type Delivery, deliver, type Fault } from './faults.js'
import type { Asked, Reply, Service } from './reply.js'

/** One request as a host saw it. */
export interface LogEntry {
  readonly host: string
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** By the world's clock, in ms. */
  readonly at: number
  /** Whether the answer was scripted rather than the service's own. */
  readonly fault: Fault['kind'] | undefined
  status: number
  replyHeaders: Readonly<Record<string, string>>
  /** Beginning of a body of an error. */
  replyText: string
  bytesSent: number
  /** The asker, or the script, closed the connection before the end. */
  closedEarly: boolean
}

/** Steps of one route, taken one by one; after the last, the service answers normally. */
export interface Script {
  /** Path that is meant: exactly, or by pattern; every path without it. */
  readonly route?: string | RegExp | undefined
  readonly method?: string | undefined
  readonly steps: (Fault | 'normal')[]
  /** The last step stays. */
  readonly always?: boolean | undefined
}

export interface OriginOptions {
  readonly name: string
  readonly service: Service
  readonly clock: Clock
  readonly log: LogEntry[]
  readonly tls?: { readonly key: string; readonly cert: string } | undefined
  readonly keepAlive: boolean
}

export class Origin {
  readonly scripts: Script[] = []
  readonly #options: OriginOptions
  readonly #server: Server
  #port = 0

  constructor(options: OriginOptions) {
    this.#options = options
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response).catch(() => response.destroy())
    }
    this.#server = options.tls === undefined ? createPlainServer(listener) : createTlsServer(options.tls, listener)
  }

  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`
  }

  /** Opens the door, again at the same port if it was open before. */
  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    const address = this.#server.address() as AddressInfo
    this.#port = address.port
  }

  /** Shuts the door: connections are refused from now on. */
  async shut(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = await askedOf(request)
    const fault = this.#nextStep(asked)
    const { name, clock, log, service, keepAlive } = this.#options
    const heard = fault?.kind === 'ignore-range' ? withoutRange(asked) : asked
    const answer = service(heard)
    const delivery = deliver(answer, fault)
    const { method, path, query, headers, body } = asked
    const entry: LogEntry = {
      ...{ host: name, method, path, query, headers, body, at: clock.now(), fault: fault?.kind },
      ...{ status: 0, replyHeaders: {}, replyText: '', bytesSent: 0, closedEarly: false },
    }
    log.push(entry)
    response.once('close', () => {
      entry.closedEarly = !response.writableFinished
    })
    if (delivery.silent === true) return
    if (delivery.reset === true) {
      request.socket.destroy()
      return
    }
    entry.status = delivery.reply.status
    entry.replyHeaders = delivery.reply.headers
    if (entry.status >= 400) entry.replyText = Buffer.from(delivery.reply.body.subarray(0, 2000)).toString('utf8')
    await send(delivery, method, response, entry, keepAlive)
  }

  #nextStep(asked: Asked): Fault | undefined {
    for (const script of this.scripts) {
      const { route, method, steps, always } = script
      const isMeant = route === undefined || (typeof route === 'string' ? route === asked.path : route.test(asked.path))
      if (!isMeant || (method !== undefined && method !== asked.method) || steps.length === 0) continue
      const step = always === true && steps.length === 1 ? steps[0] : steps.shift()
      return step === 'normal' ? undefined : step
    }
    return undefined
  }
}

async function askedOf(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const [path = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s)
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )
  const params = new URLSearchParams(query)
  return { method: request.method ?? 'GET', path, query, params, headers, body: Buffer.concat(chunks).toString('utf8') }
}

function withoutRange(asked: Asked): Asked {
  const { range: _, ...headers } = asked.headers
  return { ...asked, headers }
}

async function send(
  { reply, chunked = false, stopAfter, thenStall = false, trickleMs }: Delivery,
  method: string,
  response: ServerResponse,
  entry: LogEntry,
  keepAlive: boolean,
): Promise<void> {
  const headers = headersOf(reply, chunked, keepAlive)
  response.writeHead(reply.status, headers)
  if (method === 'HEAD' || reply.status === 304) {
    response.end()
    return
  }
  const write = (bytes: Uint8Array) => {
    entry.bytesSent += bytes.length
    return new Promise<void>((resolve) => response.write(bytes, () => resolve()))
  }
  if (trickleMs !== undefined) {
    for (const byte of reply.body) {
      if (response.destroyed) return
      await write(Uint8Array.of(byte))
      await new Promise((resolve) => setTimeout(resolve, trickleMs))
    }
  } else if (stopAfter !== undefined) {
    response.flushHeaders()
    if (stopAfter > 0) await write(reply.body.subarray(0, stopAfter))
    if (!thenStall) response.destroy()
    return
  } else {
    entry.bytesSent += reply.body.length
    response.end(reply.body)
    return
  }
  response.end()
}

function headersOf({ headers, body }: Reply, chunked: boolean, keepAlive: boolean): Record<string, string> {
  const length: Record<string, string> = chunked ? {} : { 'content-length': String(body.length) }
  return { ...length, ...headers, ...(keepAlive ? {} : { connection: 'close' }) }
}
