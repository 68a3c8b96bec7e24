// What can go wrong on the way, as values: scripted per route, applied to the answer that the service would have given.
import { gzipSync } from 'node:zlib'
import { html, type Reply, redirectTo, reply } from './reply.js'

export type Fault =
  /** Another status than the service would answer. */
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  /** Another answer, with status 200. */
  | { kind: 'body'; text: string; contentType?: string }
  /** Additional or other headers. */
  | { kind: 'headers'; headers: Record<string, string> }
  | { kind: 'redirect'; to: string | undefined; status?: number }
  /** A login page with status 200, as browsers get it. */
  | { kind: 'page' }
  /** The connection is accepted, and nothing is answered. */
  | { kind: 'silence' }
  /** The connection is closed before the first byte. */
  | { kind: 'reset' }
  /** Headers and so many bytes, then the connection is closed. */
  | { kind: 'drop'; after: number }
  /** So many bytes, announced as all there is: only a checksum can tell. */
  | { kind: 'truncate'; to: number }
  /** A chunked body without its last chunk. */
  | { kind: 'cut-chunks'; after: number }
  /** More bytes than the object has. */
  | { kind: 'longer'; by: number }
  | { kind: 'empty' }
  /** So many bytes, then nothing for ever. */
  | { kind: 'stall'; after: number }
  /** One byte at a time. */
  | { kind: 'trickle'; everyMs: number }
  /** Packed although it was not asked for; of the packed bytes, only so many. */
  | { kind: 'gzip'; keep?: number }
  | { kind: 'bit-flip'; at: number }
  /** The whole object in place of a part. */
  | { kind: 'ignore-range' }
  /** A part that begins elsewhere, or of an object of another size. */
  | { kind: 'wrong-range'; start?: number; total?: number }
  | { kind: 'etag'; value: string }

/** How an answer leaves the machine. */
export interface Delivery {
  readonly reply: Reply
  readonly silent?: boolean
  readonly reset?: boolean
  readonly chunked?: boolean
  /** Bytes of the body that are sent before what follows. */
  readonly stopAfter?: number
  /** What happens then. */
  readonly thenStall?: boolean
  readonly trickleMs?: number
}

export function deliver(answer: Reply, fault: Fault | undefined): Delivery {
  if (fault === undefined) return { reply: answer }
  const { status, headers, body } = answer
  switch (fault.kind) {
    case 'status':
      return {
        reply: reply(fault.status, fault.body ?? `status ${fault.status}`, {
          'content-type': 'text/plain',
          ...fault.headers,
        }),
      }
    case 'body':
      return { reply: reply(200, fault.text, { 'content-type': fault.contentType ?? 'application/json' }) }
    case 'headers':
      return { reply: { ...answer, headers: { ...headers, ...fault.headers } } }
    case 'redirect':
      return { reply: fault.to === undefined ? reply(302) : redirectTo(fault.status ?? 302, fault.to) }
    case 'page':
      return { reply: html(200, '<h1>Earthdata Login</h1><form><input type="password" name="password"></form>') }
    case 'silence':
      return { reply: answer, silent: true }
    case 'reset':
      return { reply: answer, reset: true }
    case 'drop':
      return { reply: answer, stopAfter: fault.after }
    case 'truncate':
      return { reply: { ...answer, body: body.subarray(0, fault.to) } }
    case 'cut-chunks':
      return { reply: answer, chunked: true, stopAfter: fault.after }
    case 'longer':
      return { reply: { ...answer, body: Buffer.concat([body, Buffer.alloc(fault.by, 0x5a)]) } }
    case 'empty':
      return { reply: { ...answer, body: new Uint8Array() } }
    case 'stall':
      return { reply: answer, stopAfter: fault.after, thenStall: true }
    case 'trickle':
      return { reply: answer, trickleMs: fault.everyMs }
    case 'gzip':
      return {
        reply: {
          status,
          headers: { ...headers, 'content-encoding': 'gzip' },
          body: gzipSync(body).subarray(0, fault.keep),
        },
      }
    case 'bit-flip':
      return { reply: { ...answer, body: flipped(body, fault.at) } }
    case 'ignore-range':
      return { reply: answer }
    case 'wrong-range':
      return {
        reply: { ...answer, headers: { ...headers, 'content-range': wrongRange(headers['content-range'], fault) } },
      }
    case 'etag':
      return { reply: { ...answer, headers: { ...headers, etag: fault.value } } }
  }
}

function flipped(body: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(body)
  const byte = copy[at]
  if (byte !== undefined) copy[at] = byte ^ 1
  return copy
}

function wrongRange(range: string | undefined, { start, total }: { start?: number; total?: number }): string {
  const [, first = '0', last = '0', size = '0'] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range ?? '') ?? []
  return `bytes ${start ?? first}-${last}/${total ?? size}`
}
