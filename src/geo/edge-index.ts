// The edges of an outline by latitude, so that a comparison looks at those nearby only.
import { edgesOf, extentOf, type Outline, type Position } from './polygon.js'

export type Edge = readonly [from: Position, to: Position]

const EDGES_PER_ROW = 16
const MAX_ROWS = 4096
/** An edge that would be listed in more rows than this is listed apart. */
const MAX_COPIES = 8

export class EdgeIndex {
  readonly west: number
  readonly east: number
  readonly #south: number
  readonly #north: number
  readonly #rowHeight: number
  readonly #rows: Edge[][]
  readonly #tall: Edge[] = []

  constructor(rings: Outline) {
    const { west, south, east, north } = extentOf(rings.flat())
    this.west = west
    this.east = east
    this.#south = south
    this.#north = north
    const count = rings.reduce((sum, ring) => sum + ring.length, 0)
    const rows = Math.min(MAX_ROWS, Math.max(1, Math.ceil(count / EDGES_PER_ROW)))
    this.#rowHeight = (north - south) / rows || 1
    this.#rows = Array.from({ length: rows }, () => [])
    for (const ring of rings) for (const edge of edgesOf(ring)) this.#add(edge)
  }

  #add(edge: Edge): void {
    const [[, y0], [, y1]] = edge
    const [first, last] = [this.#rowOf(Math.min(y0, y1)), this.#rowOf(Math.max(y0, y1))]
    if (last - first >= MAX_COPIES) this.#tall.push(edge)
    else for (let row = first; row <= last; row += 1) this.#rows[row]?.push(edge)
  }

  #rowOf(latitude: number): number {
    const row = Math.floor((latitude - this.#south) / this.#rowHeight)
    return Math.min(this.#rows.length - 1, Math.max(0, row))
  }

  /** Every edge that reaches a latitude, once, and others. */
  at(latitude: number): Edge[] {
    if (latitude < this.#south || latitude > this.#north) return []
    return [...(this.#rows[this.#rowOf(latitude)] ?? []), ...this.#tall]
  }

  /** Every edge that reaches latitudes between two, and others; some more than once. */
  *between(south: number, north: number): Generator<Edge, void, undefined> {
    if (north < this.#south || south > this.#north) return
    yield* this.#tall
    for (let row = this.#rowOf(south); row <= this.#rowOf(north); row += 1) yield* this.#rows[row] ?? []
  }
}
