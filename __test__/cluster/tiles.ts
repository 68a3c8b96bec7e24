// Plans over granules of the repository, made by the real command, and what is to be known of their outputs.
import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { iterUnits, openPlan, outputsOf, type Plan, type Unit } from '../../src/processing/manifest.js'
import { type UnitState, unitState } from '../../src/processing/unit-state.js'
import { run } from '../cli/in-process.js'
import { SAMPLE } from '../native-addon.js'

/** 20 tiles over the middle of the sample. */
const AREA = ['137.99', '-31.12', '138.04', '-31.08']

/** A plan of NDVI tiles, a hundredth of a degree wide. */
export async function planTiles(runFolder: string, bbox = AREA, archive = SAMPLE): Promise<Plan> {
  const what = ['--archive', archive, '--product', 'AST_L1T', '--index', 'ndvi', '--archive-index', 'none']
  const where = ['--bbox', ...bbox, '--tile-size', '0.01', '--out', runFolder]
  const { status, stderr } = await run([
    'plan',
    ...what,
    ...where,
    '--unit-threads',
    '1',
    '--unit-memory',
    '600MiB',
    '--quiet',
  ])
  expect([status, stderr]).toEqual([0, ''])
  return openPlan(runFolder)
}

export async function unitsOf(plan: Plan): Promise<Unit[]> {
  const units: Unit[] = []
  for await (const unit of iterUnits(plan)) units.push(unit)
  return units
}

export async function* openUnitsOf(plan: Plan): AsyncGenerator<Unit> {
  for await (const unit of iterUnits(plan)) {
    const { kind } = await unitState(plan, unit)
    if (kind !== 'done' && kind !== 'empty') yield unit
  }
}

/** How many units are in each state. */
export async function statesOf(plan: Plan): Promise<Partial<Record<UnitState['kind'], number>>> {
  const counts: Partial<Record<UnitState['kind'], number>> = {}
  for (const unit of await unitsOf(plan)) {
    const { kind } = await unitState(plan, unit)
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

/** What changes when an output, or its record, is written again. */
export function writingOf(plan: Plan, unit: Unit): string {
  const [output = ''] = outputsOf(plan, unit)
  return [output, `${output}.done.json`]
    .map((path) => statSync(path, { throwIfNoEntry: false }))
    .map((found) => (found === undefined ? 'none' : `${found.ino} ${found.mtimeMs} ${found.size}`))
    .join(', ')
}

/** What is left in the folders of the tiles beside outputs and their records. */
export function debrisOf(plan: Plan, units: readonly Unit[]): string[] {
  const folders = new Set(units.flatMap((unit) => outputsOf(plan, unit).map(dirname)))
  const expected = new Set(
    units.flatMap((unit) => outputsOf(plan, unit).flatMap((path) => [path, `${path}.done.json`])),
  )
  return [...folders].flatMap((folder) =>
    readdirSync(folder)
      .map((name) => join(folder, name))
      .filter((path) => !expected.has(path)),
  )
}
