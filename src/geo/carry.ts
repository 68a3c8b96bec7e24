// Rings of positions from one CRS to another, by the engine; what a box of degrees is in a projected CRS.
import { callNow, unwrap } from '../native/call.js'
import type { BoundingBox } from './bounding-box.js'
import { boxRing, extentOf, type Position } from './polygon.js'

export const GEOGRAPHIC = 'EPSG:4326'

export interface CarriedRing {
  /** The first position is not repeated; longitudes are continuous. */
  ring: Position[]
  /** Degrees after which a ring around a pole comes back to its first position: 360, -360 or 0. */
  turn: number
}

/**
 * A closed ring in another CRS, with positions added until its straight edges lie within a tolerance: units of the
 * target, metres for longitude and latitude.
 *
 * @throws UsageError where the target has no place for it
 */
export function carryRing(ring: readonly Position[], from: string, to: string, tolerance: number): CarriedRing {
  const positions = Float64Array.from(ring.slice(0, -1).flat())
  const { positions: flat, turn } = unwrap(callNow((addon) => addon.carryRing(positions, from, to, tolerance)))
  const moved: Position[] = []
  for (let index = 0; index + 1 < flat.length; index += 2) moved.push([flat[index] ?? 0, flat[index + 1] ?? 0])
  return { ring: moved, turn }
}

/** Least x and y, greatest x and y of a box in a CRS; the box may cross the antimeridian. */
export function extentIn({ west, south, east, north }: BoundingBox, crs: string): [number, number, number, number] {
  const ring = boxRing(west, south, west < east ? east : east + 360, north)
  const extent = extentOf(carryRing(ring, GEOGRAPHIC, crs, 1).ring)
  return [extent.west, extent.south, extent.east, extent.north]
}

/** The UTM zone of a place, without the exceptions of Norway and Svalbard, as in ASTER's products. */
export function utmCrsOf([lon, lat]: Position): string {
  const zone = Math.floor(((((lon + 180) % 360) + 360) % 360) / 6) + 1
  return `EPSG:${(lat < 0 ? 32_700 : 32_600) + zone}`
}
