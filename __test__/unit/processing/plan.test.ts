// Plans of many scenes: every scene once, in every tile it touches and in order; what decides over a tile is in its key.
import { expect } from 'vitest'
import type { Scene } from '../../../src/catalog/scene.js'
import { tiles } from '../../../src/geo/tiles.js'
import { iterUnits, readScenes, readUnit, type Unit } from '../../../src/processing/manifest.js'
import { makePlan, type PlanInput } from '../../../src/processing/plan.js'
import { addonTest } from '../../native-addon.js'
import { newFolder, sceneNamed } from './plans.js'

async function* each(scenes: Iterable<Scene>): AsyncGenerator<Scene> {
  yield* scenes
}

function inputOf(scenes: Iterable<Scene>, changes: Partial<PlanInput> = {}): PlanInput {
  const runFolder = newFolder()
  return {
    ...{ runFolder, outputDir: `${runFolder}/tiles`, cacheDir: '/cache', product: 'AST_L1T', backend: 'earthaccess' },
    tiles: tiles({ west: 0, south: 0, east: 4, north: 2 }, { degrees: 1 }),
    scenes: each(scenes),
    area: [0, 0, 4, 2],
    tiling: { degrees: 1 },
    request: { schema: 1, granules: [], indices: ['ndvi'], output: { format: 'netcdf' } },
    ...{
      format: 'netcdf',
      tileOutput: 'stack',
      isOneStep: false,
      threads: 2,
      clipRule: 'centre',
      roomMetres: 0,
      memoryMiB: 3000,
    },
    selection: { bands: ['2', '3N'], subsystems: [] },
    ...changes,
  }
}

async function unitsOf(input: PlanInput): Promise<Unit[]> {
  const units: Unit[] = []
  for await (const unit of iterUnits((await makePlan(input)).plan)) units.push(unit)
  return units
}

const SCENES = [
  sceneNamed('a', { west: 0.2, south: 0.2, east: 0.8, north: 0.8 }),
  sceneNamed('b', { west: 0.5, south: 0.5, east: 1.5, north: 0.9 }),
  sceneNamed('elsewhere', { west: 50, south: 0.5, east: 51, north: 0.9 }),
  sceneNamed('c', { west: 2.5, south: 0.5, east: 2.9, north: 1.5 }),
]

addonTest('tiles with scenes become units, in order; scenes that no tile needs are not kept', async () => {
  const { plan, tiles: count, found } = await makePlan(inputOf(SCENES))
  expect([count, found, plan.unitCount]).toEqual([8, 4, 4])
  expect(plan.shared.counts).toMatchObject({ units: 4, scenes: 3, scenesOfUnits: 5 })
  const held: [string, string][] = []
  for await (const unit of iterUnits(plan)) {
    expect(unit.outputs).toEqual([`tiles/${unit.id}.nc`])
    held.push([unit.id, (await readScenes(plan, unit)).map(({ id }) => id).join()])
  }
  expect(held).toEqual([
    ['AST_L1T_0.0_0.0_1.0_1.0', 'a,b'],
    ['AST_L1T_1.0_0.0_2.0_1.0', 'b'],
    ['AST_L1T_2.0_0.0_3.0_1.0', 'c'],
    ['AST_L1T_2.0_1.0_3.0_2.0', 'c'],
  ])
})

addonTest('a scene is kept with the files that units fetch; one on disk as it is', async () => {
  const fileOf = (name: string, role: 'band' | 'metadata' | 'browse', band?: string) => ({
    ...{ name, role, url: `https://data.example.org/${name}`, bytes: 100 },
    ...(band === undefined ? {} : { band }),
  })
  const files = [
    ...[fileOf('B1.tif', 'band', '1'), fileOf('B2.tif', 'band', '2'), fileOf('B3N.tif', 'band', '3N')],
    ...[fileOf('QA.tif', 'band', 'QA_DataPlane'), fileOf('m.xml', 'metadata'), fileOf('b.jpg', 'browse')],
  ]
  const scene = { ...sceneNamed('a'), files }
  const { plan, fetchBytes } = await makePlan(inputOf([scene, { ...scene, id: 'local', path: '/archive/a.hdf' }]))
  const kept = await readScenes(plan, await readUnit(plan, 0))
  const names = kept.map((one) => one.files.map(({ name }) => name))
  expect(names).toEqual([['B2.tif', 'B3N.tif', 'QA.tif', 'm.xml'], files.map(({ name }) => name)])
  expect(fetchBytes).toBe(400)
})

