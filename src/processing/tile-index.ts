// Finds the tiles that a scene may have pixels in, by a lattice of cells: a few comparisons for each scene.
import type { Tile } from '../geo/tiles.js'
import type { Area, LonLat } from '../native/contract.js'

/** Degrees that a scene may reach beyond its outline: corners are rounded, and its sides bend between them. */
const MARGIN_DEG = 0.01
const LEAST_CELL_DEG = 0.25

/** What is needed to place a scene. */
export interface Placed {
  bbox: Area
  /** Closed ring; longitudes run on past 180 where it crosses the antimeridian. */
  footprint: readonly LonLat[]
  footprintKind: 'polygon' | 'box'
}

export class TileIndex {
  readonly #cellDeg: number
  readonly #columns: number
  readonly #cells = new Map<number, number[]>()

  constructor(private readonly tiles: readonly Tile[]) {
    const widths = tiles.map(({ bbox: [west, , east] }) => turned(east - west)).sort((left, right) => left - right)
    this.#cellDeg = Math.max(LEAST_CELL_DEG, widths[Math.floor(widths.length / 2)] ?? 1)
    this.#columns = Math.ceil(360 / this.#cellDeg) + 1
    for (const [number, { bbox }] of tiles.entries()) {
      for (const cell of partsOf(bbox).flatMap((part) => [...this.#cellsOf(part)])) {
        const held = this.#cells.get(cell)
        if (held === undefined) this.#cells.set(cell, [number])
        else held.push(number)
      }
    }
  }

  /** Numbers of the tiles that a scene touches, each once, in no order. */
  tilesOf(scene: Placed): number[] {
    const found = new Set<number>()
    const around = turnOf(scene)
    for (const [box, turn] of boxesOf(scene.bbox)) {
      for (const cell of this.#cellsOf(box)) {
        for (const number of this.#cells.get(cell) ?? []) {
          const tile = this.tiles[number]
          if (tile !== undefined && !found.has(number) && touches(tile.bbox, box, scene, turn + around))
            found.add(number)
        }
      }
    }
    return [...found]
  }

  *#cellsOf([west, south, east, north]: Tile['bbox']): Generator<number> {
    const cell = (degrees: number, from: number) => Math.floor((degrees - from) / this.#cellDeg)
    for (let row = cell(south, -90); row <= cell(north, -90); row += 1) {
      for (let column = cell(west, -180); column <= cell(east, -180); column += 1) yield row * this.#columns + column
    }
  }
}

/** The turn that brings an outline to where its box begins: longitudes may run on past either side. */
function turnOf({ bbox, footprint }: Placed): number {
  const west = footprint.reduce((least, { lon }) => Math.min(least, lon), Number.POSITIVE_INFINITY)
  return Number.isFinite(west) ? 360 * Math.round((bbox.west - west) / 360) : 0
}

/** The box of a scene with its margin, cut at the antimeridian; and the turn that each part was moved by. */
function boxesOf({ west, south, east, north }: Area): [Tile['bbox'], number][] {
  const [low, high] = [south - MARGIN_DEG, north + MARGIN_DEG]
  // Meridians run together: what is a hundred metres at the equator is more degrees further north.
  const side = MARGIN_DEG / Math.max(0.01, Math.cos((Math.min(89.9, Math.max(-low, high)) * Math.PI) / 180))
  const [left, right] = [west - side, (east < west ? east + 360 : east) + side]
  return [-360, 0, 360].flatMap((turn): [Tile['bbox'], number][] => {
    const [from, to] = [Math.max(-180, left + turn), Math.min(180, right + turn)]
    return from <= to ? [[[from, low, to, high], turn]] : []
  })
}

/** A width that may run across the antimeridian. */
function turned(width: number): number {
  return width < 0 ? width + 360 : width
}

/** The box in one part, or in two on either side of the antimeridian. */
export function partsOf(bbox: Tile['bbox']): Tile['bbox'][] {
  const [west, south, east, north] = bbox
  if (west <= east) return [bbox]
  const parts: Tile['bbox'][] = [
    [west, south, 180, north],
    [-180, south, east, north],
  ]
  return parts.filter(([left, , right]) => left < right)
}

function touches(tile: Tile['bbox'], box: Tile['bbox'], scene: Placed, turn: number): boolean {
  const [first = tile, second] = partsOf(tile)
  if (second !== undefined) return touches(first, box, scene, turn) || touches(second, box, scene, turn)
  if (tile[0] > box[2] || box[0] > tile[2] || tile[1] > box[3] || box[1] > tile[3]) return false
  return scene.footprintKind === 'box' || !isApart(tile, scene.footprint, turn)
}

/**
 * Whether a side of a convex outline has the whole tile beyond it (separating axis), margin included. Of an outline that
 * is not convex it may say no where yes would be right, never the other way round.
 */
function isApart([west, south, east, north]: Tile['bbox'], ring: readonly LonLat[], turn: number): boolean {
  for (let index = 1; index < ring.length; index += 1) {
    const [from, to] = [ring[index - 1], ring[index]]
    if (from === undefined || to === undefined) continue
    const [dx, dy] = [to.lon - from.lon, to.lat - from.lat]
    const margin = 4 * MARGIN_DEG * Math.hypot(dx, dy)
    if (margin === 0) continue
    // How far left of the edge, times its length: of the tile's corners, and of the outline.
    const x = from.lon + turn
    const [left, right] = [dy * (x - west), dy * (x - east)]
    const [low, high] = [dx * (south - from.lat), dx * (north - from.lat)]
    const most = Math.max(left, right) + Math.max(low, high)
    const least = Math.min(left, right) + Math.min(low, high)
    let [ownLeast, ownMost] = [0, 0]
    for (const { lon, lat } of ring) {
      const own = dx * (lat - from.lat) - dy * (lon - from.lon)
      ownLeast = Math.min(ownLeast, own)
      ownMost = Math.max(ownMost, own)
    }
    if (most < ownLeast - margin || least > ownMost + margin) return true
  }
  return false
}
