// Downloads scenes into the cache: plans, fetches files of several hosts at a time, and reports granule by granule.
import { join } from 'node:path'
import { AbortError, AsterError, InternalError } from '../errors.js'
import { type CallOptions, throwIfAborted } from '../native/call.js'
import type { Clock } from '../net/clock.js'
import type { HttpClient } from '../net/http.js'
import { touchGranule } from './cache.js'
import { cacheDirOf, type Env, plainName } from './cache-folder.js'
import { findCached } from './cached-file.js'
import { type ClaimOptions, claim, claimPath, sweepClaims } from './claim.js'
import { type DownloadEvent, DownloadProgress } from './download-events.js'
import { checkRoom, type DownloadPlan, type PlannedFile, type PlannedGranule, planDownload } from './download-plan.js'
import { downloadFile, type FetchedFile } from './file-download.js'
import { RecordKeeper } from './granule-record.js'
import { withoutQuery } from './resume.js'
import { type DownloadableScene, resolveSelection, type SelectionOptions } from './selection.js'
import { makeFolder, systemCode, writeFailure, writeWhole } from './write-file.js'

/** Knows the AST_L1A records of acquisitions, which hold the gains that version 004 of AST_L1T lacks; a catalogue does. */
export interface AcquisitionRecordSource<S> {
  /** By `sceneKey`. */
  acquisitionRecords(
    scenes: readonly S[],
    options?: CallOptions,
  ): Promise<ReadonlyMap<string, { fileName: string; text: string }>>
}

export interface DownloadOptions<S extends DownloadableScene> extends SelectionOptions, CallOptions {
  /** Default: `ASTER_CACHE_DIR`, else `~/.cache/aster_timeseries`. */
  cacheDir?: string | undefined
  /** Files of one host at a time; default 6. */
  concurrency?: number | undefined
  /** Where the gains of AST_L1T version 004 come from: an `ASTERCatalog`. */
  records?: AcquisitionRecordSource<S> | undefined
  /** Told what happens, at most some ten times a second for bytes. */
  onEvent?: ((event: DownloadEvent) => void) | undefined
}

export interface DownloadTools {
  /** With credentials for the hosts that want them. */
  http: HttpClient
  env: Env
  clock?: Clock | undefined
  claims?: Omit<ClaimOptions, 'signal' | 'onWait'> | undefined
}

export interface FailedFile {
  /** Granule, and its file. */
  id: string
  name: string
  error: AsterError
}

export type DownloadedScene<S> = S & { path: string }

export interface DownloadReport<S extends DownloadableScene> {
  cacheDir: string
  /** Scenes whose files are all there, in the order given; each with its path. */
  scenes: DownloadedScene<S>[]
  /** Files that could not be fetched; their scenes are left out. */
  failed: FailedFile[]
  /** Scenes that hold nothing of what was asked for. */
  empty: S[]
  files: number
  /** Files that were there. */
  filesCached: number
  bytes: number
  bytesFetched: number
  elapsedMs: number
  warnings: string[]
}

export const DEFAULT_CONCURRENCY = 6
/** Errors that every further file would meet as well. */
const HOPELESS = /^(AUTH_|DISK_FULL$|OUTPUT_IO$|CONFIG$|CANCELLED$|INTERNAL$)/

/** The plan alone; nothing is fetched or written. */
export function planScenes<S extends DownloadableScene>(
  scenes: readonly S[],
  options: SelectionOptions & { cacheDir?: string | undefined },
  env: Env,
): Promise<DownloadPlan<S>> {
  return planDownload(scenes, resolveSelection(options), cacheDirOf(options.cacheDir, env))
}

/**
 * Fetches what the cache does not hold.
 *
 * @throws AsterError for what concerns every file (credentials, a full disk, an abort); whatever concerns one file is
 * in `failed`. Parts of files stay and are gone on from the next time.
 */
export async function downloadScenes<S extends DownloadableScene>(
  scenes: readonly S[],
  options: DownloadOptions<S>,
  tools: DownloadTools,
): Promise<DownloadReport<S>> {
  throwIfAborted(options.signal)
  const plan = await planScenes(scenes, options, tools.env)
  checkRoom(plan)
  return downloadPlanned(plan, scenes, options, tools)
}

