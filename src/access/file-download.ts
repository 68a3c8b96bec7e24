// Downloads one file: claimed, resumed, checked while it streams, synced and renamed; or found to be there already.
import { mkdir } from 'node:fs/promises'
import { AbortError, AsterError, DataError, NetworkError, OutputError } from '../errors.js'
import { type Clock, SYSTEM_CLOCK } from '../net/clock.js'
import type { HttpClient, HttpResponse } from '../net/http.js'
import { backoffMs, RETRY_POLICY } from '../net/retry.js'
import { type Claim, type ClaimOptions, claim, claimPath } from './claim.js'
import { FileSum } from './file-sum.js'
import {
  dropPart,
  type FilePlace,
  findPart,
  judge,
  type Part,
  placeOf,
  rangeHeaders,
  sizeOf,
  strongEtag,
  type Verdict,
  type WantedFile,
  withoutQuery,
  writeSidecar,
} from './resume.js'
import { type Checksum, checksumOfHeaders, isEqual, usable, wrongType } from './verify.js'
import { PartWriter, renameDurably, systemCode, writeFailure } from './write-file.js'

export interface FileRequest extends WantedFile {
  name: string
  /** Where it goes. */
  folder: string
}

export interface FetchedFile {
  name: string
  path: string
  bytes: number
  checksum: Checksum
  /** Who told what the checksum should be. */
  checkedAgainst: 'catalogue' | 'service' | 'nothing'
  /** Bytes that came over the network for it; none for a file that was there. */
  fetchedBytes: number
}

export interface FileContext {
  http: HttpClient
  /** The file, if it is in the cache and good. Asked again after waiting for somebody else's download. */
  findDone(request: FileRequest): Promise<FetchedFile | undefined>
  /** Told of a finished file before anybody else may look for it. */
  onStored(file: FetchedFile, request: FileRequest): Promise<void>
  /** Bytes of the file that are there, as they grow; falls when it has to start anew. */
  onBytes?: ((bytes: number) => void) | undefined
  /** What is done beyond the plain case, in words. */
  onNote?: ((text: string) => void) | undefined
  claims?: Omit<ClaimOptions, 'signal' | 'onWait'> | undefined
  clock?: Clock | undefined
  /** Free space when the work began, for messages. */
  freeBefore?: number | undefined
  signal?: AbortSignal | undefined
}

/** Tries in a row that bring nothing new, and tries in all. */
const MOST_IDLE_TRIES = RETRY_POLICY.attempts
const MOST_TRIES = 100
/** Beginnings of one file, when its folder vanishes or somebody takes its claim for dead. */
const MOST_ROUNDS = 4

/**
 * The file under its name in its folder.
 *
 * @throws AsterError with the file's name in its message; nothing is left under the name, a part that can be gone on
 * from may be left beside it
 */
export async function downloadFile(request: FileRequest, context: FileContext): Promise<FetchedFile> {
  const { signal, onNote } = context
  for (let round = 1; ; round += 1) {
    const done = await context.findDone(request)
    if (done !== undefined) {
      // Left by a run that was killed when the file had its name already.
      const place = placeOf(request.folder, request.name)
      if (done.path === place.path && (await sizeOf(place.sidecar)) !== undefined) await dropPart(place)
      return done
    }
    try {
      await mkdir(request.folder, { recursive: true })
      const held = await claim(claimPath(request.folder, request.name), {
        ...context.claims,
        signal,
        onWait: ({ host, pid }) => onNote?.(`${request.name}: waiting for process ${pid} on ${host}, which fetches it`),
      })
      const file = await fetchClaimed(request, held, context).finally(() => held.release())
      if (file !== 'lost') return file
    } catch (error) {
      if (error instanceof AsterError && !hasVanished(error)) throw error
      if (round >= MOST_ROUNDS) throw error instanceof AsterError ? error : await writeFailure(error, request.folder)
      if (!(error instanceof AsterError) && systemCode(error) !== 'ENOENT') {
        throw systemCode(error) === '' ? error : await writeFailure(error, request.folder, context.freeBefore)
      }
    }
    if (round >= MOST_ROUNDS) throw new OutputError('OUTPUT_IO', `${request.name}: others keep taking it over`)
  }
}

