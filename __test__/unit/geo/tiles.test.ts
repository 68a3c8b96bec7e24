// Tiles of degrees: their names, and for random areas that every place lies in exactly one of them.
import { describe, expect, test } from 'vitest'
import { BoundingBox } from '../../../src/geo/bounding-box.js'
import { Polygon, type Position } from '../../../src/geo/polygon.js'
import { REGIONS } from '../../../src/geo/regions.js'
import { type Tile, tileHolds, tiles } from '../../../src/geo/tiles.js'
import { randomSource } from './random.js'

const box = (west: number, south: number, east: number, north: number) => new BoundingBox({ west, south, east, north })
const ids = (made: Iterable<Tile>) => [...made].map(({ id }) => id)
const widthOf = ({ west, east }: BoundingBox) => (west < east ? east - west : east - west + 360)
const square = (west: number, south: number, east: number, north: number): Position[] => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
]

describe('names', () => {
  test('are west, south, east and north of the tile', () => {
    const made = ids(tiles(BoundingBox.fromNamedRegion('south_australia'), { degrees: 2 }))
    expect(made.slice(0, 2)).toEqual(['129.0_-38.1_131.0_-36.1', '131.0_-38.1_133.0_-36.1'])
    // 12.1 degrees of latitude: six whole rows, and what is left.
    expect(made).toHaveLength(42)
    expect(made.at(-1)).toBe('139.0_-26.1_141.0_-26.0')
  })

  test('do not drift in steps that no float holds', () => {
    const made = [...tiles(box(-0.3, -38.1, 0.3, -37.9), { degrees: 0.1 })]
    expect(ids(made).slice(0, 7)).toEqual([
      '-0.3_-38.1_-0.2_-38.0',
      '-0.2_-38.1_-0.1_-38.0',
      '-0.1_-38.1_0.0_-38.0',
      '0.0_-38.1_0.1_-38.0',
      '0.1_-38.1_0.2_-38.0',
      '0.2_-38.1_0.3_-38.0',
      '-0.3_-38.0_-0.2_-37.9',
    ])
    expect(made).toHaveLength(12)
    const long = [...tiles(box(-180, 0, 180, 0.1), { degrees: 0.1 })]
    expect(long).toHaveLength(3600)
    expect(long.every(({ id }) => /^-?\d+\.\d_0\.0_-?\d+\.\d_0\.1$/.test(id))).toBe(true)
  })

  test('keep the decimals they need', () => {
    expect(ids(tiles(box(0, 0, 0.5, 0.25), { degrees: 0.25 }))).toEqual(['0.0_0.0_0.25_0.25', '0.25_0.0_0.5_0.25'])
    expect(ids(tiles(box(0.123456789, 0, 1, 1), { degrees: 2 }))).toEqual(['0.123456789_0.0_1.0_1.0'])
  })
})

test('the globe has its tiles, and the meridian of 180 degrees is theirs once', () => {
  const globe = [...tiles(BoundingBox.fromNamedRegion('global'), { degrees: 2 })]
  expect(globe).toHaveLength(16_200)
  expect(new Set(ids(globe)).size).toBe(16_200)
  for (const place of [
    [180, 0],
    [-180, 0],
    [180, 90],
    [0, 90],
    [0, -90],
  ] as const) {
    expect(globe.filter((tile) => tileHolds(tile, place))).toHaveLength(1)
  }
})

test('every region in ones and halves adds up', () => {
  for (const [west, south, east, north] of Object.values(REGIONS)) {
    for (const degrees of [2.5, 7]) {
      const area = [...tiles({ west, south, east, north }, { degrees })].reduce((sum, tile) => sum + areaOf(tile), 0)
      expect(area).toBeCloseTo((east - west) * (north - south), 6)
    }
  }
})

function areaOf({ bbox: [west, south, east, north] }: Tile): number {
  // One turned over would make the sum NaN.
  return west < east && south < north ? (east - west) * (north - south) : Number.NaN
}

test('300 random areas: tiles add up, and every place lies in exactly one', () => {
  const random = randomSource(1)
  for (let trial = 0; trial < 300; trial += 1) {
    const round = (value: number) => (trial % 3 === 0 ? value : Number(value.toFixed(trial % 4)))
    const west = round(random(-180, 179))
    const crosses = trial % 5 === 0
    const east = round(crosses ? random(-180, west - 1) : random(west, 180))
    const south = round(random(-90, 89))
    const north = trial % 7 === 0 ? 90 : round(random(south, 90))
    if (west === east || south >= north || west > 180) continue
    const area = box(west, south, east, north)
    const degrees = trial % 2 === 0 ? [0.1, 0.3, 1, 2, 2.5][trial % 5] : random(0.2, 40)
    const size = Math.max(degrees ?? 1, widthOf(area) / 60, (north - south) / 60)
    const made = [...tiles(area, { degrees: size })]
    expect(new Set(ids(made)).size).toBe(made.length)
    expect(made.reduce((sum, tile) => sum + areaOf(tile), 0)).toBeCloseTo(widthOf(area) * (north - south), 5)
    const isWide = ({ bbox: [west, south, east, north] }: Tile) => Math.max(east - west, north - south) > size + 1e-8
    expect(made.filter(isWide)).toEqual([])
    for (const place of placesIn(area, made, random)) {
      expect([String(area), size, place, made.filter((tile) => tileHolds(tile, place)).length]).toEqual([
        String(area),
        size,
        place,
        1,
      ])
    }
    expect(ids(tiles(area, { degrees: size }))).toEqual(ids(made))
  }
})

