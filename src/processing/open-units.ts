// Which units of a plan are left to do, and how many are in which state; the files beside the outputs tell.
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { RUN_WIDE } from './engine.js'
import { iterUnits, type Plan, type Unit } from './manifest.js'
import { type DoneRecord, readFailure, recordPaths, stateAndRecord, type UnitState } from './unit-state.js'
import { TRY_LATER } from './unit-status.js'

/** Units that are looked at together. */
const AT_ONCE = 32

export interface UnitWithState {
  unit: Unit
  state: UnitState
  /** Of a unit that is done. */
  record?: DoneRecord
}

/** Every unit with its state, in order. Folders are listed first, so that units without any file cost nothing. */
export async function* unitStates(plan: Plan): AsyncGenerator<UnitWithState> {
  const listings = new Map<string, Promise<Set<string>>>()
  const look = async (unit: Unit): Promise<UnitWithState> => {
    const { output, done, failed, claim } = recordPaths(plan, unit)
    const folder = dirname(output)
    const listing = listings.get(folder) ?? namesIn(folder)
    listings.set(folder, listing)
    const names = await listing
    const isUntouched = [done, failed, claim].every((path) => !names.has(basename(path)))
    return isUntouched ? { unit, state: { kind: 'open' } } : { unit, ...(await stateAndRecord(plan, unit)) }
  }
  let batch: Promise<UnitWithState>[] = []
  for await (const unit of iterUnits(plan)) {
    batch.push(look(unit))
    if (batch.length < AT_ONCE) continue
    yield* await Promise.all(batch)
    batch = []
  }
  yield* await Promise.all(batch)
}

async function namesIn(folder: string): Promise<Set<string>> {
  return new Set(await readdir(folder).catch(() => []))
}

export interface OpenUnitsOptions {
  /** Also units that failed for good. */
  retryFailed?: boolean | undefined
}

/**
 * Units to run now: those without a result. What failed for good is tried again when asked for, or when the granule that
 * it failed over is another one by now. Units that somebody else works on come last: by then they may be done.
 */
export async function* openUnits(plan: Plan, { retryFailed = false }: OpenUnitsOptions = {}): AsyncGenerator<Unit> {
  const claimed: Unit[] = []
  for await (const { unit, state } of unitStates(plan)) {
    if (state.kind === 'open') yield unit
    else if (state.kind === 'claimed') claimed.push(unit)
    else if (state.kind === 'failed') {
      // What stopped the whole run was about credentials or the installation, and is mended by now.
      const isPassing = state.exitStatus === TRY_LATER || RUN_WIDE.has(state.exitStatus)
      if (isPassing || retryFailed || (await isMended(plan, unit))) yield unit
    }
  }
  yield* claimed
}

/** Whether the granule that a unit failed over was changed or removed since: then it is worth another try. */
export async function isMended(plan: Plan, unit: Unit): Promise<boolean> {
  const failure = await readFailure(plan, unit)
  if (failure?.path === undefined) return false
  const file = await stat(failure.path).catch(() => undefined)
  return file === undefined || Math.max(file.mtimeMs, file.ctimeMs) > Date.parse(failure.failedAt)
}

export interface PlanStatus {
  units: number
  done: number
  empty: number
  failed: number
  claimed: number
  open: number
  /** Of outputs. */
  bytes: number
  /** Of all units that are done, added up. */
  unitSeconds: number
  peakRssBytes: number
  /** Exit status to number of units. */
  failures: Record<string, number>
}

/** Counts states, and hands each on. */
export async function planStatus(plan: Plan, onUnit: (found: UnitWithState) => void = () => {}): Promise<PlanStatus> {
  const status: PlanStatus = {
    ...{ units: 0, done: 0, empty: 0, failed: 0, claimed: 0, open: 0, bytes: 0, unitSeconds: 0, peakRssBytes: 0 },
    failures: {},
  }
  for await (const found of unitStates(plan)) {
    const { state } = found
    status.units += 1
    status[state.kind] += 1
    if (state.kind === 'done') {
      status.bytes += state.bytes
      status.unitSeconds += state.seconds
      status.peakRssBytes = Math.max(status.peakRssBytes, state.peakRssBytes)
    } else if (state.kind === 'failed') {
      status.failures[state.exitStatus] = (status.failures[state.exitStatus] ?? 0) + 1
    }
    onUnit(found)
  }
  return status
}
