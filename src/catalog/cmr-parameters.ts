// A query as parameters of NASA's Common Metadata Repository (CMR).
import { type Polygon, type Position, signedArea } from '../geo/polygon.js'
import { type CollectionOptions, collectionParameters, WITHOUT_CLOUD_COVER } from './collections.js'
import { spansOf } from './filter.js'
import type { ResolvedQuery } from './query.js'

/** Names may repeat. */
export type Parameters = readonly (readonly [name: string, value: string])[]

/** Longest query string that is sent as an address; longer ones are posted. */
export const LONGEST_QUERY = 2000
/** Positions of a polygon at most; the service's parser gives up at about twice as many. */
const MAX_POLYGON_POINTS = 300
/** The service takes edges as great circles. Pieces this short keep within 0.005 degrees of the straight line... */
const LONGEST_EDGE_DEG = 2
/** ...and the polygon is sent wider than it is by more than that; scenes beside the real one are left out here. */
const MARGIN_DEG = 0.01

/**
 * The parameters of a search, or nothing when no scene can answer it. Cloud cover and day or night are filtered by
 * the service where records carry them; a record that lacks the field does not match there.
 */
export function searchParameters(
  query: ResolvedQuery,
  { product, version, nowMs, ...options }: CollectionOptions & { product: string; version: string; nowMs: number },
): Parameters | undefined {
  const spans = spansOf(query, nowMs)
  if (spans.length === 0) return undefined
  const parameters = collectionParameters(product, version, options)
  for (const { startMs, endMs } of spans) {
    const span = [startMs, endMs].map((ms) => (Number.isFinite(ms) ? new Date(ms).toISOString() : ''))
    if (span.some((end) => end !== '')) parameters.push(['temporal[]', span.join(',')])
  }
  const { bbox, polygon, cloudCoverMax, dayNight } = query
  // West greater than east means across the antimeridian there, too.
  if (bbox !== undefined)
    parameters.push(['bounding_box[]', [bbox.west, bbox.south, bbox.east, bbox.north].map(fixed).join()])
  if (polygon !== undefined) parameters.push(polygonParameter(polygon))
  if (cloudCoverMax !== undefined && !WITHOUT_CLOUD_COVER.has(product)) {
    parameters.push(['cloud_cover', `,${fixed(cloudCoverMax)}`])
  }
  if (dayNight !== undefined) parameters.push(['day_night_flag', dayNight])
  parameters.push(['sort_key', 'start_date'])
  return parameters
}

/** A number as the service's grammar wants it: no exponent. */
export function fixed(value: number): string {
  const text = String(value)
  return text.includes('e') ? value.toFixed(9).replace(/\.?0+$/, '') : text
}

/** A convex polygon around the one asked for, counter-clockwise and closed; a box where that takes too many points. */
function polygonParameter(polygon: Polygon): [string, string] {
  const points = polygon.outlines.flatMap(([ring = []]) => ring)
  const hull = dense(convexHull(points.flatMap(([lon, lat]) => cornersAround(lon, lat))))
  const { west, south, east, north } = polygon.bbox
  const span = Math.max(...points.map(([lon]) => lon)) - Math.min(...points.map(([lon]) => lon))
  if (hull.length > MAX_POLYGON_POINTS || span > 170 || Math.max(Math.abs(south), Math.abs(north)) > 89) {
    return ['bounding_box[]', [west, south, east, north].map(fixed).join()]
  }
  const text = hull.map(([lon, lat]) => `${fixed(wrapped(lon))},${fixed(rounded(lat))}`)
  return ['polygon[]', text.join()]
}

function cornersAround(lon: number, lat: number): Position[] {
  return [-MARGIN_DEG, MARGIN_DEG].flatMap((dx) =>
    [-MARGIN_DEG, MARGIN_DEG].map((dy): Position => [rounded(lon + dx), rounded(lat + dy)]),
  )
}

function rounded(degrees: number): number {
  return Number(degrees.toFixed(6))
}

function wrapped(lon: number): number {
  const near = lon - 360 * Math.round(lon / 360)
  return rounded(near)
}

/** Smallest convex ring around points, counter-clockwise and closed (Andrew's monotone chain). */
export function convexHull(points: readonly Position[]): Position[] {
  const sorted = [...points].sort(([ax, ay], [bx, by]) => ax - bx || ay - by)
  const half = (ordered: readonly Position[]) => {
    const chain: Position[] = []
    for (const point of ordered) {
      while (chain.length >= 2 && !turnsLeft(chain.at(-2), chain.at(-1), point)) chain.pop()
      chain.push(point)
    }
    return chain.slice(0, -1)
  }
  const ring = [...half(sorted), ...half(sorted.reverse())]
  const [first] = ring
  return first === undefined ? [] : [...ring, first]
}

function turnsLeft(from: Position | undefined, by: Position | undefined, to: Position): boolean {
  if (from === undefined || by === undefined) return true
  return signedArea([from, by, to, from]) > 0
}

/** The ring with positions added until no edge is longer than `LONGEST_EDGE_DEG`. */
function dense(ring: readonly Position[]): Position[] {
  return ring.flatMap((to, index) => {
    const from = ring[index - 1]
    if (from === undefined) return [to]
    const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / LONGEST_EDGE_DEG))
    return Array.from({ length: steps }, (_, step): Position => {
      const share = (step + 1) / steps
      return [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share]
    })
  })
}
