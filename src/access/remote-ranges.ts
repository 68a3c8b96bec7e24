// Answers the engine's questions for ranges of remote files: from the cache, else fetched, neighbours together.
import { setMaxListeners } from 'node:events'
import { InternalError } from '../errors.js'
import type { SuppliedRanges, WantedFileRanges } from '../native/contract.js'
import type { RangeSource } from '../native/remote.js'
import type { BlockCache } from './block-cache.js'
import type { ByteRange, RemoteFile } from './remote-file.js'

/** Ranges that lie at most so far apart are fetched together... */
const MOST_GAP_BYTES = 64 * 1024
/** ...if what lies between is at most this part of what is wanted. */
const MOST_GAP_SHARE = 0.1
/** Longer runs are fetched in pieces, at the same time. */
const MOST_RUN_BYTES = 8 * 1024 * 1024

/** Ranges that one request fetches. */
export interface Run extends ByteRange {
  readonly ranges: readonly ByteRange[]
}

/** Ranges by the requests that fetch them; a range longer than a run may be stays whole. */
export function runsOf(ranges: readonly ByteRange[]): Run[] {
  const sorted = [...ranges].sort((left, right) => left.start - right.start || left.end - right.end)
  const runs: { start: number; end: number; wanted: number; unwanted: number; ranges: ByteRange[] }[] = []
  for (const range of sorted) {
    const last = runs.at(-1)
    const length = range.end - range.start
    const gap = Math.max(0, range.start - (last?.end ?? Number.NEGATIVE_INFINITY))
    const isNear =
      last !== undefined &&
      gap <= MOST_GAP_BYTES &&
      (gap === 0 || last.unwanted + gap <= MOST_GAP_SHARE * (last.wanted + length))
    if (last === undefined || !isNear || range.end - last.start > MOST_RUN_BYTES) {
      runs.push({ ...range, wanted: length, unwanted: 0, ranges: [range] })
      continue
    }
    last.wanted += range.end - Math.max(range.start, Math.min(range.end, last.end))
    last.unwanted += gap
    last.end = Math.max(last.end, range.end)
    last.ranges.push(range)
  }
  return runs.map(({ start, end, ranges: together }) => ({ start, end, ranges: together }))
}

export class RemoteRanges implements RangeSource {
  readonly paths: readonly string[]
  readonly #opened = new Map<string, Promise<number>>()

  constructor(
    /** By the path that the engine knows each by. */
    private readonly files: ReadonlyMap<string, RemoteFile>,
    private readonly cache: BlockCache,
  ) {
    this.paths = [...files.keys()]
  }

  answer(wanted: readonly WantedFileRanges[], signal?: AbortSignal): Promise<SuppliedRanges[]> {
    return Promise.all(wanted.map((one) => this.#ofFile(one, signal)))
  }

  async #ofFile({ path, ranges }: WantedFileRanges, signal: AbortSignal | undefined): Promise<SuppliedRanges> {
    const file = this.files.get(path)
    if (file === undefined) throw new InternalError(`${path} was not announced as a remote file`)
    const fileBytes = await this.#open(path, file, signal)
    const inside = ranges.map(
      ([start = 0, length = 0]): ByteRange => ({ start, end: Math.min(start + length, fileBytes) }),
    )
    const parts = new Map<string, Uint8Array>()
    const missing: ByteRange[] = []
    for (const range of inside) {
      const kept = await this.cache.get({ identity: this.#identity(path, file), ...range })
      if (kept === undefined) missing.push(range)
      else parts.set(nameOf(range), kept)
    }
    const fetched = await allOrNone(runsOf(missing), (run, stop) => file.read(run, stop), signal)
    for (const { run, bytes } of fetched) {
      for (const range of run.ranges) {
        const part = bytes.subarray(range.start - run.start, range.end - run.start)
        parts.set(nameOf(range), part)
        await this.cache.put({ identity: this.#identity(path, file), ...range }, part)
      }
    }
    return { fileBytes, parts: inside.map((range) => parts.get(nameOf(range)) ?? new Uint8Array()) }
  }

  /** Size of a file; the first one who asks opens it, which brings its first bytes. */
  #open(path: string, file: RemoteFile, signal: AbortSignal | undefined): Promise<number> {
    const known = this.#opened.get(path)
    if (known !== undefined) return known
    const opening = file.open(signal).then(async ({ head, total }) => {
      await this.cache.put({ identity: this.#identity(path, file), start: 0, end: head.length }, head)
      return total
    })
    this.#opened.set(path, opening)
    // What failed is tried anew by the next one who asks.
    opening.catch(() => this.#opened.delete(path))
    return opening
  }

  /** Without a version a file is the same only within this run. */
  #identity(path: string, file: RemoteFile): string {
    return file.identity ?? `${runNumber} ${path}`
  }
}

const runNumber = `${process.pid} ${Date.now()} ${Math.random()}`
const nameOf = ({ start, end }: ByteRange) => `${start}-${end}`

/** All runs at the same time; when one fails the others are stopped. */
async function allOrNone(
  runs: readonly Run[],
  read: (run: Run, stop: AbortSignal) => Promise<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<{ run: Run; bytes: Uint8Array }[]> {
  const stop = new AbortController()
  const either = AbortSignal.any([stop.signal, ...(signal === undefined ? [] : [signal])])
  // As many as there are runs listen to it.
  setMaxListeners(0, either)
  let first: unknown
  const reads = runs.map(async (run) => {
    try {
      return { run, bytes: await read(run, either) }
    } catch (error) {
      first ??= error
      stop.abort()
      return undefined
    }
  })
  const done = await Promise.all(reads)
  if (first !== undefined) throw first
  return done.filter((one) => one !== undefined)
}
