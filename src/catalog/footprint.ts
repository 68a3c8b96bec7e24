// Where a scene lies, from the corners that a record gives: a closed ring, the box around it, and what it tells.
import { boxRing, extentOf, type Position, signedArea, unwrapped, wrapped } from '../geo/polygon.js'
import type { Area, LonLat } from '../native/contract.js'
import type { FootprintKind } from './scene.js'

export interface Placement {
  bbox: Area
  footprint: LonLat[]
  footprintKind: FootprintKind
}

/** Of one ring or several; several are told as the box around them. Fewer than three corners give nothing. */
export function placementOf(rings: readonly (readonly Position[])[]): Placement | undefined {
  const usable = rings.filter((ring) => new Set(ring.map(String)).size >= 3)
  const [first, second] = usable
  if (first === undefined) return undefined
  const ring = second === undefined ? first : ringAround(unwrapped(usable.flat()))
  const open = unwrapped(ring)
  const [start] = open
  const end = open.at(-1)
  if (start === undefined || end === undefined) return undefined
  const closed = start[0] === end[0] && start[1] === end[1] ? open : [...open, start]
  if (signedArea(closed) < 0) closed.reverse()
  const { west, south, east, north } = extentOf(closed)
  const isBox = closed.every(([lon, lat]) => (lon === west || lon === east) && (lat === south || lat === north))
  return {
    bbox: { west: wrapped(west), south, east: wrapped(east), north },
    footprint: closed.map(([lon, lat]) => ({ lon, lat })),
    footprintKind: isBox ? 'box' : 'polygon',
  }
}

/** Of a box; west greater than east means across the antimeridian. */
export function placementOfBox({ west, south, east, north }: Area): Placement | undefined {
  return placementOf([boxRing(west, south, east < west ? east + 360 : east, north)])
}

function ringAround(positions: readonly Position[]): Position[] {
  const { west, south, east, north } = extentOf(positions)
  return boxRing(west, south, east, north)
}
