// The plan on disk: what is written is read back, by line; the same content has the same name; damage is named.
import { createHash } from 'node:crypto'
import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  iterUnits,
  keptPath,
  openPlan,
  outputsOf,
  planPaths,
  readScenes,
  readUnit,
  type Unit,
} from '../../../src/processing/manifest.js'
import { PlanWriter } from '../../../src/processing/plan-writer.js'
import { newFolder, planOf, SHARED, sceneNamed } from './plans.js'

async function all(units: AsyncIterable<Unit>): Promise<Unit[]> {
  const found: Unit[] = []
  for await (const unit of units) found.push(unit)
  return found
}

test('a plan is four files, and nothing else is left', async () => {
  const folder = newFolder()
  const { hash } = await planOf(folder, 3)
  expect(hash).toMatch(/^[0-9a-f]{12}$/)
  const stem = `plan-${hash}`
  expect(readdirSync(folder).sort()).toEqual(['current', `${stem}.json`, `${stem}.jsonl`, `${stem}.scenes.jsonl`])
  expect(readFileSync(join(folder, 'current'), 'utf8')).toBe(`${stem}\n`)
})

test('every unit is found by its line, across the offsets that are kept', async () => {
  const folder = newFolder()
  const plan = await planOf(folder, 200)
  expect(plan.shared.lineOffsets).toHaveLength(4)
  const lines = readFileSync(plan.manifestPath, 'utf8').trim().split('\n')
  const units = await all(iterUnits(plan))
  expect(units).toHaveLength(200)
  for (const index of [0, 1, 63, 64, 65, 127, 128, 199]) {
    const unit = await readUnit(plan, index)
    expect(unit).toEqual(JSON.parse(lines[index] ?? ''))
    expect(unit).toEqual(units[index])
    expect(unit.index).toBe(index)
  }
  await expect(readUnit(plan, 200)).rejects.toMatchObject({ code: 'USAGE', hint: 'it has 200, from 0 to 199' })
  await expect(readUnit(plan, -1)).rejects.toMatchObject({ code: 'USAGE' })
  await expect(readUnit(plan, 1.5)).rejects.toMatchObject({ code: 'USAGE' })
})

test('each scene is stored once, as search prints it, and found by its place in bytes', async () => {
  const folder = newFolder()
  const plan = await planOf(folder, 5)
  const lines = readFileSync(planPaths(folder, plan.hash).scenes, 'utf8').trim().split('\n')
  expect(lines).toEqual(['a', 'b', 'c é'].map((id) => JSON.stringify(sceneNamed(id))))
  const unit = await readUnit(plan, 2)
  expect((await readScenes(plan, unit)).map(({ id }) => id)).toEqual(['a', 'b', 'c é'])
  expect(await readScenes(plan, { scenes: [...unit.scenes].slice(2) })).toEqual([sceneNamed('c é')])
  expect(await readScenes(plan, { scenes: [] })).toEqual([])
})

test('the same content has the same name and changes no file; other content is a plan beside it', async () => {
  const folder = newFolder()
  const first = await planOf(folder, 3)
  const path = planPaths(folder, first.hash).shared
  const before = [readFileSync(path, 'utf8'), statSync(first.manifestPath).ino]
  const again = await planOf(folder, 3)
  expect(again.hash).toBe(first.hash)
  expect([readFileSync(path, 'utf8'), statSync(first.manifestPath).ino]).toEqual(before)
  const other = await planOf(folder, 3, { threads: 2 })
  expect(other.hash).not.toBe(first.hash)
  expect((await openPlan(folder)).hash).toBe(other.hash)
  expect((await openPlan(first.manifestPath)).hash).toBe(first.hash)
  expect((await openPlan(planPaths(folder, first.hash).shared)).hash).toBe(first.hash)
  await planOf(folder, 3)
  expect((await openPlan(folder)).hash).toBe(first.hash)
})

