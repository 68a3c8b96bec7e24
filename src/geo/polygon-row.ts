// The edges of a polygon between two latitudes, or two northings, to be compared with many boxes of a row.
import type { Edge } from './edge-index.js'
import { edgesOf, isInsideEdges, type Outline } from './polygon.js'

export class PolygonRow {
  readonly #outlines: Edge[][] = []
  readonly #south: number
  readonly #north: number

  constructor(outlines: readonly Outline[], south: number, north: number) {
    this.#south = south
    this.#north = north
    for (const rings of outlines) {
      const edges: Edge[] = []
      for (const ring of rings) {
        for (const edge of edgesOf(ring)) {
          const [[, y0], [, y1]] = edge
          if (Math.max(y0, y1) >= south && Math.min(y0, y1) <= north) edges.push(edge)
        }
      }
      if (edges.length > 0) this.#outlines.push(edges)
    }
  }

  /** Whether the polygon shares a point with the box between two longitudes. */
  intersects(west: number, east: number): boolean {
    return this.#outlines.some((edges) => this.#meets(edges, west, east))
  }

  #meets(edges: readonly Edge[], west: number, east: number): boolean {
    if (edges.some((edge) => this.#touches(edge, west, east))) return true
    // No edge comes near: the box is inside as a whole or not at all.
    return isInsideEdges([west, this.#south], edges)
  }

  /** Whether a part of the edge lies in the box: what is left of it between all four sides (Liang and Barsky). */
  #touches([[x0, y0], [x1, y1]]: Edge, west: number, east: number): boolean {
    if (Math.max(x0, x1) < west || Math.min(x0, x1) > east) return false
    let [from, to] = [0, 1]
    const sides = [
      [x0 - x1, x0 - west],
      [x1 - x0, east - x0],
      [y0 - y1, y0 - this.#south],
      [y1 - y0, this.#north - y0],
    ] as const
    for (const [run, room] of sides) {
      if (run === 0 && room < 0) return false
      if (run < 0) from = Math.max(from, room / run)
      if (run > 0) to = Math.min(to, room / run)
    }
    return from <= to
  }
}
