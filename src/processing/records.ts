// Writes the records of units: done, which is the last thing a unit does, and failed, which success removes.
import { rm } from 'node:fs/promises'
import { writeDurably } from '../access/write-file.js'
import type { Plan, Unit } from './manifest.js'
import { type DoneRecord, type FailureRecord, recordPaths } from './unit-state.js'

/** Marks a unit as done. Its outputs must lie under their names by now, and be on the disk. */
export async function writeDone(plan: Pick<Plan, 'runFolder'>, unit: Unit, record: DoneRecord): Promise<void> {
  const { done, failed } = recordPaths(plan, unit)
  await writeDurably(done, `${JSON.stringify(record)}\n`)
  await rm(failed, { force: true }).catch(() => {})
}

/** Notes why a try of a unit failed. */
export async function writeFailed(plan: Pick<Plan, 'runFolder'>, unit: Unit, record: FailureRecord): Promise<void> {
  await writeDurably(recordPaths(plan, unit).failed, `${JSON.stringify(record)}\n`)
}
