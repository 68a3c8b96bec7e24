import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ASTERCatalog } from '../../src/catalog/catalog.js'
import { type Scene, sceneFromGranule } from '../../src/catalog/scene.js'
import { BoundingBox } from '../../src/geo/bounding-box.js'
import { useNative } from '../../src/native/load.js'
import { ARCHIVE, fakeNative, granule, nativeError } from '../fake-native.js'

const ids = (scenes: readonly Scene[]) => scenes.map((scene) => scene.id.slice(8))
const catalog = () => new ASTERCatalog({ backend: 'local', archive: '/archive' })

beforeEach(() => useNative(fakeNative({ granules: ARCHIVE })))
afterEach(() => useNative(undefined))

describe('searching a folder', () => {
  test('gives each acquisition once, newest version first, in order of time', async () => {
    const result = await catalog().searchDetailed()
    expect(ids(result.scenes)).toEqual([
      '00401032001031000_20250101000000',
      '00306102001031113_20150414031122',
      '00309062002031452_20150414031422',
    ])
    expect(ids(result.duplicates).sort()).toEqual([
      '00301032001031000_20140101000000',
      '00301032001031000_20150414031022',
    ])
    expect(result.coverage).toEqual({
      scenes: 3,
      bbox: { west: 120, south: -30, east: 131, north: 15.1 },
      firstTime: '2001-01-03T03:10:00Z',
      lastTime: '2002-09-06T03:14:52Z',
    })
  })

  test.each([
    [{ endDate: '2001-06-10' }, 2],
    [{ startDate: '2001-06-10', endDate: '2001-06-10' }, 1],
    [{ startDate: '2001-06-10T03:11:14Z' }, 1],
    [{ bbox: { west: 119, south: 14, east: 121, north: 16 } }, 2],
    [{ bbox: new BoundingBox({ west: 125, south: -40, east: -170, north: 0 }) }, 1],
    [{ cloudCoverMax: 20 }, 2],
    [{ product: 'AST_08' }, 0],
  ])('with %j finds %i', async (query, count) => {
    expect(await catalog().search(query)).toHaveLength(count)
  })

  test('counts each scene at the first filter that turns it away', async () => {
    const { rejected } = await catalog().searchDetailed({ endDate: '2001-12-31', cloudCoverMax: 20 })
    expect(rejected).toEqual({ product: 0, dates: 1, area: 0, cloudCover: 1, dayNight: 0 })
  })

  test('keeps scenes of unknown cloud cover and counts them', async () => {
    const { cloudCoverPercent: _, ...unknown } = granule('AST_L1T_00301032001031000_20150414031022')
    useNative(fakeNative({ granules: [unknown] }))
    const { scenes, cloudUnknown } = await catalog().searchDetailed({ cloudCoverMax: 5 })
    expect([scenes.length, cloudUnknown]).toEqual([1, 1])
  })

  test('version 031 lies between 003 and 004', async () => {
    const versions = ['003', '031', '004'].map((version) => granule(`AST_L1T_${version}01032001031000_20150414031022`))
    const newestOf = async (granules: typeof versions) => {
      useNative(fakeNative({ granules: granules.map((item) => ({ ...item, path: item.id })) }))
      return (await catalog().search()).map((scene) => scene.version)
    }
    expect(await newestOf(versions.slice(0, 2))).toEqual(['031'])
    expect(await newestOf(versions)).toEqual(['004'])
  })

  test('keeps two scenes of one instant that lie apart', async () => {
    const here = granule('AST_L1T_00301032001031000_20150414031022')
    const there = { ...here, path: '/archive/there.hdf', bbox: { west: 138, south: -31, east: 139, north: -30 } }
    useNative(fakeNative({ granules: [here, there] }))
    expect(await catalog().search()).toHaveLength(2)
  })

  test('iterates scenes and tiles', async () => {
    const seen: Scene[] = []
    for await (const scene of catalog().iterScenes({ endDate: '2001-12-31' })) seen.push(scene)
    expect(seen).toHaveLength(2)
    const tiles: [string, number][] = []
    for await (const { bbox, scenes } of catalog().searchTiles({
      bbox: { west: 115, south: -40, east: 135, north: 20 },
      tileSizeDeg: 10,
    })) {
      tiles.push([`${bbox.west} ${bbox.south}`, scenes.length])
    }
    expect(tiles).toEqual([
      ['125 -40', 1],
      ['125 -30', 1],
      ['115 10', 2],
    ])
  })

  test('a missing folder is an error of the engine', async () => {
    const missing = new ASTERCatalog({ archive: '/missing' })
    await expect(missing.search()).rejects.toMatchObject({ name: 'NotFoundError', code: 'NOT_FOUND' })
  })
})

describe('granules by path', () => {
  test('bad ones are reported, not thrown', async () => {
    const skipped = [{ path: '/archive/bad.hdf', error: nativeError('CORRUPT', 'file is truncated') }]
    useNative(fakeNative({ granules: ARCHIVE, skipped }))
    const paths = [ARCHIVE[0]?.path ?? '', '/archive/bad.hdf', '/archive/none.hdf']
    const result = await new ASTERCatalog({ granules: paths }).searchDetailed()
    expect(result.scenes).toHaveLength(1)
    expect(result.skipped.map(({ path, error }) => [path, error.code])).toEqual([
      ['/archive/bad.hdf', 'CORRUPT'],
      ['/archive/none.hdf', 'NOT_FOUND'],
    ])
  })
})

describe('backends', () => {
  test('remote ones need nothing to look in, and no login', () => {
    const names = (['earthaccess', 'planetary_computer', 'aws'] as const).map(
      (backend) => new ASTERCatalog({ backend }),
    )
    expect(names.map(({ backend }) => backend)).toEqual(['earthaccess', 'planetary_computer', 'aws'])
  })

  test('local needs something to look in', () => {
    expect(() => new ASTERCatalog()).toThrow(/needs an archive/)
  })
})

test('a scene is plain JSON that leaves the full description out', () => {
  const [first = granule('')] = ARCHIVE
  const scene = sceneFromGranule(first)
  expect(scene.granule).toBe(first)
  expect(JSON.parse(JSON.stringify(scene))).toMatchObject({ schema: 2, id: first.id, bands: ['2', '3N', '10'] })
  expect(JSON.stringify(scene)).not.toContain('"granule"')
})
