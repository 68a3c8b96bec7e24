// What a run gets that names scenes which are not on disk: their bands, and the truth about what is missing.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { coverageOf, noneRejected } from '../../src/catalog/backend.js'
import type { Talk } from '../../src/cli/context.js'
import { obtainFound } from '../../src/cli/obtain.js'
import type { FoundScenes } from '../../src/cli/scenes.js'
import { neededBands } from '../../src/processing/obtain.js'
import { l1aGranule, l1tGranule } from '../fakes/granules.js'
import { startWorld } from '../fakes/world.js'
import { filesIn, newFolder, sceneOf } from '../unit/access/scenes.js'

test.each([
  [{}, { bands: [], subsystems: ['VNIR'] }],
  [{ index: ['ndvi'] }, { bands: ['2', '3N'], subsystems: [] }],
  [
    { index: ['NDVI'], bands: ['10'] },
    { bands: ['10', '2', '3N'], subsystems: [] },
  ],
  [{ subsystem: ['TIR'] }, { bands: [], subsystems: ['TIR'] }],
])('%j needs %j', (options, expected) => {
  const { bands = [], subsystems } = neededBands(options)
  expect({ bands: [...bands].sort(), subsystems }).toEqual(expected)
})

test('scenes come with paths, and those that could not be had are skipped', async () => {
  const granules = [l1tGranule(), l1tGranule({ time: '2001-02-06T18:50:55.270000Z' })]
  const [good, bad] = granules
  if (good === undefined || bad === undefined) throw new Error('no granules')
  const world = await startWorld({
    granules: [...granules, ...granules.map(l1aGranule)],
    faults: [{ host: 'data', route: new RegExp(`${bad.id}_VNIR_B02`), steps: [{ kind: 'status', status: 404 }] }],
  })
  const scenes = granules.map((granule) => sceneOf(world, granule))
  const found: FoundScenes = {
    ...{ scenes, duplicates: [], cloudUnknown: 0, rejected: noneRejected(), skipped: [], notes: [] },
    coverage: coverageOf(scenes),
    source: 'a test',
  }
  const cacheDir = newFolder()
  const silent = { write: () => {}, isTTY: false, columns: 80 }
  const ctx = {
    ...{ stdout: silent, stderr: silent, signal: new AbortController().signal, stdin: async () => '' },
    env: { ...world.env, EARTHDATA_TOKEN: world.token },
  }
  const talk: Talk = { note: () => {}, warn: () => {}, detail: (text) => world.heard(text) }
  const local = await obtainFound(ctx, found, { cacheDir, ...neededBands({ index: ['ndvi'] }) }, talk)
  expect(local.scenes.map(({ path }) => path)).toEqual([join(cacheDir, 'AST_L1T', good.id)])
  expect(local.skipped).toMatchObject([{ path: bad.id, error: { code: 'NOT_FOUND', retryable: false } }])
  expect(filesIn(join(cacheDir, 'AST_L1T', good.id)).map((name) => name.replace(good.id, ''))).toEqual([
    l1aGranule(good).id.concat('.cmr.json'),
    '.cmr.json',
    '_VNIR_B02.tif',
    '_VNIR_B03N.tif',
    'granule.json',
  ])
})
