// What a download tells while it runs: totals, and what just happened to which file or granule.

export interface DownloadEvent {
  kind: 'planned' | 'progress' | 'file' | 'granule' | 'failed' | 'note' | 'finished'
  /** Granule it is about. */
  id?: string
  /** File it is about, and where it lies when it is done. */
  name?: string
  path?: string
  message?: string
  /** Bytes of that file that are there, and that it will have where that is known. */
  fileBytes?: number
  fileBytesTotal?: number
  filesDone: number
  filesTotal: number
  granulesDone: number
  granulesTotal: number
  /** Bytes that are there, what was in the cache included. */
  bytesDone: number
  /** Of files of unknown size, what came so far. */
  bytesTotal: number
  /** Bytes that came over the network. */
  bytesFetched: number
  elapsedMs: number
}

/** At most ten `progress` events a second. */
const INTERVAL_MS = 100

/** Adds up and tells. A listener that throws does not break the download. */
export class DownloadProgress {
  readonly #totals = { filesDone: 0, filesTotal: 0, granulesDone: 0, granulesTotal: 0, bytesFetched: 0 }
  /** Bytes there and bytes in all, by file. */
  readonly #files = new Map<string, { there: number; total: number | undefined }>()
  readonly #began = performance.now()
  #bytesDone = 0
  #bytesTotal = 0
  #toldMs = Number.NEGATIVE_INFINITY

  constructor(private readonly onEvent: ((event: DownloadEvent) => void) | undefined) {}

  get elapsedMs(): number {
    return Math.round(performance.now() - this.#began)
  }

  get bytesFetched(): number {
    return this.#totals.bytesFetched
  }

  expect(granules: number, files: readonly { path: string; bytes: number | undefined; there: number }[]): void {
    this.#totals.granulesTotal = granules
    this.#totals.filesTotal = files.length
    for (const { path, bytes, there } of files) this.#set(path, there, bytes)
    this.tell('planned')
  }

  /** Bytes of a file that are there. */
  at(path: string, name: string, there: number): void {
    const before = this.#files.get(path)
    this.#set(path, there, before?.total)
    const now = performance.now()
    if (now - this.#toldMs < INTERVAL_MS) return
    this.#toldMs = now
    const total = before?.total
    this.tell('progress', { name, fileBytes: there, ...(total === undefined ? {} : { fileBytesTotal: total }) })
  }

  fileDone(path: string, facts: Pick<DownloadEvent, 'id' | 'name' | 'path'>, bytes: number, fetched: number): void {
    this.#set(path, bytes, bytes)
    this.#totals.filesDone += 1
    this.#totals.bytesFetched += fetched
    this.tell('file', { ...facts, fileBytes: bytes, fileBytesTotal: bytes })
  }

  granuleDone(facts: Pick<DownloadEvent, 'id' | 'path'>): void {
    this.#totals.granulesDone += 1
    this.tell('granule', facts)
  }

  tell(
    kind: DownloadEvent['kind'],
    facts: Pick<DownloadEvent, 'id' | 'name' | 'path' | 'message' | 'fileBytes' | 'fileBytesTotal'> = {},
  ): void {
    const sums = { bytesDone: this.#bytesDone, bytesTotal: this.#bytesTotal, elapsedMs: this.elapsedMs }
    try {
      this.onEvent?.({ kind, ...facts, ...this.#totals, ...sums })
    } catch {
      // The listener's own affair.
    }
  }

  #set(path: string, there: number, total: number | undefined): void {
    const before = this.#files.get(path)
    this.#bytesDone += there - (before?.there ?? 0)
    this.#bytesTotal += (total ?? there) - (before?.total ?? before?.there ?? 0)
    this.#files.set(path, { there, total })
  }
}
