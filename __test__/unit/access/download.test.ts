// Downloads as a whole: what is fetched and where it goes, what is found again, and what the report says.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { DownloadEvent } from '../../../src/access/download-events.js'
import { ASTERCatalog } from '../../../src/catalog/catalog.js'
import { fakeHdf, l1aGranule, l1tGranule, l1tGranules } from '../../fakes/granules.js'
import { startWorld } from '../../fakes/world.js'
import { bytesSentFor, download, filesIn, newFolder, sceneOf, sha512 } from './scenes.js'

const granule = l1tGranule()
const { id } = granule
const home = `AST_L1T/${id}`

test('a granule arrives whole in its folder, with its record', async () => {
  const world = await startWorld({ granules: [granule] })
  const cacheDir = newFolder()
  const report = await download(world, [sceneOf(world, granule)], { cacheDir })
  const bands = ['SWIR_B04', 'TIR_B10', 'TIR_B13', 'VNIR_B01', 'VNIR_B02', 'VNIR_B03N'].map(
    (band) => `${id}_${band}.tif`,
  )
  expect(filesIn(cacheDir)).toEqual([`${id}.cmr.json`, ...bands, 'granule.json'].map((name) => `${home}/${name}`))
  for (const name of bands) {
    expect(sha512(readFileSync(join(cacheDir, home, name)))).toBe(sha512(granule.files[name] as Uint8Array))
  }
  expect(report).toMatchObject({
    files: 7,
    filesCached: 0,
    bytes: 6 * 4096 + 2,
    bytesFetched: 6 * 4096 + 2,
    failed: [],
  })
  const [scene] = report.scenes
  expect(scene?.path).toBe(join(cacheDir, home))
  expect(scene?.files.filter(({ path }) => path !== undefined)).toHaveLength(7)
  const record = JSON.parse(readFileSync(join(cacheDir, home, 'granule.json'), 'utf8'))
  expect(record).toMatchObject({ schema: 1, id, product: 'AST_L1T', source: 'earthaccess', scene: { schema: 2, id } })
  expect(record.files.map((file: { name: string }) => file.name)).toEqual([`${id}.cmr.json`, ...bands])
  expect(record.files[1]).toMatchObject({
    bytes: 4096,
    checkedAgainst: 'catalogue',
    url: world.fileUrl(granule, bands[0] ?? ''),
  })
  expect(record.files[0]).toMatchObject({ checkedAgainst: 'nothing' })
})

test('a second download asks for nothing', async () => {
  const world = await startWorld({ granules: [granule] })
  const cacheDir = newFolder()
  await download(world, [sceneOf(world, granule)], { cacheDir })
  const before = world.log.length
  const report = await download(world, [sceneOf(world, granule)], { cacheDir })
  expect(world.log).toHaveLength(before)
  expect(report).toMatchObject({ files: 7, filesCached: 7, bytesFetched: 0 })
  expect(report.scenes[0]?.path).toBe(join(cacheDir, home))
})

test.each([
  [{ bands: ['3'] }, ['VNIR_B03N']],
  [{ bands: ['1', 'ImageData10'] }, ['VNIR_B01', 'TIR_B10']],
  [{ subsystems: ['tir'] }, ['TIR_B10', 'TIR_B13']],
  [{ subsystems: ['SWIR'], bands: ['B02'] }, ['VNIR_B02', 'SWIR_B04']],
  [{ bands: ['2'], include: ['quality', 'browse'] as const }, ['VNIR_B02', 'VNIR', 'TIR', 'QA.txt', '.jpg']],
])('%j selects files', async (options, expected) => {
  const world = await startWorld({ granules: [granule] })
  const cacheDir = newFolder()
  await download(world, [sceneOf(world, granule)], { cacheDir, ...options })
  const names = expected
    .map((text) => (/\./.test(text) ? text : `${text}.tif`))
    .map((text) => (text.startsWith('.') ? `${id}${text}` : `${id}_${text}`))
  expect(filesIn(cacheDir)).toEqual(
    [...names, `${id}.cmr.json`, 'granule.json'].map((name) => `${home}/${name}`).sort(),
  )
})

test('an unknown band is refused before anything is asked', async () => {
  const world = await startWorld({ granules: [granule] })
  const pending = download(world, [sceneOf(world, granule)], { cacheDir: newFolder(), bands: ['33'] })
  await expect(pending).rejects.toMatchObject({ code: 'USAGE', message: 'unknown band "33"' })
  expect(world.log).toEqual([])
})

test('a scene without the telescope is no failure', async () => {
  const world = await startWorld({ granules: [granule] })
  const scene = sceneOf(world, granule)
  const files = scene.files.filter(({ subsystem }) => subsystem !== 'SWIR')
  const report = await download(world, [{ ...scene, files }], { cacheDir: newFolder(), subsystems: ['SWIR'] })
  expect(report).toMatchObject({ scenes: [], failed: [], files: 0 })
  expect(report.empty.map((empty) => empty.id)).toEqual([id])
  expect(world.log).toEqual([])
})

test('a granule in one file goes by that file, also from a flat cache of old', async () => {
  const l1a = l1aGranule(granule)
  const world = await startWorld({ granules: [l1a] })
  const [cacheDir, name] = [newFolder(), `${l1a.id}.hdf`]
  const report = await download(world, [sceneOf(world, l1a)], { cacheDir })
  expect(report.scenes[0]?.path).toBe(join(cacheDir, 'AST_L1A', l1a.id, name))
  const old = newFolder()
  mkdirSync(join(old, 'AST_L1A'))
  copyFileSync(report.scenes[0]?.path ?? '', join(old, 'AST_L1A', name))
  const before = world.log.length
  const again = await download(world, [sceneOf(world, l1a)], { cacheDir: old })
  expect(again.scenes[0]?.path).toBe(join(old, 'AST_L1A', name))
  expect(world.log).toHaveLength(before)
})