/** As `downloadScenes`, with a plan that was made before. */
export function downloadPlanned<S extends DownloadableScene>(
  plan: DownloadPlan<S>,
  scenes: readonly S[],
  options: DownloadOptions<S>,
  tools: DownloadTools,
): Promise<DownloadReport<S>> {
  return new Download(plan, scenes, options, tools).run()
}

class Download<S extends DownloadableScene> {
  readonly #progress: DownloadProgress
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #done = new Map<PlannedGranule<S>, FetchedFile[]>()
  readonly #keepers = new Map<PlannedGranule<S>, RecordKeeper>()
  readonly #incomplete = new Set<PlannedGranule<S>>()
  readonly #failed: FailedFile[] = []
  readonly #warnings: string[] = []
  readonly #paths = new Map<string, DownloadedScene<S>>()

  constructor(
    private readonly plan: DownloadPlan<S>,
    private readonly scenes: readonly S[],
    private readonly options: DownloadOptions<S>,
    private readonly tools: DownloadTools,
  ) {
    this.#progress = new DownloadProgress(options.onEvent)
    this.#signal = AbortSignal.any([this.#stop.signal, ...(options.signal === undefined ? [] : [options.signal])])
  }

  async run(): Promise<DownloadReport<S>> {
    const { granules, local, empty, cacheDir, files } = this.plan
    const planned = granules.flatMap((granule) => granule.files)
    const sizes = planned.map(({ folder, name, bytes, bytesThere }) => ({
      path: join(folder, name),
      bytes,
      there: bytesThere,
    }))
    this.#progress.expect(granules.length, sizes)
    await this.#fetchRecords()
    await this.#fetchAll()
    for (const scene of local) if (scene.path !== undefined) this.#paths.set(scene.id, { ...scene, path: scene.path })
    this.#progress.tell('finished')
    const all = [...this.#done.values()].flat()
    return {
      cacheDir,
      scenes: [...new Set(this.scenes.map(({ id }) => this.#paths.get(id)).filter((scene) => scene !== undefined))],
      failed: this.#failed,
      empty,
      files,
      filesCached: all.filter(({ fetchedBytes }) => fetchedBytes === 0).length,
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      bytesFetched: this.#progress.bytesFetched,
      elapsedMs: this.#progress.elapsedMs,
      warnings: this.#warnings,
    }
  }

  /** Every host has places of its own, so that a slow one does not keep the others waiting. */
  async #fetchAll(): Promise<void> {
    const tasks = this.plan.granules.flatMap((granule) => granule.files.map((file) => ({ granule, file })))
    const hosts = new Map<string, typeof tasks>()
    for (const task of tasks) {
      const host = hostOf(task.file.url)
      const queue = hosts.get(host)
      if (queue === undefined) hosts.set(host, [task])
      else queue.push(task)
    }
    let first: unknown
    const worker = async (queue: Iterator<(typeof tasks)[number]>) => {
      for (let next = queue.next(); !next.done && !this.#signal.aborted; next = queue.next()) {
        try {
          await this.#bring(next.value.granule, next.value.file)
        } catch (error) {
          first ??= error
          this.#stop.abort(error)
        }
      }
    }
    const { concurrency = DEFAULT_CONCURRENCY } = this.options
    const workers = [...hosts.values()].flatMap((queue) => {
      const shared = queue.values()
      return Array.from({ length: Math.min(concurrency, queue.length) }, () => worker(shared))
    })
    await Promise.all(workers)
    throwIfAborted(this.options.signal)
    if (first !== undefined) throw first
  }

  async #bring(granule: PlannedGranule<S>, file: PlannedFile): Promise<void> {
    const { id, product } = granule.scene
    const path = join(file.folder, file.name)
    const { http, clock, claims } = this.tools
    const keeper = this.#keeperOf(granule)
    const note = (message: string) => this.#progress.tell('note', { id, name: file.name, message })
    const keep = ({ name, bytes, checksum, checkedAgainst }: FetchedFile) => {
      const verifiedAt = new Date().toISOString()
      return keeper.add({ name, bytes, checksum, checkedAgainst, verifiedAt, url: withoutQuery(file.url) })
    }
    try {
      const fetched = await downloadFile(file, {
        ...{ http, clock, claims, signal: this.#signal, freeBefore: this.plan.freeBytes, onNote: note },
        findDone: async (request) => {
          const found = await findCached(request, join(this.plan.cacheDir, product), this.#signal)
          if (found !== undefined && !found.isRecorded && found.path === path) await keep(found)
          return found
        },
        onStored: keep,
        onBytes: (bytes) => this.#progress.at(path, file.name, bytes),
      })
      this.#progress.fileDone(path, { id, name: file.name, path: fetched.path }, fetched.bytes, fetched.fetchedBytes)
      const done = [...(this.#done.get(granule) ?? []), fetched]
      this.#done.set(granule, done)
      if (done.length === granule.files.length) await this.#finish(granule, done)
    } catch (thrown) {
      this.#fail(granule, file.name, await explained(thrown, path))
    }
  }

  #keeperOf(granule: PlannedGranule<S>): RecordKeeper {
    const { scene, folder } = granule
    const { id, product, backend: source } = scene
    const text: Record<string, unknown> = Object.fromEntries(Object.entries(scene))
    const keeper =
      this.#keepers.get(granule) ?? new RecordKeeper(folder, { id, product, source, scene: text }, this.tools.claims)
    this.#keepers.set(granule, keeper)
    return keeper
  }

  /** Notes what went wrong with one file; throws what would go wrong with all others too. */
  #fail(granule: PlannedGranule<S>, name: string, error: AsterError): void {
    if (HOPELESS.test(error.code)) throw error
    this.#incomplete.add(granule)
    this.#failed.push({ id: granule.scene.id, name, error })
    this.#progress.tell('failed', { id: granule.scene.id, name, message: error.message })
  }

  async #finish(granule: PlannedGranule<S>, done: readonly FetchedFile[]): Promise<void> {
    if (this.#incomplete.has(granule)) return
    const { scene, folder } = granule
    const paths = new Map(done.map(({ name, path }) => [name, path]))
    const files = scene.files.map((file) => ({
      ...file,
      ...(paths.has(file.name) ? { path: paths.get(file.name) ?? '' } : {}),
    }))
    const path = granulePath(granule, done)
    await touchGranule(folder)
    await sweepClaims(folder)
    this.#paths.set(scene.id, { ...scene, path, files })
    this.#progress.granuleDone({ id: scene.id, path })
  }

  /** Puts the AST_L1A records beside the granules that take their gains from them. */
  async #fetchRecords(): Promise<void> {
    const lacking = this.plan.granules.filter(({ lacksRecord }) => lacksRecord)
    const { records } = this.options
    if (lacking.length === 0) return
    if (records === undefined) {
      this.#warn(
        'AST_L1T version 004 takes its gains from AST_L1A records, and no catalogue was given to get them from',
      )
      return
    }
    try {
      const found = await records.acquisitionRecords(
        lacking.map(({ scene }) => scene),
        { signal: this.#signal },
      )
      for (const granule of lacking) {
        const record = found.get(granule.scene.sceneKey)
        if (record === undefined) this.#warn(`${granule.scene.id}: the catalogue has no AST_L1A record, so no gains`)
        else await this.#putRecord(granule, record)
      }
    } catch (thrown) {
      const error = await explained(thrown, this.plan.cacheDir)
      for (const granule of lacking) this.#fail(granule, `AST_L1A_${granule.scene.sceneKey}.cmr.json`, error)
    }
  }

  async #putRecord(
    { folder }: PlannedGranule<S>,
    { fileName, text }: { fileName: string; text: string },
  ): Promise<void> {
    const name = plainName(fileName, 'file')
    await makeFolder(folder)
    const held = await claim(claimPath(folder, name), { ...this.tools.claims, signal: this.#signal })
    await writeWhole(join(folder, name), text).finally(() => held.release())
  }

  #warn(message: string): void {
    this.#warnings.push(message)
    this.#progress.tell('note', { message })
  }
}

/** A granule in one file goes by that file, one in several by its folder, even if few of them were asked for. */
function granulePath({ scene, folder }: PlannedGranule<DownloadableScene>, done: readonly FetchedFile[]): string {
  const [only, second] = scene.files.filter(({ role }) => role === 'band')
  if (only === undefined || second !== undefined) return folder
  return done.find(({ name }) => name === only.name)?.path ?? folder
}

function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return ''
  }
}

/** Anything thrown as an error of the family. */
async function explained(thrown: unknown, path: string): Promise<AsterError> {
  if (thrown instanceof AsterError) return thrown
  if (thrown instanceof Error && thrown.name === 'AbortError') return new AbortError(undefined, { cause: thrown })
  if (systemCode(thrown) !== '') return writeFailure(thrown, path)
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return new InternalError(`${path}: ${text}`, { cause: thrown })
}
