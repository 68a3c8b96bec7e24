// One file where it is hosted, read in ranges: its size and version are those of the first answer, or it is an error.
import { AbortError, AsterError, DataError, NetworkError } from '../errors.js'
import { type Clock, SYSTEM_CLOCK } from '../net/clock.js'
import type { HttpClient, HttpResponse } from '../net/http.js'
import { backoffMs, RETRY_POLICY } from '../net/retry.js'
import { Shortcut } from '../net/shortcut.js'
import { strongEtag, withoutQuery } from './resume.js'
import { wrongType } from './verify.js'

/** First byte, and the byte after the last. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export interface RemoteFileFacts {
  /** Name without folders; its ending says what it should begin with. */
  readonly name: string
  readonly url: string
  /** As the catalogue has it. */
  readonly bytes?: number | undefined
}

/** What reading costs; shared by all files that count together. */
export interface Traffic {
  bytesFetched: number
  requests: number
}

export interface RemoteFileTools {
  /** With credentials for the hosts that want them. */
  readonly http: HttpClient
  readonly clock?: Clock | undefined
  /** Told what is done beyond the plain case, in words. */
  readonly onNote?: ((text: string) => void) | undefined
}

/** Headers are read in blocks of this size. */
const HEAD_BYTES = 16 * 1024
/** A service that sends the whole file in place of a range is borne up to this size. */
const MOST_WHOLE_BYTES = 8 * 1024 * 1024
const MOST_IDLE_TRIES = RETRY_POLICY.attempts
const MOST_TRIES = 100
/** Answers about another range, or of another length, than was asked for. */
const MOST_UNFIT = 2

interface Pinned {
  readonly total: number
  readonly etag: string | undefined
}

export class RemoteFile {
  readonly #what: string
  readonly #shortcut = new Shortcut()
  #pinned: Pinned | undefined

  constructor(
    readonly facts: RemoteFileFacts,
    private readonly tools: RemoteFileTools,
    private readonly traffic: Traffic,
  ) {
    this.#what = `reading ${facts.name}`
  }

  /** What tells this version of the file from others; `undefined` where the service does not. */
  get identity(): string | undefined {
    const { etag, total } = this.#pinned ?? {}
    return etag === undefined ? undefined : `${withoutQuery(this.facts.url)} ${etag} ${total}`
  }

  /** Asks for the first bytes, which settle size and version; gives them and the size. */
  async open(signal?: AbortSignal): Promise<{ head: Uint8Array; total: number }> {
    const { name, bytes } = this.facts
    const head = await this.#read({ start: 0, end: HEAD_BYTES }, signal)
    const total = this.#pinned?.total ?? head.length
    const type = wrongType(name, head)
    if (type !== undefined) {
      throw new DataError('CORRUPT', `${this.#what}: ${this.#host} sent something that is no ${type} file`, {
        hint: 'search again for a current record, and report it to the service if it stays',
      })
    }
    if (bytes !== undefined && bytes !== total) {
      throw new DataError('CORRUPT', `${this.#what}: it has ${total} bytes, the catalogue says ${bytes}`, {
        hint: 'search again for a current record',
      })
    }
    return { head, total }
  }

  /** The bytes of a range of an open file. */
  read(range: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#read(range, signal)
  }