async function fetchClaimed(request: FileRequest, held: Claim, context: FileContext): Promise<FetchedFile | 'lost'> {
  const meanwhile = await context.findDone(request)
  if (meanwhile !== undefined) return meanwhile
  const place = placeOf(request.folder, request.name)
  const file = await new Fetch(request, place, held, context).run()
  if (file === 'lost') return file
  await context.onStored(file, request)
  await dropPart(place)
  return file
}

/** Whether the folder was pruned by somebody when work in it had just begun. */
function hasVanished({ code, cause }: AsterError): boolean {
  return code === 'OUTPUT_IO' && systemCode(cause) === 'ENOENT'
}

/** One file on its way, by the holder of its claim. */
class Fetch {
  readonly #what: string
  #fetchedBytes = 0
  /** Times that all bytes had come and were the wrong ones. */
  #damaged = 0
  /** Answers that fitted no part of ours. */
  #unfit = 0
  #ofService: Checksum | undefined

  constructor(
    private readonly request: FileRequest,
    private readonly place: FilePlace,
    private readonly held: Claim,
    private readonly context: FileContext,
  ) {
    this.#what = `download of ${request.name}`
  }

  async run(): Promise<FetchedFile | 'lost'> {
    const { clock = SYSTEM_CLOCK, signal, onNote } = this.context
    let idleTries = 0
    for (let tries = 1; ; tries += 1) {
      const before = this.#fetchedBytes
      try {
        const file = await this.#try()
        if (file !== undefined) return file
      } catch (error) {
        if (!(error instanceof BrokenBody)) throw error
        const { reason } = error
        idleTries = this.#fetchedBytes > before ? 1 : idleTries + 1
        if (!reason.retryable || idleTries >= MOST_IDLE_TRIES || tries >= MOST_TRIES) throw reason
        const wait = backoffMs(idleTries, RETRY_POLICY, clock.random())
        onNote?.(`${reason.message}; going on in ${(wait / 1000).toFixed(1)} s`)
        await clock.sleep(wait, signal)
      }
    }
  }

  /** One request; nothing if the next one has to start anew. */
  async #try(): Promise<FetchedFile | 'lost' | undefined> {
    const { request, place, context } = this
    const part = await findPart(place, request)
    this.#ofService = part.checksum
    context.onBytes?.(part.bytes)
    const writer = await PartWriter.open(place.part, part.bytes, context.freeBefore)
    let sum = new FileSum(place.part, usable(request.checksum) ?? part.checksum)
    try {
      sum.upTo(part.bytes)
      if (part.bytes > 0 && part.total === part.bytes) return await this.#finish(writer, sum, part.bytes)
      const response = await this.#ask(part)
      const verdict = judge(response.status, response.headers, part)
      if (verdict.kind === 'complete') {
        await response.cancel()
        return await this.#finish(writer, sum, part.bytes)
      }
      if (verdict.kind === 'unfit') {
        await response.cancel()
        return await this.#startAnew(writer, verdict.why)
      }
      const wrongSize = this.#wrongSize(verdict)
      if (wrongSize !== undefined) {
        await response.cancel()
        return await this.#discard(writer, wrongSize)
      }
      if (verdict.kind === 'rest') return await this.#receive(response, verdict, writer, sum, part.bytes)
      if (part.bytes > 0) {
        context.onNote?.(`${request.name}: the service sends the whole file again`)
        await writer.restart()
      }
      sum.drop()
      sum = new FileSum(place.part, usable(this.#expected(response)))
      return await this.#receive(response, verdict, writer, sum, 0)
    } finally {
      sum.drop()
      await writer.close()
    }
  }

  async #ask(part: Part): Promise<HttpResponse> {
    const { http, signal } = this.context
    const headers = rangeHeaders(part)
    return http.send({ url: this.request.url, headers, accept: [416], what: this.#what, signal })
  }

  /** What the checksum should be: by the catalogue, else by the service. */
  #expected({ headers, status }: HttpResponse): Checksum | undefined {
    this.#ofService = checksumOfHeaders(headers, status)
    return usable(this.request.checksum) ?? this.#ofService
  }

  #wrongSize({ total }: Verdict & { kind: 'whole' | 'rest' }): string | undefined {
    const { bytes } = this.request
    if (total === undefined || bytes === undefined || total === bytes) return undefined
    return `the service announces ${total} bytes, the catalogue ${bytes}`
  }

