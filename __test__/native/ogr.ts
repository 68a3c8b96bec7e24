// GDAL's own programs, which make region files for tests and read them their own way.
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Position, Ring } from '../../src/geo/polygon.js'

export const hasOgr = spawnSync('ogr2ogr', ['--version']).status === 0
if (!hasOgr) process.stderr.write('skipped: tests of region files, there is no ogr2ogr (gdal-bin)\n')

export type Rings = readonly Ring[]
/** A feature of polygons, each an outline and holes. */
export interface Shape {
  name: string
  polygons: readonly Rings[]
}

export const run = (program: string, args: readonly string[], input?: string): string =>
  execFileSync(program, args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'], maxBuffer: 1 << 28 })

export function collectionOf(shapes: readonly Shape[]): string {
  const features = shapes.map(({ name, polygons }, index) => ({
    type: 'Feature',
    properties: { STATE_NAME: name, rank: index + 1 },
    geometry: { type: 'MultiPolygon', coordinates: polygons },
  }))
  return JSON.stringify({ type: 'FeatureCollection', features })
}

/** A file that ogr2ogr made: of a format, in a CRS that the coordinates already are in. */
export function makeFile(folder: string, name: string, driver: string, crs: string, shapes: readonly Shape[]): string {
  const source = join(folder, `${name}.source.json`)
  const path = join(folder, name)
  writeFileSync(source, collectionOf(shapes))
  const own = { GeoJSON: ['-lco', 'RFC7946=NO'], 'ESRI Shapefile': ['-lco', 'ENCODING=UTF-8'] }[driver] ?? []
  const options = [...own, '-nlt', 'PROMOTE_TO_MULTI']
  run('ogr2ogr', ['-f', driver, ...options, '-a_srs', crs, '-nln', 'states', path, source])
  return path
}

/** What GDAL reads of a file: polygons of every feature, in a CRS, or in that of the file. */
export function polygonsOf(path: string, ...options: readonly string[]): Rings[] {
  const out = `${path}.${options.join('').replace(/\W/g, '')}.read.json`
  run('ogr2ogr', ['-f', 'GeoJSON', '-lco', 'COORDINATE_PRECISION=12', ...options, out, path])
  const { features } = JSON.parse(readFileSync(out, 'utf8')) as {
    features: { geometry: { type: string; coordinates: unknown } }[]
  }
  return features.flatMap(({ geometry: { type, coordinates } }) =>
    type === 'Polygon' ? [coordinates as Rings] : (coordinates as Rings[]),
  )
}

/** Positions of longitude and latitude in another CRS, by gdaltransform. */
export function transformed(positions: readonly Position[], crs: string): Position[] {
  const input = positions.map(([lon, lat]) => `${lon} ${lat}`).join('\n')
  const output = run('gdaltransform', ['-s_srs', 'EPSG:4326', '-t_srs', crs, '-output_xy'], `${input}\n`)
  return output
    .trim()
    .split('\n')
    .map((line): Position => {
      const [x = Number.NaN, y = Number.NaN] = line.split(' ').map(Number)
      return [x, y]
    })
}

/** Even-odd rule, the plain way. */
export function isWithin([x, y]: Position, polygons: readonly Rings[]): boolean {
  return polygons.some((rings) => {
    let inside = false
    for (const ring of rings) {
      for (const [index, [x1, y1]] of ring.entries()) {
        const [x0, y0] = ring[(index + ring.length - 1) % ring.length] ?? [0, 0]
        if (y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) inside = !inside
      }
    }
    return inside
  })
}

/** How far a position is from the nearest edge. */
export function distanceToEdge([x, y]: Position, polygons: readonly Rings[]): number {
  let least = Number.POSITIVE_INFINITY
  for (const ring of polygons.flat()) {
    for (const [index, [x1, y1]] of ring.entries()) {
      const [x0, y0] = ring[(index + ring.length - 1) % ring.length] ?? [0, 0]
      const length = (x1 - x0) ** 2 + (y1 - y0) ** 2
      const along = length === 0 ? 0 : ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length
      const part = Math.min(1, Math.max(0, along))
      least = Math.min(least, Math.hypot(x - x0 - part * (x1 - x0), y - y0 - part * (y1 - y0)))
    }
  }
  return least
}

/** Area of polygons whose holes run the other way round than their outlines. */
export function areaOf(polygons: readonly Rings[]): number {
  return polygons.reduce((sum, rings) => sum + Math.abs(rings.reduce((part, ring) => part + shoelace(ring), 0)), 0)
}

function shoelace(ring: Ring): number {
  const [[x, y] = [0, 0]] = ring
  let sum = 0
  for (const [index, [x1, y1]] of ring.entries()) {
    const [x0, y0] = ring[(index + ring.length - 1) % ring.length] ?? [0, 0]
    sum += (x0 - x) * (y1 - y) - (x1 - x) * (y0 - y)
  }
  return sum / 2
}
