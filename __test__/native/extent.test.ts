// A grid stated by its extent: squares side by side are the whole, pixel for pixel; and areas across the antimeridian.
import { describe, expect } from 'vitest'
import { ASTERCatalog } from '../../src/catalog/catalog.js'
import { BoundingBox } from '../../src/geo/bounding-box.js'
import { Polygon, type Position } from '../../src/geo/polygon.js'
import { tiles } from '../../src/geo/tiles.js'
import { runCube } from '../../src/native/call.js'
import { buildRequest } from '../../src/series/request.js'
import { ASTERTimeSeries } from '../../src/series/time-series.js'
import { addonTest, SAMPLE, sampleTest } from '../native-addon.js'
import { hasOgr, transformed } from './ogr.js'

const ogrTest = hasOgr ? addonTest : addonTest.skip

describe('squares side by side', () => {
  sampleTest.each([
    ['EPSG:32754', 'nearest', 0],
    // The map of a warp is good to 1e-4 pixel, by steps that depend on the grid.
    ['EPSG:3577', 'bilinear', 1e-4],
  ] as const)('in %s, %s', async (crs, resampling, tolerance) => {
    const scenes = await new ASTERCatalog({ archive: SAMPLE }).search({ endDate: '2002-01-01' })
    const series = new ASTERTimeSeries(scenes, [], { bands: ['1', '3N'], crs, resampling })
    const request = series.toRequest({ format: 'memory' })
    const stack = async (extent: readonly number[]) => runCube({ ...request, crs, resolution: 15, extent: [...extent] })
    const area = new BoundingBox({ west: 138, south: -31.11, east: 138.02, north: -31.09 })
    const made = [...tiles(area, { metres: 900, crs })]
    expect(made.length).toBeGreaterThan(4)
    const sides = [0, 1, 2, 3].map((side) => made.map(({ bounds }) => bounds[side as 0 | 1 | 2 | 3]))
    const least = (values: readonly number[] = []) => Math.min(...values)
    const most = (values: readonly number[] = []) => Math.max(...values)
    const whole = await stack([least(sides[0]), least(sides[1]), most(sides[2]), most(sides[3])])
    const [x0 = 0, pixel = 0, , y0 = 0] = whole.grid.geotransform
    let compared = 0
    let valued = 0
    for (const tile of made) {
      const part = await stack(tile.bounds)
      const [tileX = 0, , , tileY = 0] = part.grid.geotransform
      const [column, row] = [Math.round((tileX - x0) / pixel), Math.round((y0 - tileY) / pixel)]
      expect([(tileX - x0) / pixel, (y0 - tileY) / pixel].map((value) => Math.abs(value % 1))).toEqual([0, 0])
      for (const [variable, { data }] of part.arrays.entries()) {
        for (let at = 0; at < part.grid.width * part.grid.height; at += 1) {
          const [dx, dy] = [at % part.grid.width, Math.floor(at / part.grid.width)]
          const there = whole.arrays[variable]?.data[(row + dy) * whole.grid.width + column + dx]
          const [here = 0, wanted = 0] = [data[at], there]
          const isSame = Object.is(here, wanted) || Math.abs(here - wanted) <= tolerance * Math.abs(wanted)
          if (!isSame) expect([tile.id, dx, dy, here]).toEqual([tile.id, dx, dy, wanted])
          compared += 1
          valued += Number.isNaN(data[at]) ? 0 : 1
        }
      }
    }
    // Each pixel of the whole is in one tile: there are as many.
    expect(compared).toBe(made.length * 60 * 60 * 2)
    expect(valued).toBeGreaterThan(compared / 4)
  })

  sampleTest.each([
    ['centre', 7.5],
    ['corner', 0],
  ] as const)('pixels of lattice %s begin at %s m of a pixel', async (lattice, begin) => {
    const scenes = await new ASTERCatalog({ archive: SAMPLE }).search({ endDate: '2002-01-01' })
    const series = new ASTERTimeSeries(scenes, [], { bands: ['1'], calibration: 'dn', lattice })
    const { grid, arrays } = await runCube(series.toRequest({ format: 'memory' }))
    const [x0 = 0, pixel, , y0 = 0] = grid.geotransform
    expect([pixel, x0 % 15, y0 % 15]).toEqual([15, begin, begin])
    expect(arrays[0]?.data.some((dn) => dn > 0)).toBe(true)
  })

  sampleTest('is refused when it holds no pixel, is upside down, or has no CRS', async () => {
    const scenes = await new ASTERCatalog({ archive: SAMPLE }).search({ endDate: '2002-01-01' })
    const request = new ASTERTimeSeries(scenes, [], { bands: ['1'] }).toRequest({ format: 'memory' })
    const crs = 'EPSG:32754'
    for (const [fields, message] of [
      [{ extent: [0, 0, 1, 1] }, /needs the crs/],
      [{ crs, extent: [1, 0, 0, 1] }, /is no extent/],
      [{ crs, extent: [0, 0, 1] }, /four numbers/],
      [{ crs, extent: [280_001, 6_550_001, 280_002, 6_550_002] }, /no pixel of 15 has its centre/],
      [{ crs, extent: [0, 0, 1, 1], area: { west: 0, south: 0, east: 1, north: 1 } }, /exclude each other/],
    ] as const) {
      const asked = { ...request, ...fields, extent: [...fields.extent] }
      await expect(runCube(asked)).rejects.toThrow(message)
    }
  })
})