  get #host(): string {
    return new URL(this.facts.url).host
  }

  /** Asks until all of the range is there; what came before something broke is kept. */
  async #read(range: ByteRange, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { clock = SYSTEM_CLOCK, onNote } = this.tools
    const piece = new Piece(range)
    let idleTries = 0
    let unfit = 0
    for (let tries = 1; ; tries += 1) {
      const before = piece.done
      try {
        await this.#receive(piece, signal)
        if (piece.isWhole) return piece.bytes
        throw new Unfit(new NetworkError('NETWORK', `${this.#what}: ${this.#host} sent less than was asked for`))
      } catch (error) {
        if (!(error instanceof Broken)) throw error
        const { reason } = error
        idleTries = piece.done > before ? 1 : idleTries + 1
        if (error instanceof Unfit) unfit += 1
        const isHopeless = error instanceof Unfit ? unfit > MOST_UNFIT : !reason.retryable
        if (isHopeless || idleTries >= MOST_IDLE_TRIES || tries >= MOST_TRIES) throw reason
        const wait = backoffMs(idleTries, RETRY_POLICY, clock.random())
        onNote?.(`${reason.message}; going on in ${(wait / 1000).toFixed(1)} s`)
        await clock.sleep(wait, signal)
      }
    }
  }

  /** One request for what the piece lacks. */
  async #receive(piece: Piece, signal: AbortSignal | undefined): Promise<void> {
    const { url } = this.facts
    const start = piece.range.start + piece.done
    const headers = { range: `bytes=${start}-${piece.range.end - 1}`, 'accept-encoding': 'identity' }
    this.traffic.requests += 1
    const request = { url, headers, accept: [412, 416], what: this.#what, signal, shortcut: this.#shortcut }
    const response = await this.tools.http.send(request)
    let skip: number
    try {
      skip = this.#judge(response, piece, start)
    } catch (error) {
      await response.cancel()
      throw error
    }
    try {
      for await (const chunk of response.body) {
        this.traffic.bytesFetched += chunk.length
        const from = Math.min(skip, chunk.length)
        skip -= from
        const beyond = piece.take(chunk.subarray(from))
        // Of a whole file the rest is not wanted; of a range there must be none.
        if (beyond > 0 && response.status === 200) return
        if (beyond > 0) throw new Unfit(this.#refusal('sent more than was asked for'))
      }
    } catch (error) {
      if (error instanceof Broken || error instanceof AbortError || !(error instanceof AsterError)) throw error
      throw new Broken(error)
    }
  }

  /** Whether an answer is about this file and range; gives the bytes of its body that come before the range. */
  #judge({ status, headers }: HttpResponse, piece: Piece, start: number): number {
    if (status === 200) return this.#judgeWhole(headers, piece, start)
    const [, first = '', last = '', size = ''] =
      /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
    if (status !== 206) {
      throw this.#pinned === undefined ? this.#refusal('has no bytes of it') : this.#changed('it has become shorter')
    }
    if (first === '') throw new Unfit(this.#refusal('does not say which part of what it sends'))
    this.#pin({ total: Number(size), etag: strongEtag(headers.get('etag')) })
    piece.endAt(Number(size))
    if (Number(first) !== start || Number(last) + 1 !== piece.range.end) {
      throw new Unfit(this.#refusal('sent another part than was asked for'))
    }
    return 0
  }

  #judgeWhole(headers: Headers, piece: Piece, start: number): number {
    const length = headers.get('content-length')
    const total = length === null ? Number.NaN : Number(length)
    if (!(total <= MOST_WHOLE_BYTES)) {
      throw new NetworkError('SERVICE', `${this.#what}: ${this.#host} does not send parts of files`, {
        hint: 'download the scene instead',
      })
    }
    this.#pin({ total, etag: strongEtag(headers.get('etag')) })
    piece.endAt(total)
    return start
  }

  /** Settles size and version, or holds an answer to them. */
  #pin({ total, etag }: Pinned): void {
    const known = this.#pinned
    if (known === undefined) this.#pinned = { total, etag }
    else if (known.total !== total) throw this.#changed(`it has ${total} bytes, and had ${known.total}`)
    else if (known.etag !== undefined && etag !== known.etag) throw this.#changed('it is another version')
  }

  #changed(how: string): NetworkError {
    return new NetworkError('SERVICE', `${this.#what}: the file changed while it was read: ${how}`, {
      hint: 'start again; search again first if the catalogue has a newer version',
    })
  }

  #refusal(what: string): NetworkError {
    return new NetworkError('SERVICE', `${this.#what}: ${this.#host} ${what}`)
  }
}

/** Something in the middle of an answer; asking again may help. */
class Broken extends Error {
  constructor(readonly reason: AsterError) {
    super(reason.message)
  }
}

/** An answer that does not fit what was asked. */
class Unfit extends Broken {}

/** The bytes of a range as they come. */
class Piece {
  #range: ByteRange
  #bytes: Buffer
  done = 0

  constructor(range: ByteRange) {
    this.#range = range
    this.#bytes = Buffer.allocUnsafeSlow(range.end - range.start)
  }

  get range(): ByteRange {
    return this.#range
  }

  get bytes(): Uint8Array {
    return this.#bytes
  }

  get isWhole(): boolean {
    return this.done === this.#bytes.length
  }

  /** The range ends with the file. */
  endAt(total: number): void {
    const end = Math.max(this.#range.start, Math.min(this.#range.end, total))
    this.#range = { start: this.#range.start, end }
    this.#bytes = this.#bytes.subarray(0, end - this.#range.start)
  }

  /** Takes bytes in; gives how many of them lie beyond the range. */
  take(chunk: Uint8Array): number {
    const room = this.#bytes.length - this.done
    const part = chunk.subarray(0, room)
    this.#bytes.set(part, this.done)
    this.done += part.length
    return chunk.length - part.length
  }
}
