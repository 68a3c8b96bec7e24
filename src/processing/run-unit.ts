// Runs one unit: claims it, fetches what it needs, computes, publishes, and notes how that went. Safe to run twice.
import { createHash } from 'node:crypto'
import { copyFile, open, readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { type Claim, type ClaimHolder, claim, claimOneOf, claimPath } from '../access/claim.js'
import type { DownloadEvent } from '../access/download-events.js'
import { makeFolder, renameDurably, systemCode, writeFailure } from '../access/write-file.js'
import type { LocalScene } from '../catalog/scene.js'
import { AbortError, AsterError, DataError, NotFoundError, OutputError } from '../errors.js'
import { callForOutcome, runCube, throwIfAborted, toException } from '../native/call.js'
import type { CubeEvent, CubeReport, CubeRequest, NativeError } from '../native/contract.js'
import { packageVersion } from '../net/user-agent.js'
import { hasNoData } from '../series/no-data.js'
import { besideOutput, checkpointsBeside } from '../series/output-path.js'
import { planRequest } from '../series/run.js'
import { type Plan, pathOf, readScenes, type Unit } from './manifest.js'
import { obtainScenes } from './obtain.js'
import { writeDone, writeFailed } from './records.js'
import { type GivenLimits, unitLimits } from './unit-limits.js'
import { isOneFile, type UnitLimits, unitRequest } from './unit-request.js'
import { type DoneRecord, readDone, readFailure, recordPaths } from './unit-state.js'
import { BAD_DATA, UNIT_DONE, unitStatusOf } from './unit-status.js'

/** Units of one run that may fetch at the same time, on however many machines. */
const FETCHING_UNITS = 4

export interface RunUnitOptions extends GivenLimits {
  env: Readonly<Record<string, string | undefined>>
  signal?: AbortSignal | undefined
  /** Take files that are on disk or in the cache, and ask nobody. */
  offline?: boolean | undefined
  /** Folder for an unfinished output, on a disk of this machine. */
  scratch?: string | undefined
  /** Who asked for it, for the file's history. */
  history?: string | undefined
  onWait?: ((holder: ClaimHolder) => void) | undefined
  onFetch?: ((event: DownloadEvent) => void) | undefined
  onCompute?: ((event: CubeEvent) => void) | undefined
  onNote?: ((text: string) => void) | undefined
  onWarning?: ((text: string) => void) | undefined
}

export interface UnitOutcome {
  kind: 'done' | 'empty' | 'failed'
  /** Whether an earlier try had done it. */
  wasDone: boolean
  exitStatus: number
  seconds: number
  record?: DoneRecord
  error?: AsterError
}

/** Runs a unit to its end; what went wrong is in the outcome. Throws only what it could not even note. */
export async function runUnit(plan: Plan, unit: Unit, options: RunUnitOptions): Promise<UnitOutcome> {
  const before = await readDone(plan, unit)
  if (before !== undefined) return doneBefore(before)
  const started = performance.now()
  const seconds = () => Math.round((performance.now() - started) / 10) / 100
  const paths = recordPaths(plan, unit)
  let held: Claim | undefined
  try {
    await makeFolder(dirname(paths.output))
    held = await claim(paths.claim, { signal: options.signal, onWait: options.onWait })
    // Whoever had the claim may have done it.
    const meanwhile = await readDone(plan, unit)
    if (meanwhile !== undefined) return doneBefore(meanwhile)
    const attempt = ((await readFailure(plan, unit))?.attempt ?? 0) + 1
    const made = await new Work(plan, unit, options, held).run()
    const record = doneRecord(plan, unit, made, { attempt, seconds: seconds() })
    try {
      await writeDone(plan, unit, record)
    } catch (error) {
      // Without its record the output would be taken for somebody else's, which it is only without the claim.
      if (await held.isHeld()) await remove(paths.output).catch(() => {})
      throw error
    }
    return outcomeOf(record, false)
  } catch (thrown) {
    const error = await asError(thrown, paths.output)
    const exitStatus = unitStatusOf(error)
    // Without the claim the unit is somebody else's, and so is what is noted of it.
    if (held !== undefined && (await held.isHeld()))
      await noteFailure(plan, unit, error, exitStatus, seconds(), options)
    return { kind: 'failed', wasDone: false, exitStatus, seconds: seconds(), error }
  } finally {
    await held?.release()
  }
}

function doneBefore(record: DoneRecord): UnitOutcome {
  return outcomeOf(record, true)
}

function outcomeOf(record: DoneRecord, wasDone: boolean): UnitOutcome {
  const kind = record.outputs.length === 0 ? 'empty' : 'done'
  return { kind, wasDone, exitStatus: UNIT_DONE, seconds: wasDone ? 0 : record.seconds, record }
}

interface Made {
  /** Absent when no scene had data. */
  report?: CubeReport
  bytes: number
  scenes: number
  skipped: DoneRecord['skipped']
  limits: UnitLimits
}

/** One try. */
class Work {
  readonly #limits: UnitLimits
  readonly #output: string

  constructor(
    private readonly plan: Plan,
    private readonly unit: Unit,
    private readonly options: RunUnitOptions,
    private readonly held: Claim,
  ) {
    this.#limits = unitLimits(unit, options, options.env)
    this.#output = recordPaths(plan, unit).output
  }

  async run(): Promise<Made> {
    await this.#checkOutput()
    const scenes = await this.#obtain()
    throwIfAborted(this.options.signal)
    const granules = scenes.map(({ path }) => path)
    const empty = { bytes: 0, scenes: scenes.length, skipped: [], limits: this.#limits }
    if (granules.length === 0) return this.#withoutOutput(empty)
    await checkThere(granules)
    const target = await this.#target()
    const { format } = this.plan.shared
    // Beside the output, wherever that is written: the next try may be on another machine.
    const places = { path: target, checkpoints: format === 'csv' ? undefined : checkpointsBeside(this.#output) }
    const request = unitRequest(this.plan, this.unit, granules, places, this.#limits, this.options.history)
    if (this.held.isSuccession) await releaseUnfinished(this.#output)
    try {
      if (!(await this.#hasData(request))) return this.#withoutOutput(empty)
      const report = await this.#compute(request)
      const skipped = await this.#lostOf(report, target)
      const isBlank = !report.steps.some(({ validPixels = {} }) =>
        Object.values(validPixels).some((count) => count > 0),
      )
      if (isBlank) {
        await remove(target)
        return this.#withoutOutput({ ...empty, skipped })
      }
      if (target !== this.#output) await publish(target, this.#output)
      // An earlier plan may have left something to go on from.
      await removeUnfinished(this.#output)
      const bytes = await sizeOfOutput(this.#output)
      return { ...empty, report, bytes, skipped }
    } catch (error) {
      // What a bad granule left half done must not be gone on from when it was mended.
      if (unitStatusOf(error) === BAD_DATA) await removeUnfinished(this.#output)
      throw error
    } finally {
      if (target !== this.#output) await rm(target, { force: true, recursive: true }).catch(() => {})
    }
  }

  /** Refuses to replace what no unit made: a file without any record, unless its maker died over it. */
  async #checkOutput(): Promise<void> {
    const isThere = (path: string) =>
      stat(path).then(
        () => true,
        () => false,
      )
    if (this.held.isSuccession || this.plan.shared.overwrite || !(await isThere(this.#output))) return
    const { done, failed } = recordPaths(this.plan, this.unit)
    if ((await isThere(done)) || (await isThere(failed))) return
    throw new OutputError('OUTPUT_EXISTS', `${this.#output} exists, and no record says that a unit made it`, {
      path: this.#output,
      hint: 'move it away, or make the plan with --overwrite',
    })
  }

  async #withoutOutput(made: Made): Promise<Made> {
    // An earlier plan may have had something there.
    await remove(this.#output)
    await removeUnfinished(this.#output)
    return made
  }

  /** The scenes on this disk. Only so many units of a run fetch at a time, so that archives are not flooded. */
  async #obtain(): Promise<LocalScene[]> {
    const { env, signal, offline, onFetch, onNote, onWarning } = this.options
    const scenes = await readScenes(this.plan, this.unit)
    const { selection, cacheDir, allowSkipped } = this.plan.shared
    const missing = scenes.filter(({ path }) => path === undefined)
    const slot = missing.length === 0 || offline ? undefined : await this.#fetchSlot()
    try {
      const report = await obtainScenes(scenes, {
        ...{ bands: selection.bands, subsystems: selection.subsystems, cacheDir: pathOf(this.plan, cacheDir) },
        ...{ offline, signal, env, onEvent: onFetch, onNote, onWarning },
      })
      for (const warning of report.warnings) onWarning?.(warning)
      const [failure] = report.failed
      if (failure !== undefined && !(allowSkipped && !failure.error.retryable)) throw failure.error
      return report.scenes
    } finally {
      await slot?.release()
    }
  }

  #fetchSlot(): Promise<Claim> {
    const { runFolder } = this.plan
    const slots = Array.from({ length: FETCHING_UNITS }, (_, index) => claimPath(runFolder, `fetch-${index}`))
    return claimOneOf(slots, { signal: this.options.signal, onWait: () => this.options.onNote?.('waiting to fetch') })
  }

  /** Where the engine writes: in place, since it gives no name to what is unfinished, or on a disk of this machine. */
  async #target(): Promise<string> {
    const { scratch } = this.options
    const { runFolder, hash } = this.plan
    if (scratch === undefined || !isOneFile(this.plan.shared.format, this.#output)) return this.#output
    // Two run folders may use one scratch disk.
    const place = createHash('sha256').update(runFolder).digest('hex').slice(0, 8)
    const folder = join(scratch, `aster-${hash}-${place}`)
    await makeFolder(folder)
    return join(folder, basename(this.#output))
  }

  /** Reads all headers before any pixel: whether any scene has data for this tile, and none is bad. */
  async #hasData(request: CubeRequest): Promise<boolean> {
    const { signal } = this.options
    try {
      this.#lost((await planRequest(request, { signal })).skipped)
      return true
    } catch (error) {
      const isNothing = error instanceof AsterError && (error.code === 'NO_DATA' || error.code === 'NOT_FOUND')
      if (!isNothing) throw error
      // That nothing is left may also mean that granules are bad.
      for (const path of request.granules) {
        const { error: bad } = await callForOutcome((addon) => addon.describeGranule(path), { signal })
        if (bad !== undefined) this.#lost([{ path, error: bad }])
      }
      return false
    }
  }

  async #compute(request: CubeRequest): Promise<CubeReport> {
    const { signal, onCompute } = this.options
    const { allowSkipped } = this.plan.shared
    const stop = new AbortController()
    let bad: DataError | undefined
    const onEvent = (event: CubeEvent) => {
      onCompute?.(event)
      if (event.kind !== 'skipped' || allowSkipped) return
      const { path, message = 'it cannot be read' } = event
      bad ??= new DataError('CORRUPT', `${path ?? 'a granule'}: ${message}`, { path, hint: BAD_GRANULE })
      stop.abort(bad)
    }
    const signals = [stop.signal, ...(signal === undefined ? [] : [signal])]
    try {
      const report = await runCube(request, { signal: AbortSignal.any(signals), onEvent })
      // The last granule may have been bad when it was too late to stop.
      if (bad !== undefined) await remove(request.output.path ?? this.#output)
      if (bad !== undefined) throw bad
      return report
    } catch (error) {
      throw error instanceof AbortError && bad !== undefined ? bad : error
    }
  }

  /** As `#lost`, of an output that is complete: without a scene that an interrupted try had found bad it is none. */
  async #lostOf({ skipped }: CubeReport, target: string): Promise<DoneRecord['skipped']> {
    try {
      return this.#lost(skipped)
    } catch (error) {
      await remove(target)
      throw error
    }
  }

  /** Granules that should have added something and did not: the first one ends the unit, unless its plan allows it. */
  #lost(skipped: readonly { path: string; id?: string; error: NativeError }[]): DoneRecord['skipped'] {
    const bad = skipped.filter((scene) => !hasNoData(scene))
    const [first] = bad
    if (first !== undefined && !this.plan.shared.allowSkipped) {
      const { error, path } = first
      const message = error.message.includes(path) ? error.message : `${path}: ${error.message}`
      throw toException({ ...error, path, message, hint: error.hint ?? BAD_GRANULE })
    }
    return bad.map(({ path, id = basename(path), error: { code, message } }) => ({ id, code, message }))
  }
}

const BAD_GRANULE = 'mend or remove the granule and run again, or make the plan with --allow-skipped'

/** A missing file is no tile without data. */
async function checkThere(granules: readonly string[]): Promise<void> {
  for (const path of granules) {
    const code = await stat(path).then(
      () => '',
      (error: unknown) => systemCode(error) || 'unknown',
    )
    if (code === '') continue
    throw new NotFoundError(`the granule ${path} cannot be found (${code})`, {
      path,
      hint: 'check that the disk is there on this machine, or make the plan again',
    })
  }
}

/** Copies a finished file to where it belongs, under another name until it is whole and on the disk. */
async function publish(from: string, to: string): Promise<void> {
  const draft = besideOutput(to, 'publishing')
  try {
    await copyFile(from, draft)
    const file = await open(draft, 'r+')
    await file.sync().finally(() => file.close())
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => {})
    throw await writeFailure(cause, to)
  }
  await renameDurably(draft, to)
}

/** Removes what the next try would go on from. */
async function removeUnfinished(output: string): Promise<void> {
  for (const path of [besideOutput(output, 'partial'), checkpointsBeside(output)]) await remove(path)
}

/**
 * What an engine that died left to itself: its claims, which on another machine would count for minutes, and the file it
 * was writing. Whoever has the unit's claim is the only one to write its output; an engine that was only stopped for long
 * finds that out before it writes on.
 */
async function releaseUnfinished(output: string): Promise<void> {
  const claims = [besideOutput(output, 'claim'), `${checkpointsBeside(output)}.claim`, join(output, '.aster-run.claim')]
  for (const path of claims) await remove(path)
  const drafts = `${basename(besideOutput(output, 'partial'))}-`
  const names: string[] = await readdir(dirname(output)).catch(() => [])
  for (const name of names) if (name.startsWith(drafts)) await remove(join(dirname(output), name))
}

async function remove(path: string): Promise<void> {
  await rm(path, { force: true, recursive: true }).catch(() => {})
}

/** Bytes of a file, or of all files of a folder. */
async function sizeOfOutput(path: string): Promise<number> {
  const found = await stat(path)
  if (found.isFile()) return found.size
  const names = await readdir(path, { recursive: true })
  const sizes = await Promise.all(names.map((name) => stat(join(path, name))))
  return sizes.reduce((sum, one) => sum + (one.isFile() ? one.size : 0), 0)
}

function doneRecord(plan: Plan, unit: Unit, made: Made, { attempt, seconds }: { attempt: number; seconds: number }) {
  const { report, bytes, scenes, skipped, limits } = made
  const { output } = recordPaths(plan, unit)
  const record: DoneRecord = {
    schema: 1,
    ...{ key: unit.key, id: unit.id },
    outputs: report === undefined ? [] : [{ name: basename(output), bytes }],
    ...{ seconds, peakRssBytes: peakRssBytes(), threads: limits.threads, host: hostname(), attempt },
    finishedAt: new Date().toISOString(),
    createdBy: `aster-timeseries ${packageVersion()}`,
    ...{ scenes, skipped },
  }
  return report === undefined ? record : { ...record, result: resultOf(report) }
}

function resultOf({ grid, variables, steps }: CubeReport): NonNullable<DoneRecord['result']> {
  const { crs, epsg, geotransform, width, height } = grid
  const [first] = steps
  const last = steps.at(-1)
  const counts = steps.flatMap(({ validPixels = {} }) => Object.values(validPixels))
  return {
    crs,
    ...(epsg === undefined ? {} : { epsg }),
    ...{ geotransform, width, height, variables, steps: steps.length },
    ...(first === undefined ? {} : { firstTime: first.periodStart ?? first.time }),
    ...(last === undefined ? {} : { lastTime: last.periodEnd ?? last.time }),
    validPixels: counts.reduce((sum, count) => sum + count, 0),
  }
}

function peakRssBytes(): number {
  return process.resourceUsage().maxRSS * 1024
}

async function asError(thrown: unknown, path: string): Promise<AsterError> {
  if (thrown instanceof AsterError) return thrown
  if (thrown instanceof Error && thrown.name === 'AbortError') return new AbortError(undefined, { cause: thrown })
  if (systemCode(thrown) !== '') return writeFailure(thrown, path)
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  return new AsterError('INTERNAL', text, { cause: thrown })
}

async function noteFailure(
  plan: Plan,
  unit: Unit,
  error: AsterError,
  exitStatus: number,
  seconds: number,
  { onWarning }: RunUnitOptions,
): Promise<void> {
  const { code, message, hint, path, retryable } = error
  try {
    const attempt = ((await readFailure(plan, unit))?.attempt ?? 0) + 1
    await writeFailed(plan, unit, {
      schema: 1,
      ...{ key: unit.key, id: unit.id, exitStatus, code, message },
      ...(hint === undefined ? {} : { hint }),
      ...(path === undefined ? {} : { path }),
      retryable: retryable || exitStatus === 75,
      ...{ seconds, peakRssBytes: peakRssBytes(), host: hostname(), attempt },
      failedAt: new Date().toISOString(),
      createdBy: `aster-timeseries ${packageVersion()}`,
    })
  } catch (cause) {
    // A full disk may be the reason for both; the exit status still tells.
    onWarning?.(`the failure could not be noted: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