test('scenes and what units share decide over the name too', async () => {
  const hashes = new Set<string>()
  for (const [scene, shared] of [
    ['a', SHARED],
    ['b', SHARED],
    ['a', { ...SHARED, cacheDir: '/other' }],
  ] as const) {
    const writer = await PlanWriter.open(newFolder())
    await writer.addScene(sceneNamed(scene))
    hashes.add((await writer.finish(shared)).hash)
    await writer.close()
  }
  expect(hashes.size).toBe(3)
})

test('a plan that is given up leaves nothing', async () => {
  const folder = newFolder()
  const writer = await PlanWriter.open(folder)
  await writer.addScene(sceneNamed('a'))
  await writer.close()
  expect(readdirSync(folder)).toEqual([])
})

test('two plans of one folder are written one after the other', async () => {
  const folder = newFolder()
  const plans = await Promise.all([planOf(folder, 3), planOf(folder, 4), planOf(folder, 5)])
  expect(new Set(plans.map(({ hash }) => hash)).size).toBe(3)
  for (const plan of plans) expect(await all(iterUnits(plan))).toHaveLength(plan.unitCount)
  expect(readdirSync(folder)).toHaveLength(10)
})

test('paths below the run folder are kept relative to it, others absolute', () => {
  expect(keptPath('/run', '/run/tiles')).toBe('tiles')
  expect(keptPath('/run', '/running/tiles')).toBe('/running/tiles')
  expect(keptPath('/run', '/run')).toBe('/run')
  expect(keptPath('/run/a', '/run/b')).toBe('/run/b')
  expect(outputsOf({ runFolder: '/run' }, { outputs: ['tiles/a.nc', '/b.nc'] })).toEqual(['/run/tiles/a.nc', '/b.nc'])
})

test('a run folder may be moved', async () => {
  const folder = newFolder()
  const plan = await planOf(folder, 1)
  expect(readFileSync(plan.manifestPath, 'utf8')).not.toContain(folder)
  expect(readFileSync(planPaths(folder, plan.hash).shared, 'utf8')).not.toContain(folder)
})

test('what is missing or damaged is named', async () => {
  const folder = newFolder()
  await expect(openPlan(folder)).rejects.toMatchObject({ code: 'NOT_FOUND', exitCode: 78 })
  await expect(openPlan(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'USAGE' })
  await expect(openPlan(join(folder, 'plan-0123456789ab.jsonl'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  const plan = await planOf(folder, 3)
  appendFileSync(plan.manifestPath, '')
  const { shared, scenes } = planPaths(folder, plan.hash)
  const unit = await readUnit(plan, 2)
  truncateSync(scenes, 40)
  await expect(readScenes(plan, unit)).rejects.toMatchObject({ code: 'CONFIG', path: scenes })
  writeFileSync(plan.manifestPath, readFileSync(plan.manifestPath, 'utf8').replace('"index":1', '"index":7'))
  await expect(readUnit(plan, 1)).rejects.toThrow(/line 2 is damaged.*it is unit 7/)
  truncateSync(plan.manifestPath, 10)
  await expect(readUnit(plan, 0)).rejects.toMatchObject({ code: 'CONFIG', exitCode: 78 })
  await expect(readUnit(plan, 2)).rejects.toMatchObject({ code: 'CONFIG' })
  writeFileSync(shared, '{}')
  await expect(openPlan(folder)).rejects.toMatchObject({ code: 'CONFIG', path: shared })
})

test('the hash is of the content', async () => {
  const folder = newFolder()
  const plan = await planOf(folder, 1)
  const lines = readFileSync(plan.manifestPath, 'utf8').trim()
  const scenes = createHash('sha256')
    .update(readFileSync(planPaths(folder, plan.hash).scenes))
    .digest()
  const { createdAt: _, ...stated } = plan.shared
  const { schema, createdBy, ...rest } = stated
  const text = JSON.stringify({ schema, createdBy, ...rest })
  expect(createHash('sha256').update(lines).update(scenes).update(text).digest('hex').slice(0, 12)).toBe(plan.hash)
})