test('a damaged file of a flat cache is not believed', async () => {
  const l1a = l1aGranule(granule)
  const world = await startWorld({ granules: [l1a] })
  const cacheDir = newFolder()
  mkdirSync(join(cacheDir, 'AST_L1A'))
  writeFileSync(join(cacheDir, 'AST_L1A', `${l1a.id}.hdf`), fakeHdf('something else'))
  const report = await download(world, [sceneOf(world, l1a)], { cacheDir })
  expect(report).toMatchObject({ filesCached: 0, bytesFetched: 4096 })
  expect(report.scenes[0]?.path).toBe(join(cacheDir, 'AST_L1A', l1a.id, `${l1a.id}.hdf`))
})

test('a file that a killed run left without a record is verified, not fetched', async () => {
  const world = await startWorld({ granules: [granule] })
  const cacheDir = newFolder()
  mkdirSync(join(cacheDir, home), { recursive: true })
  const name = `${id}_VNIR_B01.tif`
  writeFileSync(join(cacheDir, home, name), granule.files[name] as Uint8Array)
  const report = await download(world, [sceneOf(world, granule)], { cacheDir, bands: ['1'] })
  expect(report).toMatchObject({ files: 2, filesCached: 1 })
  expect(bytesSentFor(world, name)).toBe(0)
  const record = JSON.parse(readFileSync(join(cacheDir, home, 'granule.json'), 'utf8'))
  expect(record.files.map((file: { name: string }) => file.name)).toContain(name)
})

test('the AST_L1A record with the gains is put beside version 004', async () => {
  const l1a = l1aGranule(granule)
  const world = await startWorld({ granules: [granule, l1a] })
  const cacheDir = newFolder()
  const records = new ASTERCatalog({ backend: 'earthaccess', http: world.client(), endpoints: world.endpoints })
  const report = await download(world, [sceneOf(world, granule)], { cacheDir, bands: ['1'], records })
  const record = JSON.parse(readFileSync(join(cacheDir, home, `${l1a.id}.cmr.json`), 'utf8'))
  expect(record.AdditionalAttributes[0]).toMatchObject({ Name: 'ASTERGains' })
  expect(report.warnings).toEqual([])
  const before = world.requests('cmr').length
  await download(world, [sceneOf(world, granule)], { cacheDir, records })
  expect(world.requests('cmr')).toHaveLength(before)
})

test('missing gains are told; thermal bands need none', async () => {
  const world = await startWorld({ granules: [granule] })
  const records = new ASTERCatalog({ backend: 'earthaccess', http: world.client(), endpoints: world.endpoints })
  const scenes = [sceneOf(world, granule)]
  const report = await download(world, scenes, { cacheDir: newFolder(), bands: ['1'], records })
  expect(report.warnings).toEqual([`${id}: the catalogue has no AST_L1A record, so no gains`])
  expect(report.scenes).toHaveLength(1)
  expect((await download(world, scenes, { cacheDir: newFolder(), bands: ['13'] })).warnings).toEqual([])
  expect((await download(world, scenes, { cacheDir: newFolder(), bands: ['1'] })).warnings).toHaveLength(1)
})

test('a catalogue out of order makes the scene incomplete, and the next download complete', async () => {
  const world = await startWorld({ granules: [granule, l1aGranule(granule)] })
  const cacheDir = newFolder()
  const records = new ASTERCatalog({ backend: 'earthaccess', http: world.client(), endpoints: world.endpoints })
  world.script('cmr', [{ kind: 'status', status: 503 }], { always: true })
  const report = await download(world, [sceneOf(world, granule)], { cacheDir, bands: ['1'], records })
  expect(report.scenes).toEqual([])
  expect(report.failed).toMatchObject([{ id, error: { code: 'NETWORK' } }])
  expect(existsSync(join(cacheDir, home, `${id}_VNIR_B01.tif`))).toBe(true)
})

test('events add up', async () => {
  const granules = l1tGranules(3, { fileBytes: 1000 })
  const world = await startWorld({ granules })
  const events: DownloadEvent[] = []
  const scenes = granules.map((one) => sceneOf(world, one))
  await download(world, scenes, { cacheDir: newFolder(), bands: ['1', '2'], onEvent: (event) => events.push(event) })
  const last = events.at(-1)
  expect(last).toMatchObject({ kind: 'finished', filesDone: 9, filesTotal: 9, granulesDone: 3, granulesTotal: 3 })
  expect(last).toMatchObject({ bytesDone: 6006, bytesTotal: 6006, bytesFetched: 6006 })
  expect(events.filter(({ kind }) => kind === 'file')).toHaveLength(9)
  expect(events[0]).toMatchObject({ kind: 'planned', bytesDone: 0, bytesTotal: 6000 })
})

test('names that lead out of the cache are refused', async () => {
  const world = await startWorld({ granules: [granule] })
  const scene = sceneOf(world, granule)
  const [file] = scene.files
  if (file === undefined) throw new Error('no file')
  const cacheDir = newFolder()
  for (const bad of [
    { ...scene, product: '../up' },
    { ...scene, id: '..' },
    { ...scene, files: [{ ...file, name: '../../out.tif' }] },
    { ...scene, files: [{ ...file, name: '.hidden.tif' }] },
  ]) {
    await expect(download(world, [bad], { cacheDir })).rejects.toMatchObject({ code: 'USAGE' })
  }
  expect(world.log).toEqual([])
})
