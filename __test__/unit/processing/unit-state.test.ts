// What files beside an output tell of its unit: records of another key, damage, dead claims and lost outputs count for nothing.
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { claim } from '../../../src/access/claim.js'
import { type Plan, readUnit, type Unit } from '../../../src/processing/manifest.js'
import { writeDone, writeFailed } from '../../../src/processing/records.js'
import { type DoneRecord, recordPaths, unitState } from '../../../src/processing/unit-state.js'
import { failureOf, newFolder, planOf } from './plans.js'

async function oneUnit(): Promise<{ plan: Plan; unit: Unit; paths: ReturnType<typeof recordPaths> }> {
  const plan = await planOf(newFolder(), 1)
  const unit = await readUnit(plan, 0)
  const paths = recordPaths(plan, unit)
  mkdirSync(dirname(paths.output))
  return { plan, unit, paths }
}

function doneOf(unit: Unit, changes: Partial<DoneRecord> = {}): DoneRecord {
  return {
    schema: 1,
    key: unit.key,
    id: unit.id,
    outputs: [{ name: `${unit.id}.nc`, bytes: 5 }],
    ...{ seconds: 1.5, peakRssBytes: 1000, threads: 1, host: 'node1', attempt: 1, scenes: 2, skipped: [] },
    finishedAt: '2026-01-01T00:00:00Z',
    createdBy: 'aster-timeseries 0',
    ...changes,
  }
}

test('open, failed, done; success removes the failure', async () => {
  const { plan, unit, paths } = await oneUnit()
  expect(await unitState(plan, unit)).toEqual({ kind: 'open' })
  await writeFailed(plan, unit, failureOf(unit))
  expect(await unitState(plan, unit)).toEqual({
    kind: 'failed',
    exitStatus: 65,
    code: 'CORRUPT',
    message: 'g.hdf: damaged',
    attempt: 2,
  })
  writeFileSync(paths.output, 'bytes')
  await writeDone(plan, unit, doneOf(unit))
  expect(await unitState(plan, unit)).toEqual({ kind: 'done', seconds: 1.5, peakRssBytes: 1000, bytes: 5 })
  expect(() => rmSync(paths.failed)).toThrow(/ENOENT/)
})

test('without output it is empty', async () => {
  const { plan, unit } = await oneUnit()
  await writeDone(plan, unit, doneOf(unit, { outputs: [] }))
  expect(await unitState(plan, unit)).toEqual({ kind: 'empty' })
})

test('a record of another key, of a lost or changed output, or a damaged one counts as none', async () => {
  const { plan, unit, paths } = await oneUnit()
  await writeDone(plan, unit, doneOf(unit))
  expect(await unitState(plan, unit)).toEqual({ kind: 'open' })
  writeFileSync(paths.output, 'byte')
  expect(await unitState(plan, unit)).toEqual({ kind: 'open' })
  writeFileSync(paths.output, 'bytes')
  expect((await unitState(plan, unit)).kind).toBe('done')
  await writeDone(plan, unit, doneOf(unit, { key: 'f'.repeat(16) }))
  expect(await unitState(plan, unit)).toEqual({ kind: 'open' })
  await writeDone(plan, unit, doneOf(unit, { outputs: [{ name: 'other.nc', bytes: 5 }] }))
  expect(await unitState(plan, unit)).toEqual({ kind: 'open' })
  writeFileSync(paths.done, '{"schema":1')
  expect(await unitState(plan, unit)).toEqual({ kind: 'open' })
  await writeFailed(plan, unit, failureOf(unit, { key: 'f'.repeat(16) }))
  expect(await unitState(plan, unit)).toEqual({ kind: 'open' })
})

test('a claim of the living wins over a failure; one that is silent for minutes is none', async () => {
  const { plan, unit, paths } = await oneUnit()
  await writeFailed(plan, unit, failureOf(unit))
  const held = await claim(paths.claim)
  expect(await unitState(plan, unit)).toMatchObject({ kind: 'claimed', ageSeconds: 0 })
  await held.release()
  expect((await unitState(plan, unit)).kind).toBe('failed')
  const foreign = { machine: 'other', host: 'node9', pid: 1, processStart: null, since: '', token: '0'.repeat(16) }
  writeFileSync(paths.claim, JSON.stringify(foreign))
  expect(await unitState(plan, unit)).toMatchObject({ kind: 'claimed', host: 'node9' })
  const before = new Date(Date.now() - 600_000)
  utimesSync(paths.claim, before, before)
  expect((await unitState(plan, unit)).kind).toBe('failed')
  writeFileSync(
    `${paths.claim}.${'0'.repeat(16)}`,
    JSON.stringify({ ...foreign, host: 'node10', token: '1'.repeat(16) }),
  )
  expect(await unitState(plan, unit)).toMatchObject({ kind: 'claimed', host: 'node10' })
})