describe('across the antimeridian', () => {
  const selection = { subsystems: [], bands: ['1'], indices: [] }
  const request = (options: Parameters<typeof buildRequest>[2]) =>
    buildRequest([], selection, options, { format: 'memory' })
  const bbox = new BoundingBox({ west: 179, south: -17, east: -179, north: -16 })

  ogrTest.each([
    [undefined, 'EPSG:32701'],
    ['EPSG:32660', 'EPSG:32660'],
    ['EPSG:3832', 'EPSG:3832'],
  ])('the grid of --crs %s is that which gdaltransform gives, in %s', (crs, expected) => {
    const asked = request({ bbox, crs })
    expect(asked.crs).toBe(expected)
    expect(asked.area).toBeUndefined()
    const sides = Array.from({ length: 201 }, (_, step): Position[] => {
      const [lon, lat] = [179 + step / 100, -17 + step / 200]
      return [
        [lon, -17],
        [lon, -16],
        [179, lat],
        [181, lat],
      ]
    })
    const images = transformed(sides.flat(), expected)
    const [minX, minY, maxX, maxY] = [0, 1, 0, 1].map((axis, side) => {
      const values = images.map((image) => image[axis as 0 | 1])
      return side < 2 ? Math.min(...values) : Math.max(...values)
    })
    const off = [minX, minY, maxX, maxY].map((value = 0, side) => Math.abs(value - (asked.extent?.[side] ?? 0)))
    expect(Math.max(...off)).toBeLessThan(2)
  })

  addonTest('a polygon is cut there, and its box is the area', () => {
    const polygon = new Polygon([
      [
        [
          [179, -17],
          [181, -17],
          [181, -16],
          [179, -16],
        ],
      ],
    ])
    const asked = request({ clip: { polygon } })
    expect(asked).toMatchObject({ crs: 'EPSG:32701' })
    const { coordinates } = JSON.parse(asked.clip?.polygon ?? '') as { coordinates: number[][][][] }
    expect(coordinates).toHaveLength(2)
    expect(coordinates.flat(2).every(([lon = 999]) => Math.abs(lon) <= 180)).toBe(true)
  })

  addonTest('what no zone serves takes a CRS', () => {
    const wide = new BoundingBox({ west: 170, south: -17, east: -170, north: -16 })
    expect(() => request({ bbox: wide })).toThrow(/west \(170\) lies east of east/)
    expect(() => request({ bbox, crs: 'EPSG:4326' })).toThrow(/lies east of east/)
    expect(request({ bbox: wide, crs: 'EPSG:3832' }).extent).toHaveLength(4)
  })
})
