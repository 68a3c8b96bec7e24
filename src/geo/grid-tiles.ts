// Tiles of a projected grid: squares counted from the origin of a CRS, or of each UTM zone.
import { UsageError } from '../errors.js'
import type { Area } from '../native/contract.js'
import { outlinesWithin } from './antimeridian.js'
import type { BoundingBox } from './bounding-box.js'
import { type CarriedRing, carryRing, GEOGRAPHIC, utmCrsOf } from './carry.js'
import { boxRing, extentOf, type Outline, Polygon, type Position, type Ring, wrapped } from './polygon.js'
import { PolygonRow } from './polygon-row.js'
import { degreesOf, type GridTiles, MAX_TILES, METRES_PER_DEGREE, type Tile, type TileOptions } from './tiles.js'

const LEAST_METRES = 100
/** Most that an edge of the area may be off in the grid, and a tile's edge in degrees: a part of the tile. */
const TOLERANCE = 1e-4

export function* gridTiles(
  area: BoundingBox | Polygon,
  options: TileOptions & GridTiles,
): Generator<Tile, void, undefined> {
  const { metres, crs, maxTiles = MAX_TILES, roomMetres = 0 } = options
  if (!(metres >= LEAST_METRES && metres <= 2e7)) {
    throw new UsageError(`the size of tiles must be ${LEAST_METRES} metres to 20,000 km, got ${metres} metres`)
  }
  if (/^\s*(EPSG:4326|OGC:CRS84|WGS84)\s*$/i.test(crs)) {
    throw new UsageError(`${crs.trim()} has degrees, not metres`, { hint: 'state the size of tiles in degrees' })
  }
  let left = maxTiles
  for (const grid of crs.trim().toLowerCase() === 'utm' ? utmGrids(area, roomMetres) : [wholeGrid(area, crs)]) {
    for (const tile of squares(grid, metres, left, roomMetres)) {
      yield tile
      left -= 1
    }
  }
}

/** A part of the area, and the CRS whose squares it is cut into. */
interface Grid {
  crs: string
  outlines: readonly Outline[]
  /** What holds the part, in degrees: boxes of tiles are cut to it. */
  within: Area
}

function wholeGrid(area: BoundingBox | Polygon, crs: string): Grid {
  const bbox = area instanceof Polygon ? area.bbox : area
  return { crs, outlines: outlinesOf(area).flatMap((rings) => outlinesWithin(rings, -180, -90, 180, 90)), within: bbox }
}

/** Each UTM zone, south and north, that the area reaches, or comes near to. */
function* utmGrids(area: BoundingBox | Polygon, roomMetres: number): Generator<Grid, void, undefined> {
  const outlines = outlinesOf(area)
  const { south: lowest, north: highest } = area instanceof Polygon ? area.bbox : area
  const [aside, along] = degreesOf(roomMetres, [lowest, highest])
  for (let zone = 1; zone <= 60; zone += 1) {
    const west = -186 + 6 * zone
    for (const [south, north] of [
      [-90, 0],
      [0, 90],
    ] as const) {
      const parts = outlines.flatMap((rings) =>
        outlinesWithin(
          rings,
          west - aside,
          Math.max(-90, south - along),
          west + 6 + aside,
          Math.min(90, north + along),
        ),
      )
      if (parts.length === 0) continue
      const within = { west, south, east: west + 6, north }
      yield { crs: utmCrsOf([west + 3, south]), outlines: parts, within }
    }
  }
}

function outlinesOf(area: BoundingBox | Polygon): readonly Outline[] {
  if (area instanceof Polygon) return area.outlines
  return area.split().map(({ west, south, east, north }) => [boxRing(west, south, east, north)])
}

