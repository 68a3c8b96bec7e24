// Plans for the tests of this folder: scenes without files, units over them, in a folder of the test's own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Scene } from '../../../src/catalog/scene.js'
import type { Plan, Unit } from '../../../src/processing/manifest.js'
import { PlanWriter, type SharedFacts } from '../../../src/processing/plan-writer.js'
import type { FailureRecord } from '../../../src/processing/unit-state.js'

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'aster-units-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function sceneNamed(id: string, bbox = { west: 0, south: 0, east: 1, north: 1 }): Scene {
  const { west, south, east, north } = bbox
  const corners: [number, number][] = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ]
  return {
    schema: 2,
    backend: 'earthaccess',
    id,
    product: 'AST_L1T',
    version: '004',
    sceneKey: '00401012001000000',
    time: '2001-01-01T00:00:00Z',
    bbox,
    footprint: corners.map(([lon, lat]) => ({ lon, lat })),
    footprintKind: 'box',
    subsystems: ['VNIR'],
    bands: ['1', '2', '3N'],
    bytes: 1,
    files: [],
    warnings: [],
  }
}

export const SHARED: SharedFacts = {
  product: 'AST_L1T',
  backend: 'earthaccess',
  cacheDir: '/cache',
  outputDir: 'tiles',
  format: 'netcdf',
  tileOutput: 'stack',
  area: [0, 0, 4, 1],
  tiling: { size: 1 },
  request: { schema: 1 },
  selection: { bands: [], subsystems: ['VNIR'] },
  allowSkipped: false,
  overwrite: false,
}

/** A plan of so many units in a row; unit `i` has the scenes 0 to `i % 3`. */
export async function planOf(runFolder: string, units: number, changes: Partial<Unit> = {}): Promise<Plan> {
  const writer = await PlanWriter.open(runFolder)
  try {
    const places = [await writer.addScene(sceneNamed('a'))]
    for (const id of ['b', 'c é']) places.push(await writer.addScene(sceneNamed(id)))
    for (let index = 0; index < units; index += 1) {
      const id = `AST_L1T_${index}.0_0.0_${index + 1}.0_1.0`
      await writer.addUnit({
        id,
        bbox: [index % 360, 0, (index % 360) + 1, 1],
        scenes: places.slice(0, 1 + (index % 3)),
        outputs: [`tiles/${id}.nc`],
        threads: 1,
        memoryMiB: 1000,
        key: index.toString(16).padStart(16, '0'),
        ...changes,
      })
    }
    return await writer.finish(SHARED)
  } finally {
    await writer.close()
  }
}

/** The record of a unit that failed over bad data. */
export function failureOf(unit: Unit, changes: Partial<FailureRecord> = {}): FailureRecord {
  return {
    schema: 1,
    key: unit.key,
    id: unit.id,
    ...{ exitStatus: 65, code: 'CORRUPT', message: 'g.hdf: damaged', retryable: false },
    ...{ seconds: 1, peakRssBytes: 1, host: 'node1', attempt: 2 },
    failedAt: '2026-01-01T00:00:00Z',
    createdBy: 'aster-timeseries 0',
    ...changes,
  }
}
