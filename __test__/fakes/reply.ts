// What a fake service is asked and what it answers, as values.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

export interface Asked {
  readonly method: string
  readonly path: string
  /** As sent, without the question mark. */
  readonly query: string
  readonly params: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export type Service = (asked: Asked) => Reply

export function reply(status: number, body: string | Uint8Array = '', headers: Record<string, string> = {}): Reply {
  return { status, headers, body: typeof body === 'string' ? Buffer.from(body) : body }
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Reply {
  return reply(status, JSON.stringify(value), { 'content-type': 'application/json; charset=utf-8', ...headers })
}

export function html(status: number, text: string, headers: Record<string, string> = {}): Reply {
  const page = `<!DOCTYPE html>\n<html><body>${text}</body></html>\n`
  return reply(status, page, { 'content-type': 'text/html; charset=utf-8', ...headers })
}

/** An error as Amazon's and Azure's stores send it; Azure puts a byte order mark in front. */
export function xmlError(status: number, code: string, message: string, mark = ''): Reply {
  const text = `${mark}<?xml version="1.0" encoding="utf-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`
  return reply(status, text, { 'content-type': 'application/xml' })
}

export function redirectTo(status: number, location: string, headers: Record<string, string> = {}): Reply {
  return reply(status, '', { location, ...headers })
}

/** Packed when the asker says that it can unpack. */
export function packed(answer: Reply, asked: Asked): Reply {
  if (!/\bgzip\b/.test(asked.headers['accept-encoding'] ?? '')) return answer
  return { ...answer, headers: { ...answer.headers, 'content-encoding': 'gzip' }, body: gzipSync(answer.body) }
}

export function etagOf(content: Uint8Array): string {
  return `"${createHash('md5').update(content).digest('hex')}-1"`
}

/** A stored object with strong ETag, single ranges, `If-Range` and `If-None-Match`. */
export function objectReply(asked: Asked, content: Uint8Array, etag = etagOf(content)): Reply {
  const type = asked.path.endsWith('.tif') ? 'image/tiff' : 'application/octet-stream'
  const headers = {
    etag,
    'accept-ranges': 'bytes',
    'content-type': type,
    'last-modified': 'Wed, 03 Dec 2025 20:43:20 GMT',
  }
  if (asked.headers['if-none-match'] === etag) return reply(304, '', { etag })
  const wanted = asked.headers['if-range']
  const range = wanted !== undefined && wanted !== etag ? undefined : rangeOf(asked, content.length)
  if (range === undefined) return reply(200, content, headers)
  if (range === 'unsatisfiable') {
    return {
      ...xmlError(416, 'InvalidRange', 'The requested range is not satisfiable'),
      headers: { 'content-range': `bytes */${content.length}` },
    }
  }
  const [first, last] = range
  const part = content.subarray(first, last + 1)
  return reply(206, part, { ...headers, 'content-range': `bytes ${first}-${last}/${content.length}` })
}

/** First and last byte of a single range; `undefined` without a range that can be read. */
export function rangeOf({ headers }: Asked, size: number): [number, number] | 'unsatisfiable' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? []
  if (from === '' && to === '') return undefined
  if (from === '') return Number(to) === 0 ? 'unsatisfiable' : [Math.max(0, size - Number(to)), size - 1]
  if (Number(from) >= size) return 'unsatisfiable'
  return [Number(from), to === '' ? size - 1 : Math.min(Number(to), size - 1)]
}
