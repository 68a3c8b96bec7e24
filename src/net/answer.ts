// A welcome answer as the caller gets it: unpacked, no web page in place of data, whole if it is JSON or XML.
import { AbortError, AsterError, errorFromCode, InternalError, NetworkError } from '../errors.js'
import { type Bytes, bytesOf, decoded, looksLikePage, peek, readAll } from './body.js'
import type { HttpResponse } from './http.js'
import { redact, safeUrl } from './redact.js'
import type { Hop } from './redirect.js'
import { pageInsteadOfData } from './refusal.js'
import type { Exchange } from './transport.js'

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024

/** The answer to hand over; what is thrown here is worth another try if it says so. */
export async function answerOf(exchange: Exchange, { url, method }: Hop, what: string): Promise<HttpResponse> {
  const { status, discard } = exchange
  const headers = new Headers(exchange.headers)
  if (method === 'HEAD' || status === 204 || status === 304) {
    discard()
    return responseOf({ status, headers, body: bytesOf(new Uint8Array()), discard }, url, what)
  }
  const encoding = headers.get('content-encoding')
  const unpacked = decoded(exchange.body, encoding)
  if (unpacked === undefined || (status === 206 && unpacked !== exchange.body)) {
    throw new NetworkError('SERVICE', `${url.host} packed its answer as ${encoding}, which was not asked for`)
  }
  if (unpacked !== exchange.body) {
    headers.delete('content-encoding')
    headers.delete('content-length')
  }
  if (status !== 200) return responseOf({ status, headers, body: unpacked, discard }, url, what)
  const { head, body } = await peek(unpacked)
  if (looksLikePage(head)) throw pageInsteadOfData(url, what, Buffer.from(head).toString('utf8'))
  const isDocument = /[/+](json|xml)\b/i.test(headers.get('content-type') ?? '') || /\bumm_json\b/.test(url.pathname)
  const kept = isDocument ? bytesOf(await wholeDocument(body, url, what)) : body
  return responseOf({ status, headers, body: kept, discard }, url, what)
}

/** All of a document, which is of no use in part; gateways are known to cut one and to announce what is left of it. */
async function wholeDocument(body: Bytes, url: URL, what: string): Promise<Uint8Array> {
  const bytes = await readAll(body, DEFAULT_MAX_BYTES, what)
  const end = Buffer.from(bytes.subarray(-16)).toString('latin1').trimEnd().at(-1) ?? ''
  if (bytes.length === 0 || /[}\]>]/.test(end)) return bytes
  throw new NetworkError('NETWORK', `${url.host} sent a document that was cut short`)
}

function responseOf({ status, headers, body, discard }: Exchange, url: URL, what: string): HttpResponse {
  const text = async (maxBytes = DEFAULT_MAX_BYTES) => {
    const bytes = await readAll(namedBody(body, what), maxBytes, what)
    return Buffer.from(bytes)
      .toString('utf8')
      .replace(/^\uFEFF/, '')
  }
  return {
    status,
    headers,
    url: safeUrl(url),
    body: namedBody(body, what),
    text,
    json: async (maxBytes) => {
      const given = await text(maxBytes)
      try {
        return JSON.parse(given)
      } catch {
        // Without its cause, which quotes what was sent.
        throw new NetworkError('SERVICE', `${what}: ${url.host} answered with something that is not JSON`)
      }
    },
    cancel: async () => discard(),
  }
}

async function* namedBody(body: Bytes, what: string): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw named(error, what)
  }
}

/** The error with what the request was for in front of it; a new one, since several requests may share the old one. */
export function named(error: unknown, what: string): AsterError {
  if (!(error instanceof AsterError)) {
    const text = redact(error instanceof Error ? error.message : String(error))
    return new InternalError(`${what}: ${text}`, { cause: error })
  }
  if (error instanceof AbortError || error.message.startsWith(`${what}: `)) return error
  const { code, hint, retryable, path, exitCode, cause } = error
  return errorFromCode(code, `${what}: ${error.message}`, { hint, retryable, path, exitCode, cause })
}
