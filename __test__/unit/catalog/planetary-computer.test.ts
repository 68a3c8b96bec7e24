// Searches in a catalogue that answers as Planetary Computer's does.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PlanetaryComputerBackend } from '../../../src/catalog/planetary-computer.js'
import { resolveQuery, type SceneQuery } from '../../../src/catalog/query.js'
import { useNative } from '../../../src/native/load.js'
import { fakeNative } from '../../fake-native.js'
import { stacItem } from '../../fakes/planetary-computer.js'
import { startWorld, type World, type WorldOptions } from '../../fakes/world.js'

beforeEach(() => useNative(fakeNative()))
afterEach(() => useNative(undefined))

const open = (world: World, pageSize = 2) =>
  new PlanetaryComputerBackend({ http: world.client(), baseUrl: world.endpoints.pcStac, pageSize })
const item = (blob: string, day: number, bbox: [number, number, number, number], cloudCover = 12) => {
  const id = `AST_L1T_003010${day}200103113${day}_2015041403123${day}`
  return stacItem(blob, { id, time: `2001-01-0${day}T03:11:3${day}.804000Z`, bbox, cloudCover })
}
/** Five scenes of five days; the second and the fourth on both sides of the antimeridian. */
const FIVE: WorldOptions = {
  items: (blob) => [
    item(blob, 1, [114.8, 15.1, 115.6, 15.8]),
    item(blob, 2, [179.5, -17, 180, -16]),
    item(blob, 3, [114.8, 15.1, 115.6, 15.8], 80),
    item(blob, 4, [-180, -17, -179.4, -16]),
    item(blob, 5, [114.8, 15.1, 115.6, 15.8]),
  ],
}
const IN_2001 = { startDate: '2001-01-01', endDate: '2001-12-31' }
const bodies = (world: World) => world.requests('pcstac').map(({ body }) => JSON.parse(body))

async function found(query: SceneQuery, options: WorldOptions = FIVE) {
  const world = await startWorld(options)
  const result = await open(world).search(resolveQuery({ ...IN_2001, ...query }))
  return { world, result, days: result.scenes.map(({ time }) => Number(time.slice(8, 10))) }
}

test('pages are followed by their links, in order of acquisition', async () => {
  const { days, world } = await found({})
  expect(days).toEqual([1, 2, 3, 4, 5])
  expect(bodies(world)[0]).toEqual({
    collections: ['aster-l1t'],
    datetime: '2001-01-01T00:00:00.000Z/2001-12-31T23:59:59.999Z',
    limit: 2,
    sortby: [{ field: 'datetime', direction: 'asc' }],
  })
  expect(bodies(world)).toHaveLength(3)
  expect(bodies(world)[1].token).toMatch(/^next:aster-l1t:/)
})

test('cloud cover is asked for, and checked again', async () => {
  const { days, world } = await found({ cloudCoverMax: 30 })
  expect(days).toEqual([1, 2, 4, 5])
  expect(bodies(world)[0]).toMatchObject({
    'filter-lang': 'cql2-json',
    filter: { op: '<=', args: [{ property: 'eo:cloud_cover' }, 30] },
  })
})

test('a box across the antimeridian is asked for in two parts, which come as one', async () => {
  const { days, world } = await found({ bbox: { west: 179, south: -18, east: -179, north: -15 } })
  expect(days).toEqual([2, 4])
  expect(bodies(world).map(({ bbox }) => bbox)).toEqual([
    [179, -18, 180, -15],
    [-180, -18, -179, -15],
  ])
})

test('a link that asks for a merge keeps the query', async () => {
  const world = await startWorld(FIVE)
  const next = {
    rel: 'next',
    method: 'POST',
    href: `${world.endpoints.pcStac}/search`,
    merge: true,
    body: { limit: 1000 },
  }
  world.script('pcstac', [{ kind: 'body', text: JSON.stringify({ features: [], links: [{ rel: 'previous' }, next] }) }])
  expect((await open(world).search(resolveQuery(IN_2001))).scenes).toHaveLength(5)
  expect(bodies(world)[1]).toMatchObject({ collections: ['aster-l1t'], limit: 1000 })
})

test.each([
  ['to itself', (world: World) => ({ href: `${world.endpoints.pcStac}/search` }), /led back to the page/],
  ['to another host', (world: World) => ({ href: `${world.url('evil')}/search`, body: {} }), /lies on another host/],
])('a link that leads %s is an error', async (_, link, message) => {
  const world = await startWorld(FIVE)
  const next = { rel: 'next', method: 'POST', ...link(world) }
  world.script('pcstac', [{ kind: 'body', text: JSON.stringify({ features: [], links: [next] }) }])
  await expect(open(world).search(resolveQuery(IN_2001))).rejects.toThrow(message)
})

describe('what it does not hold', () => {
  const asked = async (query: SceneQuery) => {
    const world = await startWorld(FIVE)
    return open(world).search(resolveQuery(query))
  }

  test('years after 2006 are an error that names the other source', async () => {
    await expect(asked({ startDate: '2007-01-01' })).rejects.toMatchObject({
      code: 'NO_DATA',
      message: 'Planetary Computer holds scenes from 2000-03-04 to 2006-12-31 only',
      hint: expect.stringContaining('earthaccess'),
    })
  })

  test('a period that goes on is searched, with a note', async () => {
    const { notes, scenes } = await asked({ startDate: '2001-01-01', endDate: '2010-01-01' })
    expect([scenes.length, notes]).toEqual([5, [expect.stringContaining('to 2006-12-31 only')]])
  })

  test('other products and versions are refused', async () => {
    await expect(asked({ product: 'AST_08' })).rejects.toMatchObject({ code: 'UNSUPPORTED', exitCode: 2 })
    await expect(asked({ productVersion: '004' })).rejects.toThrow(/no version 004 of AST_L1T/)
  })

  test('months are kept here, within one span', async () => {
    const { result, world } = await found({ months: [7] })
    expect(result.scenes).toEqual([])
    expect(bodies(world)[0].datetime).toBe('2001-07-01T00:00:00.000Z/2001-07-31T23:59:59.999Z')
  })
})

test('an item that cannot be used is skipped and named', async () => {
  const world = await startWorld({
    items: (blob) => [{ ...item(blob, 1, [0, 0, 1, 1]), geometry: null }, item(blob, 2, [0, 0, 1, 1])],
  })
  const { scenes, skipped } = await open(world).search(resolveQuery(IN_2001))
  expect(scenes).toHaveLength(1)
  expect(skipped).toMatchObject([
    { path: expect.stringMatching(/^AST_L1T_0030101/), error: { code: 'MISSING_METADATA' } },
  ])
})

test('counts by going through', async () => {
  const world = await startWorld(FIVE)
  expect(await open(world).count(resolveQuery(IN_2001))).toEqual({ count: 5, exact: true })
})
