// Tiles of projected grids: each place, carried into the grid by GDAL's own program, lies in exactly one of them.
import { describe, expect, test } from 'vitest'
import { BoundingBox } from '../../src/geo/bounding-box.js'
import { Polygon, type Position } from '../../src/geo/polygon.js'
import { type Tile, tiles } from '../../src/geo/tiles.js'
import { addonTest } from '../native-addon.js'
import { randomSource } from '../unit/geo/random.js'
import { hasOgr, transformed } from './ogr.js'

const ogrTest = hasOgr ? addonTest : test.skip
const box = (west: number, south: number, east: number, north: number) => new BoundingBox({ west, south, east, north })

const holds = ({ bounds: [minX, minY, maxX, maxY] }: Tile, [x, y]: Position) =>
  x >= minX && x < maxX && y >= minY && y < maxY

function isInBox({ bbox: [west, south, east, north] }: Tile, [lon, lat]: Position): boolean {
  const isBeside = west < east ? lon >= west && lon <= east : lon >= west || lon <= east
  return isBeside && lat >= south && lat <= north
}

const wrapped = (lon: number) => ((((lon + 180) % 360) + 360) % 360) - 180

describe('squares of a CRS', () => {
  const areas: [name: string, area: BoundingBox | Polygon, crs: string, metres: number][] = [
    ['South Australia', box(129, -38.1, 141, -26), 'EPSG:3577', 100_000],
    ['a place', box(138, -31.2, 138.2, -31), 'EPSG:32754', 5000],
    ['Fiji', box(176, -20, -178, -15), 'EPSG:3832', 100_000],
    ['Fiji in Mercator, which ends at 180', box(176, -20, -178, -15), 'EPSG:3857', 100_000],
    ['Antarctica', box(-180, -90, 180, -60), 'EPSG:3031', 500_000],
    ['Greenland', box(-75, 59, -10, 84), 'EPSG:3413', 200_000],
    [
      'a ring around a hole',
      new Polygon([
        [
          [
            [130, -35],
            [140, -35],
            [140, -25],
            [130, -25],
          ],
          [
            [133, -32],
            [137, -32],
            [137, -28],
            [133, -28],
          ],
        ],
      ]),
      'EPSG:3577',
      100_000,
    ],
  ]
  ogrTest.each(areas)('%s', (_, area, crs, metres) => {
    const made = [...tiles(area, { crs, metres })]
    expect(new Set(made.map(({ id }) => id)).size).toBe(made.length)
    const bbox = area instanceof Polygon ? area.bbox : area
    const random = randomSource(5)
    const width = bbox.west < bbox.east ? bbox.east - bbox.west : bbox.east - bbox.west + 360
    const places = Array.from(
      { length: 2000 },
      (): Position => [wrapped(bbox.west + random(0, width)), random(bbox.south, bbox.north)],
    ).filter((place) => !(area instanceof Polygon) || area.contains(place))
    const images = transformed(places, crs)
    const wrong = places.filter((place, index) => {
      const found = made.filter((tile) => holds(tile, images[index] ?? [0, 0]))
      const [tile] = found
      return found.length !== 1 || tile === undefined || !isInBox(tile, place)
    })
    expect(wrong).toEqual([])
    expect(places.length).toBeGreaterThan(500)
    // Few tiles are there for nothing: each but those along the edge holds some place.
    const used = new Set(images.flatMap((image) => made.find((tile) => holds(tile, image))?.id ?? []))
    expect(used.size).toBeGreaterThan(made.length * 0.6)
  })

  addonTest('have names that any area shares, and boxes that are not much too large', () => {
    const [tile] = [...tiles(box(133, -30, 133.1, -29.9), { crs: 'EPSG:3577', metres: 100_000 })]
    expect(tile?.id).toBe('EPSG-3577_0_-3300000_100000_-3200000')
    const [west = 0, south = 0, east = 0, north = 0] = tile?.bbox ?? []
    expect([west, south, east, north].map((value) => Number(value.toFixed(1)))).toEqual([133, -30, 133.1, -29.9])
    const wide = [...tiles(box(130, -32, 136, -28), { crs: 'EPSG:3577', metres: 100_000 })]
    expect(wide.map(({ id }) => id)).toContain(tile?.id)
  })
})

describe('squares of UTM zones', () => {
  ogrTest('hold each place once, in its own zone and hemisphere', () => {
    const area = box(-179, -25, -100, 12)
    const made = [...tiles(area, { crs: 'utm', metres: 100_000 })]
    expect(new Set(made.map(({ id }) => id)).size).toBe(made.length)
    const random = randomSource(9)
    const places = Array.from({ length: 800 }, (): Position => [random(-179, -100), random(-25, 12)])
    const zone = ([lon, lat]: Position) => `EPSG:${(lat < 0 ? 32_700 : 32_600) + Math.floor((lon + 180) / 6) + 1}`
    for (const crs of new Set(places.map(zone))) {
      const here = places.filter((place) => zone(place) === crs)
      const images = transformed(here, crs)
      const there = made.filter((tile) => tile.crs === crs)
      for (const [index, place] of here.entries()) {
        const found = there.filter((tile) => holds(tile, images[index] ?? [0, 0]))
        expect([place, found.length, found.every((tile) => isInBox(tile, place))]).toEqual([place, 1, true])
      }
    }
    // Boxes stay in their zone.
    for (const { bbox, crs } of made) {
      const west = -186 + 6 * (Number(crs.slice(5)) % 100)
      expect([bbox[0] >= west, bbox[2] <= west + 6, bbox[0] < bbox[2]]).toEqual([true, true, true])
    }
  })

  addonTest('are those of MGRS, around the globe and up to the poles', () => {
    const [tile] = [...tiles(box(138, -31.2, 138.2, -31), { crs: 'UTM', metres: 100_000 })]
    expect(tile).toMatchObject({ id: 'EPSG-32754_200000_6500000_300000_6600000', crs: 'EPSG:32754' })
    const north = [...tiles(box(-180, 88, 180, 90), { crs: 'utm', metres: 100_000 })]
    expect(new Set(north.map(({ crs }) => crs)).size).toBe(60)
  })
})

describe('refused', () => {
  const area = box(130, -30, 131, -29)
  addonTest.each([
    [{ crs: 'EPSG:3577', metres: 1 }, /the size of tiles must be 100 metres/],
    [{ crs: 'EPSG:3577', metres: Number.NaN }, /the size of tiles must be/],
    [{ crs: 'nonsense', metres: 1000 }, /no coordinate reference system/],
    [{ crs: 'EPSG:3577', metres: 100, maxTiles: 1000 }, /at most 1000 are made/],
    [{ crs: 'EPSG:4326', metres: 1000 }, /degrees/],
  ])('%j', (options, message) => {
    expect(() => [...tiles(area, options)]).toThrow(message)
  })

  addonTest('an area that the CRS cannot show', () => {
    expect(() => [...tiles(box(-180, -90, 180, 90), { crs: 'EPSG:3857', metres: 1e6 })]).toThrow(
      expect.objectContaining({ code: 'USAGE', hint: 'choose a CRS that is made for the area' }),
    )
  })
})
