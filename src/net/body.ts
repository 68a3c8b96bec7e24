// Bodies of answers: unpacked, bounded, looked at, and tied to whatever has to happen when they end.
import { Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { AsterError, NetworkError } from '../errors.js'

export type Bytes = AsyncIterable<Uint8Array>

/** What `decoded` can unpack, as an `Accept-Encoding` header. */
export const ENCODINGS = 'gzip, br'

/** The body without its content encoding; `undefined` for an encoding that is not known. */
export function decoded(body: Bytes, encoding: string | null): Bytes | undefined {
  const name = encoding?.trim().toLowerCase() ?? ''
  if (name === '' || name === 'identity') return body
  if (name === 'gzip' || name === 'x-gzip') return unpacked(body, createGunzip())
  if (name === 'br') return unpacked(body, createBrotliDecompress())
  return name === 'deflate' ? unpacked(body, createInflate()) : undefined
}

async function* unpacked(body: Bytes, decoder: Transform): AsyncGenerator<Uint8Array> {
  const source = Readable.from(body, { objectMode: false })
  source.once('error', (error) => decoder.destroy(error))
  const chunks: Bytes = source.pipe(decoder)
  try {
    for await (const chunk of chunks) yield chunk
  } catch (error) {
    if (error instanceof AsterError) throw error
    throw new NetworkError('NETWORK', 'the compressed answer is damaged or was cut short', { cause: error })
  } finally {
    source.destroy()
    decoder.destroy()
  }
}

/** The body, and a call that comes exactly once: when it ends, breaks, is left or is dropped. */
export function endingWith(body: Bytes, onEnd: () => void): { body: Bytes; drop: () => void } {
  let isEnded = false
  const end = () => {
    if (!isEnded) onEnd()
    isEnded = true
  }
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* body
    } finally {
      end()
    }
  }
  return { body: watched(), drop: end }
}

/** The first chunk, and the body with that chunk in front again. */
export async function peek(body: Bytes): Promise<{ head: Uint8Array; body: Bytes }> {
  const chunks = body[Symbol.asyncIterator]()
  const first = await chunks.next()
  const head = first.done ? new Uint8Array() : first.value
  async function* whole(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head
      for (;;) {
        const { done, value } = await chunks.next()
        if (done) return
        yield value
      }
    } finally {
      await chunks.return?.()
    }
  }
  return { head, body: whole() }
}

/** All of a body; an error when it is longer than it may be. */
export async function readAll(body: Bytes, maxBytes: number, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxBytes) {
      throw new NetworkError('SERVICE', `${what}: the answer is longer than ${maxBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}

/** The beginning of a body, which is then left; never throws for a body that breaks. */
export async function readSome(body: Bytes, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= maxBytes) break
    }
  } catch {
    // The status has said what matters; this was for the message only.
  }
  return Buffer.concat(chunks, length).subarray(0, maxBytes)
}

export async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}

/** Whether bytes begin as a web page does. */
export function looksLikePage(head: Uint8Array): boolean {
  const text = Buffer.from(head.subarray(0, 512))
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart()
  return /^(<!doctype\s+html|<html[\s>])/i.test(text)
}
