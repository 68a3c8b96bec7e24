// Pixels of a region from a file in another CRS, against gdal_rasterize on the outline that GDAL carried itself.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ASTERCatalog } from '../../src/catalog/catalog.js'
import type { Position } from '../../src/geo/polygon.js'
import { loadRegion } from '../../src/geo/region-file.js'
import { ASTERTimeSeries } from '../../src/series/time-series.js'
import { SAMPLE, sampleTest } from '../native-addon.js'
import { distanceToEdge, hasOgr, makeFile, polygonsOf, run, transformed } from './ogr.js'

const ogrTest = hasOgr ? sampleTest : test.skip
const folder = mkdtempSync(join(tmpdir(), 'aster-region-clip-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** How far the edges of a region may be off, and what rasterizers differ by on the way, metres. */
const DOUBTFUL_M = 1.05

ogrTest.each([
  ['EPSG:3577', 'gpkg', 'GPKG', 'centre'],
  ['EPSG:3577', 'shp', 'ESRI Shapefile', 'touch'],
  ['EPSG:3857', 'fgb', 'FlatGeobuf', 'centre'],
  ['EPSG:3031', 'gpkg', 'GPKG', 'touch'],
] as const)('a star with a hole in %s, .%s', async (crs, ending, driver, rule) => {
  // 2 km around a place of the sample, as wide edges as the CRS has there.
  const [[x, y] = [0, 0], [east] = [0]] = transformed(
    [
      [138.01, -31.1],
      [138.02, -31.1],
    ],
    crs,
  )
  const unit = Math.abs(east - x) / 950
  const star = (radius: number, step: number) =>
    Array.from({ length: 15 }, (_, corner): Position => {
      const angle = ((corner % 14) / 14) * 2 * Math.PI * step
      const size = unit * radius * (corner % 2 === 0 ? 1 : 0.6)
      return [x + size * Math.cos(angle), y + size * Math.sin(angle)]
    })
  const shapes = [{ name: 'star', polygons: [[star(1900, 1), star(700, -1)]] }]
  const path = makeFile(folder, `star-${crs.slice(5)}-${rule}.${ending}`, driver, crs, shapes)
  const { polygon } = await loadRegion(path, 'STATE_NAME', 'star')

  const scenes = await new ASTERCatalog({ archive: SAMPLE }).search({ endDate: '2002-01-01' })
  const bbox = { west: 137.99, south: -31.12, east: 138.03, north: -31.08 }
  const options = { bbox, bands: ['1'], calibration: 'dn' } as const
  const [whole] = await new ASTERTimeSeries(scenes, [], options).values()
  const [clipped] = await new ASTERTimeSeries(scenes, [], { ...options, clip: { polygon, rule } }).values()
  if (whole === undefined || clipped === undefined) throw new Error('no values')
  expect(clipped.geotransform).toEqual(whole.geotransform)

  const [, rows = 0, columns = 0] = whole.shape
  const [x0 = 0, pixel = 0, , y0 = 0] = whole.geotransform
  // GDAL carries short pieces of the edges, and burns them.
  const utm = join(folder, `star-${crs.slice(5)}-${rule}-${ending}.utm.gpkg`)
  const dense = ['-segmentize', String(unit * 5), '-t_srs', whole.crs]
  run('ogr2ogr', ['-f', 'GPKG', ...dense, utm, path])
  const mask = join(folder, `${crs.slice(5)}-${rule}.img`)
  const extent = [x0, y0 - rows * pixel, x0 + columns * pixel, y0].map(String)
  const touch = rule === 'touch' ? ['-at'] : []
  run('gdal_rasterize', [
    '-burn',
    '1',
    '-ot',
    'Byte',
    '-of',
    'ENVI',
    ...touch,
    '-te',
    ...extent,
    '-ts',
    `${columns}`,
    `${rows}`,
    utm,
    mask,
  ])
  const burned = readFileSync(mask)
  const outline = polygonsOf(utm)

  let inside = 0
  let doubtful = 0
  const wrong: Position[] = []
  for (let at = 0; at < rows * columns; at += 1) {
    if (Number.isNaN(whole.data[at])) continue
    const isKept = !Number.isNaN(clipped.data[at])
    inside += isKept ? 1 : 0
    if (isKept === (burned[at] === 1)) continue
    doubtful += 1
    const centre: Position = [x0 + ((at % columns) + 0.5) * pixel, y0 - (Math.floor(at / columns) + 0.5) * pixel]
    // For the rule touch the edge runs by a corner or a side instead.
    const off = distanceToEdge(centre, outline)
    const isNear =
      rule === 'centre' ? off < DOUBTFUL_M : off > pixel / 2 - DOUBTFUL_M && off < pixel * Math.SQRT1_2 + DOUBTFUL_M
    if (!isNear) wrong.push(centre)
  }
  expect(wrong).toEqual([])
  expect(inside).toBeGreaterThan(10_000)
  expect(doubtful).toBeLessThan(inside / 200)
})
