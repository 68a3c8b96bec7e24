// Cuts rings at the antimeridian, for formats in which longitudes must lie between -180 and 180.
import { extentOf, type Position, type Ring } from './polygon.js'

/** The parts of a convex ring with continuous longitudes, each closed and within -180 to 180; one if it crosses nothing. */
export function splitAtAntimeridian(ring: Ring): Ring[] {
  const { west, east } = extentOf(ring)
  if (west >= -180 && east <= 180) return [ring]
  return [-360, 0, 360]
    .map((turn) => ring.map(([lon, lat]): Position => [lon + turn, lat]))
    .map((moved) => clipped(clipped(moved, -180, 1), 180, -1))
    .filter((part) => part.length >= 4)
}

/** The part of a ring on one side of a meridian (Sutherland and Hodgman); `side` 1 keeps the east, -1 the west. */
function clipped(ring: Ring, meridian: number, side: 1 | -1): Ring {
  const kept: Position[] = []
  const isKept = ([lon]: Position) => side * (lon - meridian) >= 0
  for (const [index, to] of ring.entries()) {
    const from = ring[index - 1]
    if (from === undefined) continue
    if (isKept(from) !== isKept(to)) {
      const share = (meridian - from[0]) / (to[0] - from[0])
      kept.push([meridian, from[1] + share * (to[1] - from[1])])
    }
    if (isKept(to)) kept.push(to)
  }
  const [first] = kept
  const isFlat = kept.every(([lon]) => lon === meridian)
  return first === undefined || isFlat ? [] : [...kept, first]
}
