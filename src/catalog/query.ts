// What a search asks for, checked and normalised before anything is read.
import { UsageError } from '../errors.js'
import { BoundingBox } from '../geo/bounding-box.js'
import { Polygon } from '../geo/polygon.js'
import { callNow } from '../native/call.js'
import type { Area } from '../native/contract.js'
import { nearNamesHint, strangerIn } from '../near-names.js'

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
  /** Scenes that do not say which they are pass. */
  dayNight?: DayNight | undefined
  /** Months of the year, 1 to 12, of every year of the period. */
  months?: readonly number[] | undefined
  /** Scenes whose footprint shares a point with it; with `bbox`, both have to hold. */
  polygon?: Polygon | undefined
  /** `004`, `003` or `031`. Local: all when left out; remote: the newest the source serves. */
  productVersion?: string | undefined
}

const FILTERS: Readonly<Record<keyof SceneQuery, true>> = {
  product: true,
  bbox: true,
  startDate: true,
  endDate: true,
  cloudCoverMax: true,
  dayNight: true,
  months: true,
  polygon: true,
  productVersion: true,
}

export const DAY_NIGHT = ['day', 'night'] as const
export type DayNight = (typeof DAY_NIGHT)[number]

export interface ResolvedQuery {
  product: string | undefined
  bbox: BoundingBox | undefined
  /** `bbox` as parts with west < east; empty means everywhere. */
  boxes: BoundingBox[]
  startMs: number
  endMs: number
  cloudCoverMax: number | undefined
  dayNight: DayNight | undefined
  /** In order; empty means all. */
  months: readonly number[]
  polygon: Polygon | undefined
  productVersion: string | undefined
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|[+-]\d{2}:?\d{2})?)?$/
const DAY_MS = 86_400_000

/** Milliseconds since 1970 of an ISO date; `edge` says which end of a whole day is meant. */
export function parseInstant(text: string, label: string, edge: 'start' | 'end'): number {
  const match = typeof text === 'string' ? ISO.exec(text.trim()) : null
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

/** Names that are in use elsewhere, in capitals with `_` for blanks and hyphens. */
const PRODUCT_ALIASES: Readonly<Record<string, string>> = {
  ASTER_L1A: 'AST_L1A',
  ASTER_L1B: 'AST_L1B',
  ASTER_L1T: 'AST_L1T',
  AST_14DEM: 'AST14DEM',
  ASTER_14DEM: 'AST14DEM',
}

/** The product's name as it is spelt officially. */
export function resolveProduct(name: string): string {
  const known = callNow((addon) => addon.products()).map((product) => product.name)
  const wanted = name
    .trim()
    .toUpperCase()
    .replace(/[\s-]+/g, '_')
  const found = known.find((product) => product === (PRODUCT_ALIASES[wanted] ?? wanted))
  if (found !== undefined) return found
  const near = callNow((addon) => addon.suggest('product', name))
  throw new UsageError(`unknown product "${name}"`, { hint: nearNamesHint(near, known, 'products') })
}

/** Three digits of a product version, from `4`, `004` or `V004`. */
export function resolveVersion(version: string): string {
  const [, digits] = /^v?(\d{1,3})$/i.exec(version.trim()) ?? []
  if (digits !== undefined) return digits.padStart(3, '0')
  throw new UsageError(`the product version must look like 004, got "${version}"`)
}

export function toBoundingBox(area: BoundingBox | Area): BoundingBox {
  return area instanceof BoundingBox ? area : new BoundingBox(area)
}

export function resolveQuery(query: SceneQuery): ResolvedQuery {
  const stranger = strangerIn(query, FILTERS, 'filters')
  // It would let every scene pass in silence.
  if (stranger !== undefined) throw new UsageError(`unknown filter "${stranger.name}"`, { hint: stranger.hint })
  const { cloudCoverMax, dayNight, months = [], polygon, productVersion } = query
  if (cloudCoverMax !== undefined && !(cloudCoverMax >= 0 && cloudCoverMax <= 100)) {
    throw new UsageError(`cloudCoverMax must lie between 0 and 100 percent, got ${cloudCoverMax}`)
  }
  for (const month of months) {
    if (!(Number.isInteger(month) && month >= 1 && month <= 12)) {
      throw new UsageError(`months must be numbers from 1 to 12, got ${month}`)
    }
  }
  if (dayNight !== undefined && !DAY_NIGHT.includes(dayNight)) {
    throw new UsageError(`dayNight must be day or night, got "${String(dayNight)}"`)
  }
  if (polygon !== undefined && !(polygon instanceof Polygon)) {
    throw new UsageError('polygon must be a Polygon', { hint: 'parsePolygon(text, label) makes one of GeoJSON' })
  }
  const bbox = query.bbox === undefined ? undefined : toBoundingBox(query.bbox)
  return {
    product: query.product === undefined ? undefined : resolveProduct(query.product),
    bbox,
    boxes: bbox?.split() ?? [],
    ...parsePeriod(query.startDate, query.endDate),
    cloudCoverMax,
    dayNight,
    months: [...new Set(months)].sort((left, right) => left - right),
    polygon,
    productVersion: productVersion === undefined ? undefined : resolveVersion(productVersion),
  }
}
