// Cuts an area into tiles that neither overlap nor leave a gap, with names that say where they are.
import { UsageError } from '../errors.js'
import type { Area } from '../native/contract.js'
import { BoundingBox } from './bounding-box.js'
import { gridTiles } from './grid-tiles.js'
import { Polygon, type Position } from './polygon.js'
import { PolygonRow } from './polygon-row.js'

/** Tiles of so many degrees each way, counted from the south-west corner of the area. */
export interface DegreeTiles {
  readonly degrees: number
}

/**
 * Squares of a projected grid, counted from the origin of the CRS, so that any two areas share them. With the CRS `utm`
 * each place is in a square of its own UTM zone: the 100 km squares of MGRS, with `metres` 100,000. The zones are those
 * of ASTER: six degrees wide up to the poles.
 */
export interface GridTiles {
  readonly metres: number
  readonly crs: string
}

export type TileSize = DegreeTiles | GridTiles

export type TileOptions = TileSize & {
  /** Of a polygon, also the tiles that come this near to it, in metres; default 0. */
  readonly roomMetres?: number | undefined
  /** More tiles than this are refused; default 1,000,000. */
  readonly maxTiles?: number | undefined
}

/**
 * A part of an area. It holds its west and south edge; its east and north edge belong to the next tile, where there is
 * one, else to itself.
 */
export interface Tile {
  /** Such as `129.0_-38.1_131.0_-36.1`: west, south, east, north; `EPSG-3577_-100000_-4000000_0_-3900000` on a grid. */
  readonly id: string
  /**
   * West, south, east, north, degrees. Of a tile of a grid, the box around it, which other tiles' boxes overlap; where
   * west lies east of east, it crosses the antimeridian.
   */
  readonly bbox: readonly [west: number, south: number, east: number, north: number]
  /** CRS of `bounds`: `EPSG:4326` for tiles of degrees. */
  readonly crs: string
  /** Least x and y, greatest x and y, units of the CRS. */
  readonly bounds: readonly [minX: number, minY: number, maxX: number, maxY: number]
  readonly holdsEastEdge: boolean
  readonly holdsNorthEdge: boolean
}

export const MAX_TILES = 1_000_000
/** A tenth of a metre. */
const LEAST_DEGREES = 1e-6
/** Digits of a coordinate that count: a tenth of a millimetre. */
const DIGITS = 9
/** Of latitude. */
export const METRES_PER_DEGREE = 111_319.49

/**
 * The tiles of an area, row by row from the south, each row from the west. What crosses the antimeridian is cut there
 * first, the part west of it comes first. Of a polygon, the tiles that share a point with it.
 */
export function* tiles(area: BoundingBox | Area | Polygon, options: TileOptions): Generator<Tile, void, undefined> {
  const shape = area instanceof Polygon ? area : new BoundingBox(area)
  if ('degrees' in options) yield* degreeTiles(shape, options)
  else yield* gridTiles(shape, options)
}

function* degreeTiles(area: BoundingBox | Polygon, options: TileOptions & DegreeTiles) {
  const bbox = area instanceof Polygon ? area.bbox : area
  for (const { columns, rows, holdsEastEdge } of latticesOf(bbox, options)) {
    for (const [row, south, north] of spans(rows)) {
      const [aside, along] = degreesOf(options.roomMetres ?? 0, [south, north])
      const inRow = area instanceof Polygon ? new PolygonRow(area.outlines, south - along, north + along) : undefined
      for (const [column, west, east] of spans(columns)) {
        // Outlines begin between -180 and 180 and may run on beyond either.
        if (inRow && !TURNS.some((turn) => inRow.intersects(west - aside + turn, east + aside + turn))) continue
        const sides = [west, south, east, north] as const
        yield {
          id: sides.map(degreesText).join('_'),
          bbox: sides,
          crs: 'EPSG:4326',
          bounds: sides,
          holdsEastEdge: holdsEastEdge && column === columns.length - 1,
          holdsNorthEdge: row === rows.length - 1,
        }
      }
    }
  }
}

const TURNS = [0, -360, 360]

/** So many metres, or more, as degrees of longitude between two latitudes, and as degrees of latitude. */
export function degreesOf(metres: number, [south, north]: readonly [number, number]): [lon: number, lat: number] {
  const least = Math.cos((Math.max(Math.abs(south), Math.abs(north)) * Math.PI) / 180)
  const along = metres / METRES_PER_DEGREE
  return [along / Math.max(1e-3, least), along]
}

/** Whether a position lies in a tile of degrees; longitude 180 is -180 where the tiles go on there. */
export function tileHolds({ bbox, holdsEastEdge, holdsNorthEdge }: Tile, [lon, lat]: Position): boolean {
  const [west, south, east, north] = bbox
  const isWithin = (x: number) => x >= west && (x < east || (holdsEastEdge && x === east))
  const isBeside = isWithin(lon) || (lon === 180 && isWithin(-180)) || (lon === -180 && isWithin(180))
  return isBeside && lat >= south && (lat < north || (holdsNorthEdge && lat === north))
}

interface Lattice {
  /** Edges, the last one included. */
  columns: readonly number[]
  rows: readonly number[]
  holdsEastEdge: boolean
}

function latticesOf(
  bbox: BoundingBox,
  { degrees, maxTiles = MAX_TILES }: DegreeTiles & { maxTiles?: number | undefined },
): Lattice[] {
  if (!(degrees >= LEAST_DEGREES && degrees <= 360)) {
    throw new UsageError(`the size of tiles must be ${LEAST_DEGREES} to 360 degrees, got ${degrees}`)
  }
  const { south, north } = bbox
  const parts = bbox.split()
  const columns = (size: number) => parts.reduce((sum, { west, east }) => sum + Math.ceil((east - west) / size), 0)
  const count = (size: number) => columns(size) * Math.ceil((north - south) / size)
  if (count(degrees) > maxTiles) {
    let enough = degrees
    while (count(enough) > maxTiles && enough < 360) enough *= 2
    throw new UsageError(`tiles of ${degrees} degrees would be ${count(degrees)}; at most ${maxTiles} are made`, {
      hint: `take a smaller area or larger tiles: ${enough} degrees would do`,
    })
  }
  return parts.map(({ west, east }) => ({
    columns: edgesBetween(west, east, degrees),
    rows: edgesBetween(south, north, degrees),
    // At 180 degrees the tiles may go on at -180.
    holdsEastEdge: !(east === 180 && (parts.length > 1 || west === -180)),
  }))
}

/** Edges of tiles from one number to another; each is computed by itself, so that steps of 0.1 do not add up errors. */
function edgesBetween(from: number, to: number, size: number): number[] {
  const edges = [from]
  for (let index = 1; ; index += 1) {
    const edge = Number((from + index * size).toFixed(DIGITS)) + 0
    if (edge >= to - 10 ** -DIGITS) return [...edges, to]
    edges.push(edge)
  }
}

function* spans(edges: readonly number[]): Generator<[index: number, from: number, to: number], void, undefined> {
  for (const [index, to] of edges.entries()) {
    const from = edges[index - 1]
    if (from !== undefined) yield [index, from, to]
  }
}

/** With one decimal or more: `129.0`, `-38.1`, `0.25`. */
function degreesText(degrees: number): string {
  const rounded = Number(degrees.toFixed(DIGITS)) + 0
  return rounded.toFixed(DIGITS).replace(/(\.\d+?)0+$/, '$1')
}
