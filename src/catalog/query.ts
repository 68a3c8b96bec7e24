// What a search asks for, checked and normalised before anything is read.
import { UsageError } from '../errors.js'
import { BoundingBox } from '../geo/bounding-box.js'
import { callNow } from '../native/call.js'
import type { Area } from '../native/contract.js'
import { nearNamesHint } from '../near-names.js'

export interface SceneQuery {
  /** Product name, such as `AST_L1T`; all products when left out. */
  product?: string | undefined
  /** West, south, east, north in degrees. */
  bbox?: BoundingBox | Area | undefined
  /** ISO 8601 date or date and time, UTC unless it says otherwise; inclusive. */
  startDate?: string | undefined
  /** As `startDate`; a date alone means the whole day. */
  endDate?: string | undefined
  /** Percent. Scenes of unknown cloud cover pass. */
  cloudCoverMax?: number | undefined
}

export interface ResolvedQuery {
  product: string | undefined
  /** West < east in each; empty means everywhere. */
  boxes: BoundingBox[]
  startMs: number
  endMs: number
  cloudCoverMax: number | undefined
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|[+-]\d{2}:?\d{2})?)?$/
const DAY_MS = 86_400_000

/** Milliseconds since 1970 of an ISO date; `edge` says which end of a whole day is meant. */
export function parseInstant(text: string, label: string, edge: 'start' | 'end'): number {
  const match = ISO.exec(text.trim())
  const wrong = () =>
    new UsageError(`${label} must be a date such as 2001-06-10 or 2001-06-10T03:11:13Z, got "${text}"`)
  if (match === null) throw wrong()
  const [, year = '', month = '', day = '', hour, minute = '00', second = '00', fraction = '0', zone = 'Z'] = match
  const midnight = Date.parse(`${year}-${month}-${day}T00:00:00Z`)
  if (Number.isNaN(midnight) || new Date(midnight).getUTCDate() !== Number(day)) throw wrong()
  if (hour === undefined) return edge === 'start' ? midnight : midnight + DAY_MS - 1
  const offset = zone === 'Z' || zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`
  const instant = Date.parse(
    `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`,
  )
  if (Number.isNaN(instant)) throw wrong()
  return instant
}

/** Both ends of a period, in order; the labels are what the caller calls them. */
export function parsePeriod(
  start: string | undefined,
  end: string | undefined,
  labels: { start: string; end: string } = { start: 'startDate', end: 'endDate' },
): { startMs: number; endMs: number } {
  const startMs = start === undefined ? Number.NEGATIVE_INFINITY : parseInstant(start, labels.start, 'start')
  const endMs = end === undefined ? Number.POSITIVE_INFINITY : parseInstant(end, labels.end, 'end')
  if (endMs < startMs) throw new UsageError(`${labels.end} (${end}) is before ${labels.start} (${start})`)
  return { startMs, endMs }
}

/** The product's name as it is spelt officially. */
export function resolveProduct(name: string): string {
  const known = callNow((addon) => addon.products()).map((product) => product.name)
  const found = known.find((product) => product.toLowerCase() === name.trim().toLowerCase())
  if (found !== undefined) return found
  const near = callNow((addon) => addon.suggest('product', name))
  throw new UsageError(`unknown product "${name}"`, { hint: nearNamesHint(near, known, 'products') })
}

export function toBoundingBox(area: BoundingBox | Area): BoundingBox {
  return area instanceof BoundingBox ? area : new BoundingBox(area)
}

export function resolveQuery(query: SceneQuery): ResolvedQuery {
  const { cloudCoverMax } = query
  if (cloudCoverMax !== undefined && !(cloudCoverMax >= 0 && cloudCoverMax <= 100)) {
    throw new UsageError(`cloudCoverMax must lie between 0 and 100 percent, got ${cloudCoverMax}`)
  }
  const period = parsePeriod(query.startDate, query.endDate)
  return {
    product: query.product === undefined ? undefined : resolveProduct(query.product),
    boxes: query.bbox === undefined ? [] : toBoundingBox(query.bbox).split(),
    ...period,
    cloudCoverMax,
  }
}
