// Searches in an open bucket that can only be listed.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AwsBackend } from '../../../src/catalog/aws.js'
import { resolveQuery, type SceneQuery } from '../../../src/catalog/query.js'
import { useNative } from '../../../src/native/load.js'
import { fakeNative } from '../../fake-native.js'
import { startWorld } from '../../fakes/world.js'

beforeEach(() => useNative(fakeNative()))
afterEach(() => useNative(undefined))

interface Placed {
  west: number
  telescopes?: string[]
  item?: unknown
}

/** Keys and contents of one granule, as the bucket lays them out. */
function objects(
  id: string,
  epsg: number,
  { west, telescopes = ['VNIR', 'TIR'], item }: Placed,
): [string, Uint8Array][] {
  const [, month, day, year, hour, minute, second] = /_003(..)(..)(....)(..)(..)(..)_/.exec(id) ?? []
  const ring = [
    [0, 0],
    [0.7, 0],
    [0.7, 0.6],
    [0, 0.6],
    [0, 0],
  ].map(([x = 0, y = 0]) => [west + x, -31 + y])
  const stac = item ?? {
    type: 'Feature',
    id: `${id}_VNIR`,
    geometry: { type: 'Polygon', coordinates: [ring] },
    properties: { datetime: `${year}-${month}-${day}T${hour}:${minute}:${second}.5Z`, 'eo:cloud_cover': 7 },
  }
  return telescopes.flatMap((telescope): [string, Uint8Array][] => {
    const stem = `${telescope}/${epsg}/098/081/${year}${month}${day}/${id}_${telescope}`
    return [
      [`${stem}.tif`, Buffer.from('II*\0pixels')],
      [`${stem}_stac.json`, Buffer.from(JSON.stringify(stac))],
    ]
  })
}

const BUCKET = Object.fromEntries([
  ...objects('AST_L1T_00310172001005817_20150418073045_41207', 32754, { west: 138 }),
  ...objects('AST_L1T_00303252005005130_20150521134752_55120', 32754, { west: 138.2, telescopes: ['TIR'] }),
  ...objects('AST_L1T_00311082009005748_20150714180231_9702', 32754, { west: 141 }),
  ...objects('AST_L1T_00301202004132104_20150511015626_23975', 32755, { west: 145 }),
  ...objects('AST_L1T_00301212004132104_20150511015626_23976', 32754, { west: 138, item: { type: 'Feature' } }),
])
const AREA = { bbox: { west: 137.5, south: -31.5, east: 139, north: -30 } }

async function found(query: SceneQuery, maxCandidates = 100) {
  const world = await startWorld({ bucket: BUCKET })
  const backend = new AwsBackend({ http: world.client(), baseUrl: world.endpoints.aws, maxCandidates })
  return { world, result: await backend.search(resolveQuery(query)) }
}

test('lists the zones of the area and reads the items beside the files', async () => {
  const { result, world } = await found(AREA)
  expect(result.scenes).toMatchObject([
    {
      id: 'AST_L1T_00310172001005817_20150418073045_41207',
      backend: 'aws',
      time: '2001-10-17T00:58:17.5Z',
      cloudCoverPercent: 7,
      epsg: 32754,
      subsystems: ['VNIR', 'TIR'],
      bands: ['1', '2', '3N', '10', '11', '12', '13', '14'],
      bytes: 20,
    },
    { subsystems: ['TIR'] },
  ])
  expect(result.scenes[0]?.files.map(({ role, name }) => [role, name.slice(47)])).toEqual([
    ['band', 'TIR.tif'],
    ['metadata', 'TIR_stac.json'],
    ['band', 'VNIR.tif'],
    ['metadata', 'VNIR_stac.json'],
  ])
  expect(result.rejected.area).toBe(1)
  expect(result.skipped).toMatchObject([{ path: 'AST_L1T_00301212004132104_20150511015626_23976' }])
  const prefixes = world.requests('aws').map(({ query }) => new URLSearchParams(query).get('prefix'))
  const listed = prefixes.filter((prefix) => prefix !== null).sort()
  expect(listed).toEqual(['SWIR/32753/', 'SWIR/32754/', 'TIR/32753/', 'TIR/32754/', 'VNIR/32753/', 'VNIR/32754/'])
})

test('other dates are left out by key, without reading their items', async () => {
  const { result, world } = await found({ ...AREA, endDate: '2001-12-31' })
  expect(result.scenes).toHaveLength(1)
  expect(world.requests('aws').filter(({ path }) => path.endsWith('_stac.json'))).toHaveLength(1)
})

test('what it cannot do is said', async () => {
  await expect(found({})).rejects.toThrow(/needs an area/)
  await expect(found(AREA, 2)).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('earthaccess') })
  await expect(found({ ...AREA, productVersion: '004' })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
})
