// Searches in a catalogue that answers as NASA's does, faults included.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LeftOut } from '../../../src/catalog/backend.js'
import { CmrBackend } from '../../../src/catalog/cmr.js'
import type { CmrOptions } from '../../../src/catalog/cmr-client.js'
import { fixed, LONGEST_QUERY } from '../../../src/catalog/cmr-parameters.js'
import { resolveQuery, type SceneQuery } from '../../../src/catalog/query.js'
import type { Scene } from '../../../src/catalog/scene.js'
import { Polygon, type Position } from '../../../src/geo/polygon.js'
import { useNative } from '../../../src/native/load.js'
import { fakeNative } from '../../fake-native.js'
import type { FakeGranule } from '../../fakes/granules.js'
import { startWorld, type World, type WorldOptions } from '../../fakes/world.js'
import { excerpt } from './records.js'

beforeEach(() => useNative(fakeNative()))
afterEach(() => useNative(undefined))

/** A granule by its acquisition, `YYYY-MM-DDTHH:MM:SS`. */
function granule(time: string, more: Partial<FakeGranule> & { processing?: string; west?: number } = {}): FakeGranule {
  const [, year, month, day, hour, minute, second] = /^(....)-(..)-(..)T(..):(..):(..)/.exec(time) ?? []
  const { product = 'AST_L1T', processing = '20250202022956', west = -116, ...rest } = more
  const id = `${product}_004${month}${day}${year}${hour}${minute}${second}_${processing}`
  const ring: [number, number][] = [
    [0, 0],
    [0.8, 0],
    [0.8, 0.7],
    [0, 0.7],
    [0, 0],
  ].map(([x = 0, y = 0]) => [west + x, 38 + y])
  return {
    product,
    id,
    time: `${time}.5Z`,
    ring,
    cloudCover: 10,
    files: { [`${id}_VNIR_B01.tif`]: Buffer.from('II*\0') },
    ...rest,
  }
}

const open = (world: World, options: Partial<CmrOptions> = {}) =>
  new CmrBackend({ http: world.client(), baseUrl: world.endpoints.cmr, ...options })

async function found(options: WorldOptions, query: SceneQuery = {}, more: Partial<CmrOptions> = {}) {
  const world = await startWorld(options)
  const result = await open(world, more).search(resolveQuery(query))
  return { world, result, times: result.scenes.map(({ time }) => time.slice(0, 16)) }
}
const parametersOf = (world: World) =>
  world.requests('cmr').map(({ method, query, body }) => new URLSearchParams(method === 'POST' ? body : query))

const DAYS = Array.from({ length: 7 }, (_, day) => granule(`2001-06-0${day + 1}T18:50:55`))

describe('paging', () => {
  test('goes on until the answer says so', async () => {
    const { times, world } = await found({ granules: DAYS }, {}, { pageSize: 3 })
    expect(times).toEqual(DAYS.map(({ time }) => time.slice(0, 16)))
    const cursors = world.requests('cmr').map(({ headers }) => headers['cmr-search-after'])
    expect(cursors[0]).toBeUndefined()
    expect(cursors.slice(1).every((cursor) => cursor?.startsWith('["lpcloud",'))).toBe(true)
  })

  test('a page that is short in the middle is not the end', async () => {
    const world = await startWorld({ granules: DAYS })
    const [first] = world.records
    const cursor = JSON.stringify(['lpcloud', Date.parse(DAYS[0]?.time ?? ''), 3_400_000_001])
    const body = JSON.stringify({ hits: 7, items: [{ umm: first }] })
    const headers = { 'content-type': 'application/json', 'cmr-search-after': cursor }
    world.script('cmr', [{ kind: 'status', status: 200, headers, body }])
    expect((await open(world, { pageSize: 5 }).search(resolveQuery({}))).scenes).toHaveLength(7)
    expect(world.requests('cmr').map(({ headers: sent }) => sent['cmr-search-after'])[1]).toBe(cursor)
  })

  test('an answer that leads back to itself is an error, not an endless search', async () => {
    const world = await startWorld({ granules: DAYS, excused: { repeats: true } })
    const stuck = { kind: 'headers', headers: { 'cmr-search-after': '["lpcloud",991421455500,3400000001]' } } as const
    world.script('cmr', [stuck, stuck, stuck])
    await expect(open(world, { pageSize: 2 }).search(resolveQuery({}))).rejects.toMatchObject({ code: 'SERVICE' })
  })

  test('an answer that ran out of time is asked for again, never taken', async () => {
    const fault = { kind: 'headers', headers: { 'cmr-timed-out': 'true' } } as const
    const { times } = await found({ granules: DAYS, faults: [{ host: 'cmr', steps: [fault] }] })
    expect(times).toHaveLength(7)
  })

  test('stopping early asks for no further page', async () => {
    const world = await startWorld({ granules: DAYS })
    for await (const _ of open(world, { pageSize: 2 }).iter(resolveQuery({}))) break
    expect(world.requests('cmr').length).toBeLessThan(3)
  })
})

