// Polygons of longitudes and latitudes, tested as plane figures: edges are straight in degrees.
import { UsageError } from '../errors.js'
import type { Area } from '../native/contract.js'
import { BoundingBox } from './bounding-box.js'
import { EdgeIndex } from './edge-index.js'

/** Longitude and latitude, degrees. */
export type Position = readonly [number, number]
/** Closed: the last position repeats the first. Longitudes are continuous, so they may run past 180. */
export type Ring = readonly Position[]

/** Most vertices of a polygon file, as in the engine. */
const MAX_POSITIONS = 1_000_000

/** An outline and its holes: what lies inside an odd number of the rings is inside. */
export type Outline = readonly Ring[]

/**
 * One or several outlines, which may overlap. A ring crosses the antimeridian by running on past 180, or by being cut
 * in two there; one that jumps is refused, since its edge may be meant the long way, too. Comparisons try the turns of
 * 360 degrees.
 */
export class Polygon {
  readonly outlines: readonly Outline[]
  #made: readonly EdgeIndex[] | undefined

  constructor(outlines: readonly (readonly (readonly Position[])[])[]) {
    const rings = outlines.flat()
    if (rings.length === 0) throw new UsageError('the polygon has no ring')
    const count = rings.reduce((sum, ring) => sum + ring.length, 0)
    if (count > MAX_POSITIONS) {
      throw new UsageError(`the polygon has ${count} positions; at most ${MAX_POSITIONS} are compared`, {
        hint: 'simplify it, for instance with ogr2ogr -simplify',
      })
    }
    this.outlines = outlines.map(checkedOutline)
  }

  /** The smallest box around all outlines; it crosses the antimeridian where they lie around it. */
  get bbox(): BoundingBox {
    const outer = this.outlines.map(([ring = []]) => extentOf(ring))
    const south = outer.reduce((least, extent) => Math.min(least, extent.south), 90)
    const north = outer.reduce((most, extent) => Math.max(most, extent.north), -90)
    return new BoundingBox({ ...narrowest(outer), south, north })
  }

  contains([lon, lat]: Position): boolean {
    return TURNS.some((turn) => this.#indices.some((edges) => isInsideEdges([lon + turn, lat], edges.at(lat))))
  }

  /** Whether it shares a point with a closed ring, such as a footprint. */
  intersects(footprint: readonly Position[]): boolean {
    const continuous = unwrapped(footprint)
    return TURNS.some((turn) => {
      const ring = shifted(continuous, turn)
      const extent = extentOf(ring)
      return this.outlines.some((rings, index) => {
        const edges = this.#indices[index]
        return edges !== undefined && overlap(rings, edges, ring, extent)
      })
    })
  }

  get #indices(): readonly EdgeIndex[] {
    this.#made ??= this.outlines.map((rings) => new EdgeIndex(rings))
    return this.#made
  }
}

const TURNS = [-360, 0, 360]

/** West and east of the narrowest box around all extents: on the other side of the widest gap between them. */
function narrowest(extents: readonly Area[]): Pick<Area, 'west' | 'east'> {
  const spans = extents
    .map(({ west, east }) => ({ start: wrapped(west), end: wrapped(west) + (east - west), west, east }))
    .sort((left, right) => left.start - right.start)
  const [first] = spans
  if (first === undefined) throw new UsageError('the polygon has no ring')
  // What reaches furthest round, from before the first.
  let furthest = spans.reduce((far, span) => (span.end > far.end ? span : far))
  let reach = furthest.end - 360
  let widest = { gap: 0, west: -180, east: 180 }
  for (const span of [...spans, { ...first, start: first.start + 360 }]) {
    if (span.start - reach > widest.gap && span.start !== first.start) {
      widest = { gap: span.start - reach, west: wrapped(span.west), east: wrapped(furthest.east) }
    }
    if (span.end > reach) {
      reach = span.end
      furthest = span
    }
  }
  return { west: widest.west, east: widest.east }
}

/** A ring of less than half a turn as continuous longitudes: of two ways between neighbours, the one of less than half a turn. */
export function unwrapped(ring: readonly Position[]): Position[] {
  const result: Position[] = []
  let before: number | undefined
  for (const [lon, lat] of ring) {
    const near: number = before === undefined ? lon : lon - 360 * Math.round((lon - before) / 360)
    result.push([near, lat])
    before = near
  }
  return result
}

function shifted(ring: Ring, turn: number): Ring {
  return turn === 0 ? ring : ring.map(([lon, lat]): Position => [lon + turn, lat])
}

/** The ring moved by whole turns, to lie around a longitude. */
function nearest(ring: Ring, middle: number): Ring {
  return shifted(ring, 360 * Math.round((middle - middleOf(ring)) / 360))
}

function middleOf(ring: Ring): number {
  const { west, east } = extentOf(ring)
  return (west + east) / 2
}

/** The closed ring around a box. */
export function boxRing(west: number, south: number, east: number, north: number): Position[] {
  return [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ]
}

export function extentOf(ring: readonly Position[]): Area {
  const extent = { west: Infinity, south: Infinity, east: -Infinity, north: -Infinity }
  for (const [lon, lat] of ring) {
    extent.west = Math.min(extent.west, lon)
    extent.south = Math.min(extent.south, lat)
    extent.east = Math.max(extent.east, lon)
    extent.north = Math.max(extent.north, lat)
  }
  return extent
}