  async #receive(
    { body, headers, url }: HttpResponse,
    { kind, total }: Verdict & { kind: 'whole' | 'rest' },
    writer: PartWriter,
    sum: FileSum,
    from: number,
  ): Promise<FetchedFile | 'lost' | undefined> {
    const { request, place, context } = this
    const expected = total ?? request.bytes
    if (kind === 'whole') {
      const checksum = usable(request.checksum) ?? this.#ofService ?? null
      const etag = strongEtag(headers.get('etag')) ?? null
      await writeSidecar(place.sidecar, { url: withoutQuery(request.url), etag, total: total ?? null, checksum })
    }
    let bytes = from
    for await (const chunk of this.#chunks(body)) {
      if (bytes === 0) {
        const type = wrongType(request.name, chunk)
        if (type !== undefined)
          return this.#discard(writer, `${new URL(url).host} sent something that is no ${type} file`)
      }
      bytes += chunk.length
      this.#fetchedBytes += chunk.length
      if (expected !== undefined && bytes > expected) {
        return this.#discard(writer, `more than the ${expected} bytes of the file came`)
      }
      await writer.write(chunk)
      sum.upTo(writer.stored)
      context.onBytes?.(bytes)
    }
    return this.#finish(writer, sum, bytes)
  }

  /** The body; what breaks in it is marked, since it can be gone on from. */
  async *#chunks(body: HttpResponse['body']): AsyncGenerator<Uint8Array> {
    try {
      yield* body
    } catch (error) {
      if (error instanceof AbortError || !(error instanceof AsterError)) throw error
      throw new BrokenBody(error)
    }
  }

  /** All bytes are here: are they the right ones? */
  async #finish(writer: PartWriter, sum: FileSum, bytes: number): Promise<FetchedFile | 'lost' | undefined> {
    const { request, place } = this
    if (request.bytes !== undefined && request.bytes !== bytes) {
      return this.#discard(writer, `${bytes} bytes came of ${request.bytes}`)
    }
    if (bytes === 0 && wrongType(request.name, new Uint8Array()) !== undefined) {
      return this.#discard(writer, 'the file came empty')
    }
    await writer.flush()
    const [checksum] = await Promise.all([sum.result(bytes, this.context.signal), writer.sync()])
    // Whoever took the claim over may have begun to write into the part.
    if (!(await this.held.isHeld())) return 'lost'
    const ofCatalogue = usable(request.checksum)
    const ofService = usable(this.#ofService)
    const expected = ofCatalogue ?? ofService
    if (expected !== undefined && !isEqual(expected, checksum)) {
      const { algorithm, value } = expected
      return this.#discard(writer, `its ${algorithm} is ${checksum.value}, it should be ${value}`)
    }
    await renameDurably(place.part, place.path)
    const checkedAgainst = ofCatalogue !== undefined ? 'catalogue' : ofService !== undefined ? 'service' : 'nothing'
    return { name: request.name, path: place.path, bytes, checksum, checkedAgainst, fetchedBytes: this.#fetchedBytes }
  }

  /** Throws away what came and was wrong. The whole file is asked for once more, since the way may have spoilt it. */
  async #discard(writer: PartWriter, why: string): Promise<undefined> {
    await this.#empty(writer)
    this.#damaged += 1
    if (this.#damaged > 1) {
      throw new DataError('CORRUPT', `${this.#what}: ${why}`, {
        path: this.place.path,
        hint: 'it came so twice; search again for a current record, and report it to the service if it stays',
      })
    }
    this.context.onNote?.(`${this.request.name}: ${why}; fetching it anew`)
  }

  async #startAnew(writer: PartWriter, why: string): Promise<undefined> {
    await this.#empty(writer)
    this.#unfit += 1
    if (this.#unfit > 2) throw new NetworkError('SERVICE', `${this.#what}: ${why}`)
    this.context.onNote?.(`${this.request.name}: ${why}; fetching it anew`)
  }

  async #empty(writer: PartWriter): Promise<void> {
    await writer.restart()
    await dropPart(this.place)
    this.context.onBytes?.(0)
  }
}

/** A body that ended too early. */
class BrokenBody extends Error {
  constructor(readonly reason: AsterError) {
    super(reason.message)
  }
}