describe('what is sent', () => {
  test('one collection by its id, dates to the millisecond, an order, and who asks', async () => {
    const { world } = await found(
      {},
      { startDate: '2001-06-02', endDate: '2001-06-03', cloudCoverMax: 20, dayNight: 'day' },
    )
    const [sent] = parametersOf(world)
    expect(Object.fromEntries(sent ?? [])).toEqual({
      collection_concept_id: 'C3306888411-LPCLOUD',
      'temporal[]': '2001-06-02T00:00:00.000Z,2001-06-03T23:59:59.999Z',
      cloud_cover: ',20',
      day_night_flag: 'day',
      sort_key: 'start_date',
      page_size: '100',
    })
    expect(world.requests('cmr')[0]?.headers['client-id']).toMatch(/^aster-timeseries\/\d/)
  })

  test('an id that replaces that of the table; the name where none is known', async () => {
    const collections = { AST_L1T: { '004': 'C1-TEST' } }
    const { world } = await found({}, {}, { collections })
    expect(parametersOf(world)[0]?.get('collection_concept_id')).toBe('C1-TEST')
    const other = await found({}, { productVersion: '005' })
    expect(other.world.requests('cmr')[0]?.query).toContain('provider=LPCLOUD&short_name=AST_L1T&version=005')
  })

  test('the end of a period is the end of its day', async () => {
    const { times } = await found({ granules: DAYS }, { startDate: '2001-06-02', endDate: '2001-06-03' })
    expect(times).toEqual(['2001-06-02T18:50', '2001-06-03T18:50'])
  })

  test('a box across the antimeridian as it is', async () => {
    const granules = [granule('2001-06-01T22:00:00', { west: 179.1 }), granule('2001-06-02T22:00:00', { west: 0 })]
    const { times, world } = await found({ granules }, { bbox: { west: 179, south: 37, east: -179, north: 39 } })
    expect(parametersOf(world)[0]?.get('bounding_box[]')).toBe('179,37,-179,39')
    expect(times).toEqual(['2001-06-01T22:00'])
  })

  test('numbers without exponents', () => {
    expect([1e-7, -0.5, 30, 1e-12, -1.25e-8].map(fixed)).toEqual(['0.0000001', '-0.5', '30', '0', '-0.000000012'])
  })

  test('a long query as a form', async () => {
    const circle = Array.from({ length: 200 }, (_, step): Position => {
      const angle = (step / 200) * 2 * Math.PI
      return [-116 + 5 * Math.cos(angle), 38 + 5 * Math.sin(angle)]
    })
    const { world, times } = await found({ granules: DAYS }, { polygon: new Polygon([[circle]]) })
    expect(times).toHaveLength(7)
    const requests = world.requests('cmr')
    expect(requests.map(({ method }) => method)).toEqual(['POST', 'POST'])
    expect(requests[0]?.body.length).toBeGreaterThan(LONGEST_QUERY)
    expect(requests[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded')
  })

  test('months as one span for each year, and none when no day is in both', async () => {
    const query = { startDate: '2001-01-15', endDate: '2002-12-31', months: [12, 1] }
    const { world } = await found({}, query)
    expect(parametersOf(world)[0]?.getAll('temporal[]')).toEqual([
      '2001-01-15T00:00:00.000Z,2001-01-31T23:59:59.999Z',
      '2001-12-01T00:00:00.000Z,2002-01-31T23:59:59.999Z',
      '2002-12-01T00:00:00.000Z,2002-12-31T23:59:59.999Z',
    ])
    const none = await found({}, { startDate: '2001-03-01', endDate: '2001-04-01', months: [7] })
    expect(none.world.requests('cmr')).toEqual([])
  })
})

describe('what is found', () => {
  test('a polygon is exact here, whatever the service makes of it', async () => {
    // Two scenes within the box of an L-shaped polygon, one of them in its empty corner.
    const granules = [granule('2001-06-01T18:00:00', { west: -116 }), granule('2001-06-02T18:00:00', { west: -112 })]
    const corner = [
      [-117, 37],
      [-111, 37],
      [-111, 37.5],
      [-114, 37.5],
      [-114, 40],
      [-117, 40],
      [-117, 37],
    ]
    const polygon = new Polygon([[corner.map(([lon = 0, lat = 0]): Position => [lon, lat])]])
    const { times, result } = await found({ granules }, { polygon })
    expect(times).toEqual(['2001-06-01T18:00'])
    expect(result.rejected.area).toBe(1)
  })

  test('the newest processing of each acquisition, the older ones told', async () => {
    const again = granule('2001-06-03T18:50:55', { processing: '20260101000000' })
    const { result } = await found({ granules: [...DAYS, again] }, {}, { pageSize: 2 })
    expect(result.scenes).toHaveLength(7)
    expect(result.scenes[2]?.processingStamp).toBe('20260101000000')
    expect(result.duplicates.map(({ processingStamp }) => processingStamp)).toEqual(['20250202022956'])
  })

  test('a record that cannot be used is skipped and named, and the others are kept', async () => {
    const broken = { ...(excerpt('l1t-004.umm-g.json') as { GranuleUR: string }), SpatialExtent: {} }
    const records = [broken as never]
    const { result } = await found({ granules: DAYS, records })
    expect(result.scenes).toHaveLength(7)
    expect(result.skipped).toMatchObject([
      { path: broken.GranuleUR, error: { code: 'MISSING_METADATA', message: expect.stringContaining('no position') } },
    ])
  })

  test('elevation models take cloud cover from the AST_L1A records', async () => {
    const dem = DAYS.map(({ time }) => granule(time.slice(0, 19), { product: 'AST14DEM', cloudCover: undefined }))
    const l1a = DAYS.slice(0, 6).map(({ time }, day) =>
      granule(time.slice(0, 19), { product: 'AST_L1A', cloudCover: 10 * day }),
    )
    const world = await startWorld({ granules: [...dem, ...l1a] })
    const query = { ...resolveQuery({ cloudCoverMax: 20 }), product: 'AST14DEM' }
    const result = await open(world).search(query)
    expect(parametersOf(world)[0]?.has('cloud_cover')).toBe(false)
    expect(result.scenes.map(({ cloudCoverPercent }) => cloudCoverPercent)).toEqual([0, 10, 20, undefined])
    expect([result.cloudUnknown, result.rejected.cloudCover]).toEqual([1, 3])
  })

  test('counts: of records by the service, of scenes where the filter is ours', async () => {
    const world = await startWorld({ granules: DAYS })
    const backend = open(world)
    expect(await backend.count(resolveQuery({ endDate: '2001-06-04' }))).toEqual({ count: 4, exact: false })
    expect(parametersOf(world)[0]?.get('page_size')).toBe('0')
    const corners = [
      [-117, 37],
      [-111, 37],
      [-111, 40],
      [-117, 40],
    ]
    const ring = corners.map(([lon = 0, lat = 0]): Position => [lon, lat])
    expect(await backend.count(resolveQuery({ polygon: new Polygon([[ring]]) }))).toEqual({ count: 7, exact: true })
  })
})

describe('AST_L1A records', () => {
  test('give the text to keep beside a granule, gains and an outline; each is asked for once', async () => {
    const l1a = excerpt('l1a-004.umm-g.json') as { GranuleUR: string }
    const world = await startWorld({ records: [l1a as never] })
    const { acquisitions } = open(world)
    const scene = { sceneKey: '00405012000190040' }
    const record = await acquisitions.find(scene)
    expect(record?.fileName).toBe('AST_L1A_00405012000190040_20251203144259.cmr.json')
    expect(JSON.parse(record?.text ?? '')).toEqual(l1a)
    expect(await acquisitions.find({ sceneKey: '00401012001000000' })).toBeUndefined()
    await acquisitions.findAll([scene, scene, { sceneKey: '00401012001000000' }])
    expect(world.requests('cmr').filter(({ headers }) => headers['cmr-search-after'] === undefined)).toHaveLength(2)
    const box: Scene = {
      ...(record?.scene as Scene),
      product: 'AST_L1T',
      footprintKind: 'box',
      gains: undefined as never,
    }
    async function* one() {
      yield box
    }
    for await (const completed of acquisitions.complete(one())) {
      expect(completed).toMatchObject({ product: 'AST_L1T', footprintKind: 'polygon', gains: { '1': 'HGH' } })
    }
  })
})

describe('what goes wrong', () => {
  test('a refused search says why, in the words of the service', async () => {
    const body = JSON.stringify({ errors: ['Point longitude [181] must be within -180.0 and 180.0', 'second'] })
    const world = await startWorld({ faults: [{ host: 'cmr', steps: [{ kind: 'status', status: 400, body }] }] })
    await expect(open(world).search(resolveQuery({}))).rejects.toMatchObject({
      code: 'SERVICE',
      message: 'CMR refused the search: Point longitude [181] must be within -180.0 and 180.0; second',
    })
  })

  test('an answer that is no list says so', async () => {
    const world = await startWorld({ faults: [{ host: 'cmr', steps: [{ kind: 'body', text: '{"feed":{}}' }] }] })
    await expect(open(world).search(resolveQuery({}))).rejects.toMatchObject({ code: 'SERVICE' })
  })

  test('an abort stops between records', async () => {
    const world = await startWorld({ granules: DAYS })
    const controller = new AbortController()
    const leftOut: LeftOut = {}
    const iterator = open(world, { pageSize: 1 }).iter(resolveQuery({}), { signal: controller.signal, leftOut })
    const read = async () => {
      for await (const _ of iterator) controller.abort()
    }
    await expect(read()).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})
