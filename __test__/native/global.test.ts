// GlobalASTERProcessor on the sample: the paths it returns, and an index of them that other software opens.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { ASTERCatalog } from '../../src/catalog/catalog.js'
import { type EngineEvent, GlobalASTERProcessor } from '../../src/index.js'
import { SAMPLE, sampleTest } from '../native-addon.js'

const PYTHON = process.env.ASTER_PYTHON ?? join(process.env.HOME ?? '', '.cache/aster-timeseries/venv/bin/python')
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aster-global-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'))

/** Prints, for each band of a mosaic and for the tiles added up, the pixels with a value and their sum. */
const COUNT = `
import sys, numpy as np, rasterio
def count(path):
    a = rasterio.open(path).read().astype('f8')
    return [(int(np.isfinite(b).sum()), round(float(np.nansum(b)), 3)) for b in a]
whole = count(sys.argv[1])
tiles = [count(p) for p in sys.argv[2:]]
parts = [(sum(t[i][0] for t in tiles), round(sum(t[i][1] for t in tiles), 3)) for i in range(len(whole))]
print(whole == parts, whole[0][0] > 0, whole, parts)
`

sampleTest('composites of an area come as tiles, with a collection, a mosaic, a map and a summary', async () => {
  const events: EngineEvent[] = []
  const processor = new GlobalASTERProcessor({
    catalog: new ASTERCatalog({ archive: SAMPLE, archiveIndex: 'none' }),
    tileSizeDeg: 0.05,
    nWorkers: 2,
  })
  const request = {
    ...{ product: 'AST_L1T', startDate: '2001-01-01', endDate: '2010-12-31', outputDir: folder },
    ...{ bbox: { west: 137.95, south: -31.15, east: 138.1, north: -31.05 }, subsystem: 'VNIR', crs: 'EPSG:32754' },
    ...({ tileOutput: 'composite', format: 'cog', reduce: ['max'] } as const),
    onEvent: (event: EngineEvent) => events.push(event),
  }
  const paths = await processor.run(request)
  expect(paths).toHaveLength(6)
  expect(paths.every((path) => path.endsWith('.tif') && existsSync(path))).toBe(true)
  expect(processor.status).toMatchObject({ units: 6, done: 6, failed: 0 })
  expect(events.filter(({ kind }) => kind === 'done')).toHaveLength(6)

  const collection = json(join(folder, 'collection.json'))
  expect(collection).toMatchObject({ type: 'Collection', stac_version: '1.0.0', license: 'other' })
  expect(collection.extent.spatial.bbox).toEqual([[137.95, -31.15, 138.1, -31.05]])
  const items = collection.links.filter(({ rel }: { rel: string }) => rel === 'item')
  const assets = items.map(({ href }: { href: string }) => {
    const path = resolve(folder, href)
    const item = json(path)
    expect(item).toMatchObject({
      type: 'Feature',
      collection: collection.id,
      properties: { 'proj:code': 'EPSG:32754' },
    })
    expect(Date.parse(item.properties.start_datetime)).toBeLessThanOrEqual(Date.parse(item.properties.end_datetime))
    return resolve(dirname(path), item.assets.data.href)
  })
  expect(assets.sort()).toEqual([...paths].sort())
  expect(json(join(folder, 'summary.json'))).toMatchObject({ units: 6, done: 6, failures: [], tileOutput: 'composite' })
  const map = readFileSync(join(folder, 'map.svg'), 'utf8')
  expect(map.match(/<title>\d+ AST_L1T_[^<]*: done<\/title>/g)).toHaveLength(6)

  const again = await processor.run({ ...request, onEvent: () => expect.fail('nothing is left to do') })
  expect(again).toEqual(paths)
  if (!existsSync(PYTHON)) {
    process.stderr.write(`skipped: the mosaic, no Python in ${PYTHON} (ASTER_PYTHON)\n`)
    return
  }
  const mosaic = join(folder, 'mosaic-EPSG-32754.vrt')
  expect(execFileSync(PYTHON, ['-c', COUNT, mosaic, ...paths], { encoding: 'utf8' })).toMatch(/^True True /)
  expect(basename(mosaic)).toBe(
    Object.keys(collection.assets)
      .find((key) => key.startsWith('mosaic'))
      ?.concat('.vrt'),
  )
})

/** Opens the store of all tiles, without a warning, and compares each child with the tile opened on its own. */
const CHILDREN = `
import sys, warnings
warnings.simplefilter('error')
import xarray, zarr
root, tiles = sys.argv[1], sys.argv[2:]
group = zarr.open_group(root, mode='r')
assert group.metadata.consolidated_metadata is not None
assert sorted(group.group_keys()) == sorted(tiles), list(group.group_keys())
tree = xarray.open_datatree(root, engine='zarr')
for name in tiles:
    tile = xarray.open_zarr(f'{root}/{name}')
    xarray.testing.assert_identical(tree[name].to_dataset(), tile)
    assert group[f'{name}/ndvi'].shape == tile.ndvi.shape and bool(tile.ndvi.notnull().any())
print(len(tree.children))
`

sampleTest('tiles in Zarr are one store, whose groups are the tiles', async () => {
  const processor = new GlobalASTERProcessor({
    catalog: new ASTERCatalog({ archive: SAMPLE, archiveIndex: 'none' }),
    ...{ tileSizeDeg: 0.05, nWorkers: 2 },
  })
  const paths = await processor.run({
    ...{ product: 'AST_L1T', outputDir: folder, indices: ['ndvi'], format: 'zarr' as const },
    bbox: { west: 137.95, south: -31.1, east: 138.05, north: -31.05 },
  })
  expect(paths).toHaveLength(2)
  expect(json(join(folder, 'collection.json')).assets.store.href).toBe('./zarr.json')
  expect(json(join(folder, 'summary.json')).notes).toEqual([])
  if (!existsSync(PYTHON)) {
    process.stderr.write(`skipped: the store of all tiles, no Python in ${PYTHON} (ASTER_PYTHON)\n`)
    return
  }
  const names = paths.map((path) => basename(path))
  expect(execFileSync(PYTHON, ['-c', CHILDREN, folder, ...names], { encoding: 'utf8' }).trim()).toBe('2')
})

sampleTest('a tile that fails is told and left out, the others are there', async () => {
  const processor = new GlobalASTERProcessor({
    catalog: new ASTERCatalog({ archive: SAMPLE, archiveIndex: 'none' }),
    ...{ tileSizeDeg: 0.1, unitMemoryMiB: 1, nWorkers: 1 },
  })
  const paths = await processor.run({
    ...{ product: 'AST_L1T', outputDir: folder, indices: ['ndvi'], crs: 'EPSG:32754' },
    bbox: { west: 137.95, south: -31.15, east: 138.05, north: -31.05 },
  })
  expect(paths).toEqual([])
  expect(processor.status).toMatchObject({ done: 0, failed: 1, failures: { 65: 1 } })
  expect(json(join(folder, 'summary.json')).failures).toMatchObject([{ code: 'MEMORY_BUDGET', exitStatus: 65 }])
})