/** A longitude between -180 and 180. */
export function wrapped(lon: number): number {
  if (lon >= -180 && lon <= 180) return lon
  return ((((lon + 180) % 360) + 360) % 360) - 180
}

/** Twice the area that a closed ring encloses; positive when it runs counter-clockwise. */
export function signedArea(ring: readonly Position[]): number {
  // From the first position, so that large coordinates do not cancel out.
  const [[x, y] = [0, 0]] = ring
  let sum = 0
  for (const [[x0, y0], [x1, y1]] of edgesOf(ring)) sum += (x0 - x) * (y1 - y) - (x1 - x) * (y0 - y)
  return sum
}

export function* edgesOf(ring: readonly Position[]): Generator<[Position, Position], void, undefined> {
  let before: Position | undefined
  for (const position of ring) {
    if (before !== undefined) yield [before, position]
    before = position
  }
}

/** The outline around its own longitude between -180 and 180, with its holes where it is. */
function checkedOutline(rings: readonly (readonly Position[])[]): Outline {
  const [outer = [], ...holes] = rings.map(checkedRing)
  const placed = nearest(outer, 0)
  return [placed, ...holes.map((hole) => nearest(hole, middleOf(placed)))]
}

function checkedRing(ring: readonly Position[]): Ring {
  for (const [lon, lat] of ring) {
    if (!(Math.abs(lon) <= 540 && Math.abs(lat) <= 90)) {
      throw new UsageError(`the polygon has a position outside of the Earth: ${lon}, ${lat}`, {
        hint: 'positions are longitude, latitude in degrees (WGS 84)',
      })
    }
  }
  const [first] = ring
  const last = ring.at(-1)
  const isClosed = first !== undefined && last !== undefined && first[0] === last[0] && first[1] === last[1]
  const closed = isClosed || first === undefined ? ring : [...ring, first]
  if (closed.length < 4) throw new UsageError('a ring of a polygon needs three positions or more')
  for (const [from, to] of edgesOf(closed)) {
    const span = Math.abs(to[0] - from[0])
    // From -180 to 180 is a side of a box around the world; anything else so long may be meant either way.
    if (span <= 180 || span === 360) continue
    throw new UsageError(`an edge of the polygon spans ${span} degrees of longitude, from ${from} to ${to}`, {
      hint: 'cut it at 180 degrees, let longitudes run on past 180, or, for the long way, add positions between',
    })
  }
  if (signedArea(closed) === 0) throw new UsageError('a ring of the polygon has no area')
  return closed
}

/** Even-odd rule over the edges of all rings; a position on an edge counts as inside. */
export function isInsideEdges([x, y]: Position, edges: Iterable<readonly [Position, Position]>): boolean {
  let inside = false
  for (const [[x0, y0], [x1, y1]] of edges) {
    if (isOnEdge(x, y, x0, y0, x1, y1)) return true
    if (y0 > y !== y1 > y && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) inside = !inside
  }
  return inside
}

function isOnEdge(x: number, y: number, x0: number, y0: number, x1: number, y1: number): boolean {
  if (cross(x0, y0, x1, y1, x, y) !== 0) return false
  return x >= Math.min(x0, x1) && x <= Math.max(x0, x1) && y >= Math.min(y0, y1) && y <= Math.max(y0, y1)
}

function cross(x0: number, y0: number, x1: number, y1: number, x: number, y: number): number {
  return (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
}

/** Two figures meet where their edges do, or else one has a corner inside the other. */
function overlap(rings: Outline, edges: EdgeIndex, footprint: Ring, extent: Area): boolean {
  if (edges.west > extent.east || edges.east < extent.west) return false
  for (const [from, to] of edges.between(extent.south, extent.north)) {
    if (isBeside(from, to, extent)) continue
    for (const [start, end] of edgesOf(footprint)) if (edgesMeet(from, to, start, end)) return true
  }
  const [corner] = footprint
  if (corner !== undefined && isInsideEdges(corner, edges.at(corner[1]))) return true
  return rings.some(([position]) => position !== undefined && isInsideEdges(position, edgesOf(footprint)))
}

function isBeside([x0, y0]: Position, [x1, y1]: Position, { west, south, east, north }: Area): boolean {
  return Math.max(x0, x1) < west || Math.min(x0, x1) > east || Math.max(y0, y1) < south || Math.min(y0, y1) > north
}

function edgesMeet([ax, ay]: Position, [bx, by]: Position, [cx, cy]: Position, [dx, dy]: Position): boolean {
  const c = Math.sign(cross(ax, ay, bx, by, cx, cy))
  const d = Math.sign(cross(ax, ay, bx, by, dx, dy))
  const a = Math.sign(cross(cx, cy, dx, dy, ax, ay))
  const b = Math.sign(cross(cx, cy, dx, dy, bx, by))
  if (c * d < 0 && a * b < 0) return true
  return (
    (c === 0 && isOnEdge(cx, cy, ax, ay, bx, by)) ||
    (d === 0 && isOnEdge(dx, dy, ax, ay, bx, by)) ||
    (a === 0 && isOnEdge(ax, ay, cx, cy, dx, dy)) ||
    (b === 0 && isOnEdge(bx, by, cx, cy, dx, dy))
  )
}
