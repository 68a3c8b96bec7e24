// Polygons against footprints: by shapely, by a slow twin that tries points, and at the antimeridian.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { convexHull, searchParameters } from '../../../src/catalog/cmr-parameters.js'
import { geometryOf } from '../../../src/catalog/geojson-output.js'
import { resolveQuery } from '../../../src/catalog/query.js'
import { parsePolygon } from '../../../src/geo/geojson.js'
import { Polygon, type Position, signedArea, unwrapped } from '../../../src/geo/polygon.js'
import { useNative } from '../../../src/native/load.js'
import { fakeNative } from '../../fake-native.js'

type Case = [polygon: Position[][], footprint: Position[], meets: boolean]
const CASES: Case[] = JSON.parse(readFileSync(new URL('./polygon-cases.json', import.meta.url), 'utf8'))

test('meets the footprints that it meets according to shapely', () => {
  expect(CASES.filter(([, , meets]) => meets).length).toBeGreaterThan(20)
  const wrong = CASES.filter(([rings, footprint, meets]) => new Polygon([rings]).intersects(footprint) !== meets)
  expect(wrong).toEqual([])
})

test('meets what a grid of points says it meets', () => {
  for (const [rings, footprint, meets] of CASES.slice(0, 40)) {
    const polygon = new Polygon([rings])
    const scene = new Polygon([[unwrapped(footprint)]])
    const { south, north } = polygon.bbox
    const west = rings[0]?.[0]?.[0] ?? 0
    let shared = false
    for (let lon = west - 7; lon < west + 7; lon += 0.05) {
      for (let lat = south; lat < north; lat += 0.05)
        shared ||= polygon.contains([lon, lat]) && scene.contains([lon, lat])
    }
    // Points can miss a thin overlap, but never find one that is not there.
    if (shared) expect(meets).toBe(true)
  }
})

const square = (west: number, south: number, size: number): Position[] => [
  [west, south],
  [west + size, south],
  [west + size, south + size],
  [west, south + size],
  [west, south],
]

describe('at the antimeridian', () => {
  const fiji = new Polygon([[square(179, -18, 2)]])

  test('a ring that runs on past 180 is the same as one cut in two', () => {
    const cut = new Polygon([
      [
        [
          [179, -18],
          [180, -18],
          [180, -16],
          [179, -16],
          [179, -18],
        ],
      ],
      [square(-180, -18, 1).map(([lon, lat]): Position => [lon, lat === -17 ? -16 : lat])],
    ])
    for (const polygon of [fiji, cut]) {
      expect(polygon.intersects(square(-179.8, -17.5, 0.1))).toBe(true)
      expect(polygon.intersects(square(179.2, -17.5, 0.1))).toBe(true)
      expect(polygon.intersects(square(179.95, -17.5, 0.1))).toBe(true)
      expect(polygon.intersects(square(-178.9, -17.5, 0.1))).toBe(false)
      expect(polygon.intersects(square(0, -17.5, 1))).toBe(false)
      expect({ ...polygon.bbox }).toMatchObject({ west: 179, east: -179, south: -18, north: -16 })
    }
  })

  test('a footprint across it is cut in two for GeoJSON', () => {
    // Clockwise and jumping, as some records have it.
    const corners = square(179.5, 10, 1).reverse()
    const footprint = corners.map(([lon, lat]) => ({ lon: lon > 180 ? lon - 360 : lon, lat }))
    const geometry = geometryOf({ footprint })
    expect(geometry.type).toBe('MultiPolygon')
    const rings = geometry.coordinates.flat() as Position[][]
    const areas = rings.map((ring) => signedArea(ring) / 2)
    expect(areas.reduce((sum, area) => sum + area)).toBeCloseTo(1, 9)
    expect(areas.every((area) => area > 0)).toBe(true)
    expect(rings.flat().every(([lon]) => Math.abs(lon) <= 180)).toBe(true)
  })
})

describe('what is refused', () => {
  test.each([
    ['{', /is no JSON/],
    ['{"type":"Point","coordinates":[1,2]}', /holds no GeoJSON polygon/],
    ['{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,0]]]}', /three positions|no area/],
    ['{"type":"Polygon","coordinates":[[[0,0],[1,95],[2,0],[0,0]]]}', /outside of the Earth/],
    ['{"type":"Polygon","coordinates":[[[179,-18],[-179,-18],[-179,-16],[179,-16],[179,-18]]]}', /spans 358 degrees/],
    ['{"type":"Polygon","coordinates":[[[0,0],[1,1],[2,2],[0,0]]]}', /no area/],
  ])('%s', (text, message) => expect(() => parsePolygon(text, 'area.geojson')).toThrow(message))

  test('but features and collections are read', () => {
    const geometry = { type: 'Polygon', coordinates: [square(0, 0, 1)] }
    const collection = { type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry }] }
    expect(parsePolygon(`\uFEFF${JSON.stringify(collection)}`, 'a').contains([0.5, 0.5])).toBe(true)
  })
})

describe('as a parameter of CMR', () => {
  useNative(fakeNative())
  const options = { product: 'AST_L1T', version: '004', nowMs: 0 }
  const polygonOf = (polygon: Polygon) => new Map(searchParameters(resolveQuery({ polygon }), options) ?? [])

  test('it is closed, counter-clockwise, short, without exponents, and holds the real one', () => {
    for (const [rings] of CASES) {
      const polygon = new Polygon([rings])
      const numbers = (polygonOf(polygon).get('polygon[]') ?? '').split(',')
      expect(numbers.every((number) => /^-?\d+(\.\d+)?$/.test(number))).toBe(true)
      const points = Array.from(
        { length: numbers.length / 2 },
        (_, index): Position => [Number(numbers[2 * index]), Number(numbers[2 * index + 1])],
      )
      expect(points[0]).toEqual(points.at(-1))
      expect(points.length).toBeLessThanOrEqual(300)
      const sent = new Polygon([[unwrapped(points)]])
      expect(signedArea(sent.outlines[0]?.[0] ?? [])).toBeGreaterThan(0)
      expect(rings[0]?.every((position) => sent.contains(position))).toBe(true)
    }
  })

  test('a very wide one is sent as its box', () => {
    const wide = new Polygon([[square(-85, -86, 174)]])
    expect(polygonOf(wide).get('bounding_box[]')).toBeDefined()
  })

  test('its hull is the smallest convex ring', () => {
    expect(convexHull([...square(0, 0, 2), [1, 1], [1, 0]])).toEqual(square(0, 0, 2))
  })
})