addonTest.each([
  [['003', '004', '003'], {}, 'centre'],
  [['003', '004', '004'], {}, 'corner'],
  [['004', '003'], {}, 'corner'],
  [['004'], { lattice: 'centre' }, 'centre'],
  [['004'], { resolution: 30 }, 'corner'],
  [['004'], { resolution: 20 }, undefined],
  [['004'], { crs: 'EPSG:32654' }, 'corner'],
  [['004'], { crs: 'EPSG:3577' }, undefined],
  [['004'], { product: 'AST_08' }, undefined],
])('tiles of versions %j with %j have the lattice %s', async (versions, words, lattice) => {
  const scenes = versions.map((version, index) => ({ ...sceneNamed(`${index}`), version }))
  const input = inputOf(scenes)
  const { plan } = await makePlan({ ...input, request: { ...input.request, ...words } })
  expect(plan.shared.request.lattice).toBe(lattice)
})

addonTest('the key changes with what decides over the content, and with nothing else', async () => {
  const [base] = await unitsOf(inputOf(SCENES))
  const key = async (scenes: Scene[], changes: Partial<PlanInput> = {}) =>
    (await unitsOf(inputOf(scenes, changes)))[0]?.key
  expect(await key(SCENES, { threads: 9, memoryMiB: 9, cacheDir: '/other', outputDir: '/elsewhere' })).toBe(base?.key)
  expect(await key([...SCENES, sceneNamed('d', { west: 3.1, south: 0.1, east: 3.9, north: 0.9 })])).toBe(base?.key)
  const different = new Set([
    base?.key,
    await key([...SCENES, sceneNamed('e', { west: 0.1, south: 0.1, east: 0.9, north: 0.9 })]),
    await key(SCENES.map((scene) => ({ ...scene, processingStamp: '2' }))),
    await key(SCENES, { tileOutput: 'composite' }),
    await key(SCENES, { request: { schema: 1, granules: [], bands: ['1'], output: { format: 'netcdf' } } }),
    await key(SCENES, { allowSkipped: true }),
  ])
  expect(different.size).toBe(6)
})

addonTest('squares of a grid state their extent, and end where the area does', async () => {
  const area = { west: 140.6, south: -30.4, east: 141.4, north: -29.6 }
  const scenes = [sceneNamed('a', { west: 140.7, south: -30.3, east: 141.3, north: -29.7 })]
  const tiling = { metres: 50_000, crs: 'EPSG:32754' }
  const around: PlanInput['area'] = [area.west, area.south, area.east, area.north]
  const units = await unitsOf(inputOf(scenes, { tiles: tiles(area, tiling), tiling, area: around }))
  expect(units.length).toBeGreaterThan(3)
  const squares = new Set(units.map(({ request }) => String(request?.extent)))
  expect(squares.size).toBe(units.length)
  expect(squares).toContain('500000,6650000,550000,6700000')
  for (const { request } of units) {
    expect(request).toMatchObject({ crs: 'EPSG:32754', clip: { rule: 'centre' } })
    const { coordinates } = JSON.parse(String((request?.clip as { polygon?: string } | undefined)?.polygon))
    const lats = coordinates.flat(2).map(([, lat]: number[]) => lat)
    expect(Math.min(...lats)).toBeGreaterThanOrEqual(area.south)
    expect(Math.max(...lats)).toBeLessThanOrEqual(area.north)
  }
})

addonTest('no scene in any tile is an error that says so', async () => {
  await expect(makePlan(inputOf([]))).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

addonTest('a globe of scenes goes into the tiles of a globe', async () => {
  const count = 5000
  function* globe() {
    for (let index = 0; index < count; index += 1) {
      const [lon, lat] = [((index * 137.508) % 359) - 179.5, ((index * 61.803) % 160) - 80]
      yield sceneNamed(`s${index}`, { west: lon - 0.3, south: lat - 0.3, east: lon + 0.3, north: lat + 0.3 })
    }
  }
  const all = { west: -180, south: -90, east: 180, north: 90 }
  const { plan, tiles: tileCount } = await makePlan(inputOf(globe(), { tiles: tiles(all, { degrees: 2 }) }))
  expect([tileCount, plan.shared.counts.scenes]).toEqual([16_200, count])
  expect(plan.shared.counts.scenesOfUnits).toBeLessThan(count * 2.2)
})
