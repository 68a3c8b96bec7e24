// Cuts rings at the antimeridian, and at other straight lines of longitude and latitude.
import { extentOf, type Outline, type Position, type Ring } from './polygon.js'

/** The parts of a convex ring with continuous longitudes, each closed and within -180 to 180; one if it crosses nothing. */
export function splitAtAntimeridian(ring: Ring): Ring[] {
  const { west, east } = extentOf(ring)
  if (west >= -180 && east <= 180) return [ring]
  return turnsOf(ring)
    .map((moved) => clipped(clipped(moved, -180, EAST), 180, WEST))
    .filter((part) => part.length >= 4)
}

/** What an outline and its holes enclose within a box of longitudes and latitudes, for each turn that reaches it. */
export function outlinesWithin(rings: Outline, west: number, south: number, east: number, north: number): Outline[] {
  const cut = (ring: Ring) =>
    clipped(clipped(clipped(clipped(ring, west, EAST), east, WEST), south, NORTH), north, SOUTH)
  return [-360, 0, 360]
    .map((turn) => rings.map((ring) => cut(turned(ring, turn))).filter((ring) => ring.length >= 4))
    .filter((outline) => outline.length > 0)
}

function turnsOf(ring: Ring): Ring[] {
  return [-360, 0, 360].map((turn) => turned(ring, turn))
}

function turned(ring: Ring, turn: number): Ring {
  return turn === 0 ? ring : ring.map(([lon, lat]): Position => [lon + turn, lat])
}

/** Which side of a line is kept: of a meridian (axis 0) or a parallel (axis 1). */
interface Side {
  axis: 0 | 1
  sign: 1 | -1
}

const EAST: Side = { axis: 0, sign: 1 }
const WEST: Side = { axis: 0, sign: -1 }
const NORTH: Side = { axis: 1, sign: 1 }
const SOUTH: Side = { axis: 1, sign: -1 }

/** The part of a ring on one side of a line (Sutherland and Hodgman). */
function clipped(ring: Ring, line: number, { axis, sign }: Side): Ring {
  const isKept = (position: Position) => sign * (position[axis] - line) >= 0
  if (ring.every(isKept)) return ring
  const kept: Position[] = []
  for (const [index, to] of ring.entries()) {
    const from = ring[index - 1]
    if (from === undefined) continue
    if (isKept(from) !== isKept(to)) {
      const share = (line - from[axis]) / (to[axis] - from[axis])
      const at = (other: 0 | 1) => from[other] + share * (to[other] - from[other])
      kept.push(axis === 0 ? [line, at(1)] : [at(0), line])
    }
    if (isKept(to)) kept.push(to)
  }
  const [first] = kept
  const isFlat = kept.every((position) => position[axis] === line)
  return first === undefined || isFlat ? [] : [...kept, first]
}
