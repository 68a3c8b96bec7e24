// The pixels of a tile: those of its square on a grid; or those in a polygon, which is the tile itself, or what it holds of a larger polygon, so that each pixel is in one tile only.
import { GEOGRAPHIC } from '../geo/carry.js'
import { boxRing, type Polygon, type Position, type Ring, signedArea } from '../geo/polygon.js'
import { degreesOf, type Tile } from '../geo/tiles.js'
import type { ClipRequest, CubeRequest } from '../native/contract.js'
import type { ClipRule } from '../series/request.js'
import { partsOf } from './tile-index.js'

type Box = readonly [west: number, south: number, east: number, north: number]

/** Room around a tile of a grid, as a part of it: its box in degrees follows its sides only so far. */
const ROOM = 0.05
/** Room in which a polygon is kept around a tile: a polygon touches the pixels along the sides that it is cut at. */
const TOUCH_ROOM = 1

export interface TilePolygon {
  polygon: Polygon
  /** Which pixels are inside of it; the tile has those of them whose centre is in the tile. */
  rule: ClipRule
  /** How far the centre of a pixel may lie outside of it; 0 with the rule centre. */
  roomMetres: number
  /** West, south, east, north of all tiles. */
  area: Box
}

/** The fields of a request that say which pixels a tile has. Nothing if it holds nothing of the polygon. */
export function tilePlace(tile: Tile, isOfZones: boolean, cut?: TilePolygon): Partial<CubeRequest> | undefined {
  const isOfDegrees = tile.crs === GEOGRAPHIC
  const place = isOfDegrees ? {} : { crs: tile.crs, extent: [...tile.bounds] }
  if (cut?.rule === 'touch') {
    const clip = touchClip(tile, isOfZones, cut)
    return clip && { ...place, clip }
  }
  if (!isOfDegrees && cut === undefined && !isOfZones) return place
  const polygon = isOfDegrees ? tileClip(tile.bbox, cut?.polygon) : ownClip(tile, isOfZones, cut?.polygon)
  return polygon === undefined ? undefined : { ...place, clip: { polygon, rule: 'centre' } }
}

/** Pixels that a polygon touches, of those whose centre is in the tile; the sides of a square say that by themselves. */
function touchClip(tile: Tile, isOfZones: boolean, cut: TilePolygon): ClipRequest | undefined {
  const { polygon, roomMetres } = cut
  const near = (box: Box) => withRoomDegrees(box, ...degreesOf(roomMetres, [box[1], box[3]]))
  if (clipOf(tile.bbox, near, polygon) === undefined) return undefined
  const touched = clipOf(tile.bbox, (box) => withRoom(box, TOUCH_ROOM), polygon)
  if (touched === undefined) return undefined
  const clip: ClipRequest = { polygon: touched, rule: 'touch' }
  const within = tile.crs === GEOGRAPHIC ? tileClip(openAtSides(tile.bbox, cut)) : ownClip(tile, isOfZones)
  return within === undefined || (tile.crs !== GEOGRAPHIC && !isOfZones) ? clip : { ...clip, within }
}

/** The part of a polygon, or of the Earth, in a square of a grid and its UTM zone. */
function ownClip(tile: Tile, isOfZones: boolean, polygon?: Polygon): string | undefined {
  return clipOf(tile.bbox, (box) => withRoom(box, ROOM, isOfZones ? tile.crs : undefined), polygon)
}

/** The part of a polygon around a box, on both sides of the antimeridian where the box crosses it. */
function clipOf(bbox: Box, around: (box: Box) => Box, polygon?: Polygon): string | undefined {
  const clips = partsOf(bbox).flatMap((box) => tileClip(around(box), polygon) ?? [])
  const coordinates = clips.flatMap((text) => {
    const { type, coordinates: rings } = JSON.parse(text)
    return type === 'Polygon' ? [rings] : rings
  })
  return coordinates.length === 0 ? undefined : JSON.stringify({ type: 'MultiPolygon', coordinates })
}

/**
 * A tile of degrees with room where it ends with all tiles, and the polygon does: what is touched there may have its
 * centre beyond, and no other tile would have it.
 */
function openAtSides([west, south, east, north]: Box, { polygon, area }: TilePolygon): Box {
  const [wider, lower, further, higher] = withRoom([west, south, east, north], TOUCH_ROOM)
  const { bbox } = polygon
  return [
    west === area[0] && west === bbox.west ? wider : west,
    south === area[1] && south === bbox.south ? lower : south,
    east === area[2] && east === bbox.east ? further : east,
    north === area[3] && north === bbox.north ? higher : north,
  ]
}

/** A box with room around it, a part of its sides, but within the UTM zone that its tile is of, and its half of the Earth. */
function withRoom([west, south, east, north]: Box, part: number, zoneCrs?: string): Box {
  return withRoomDegrees([west, south, east, north], part * (east - west), part * (north - south), zoneCrs)
}

function withRoomDegrees([west, south, east, north]: Box, dx: number, dy: number, zoneCrs?: string): Box {
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