/** Random places of an area; corners of its tiles, which are the ones that may be lost or counted twice. */
function placesIn(area: BoundingBox, made: readonly Tile[], random: (from: number, to: number) => number): Position[] {
  const inside = Array.from({ length: 5 }, (): Position => {
    const lon = area.west + random(0, widthOf(area))
    return [lon > 180 ? lon - 360 : lon, random(area.south, area.north)]
  })
  const sides = [area.west, area.east].flatMap((lon): Position[] => [
    [lon, area.south],
    [lon, area.north],
  ])
  const corners = [0, 0.3, 0.7, 0.999].flatMap((share): Position[] => {
    const [west = 0, south = 0, east = 0, north = 0] = made[Math.floor(share * made.length)]?.bbox ?? []
    return [
      [west, south],
      [east, north],
    ]
  })
  return [...inside, ...sides, ...corners]
}

describe('of a polygon', () => {
  test('are those that it meets, holes and all', () => {
    const ring = new Polygon([[square(0, 0, 10, 10), square(2, 2, 8, 8)]])
    const made = ids(tiles(ring, { degrees: 1 }))
    // The hole's own 6 x 6 tiles, but for those along its rim, which share the rim with the polygon.
    expect(made).toHaveLength(100 - 16)
    expect(made).not.toContain('4.0_4.0_5.0_5.0')
    expect(made).toContain('0.0_4.0_1.0_5.0')
  })

  test('lie on both sides of the antimeridian', () => {
    const fiji = new Polygon([[square(177, -20, 182, -15)]])
    const made = ids(tiles(fiji, { degrees: 2 }))
    expect(made.slice(0, 2)).toEqual(['177.0_-20.0_179.0_-18.0', '179.0_-20.0_180.0_-18.0'])
    expect(made.slice(6)).toEqual([
      '-180.0_-20.0_-178.0_-18.0',
      '-180.0_-18.0_-178.0_-16.0',
      '-180.0_-16.0_-178.0_-15.0',
    ])
    expect(made).toHaveLength(9)
  })

  test('are the same as those that a comparison one by one finds', () => {
    const random = randomSource(7)
    for (let trial = 0; trial < 60; trial += 1) {
      const [lon, lat] = [random(-180, 180), random(-60, 60)]
      const star = Array.from({ length: 12 }, (_, step): Position => {
        const [angle, radius] = [(step / 12) * 2 * Math.PI, random(1, 20)]
        return [lon + radius * Math.cos(angle), lat + radius * Math.sin(angle)]
      })
      const polygon = new Polygon([[star]])
      const all = [...tiles(polygon.bbox, { degrees: 1.7 })]
      const met = all.filter(({ bbox }) => polygon.intersects([...square(...bbox), [bbox[0], bbox[1]]]))
      const found = [...tiles(polygon, { degrees: 1.7 })]
      expect(ids(found)).toEqual(ids(met))
      for (let shot = 0; shot < 30; shot += 1) {
        const place: Position = [lon + random(-20, 20), lat + random(-20, 20)]
        const at: Position = [((((place[0] + 180) % 360) + 360) % 360) - 180, place[1]]
        if (polygon.contains(at)) expect(found.filter((tile) => tileHolds(tile, at))).toHaveLength(1)
      }
    }
  })

  test('100,000 positions and 16,200 tiles take seconds at most', () => {
    const ring = Array.from({ length: 99_999 }, (_, step): Position => {
      const angle = (step / 99_999) * 2 * Math.PI
      const radius = 0.8 + 0.2 * Math.sin(angle * 400)
      return [179 * radius * Math.cos(angle), 89 * radius * Math.sin(angle)]
    })
    const started = process.cpuUsage()
    expect([...tiles(new Polygon([[ring]]), { degrees: 2 })].length).toBeGreaterThan(8000)
    // Time of the processor: the machine may have others to serve.
    expect(process.cpuUsage(started).user).toBeLessThan(10e6)
  })
})

describe('refused', () => {
  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-9])('are sizes of %s degrees', (degrees) => {
    expect(() => [...tiles(box(0, 0, 1, 1), { degrees })]).toThrow(/the size of tiles must be/)
  })

  test('are more tiles than anybody can want, and the hint names a size that works', () => {
    const attempt = () => [...tiles(BoundingBox.fromNamedRegion('global'), { degrees: 0.05 })]
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(/would be 25920000/) }),
    )
    try {
      attempt()
    } catch (error) {
      const degrees = Number(/: ([\d.]+) degrees would do/.exec(String((error as { hint?: string }).hint))?.[1])
      expect([...tiles(BoundingBox.fromNamedRegion('global'), { degrees })].length).toBe(405_000)
    }
    expect(() => [...tiles(box(0, 0, 4, 4), { degrees: 1, maxTiles: 15 })]).toThrow(/at most 15/)
  })
})
