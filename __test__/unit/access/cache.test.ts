// The cache's own work: what it lists, what damage it sees, what it removes and what it never removes.
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { listCache, pruneCache, verifyCache } from '../../../src/access/cache.js'
import { cacheDirOf, granuleFolder } from '../../../src/access/cache-folder.js'
import { claim, claimPath } from '../../../src/access/claim.js'
import { fakeHdf, l1tGranules } from '../../fakes/granules.js'
import { startWorld } from '../../fakes/world.js'
import { download, newFolder, sceneOf } from './scenes.js'

const granules = l1tGranules(3, { fileBytes: 10_000 })

/** A cache of three granules of three files, used a day after one another. */
async function filled() {
  const world = await startWorld({ granules })
  const cacheDir = newFolder()
  const scenes = granules.map((granule) => sceneOf(world, granule))
  await download(world, scenes, { cacheDir, bands: ['1', '2'] })
  const folders = granules.map(({ id }) => join(cacheDir, 'AST_L1T', id))
  for (const [index, folder] of folders.entries()) {
    const day = new Date(Date.UTC(2025, 0, 10 - index))
    utimesSync(join(folder, 'granule.json'), day, day)
  }
  return { world, cacheDir, scenes, folders }
}

test('the folder is the one given, else that of the environment, else one in the home', () => {
  expect(cacheDirOf('/a', { ASTER_CACHE_DIR: '/b', HOME: '/c' })).toBe('/a')
  expect(cacheDirOf(undefined, { ASTER_CACHE_DIR: '/b', HOME: '/c' })).toBe('/b')
  expect(cacheDirOf(undefined, { ASTER_CACHE_DIR: '', HOME: '/c' })).toBe('/c/.cache/aster_timeseries')
  expect(granuleFolder('/x', { product: 'AST_L1T', id: 'AST_L1T_1', backend: 'aws' })).toBe('/x/AST_L1T/AST_L1T_1.aws')
})

test('lists granules, parts and flat files', async () => {
  const { cacheDir, folders } = await filled()
  writeFileSync(join(folders[1] ?? '', '.x.tif.part'), 'begun')
  mkdirSync(join(cacheDir, 'AST_L1B'))
  writeFileSync(join(cacheDir, 'AST_L1B', 'AST_L1B_00305032000040446_20180620120000.hdf'), fakeHdf('old'))
  writeFileSync(join(cacheDir, 'AST_L1B', 'notes.txt'), 'not ours')
  const list = await listCache(cacheDir)
  expect(list.map(({ product, state, files }) => [product, state, files])).toEqual([
    ['AST_L1B', 'flat', 1],
    ['AST_L1T', 'complete', 3],
    ['AST_L1T', 'partial', 3],
    ['AST_L1T', 'complete', 3],
  ])
  expect(list[1]).toMatchObject({ id: granules[0]?.id, source: 'earthaccess', usedAt: '2025-01-10T00:00:00.000Z' })
  expect(list[1]?.bytes).toBeGreaterThan(20_000)
  expect(await listCache(join(cacheDir, 'nowhere'))).toEqual([])
})

test('sees damage of every kind, and the next download repairs it', async () => {
  const { world, cacheDir, scenes, folders } = await filled()
  const file = (index: number, band: string) => join(folders[index] ?? '', `${granules[index]?.id}_VNIR_${band}.tif`)
  expect(await verifyCache(cacheDir)).toMatchObject({ granules: 3, files: 9, damaged: [], unknown: 0 })
  const flipped = readFileSync(file(0, 'B01'))
  flipped[9000] = (flipped[9000] ?? 0) ^ 1
  writeFileSync(file(0, 'B01'), flipped)
  truncateSync(file(1, 'B02'), 77)
  rmSync(file(2, 'B01'))
  const report = await verifyCache(cacheDir)
  expect(report.damaged.map(({ path, reason }) => [path, reason.slice(0, 20)])).toEqual([
    [file(0, 'B01'), expect.stringMatching(/^its SHA-512 is/)],
    [file(1, 'B02'), 'it has 77 bytes, it '],
    [file(2, 'B01'), 'it is gone'],
  ])
  const again = await download(world, scenes, { cacheDir, bands: ['1', '2'] })
  expect(again).toMatchObject({ bytesFetched: 30_000, filesCached: 6, failed: [] })
  expect((await verifyCache(cacheDir)).damaged).toEqual([])
})

test('verifying stops when asked to', async () => {
  const { cacheDir } = await filled()
  await expect(verifyCache(cacheDir, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' })
})

test('prunes the granules that were not used for longest', async () => {
  const { cacheDir, folders } = await filled()
  const sizes = new Map((await listCache(cacheDir)).map(({ path, bytes }) => [path, bytes]))
  const keep = (sizes.get(folders[0] ?? '') ?? 0) + 10
  const plan = await pruneCache(cacheDir, keep, { dryRun: true })
  expect(plan.removed.map(({ path }) => path)).toEqual([folders[2], folders[1]])
  expect(folders.map(existsSync)).toEqual([true, true, true])
  const report = await pruneCache(cacheDir, keep)
  expect(report.removed.map(({ path }) => path)).toEqual([folders[2], folders[1]])
  expect(folders.map(existsSync)).toEqual([true, false, false])
  expect(report.bytesAfter).toBe(sizes.get(folders[0] ?? ''))
  expect((await listCache(cacheDir)).map(({ path }) => path)).toEqual([folders[0]])
})

test('using a granule again keeps it', async () => {
  const { world, cacheDir, scenes, folders } = await filled()
  await download(world, scenes.slice(2), { cacheDir, bands: ['1'] })
  const total = (await listCache(cacheDir)).reduce((sum, { bytes }) => sum + bytes, 0)
  const report = await pruneCache(cacheDir, total - 1)
  expect(report.removed.map(({ path }) => path)).toEqual([folders[1]])
})

test('never removes what somebody works on', async () => {
  const { cacheDir, folders } = await filled()
  const held = await claim(claimPath(folders[2] ?? '', 'x.tif'))
  onTestFinished(() => held.release())
  const report = await pruneCache(cacheDir, 1)
  expect(report.claimed.map(({ path }) => path)).toEqual([folders[2]])
  expect(folders.map(existsSync)).toEqual([false, false, true])
  await held.release()
  expect((await pruneCache(cacheDir, 1)).removed.map(({ path }) => path)).toEqual([folders[2]])
})