/** The squares that share a point with the part of the area, or come near to it, row by row from the south. */
function* squares(
  { crs, outlines, within }: Grid,
  metres: number,
  most: number,
  room: number,
): Generator<Tile, void, undefined> {
  const tolerance = Math.max(1, metres * TOLERANCE)
  const planes = outlines.map((rings) => rings.map((ring) => closed(carryRing(ring, GEOGRAPHIC, crs, tolerance).ring)))
  const { west: minX, south: minY, east: maxX, north: maxY } = extentOf(planes.flat(2))
  const columns = stepsBetween(minX - room, maxX + room, metres)
  const rows = stepsBetween(minY - room, maxY + room, metres)
  if (columns.count * rows.count > most) {
    const count = columns.count * rows.count
    throw new UsageError(`tiles of ${metres} metres would be up to ${count} in ${crs}; at most ${most} are made`, {
      hint: 'take a smaller area or larger tiles',
    })
  }
  const label = labelOf(crs)
  for (let row = 0; row < rows.count; row += 1) {
    const south = (rows.first + row) * metres
    const inRow = new PolygonRow(planes, south - room, south + metres + room)
    for (let column = 0; column < columns.count; column += 1) {
      const west = (columns.first + column) * metres
      if (!inRow.intersects(west - room, west + metres + room)) continue
      const bounds = [west, south, west + metres, south + metres] as const
      yield {
        id: [label, ...bounds.map((value) => metresText(value + 0))].join('_'),
        bbox: boxAround(bounds, crs, tolerance, within),
        crs,
        bounds,
        holdsEastEdge: column === columns.count - 1,
        holdsNorthEdge: row === rows.count - 1,
      }
    }
  }
}

/** Whole squares from one number to another; the last one holds its far edge. */
function stepsBetween(from: number, to: number, size: number) {
  const first = Math.floor(from / size)
  return { first, count: Math.max(1, Math.ceil(to / size) - first) }
}

/** A box of degrees around a square, cut to what is needed of it. */
function boxAround(bounds: Tile['bounds'], crs: string, tolerance: number, within: Area): Tile['bbox'] {
  const whole = [within.west, within.south, within.east, within.north] as const
  let square: CarriedRing
  try {
    square = carryRing(boxRing(...bounds), crs, GEOGRAPHIC, tolerance)
  } catch (error) {
    // A square that sticks out of what the projection maps.
    if (error instanceof UsageError) return whole
    throw error
  }
  const extent = extentOf(square.ring)
  const more = tolerance / METRES_PER_DEGREE
  const [south, north] = [Math.max(-90, extent.south - more), Math.min(90, extent.north + more)]
  if (square.turn !== 0) {
    // Around a pole: the nearer one.
    return south + north < 0 ? [-180, -90, 180, north] : [-180, south, 180, 90]
  }
  const wider = more / Math.max(1e-6, Math.cos((Math.max(Math.abs(south), Math.abs(north)) * Math.PI) / 180))
  const [west, east] = [extent.west - wider, extent.east + wider]
  if (east - west >= 360) return [-180, south, 180, north]
  return cutTo([wrapped(west), south, wrapped(east), north], within)
}

/** What two boxes share, where that is one box; else the first. */
function cutTo([west, south, east, north]: Tile['bbox'], within: Area): Tile['bbox'] {
  const [low, high] = [Math.max(south, within.south), Math.min(north, within.north)]
  const rows = low < high ? ([low, high] as const) : ([south, north] as const)
  if (west > east) {
    // Half of a zone's border tile lies on the other side of 180 degrees.
    if (within.west === -180 && within.east < 180) return [-180, rows[0], Math.min(east, within.east), rows[1]]
    if (within.east === 180 && within.west > -180) return [Math.max(west, within.west), rows[0], 180, rows[1]]
    return [west, rows[0], east, rows[1]]
  }
  if (within.west > within.east) return [west, rows[0], east, rows[1]]
  const [left, right] = [Math.max(west, within.west), Math.min(east, within.east)]
  return left < right ? [left, rows[0], right, rows[1]] : [west, rows[0], east, rows[1]]
}

function closed(ring: readonly Position[]): Ring {
  const [first] = ring
  return first === undefined ? ring : [...ring, first]
}

/** Whole metres as they are; parts of one as they are needed. */
function metresText(metres: number): string {
  return metres.toFixed(3).replace(/\.0+$|(\.\d*?)0+$/, '$1')
}

/** A CRS as a part of a file name: `EPSG-3577`; a long definition by its hash. */
function labelOf(crs: string): string {
  const [, authority, code] = /^\s*([A-Za-z]+):(\w+)\s*$/.exec(crs) ?? []
  if (authority !== undefined) return `${authority.toUpperCase()}-${code}`
  // Node takes a tenth of a small run for this module, and most commands do without it.
  const { createHash } = process.getBuiltinModule('node:crypto')
  return `crs-${createHash('sha256').update(crs.trim()).digest('hex').slice(0, 8)}`
}
