// The pixels of a tile: those of its square on a grid; or those in a polygon, which is the tile itself, or what it holds of a larger polygon, so that each pixel is in one tile only.
import { GEOGRAPHIC } from '../geo/carry.js'
import { boxRing, type Polygon, type Position, type Ring, signedArea } from '../geo/polygon.js'
import type { Tile } from '../geo/tiles.js'
import type { CubeRequest } from '../native/contract.js'
import { partsOf } from './tile-index.js'

type Box = readonly [west: number, south: number, east: number, north: number]

/** Room around a tile of a grid, as a part of it: its box in degrees follows its sides only so far. */
const ROOM = 0.05

/** The fields of a request that say which pixels a tile has. Nothing if it holds nothing of the polygon. */
export function tilePlace(tile: Tile, isOfZones: boolean, polygon?: Polygon): Partial<CubeRequest> | undefined {
  if (tile.crs === GEOGRAPHIC) {
    const clip = tileClip(tile.bbox, polygon)
    return clip === undefined ? undefined : { clip: { polygon: clip, rule: 'centre' } }
  }
  const place = { crs: tile.crs, extent: [...tile.bounds] }
  if (polygon === undefined && !isOfZones) return place
  const clips = partsOf(tile.bbox).flatMap(
    (box) => tileClip(withRoom(box, isOfZones ? tile.crs : undefined), polygon) ?? [],
  )
  const coordinates = clips.flatMap((text) => {
    const { type, coordinates: rings } = JSON.parse(text)
    return type === 'Polygon' ? [rings] : rings
  })
  if (coordinates.length === 0) return undefined
  return { ...place, clip: { polygon: JSON.stringify({ type: 'MultiPolygon', coordinates }), rule: 'centre' } }
}

/** A box with room around it, but within the UTM zone that its tile is of, and its half of the Earth. */
function withRoom([west, south, east, north]: Box, zoneCrs: string | undefined): Box {
  const [dx, dy] = [ROOM * (east - west), ROOM * (north - south)]
  const [, half, digits] = /^EPSG:32([67])(\d\d)$/.exec(zoneCrs ?? '') ?? []
  const zoneWest = digits === undefined ? -180 : 6 * Number(digits) - 186
  const zoneEast = digits === undefined ? 180 : zoneWest + 6
  const least = half === '6' ? 0 : -90
  const most = half === '7' ? 0 : 90
  return [
    Math.max(zoneWest, west - dx),
    Math.max(least, south - dy),
    Math.min(zoneEast, east + dx),
    Math.min(most, north + dy),
  ]
}

/** What a tile holds of a polygon, or all of the tile; GeoJSON text. Nothing if they share no area. */
export function tileClip([west, south, east, north]: Box, polygon?: Polygon): string | undefined {
  if (polygon === undefined) {
    return JSON.stringify({ type: 'Polygon', coordinates: [boxRing(west, south, east, north)] })
  }
  // An outline may lie a turn of 360 degrees away from the tile.
  const outlines = [-360, 0, 360].flatMap((turn) =>
    polygon.outlines.flatMap((rings) => {
      const parts = rings.map((ring) => clipped(ring, turn, [west, south, east, north]))
      const kept = parts.filter((ring) => ring.length >= 4 && signedArea(ring) !== 0)
      return kept.length === 0 ? [] : [kept]
    }),
  )
  return outlines.length === 0 ? undefined : JSON.stringify({ type: 'MultiPolygon', coordinates: outlines })
}

/**
 * The part of a closed ring within a box (Sutherland and Hodgman 1974). Sides of the box may be run along twice, there
 * and back; by even and odd that encloses nothing.
 */
function clipped(ring: Ring, turn: number, [west, south, east, north]: Box): Ring {
  let open: Position[] = ring.slice(0, -1).map(([lon, lat]) => [lon + turn, lat])
  for (const [axis, limit, side] of [
    [0, west, 1],
    [0, east, -1],
    [1, south, 1],
    [1, north, -1],
  ] as const) {
    const kept: Position[] = []
    const isIn = (position: Position) => side * (position[axis] - limit) >= 0
    for (const [index, to] of open.entries()) {
      const from = open[index - 1] ?? open.at(-1) ?? to
      if (isIn(from) !== isIn(to)) kept.push(crossing(from, to, axis, limit))
      if (isIn(to)) kept.push(to)
    }
    open = kept
  }
  const [first] = open
  return first === undefined ? [] : [...open, first]
}

/** Where an edge meets a side of the box. The same from either end, so that tiles on both sides agree. */
function crossing(from: Position, to: Position, axis: 0 | 1, limit: number): Position {
  const [low, high] = from[axis] < to[axis] ? [from, to] : [to, from]
  const other = axis === 0 ? 1 : 0
  const along = low[other] + ((limit - low[axis]) / (high[axis] - low[axis])) * (high[other] - low[other])
  return axis === 0 ? [limit, along] : [along, limit]
}
