// Builds the cube request, the value that plans, runs and outputs are made from.

import { CALIBRATIONS, type Calibration, SOLAR_IRRADIANCES, type SolarIrradiance } from '../access/dataset.js'
import { bareBandName } from '../access/selection.js'
import { resolveSubsystem, type Subsystem } from '../access/subsystem.js'
import { resolveProduct, toBoundingBox } from '../catalog/query.js'
import { UsageError } from '../errors.js'
import { outlinesWithin } from '../geo/antimeridian.js'
import type { BoundingBox } from '../geo/bounding-box.js'
import { extentIn, utmCrsOf } from '../geo/carry.js'
import { Polygon, type Position } from '../geo/polygon.js'
import { callNow, present, toException } from '../native/call.js'
import type {
  Area,
  BandInfo,
  ClipRequest,
  CoefficientOverride,
  CubeOutput,
  CubeRequest,
  GainOverride,
} from '../native/contract.js'
import { nearNames, nearNamesHint, strangerIn } from '../near-names.js'

export const RESAMPLINGS = ['nearest', 'bilinear', 'cubic', 'average', 'mode'] as const
export type Resampling = (typeof RESAMPLINGS)[number]
export const GAINS = ['HGH', 'NOR', 'LOW', 'LO1', 'LO2'] as const
export type Gain = (typeof GAINS)[number]
export const GROUPINGS = ['scene', 'acquisition', 'solar-day'] as const
export type GroupBy = (typeof GROUPINGS)[number]
/** Days, weeks, months by their first or last day, quarters, years, and DJF, MAM, JJA, SON. */
export const PERIODS = ['D', 'W', 'MS', 'ME', 'QE', 'YE', 'season'] as const
export type Period = (typeof PERIODS)[number]
export const CLIP_RULES = ['centre', 'touch'] as const
export type ClipRule = (typeof CLIP_RULES)[number]

/** What lies on multiples of the pixel size. */
export const LATTICES = ['centre', 'corner'] as const
export type Lattice = (typeof LATTICES)[number]

export const REQUEST_SCHEMA = 1

/** GeoJSON as an object or as text: Polygon, MultiPolygon, or features of these; longitude and latitude in degrees. */
export type PolygonLike = Polygon | { readonly type: string } | string

export interface Clip {
  polygon: PolygonLike
  /** Which pixels are inside: those whose centre is (default), or all that the polygon touches. */
  rule?: ClipRule | undefined
}

/** What the stack holds and how it is made; everything has a default. */
export interface SeriesOptions {
  /** `VNIR`, `SWIR`, `TIR`; default: those of the bands and indices, else VNIR for L1. */
  subsystems?: readonly string[] | undefined
  /** Band names, such as `3N` or `ImageData3N`. */
  bands?: readonly string[] | undefined
  /** Index names, such as `ndvi`. Indices without bands mean the indices alone. */
  indices?: readonly string[] | undefined
  /** Area of the stack; default: all of the scenes. */
  bbox?: BoundingBox | Area | undefined
  /** Pixels outside a polygon become missing; without `bbox` its extent is the area. */
  clip?: Clip | undefined
  product?: string | undefined
  /** Default `radiance` for L1 products; L2 products always come in physical units. */
  calibration?: Calibration | undefined
  /** Default: the UTM zone of the area's centre. */
  crs?: string | undefined
  /** Pixel size in units of the CRS; default: that of the finest band asked for. */
  resolution?: number | undefined
  /** Whether centres or corners of pixels lie on multiples of their size; default: as in most scenes of that CRS. */
  lattice?: Lattice | undefined
  resampling?: Resampling | undefined
  solarIrradiance?: SolarIrradiance | undefined
  /** Gains where the granule does not tell (its own always win); `ALL` means every VNIR and SWIR band. */
  gains?: Record<string, Gain> | undefined
  /** Unit conversion coefficients to use instead of the granule's. */
  coefficients?: Record<string, number | { ucc: number; offset?: number }> | undefined
  /** Keep SWIR of April 2008 and later, which is saturated. */
  allowBadSwir?: boolean | undefined
  maskSaturated?: boolean | undefined
  /** Scenes that are laid on one another as one look: none (default), those of one pass, or of one solar day. */
  groupBy?: GroupBy | undefined
  /** Statistics along time instead of the looks: mean, median, min, max, first, last, count, std, medoid, p0 to p100. */
  reduce?: readonly string[] | undefined
  /** Periods to reduce over; without `reduce` their `mean` and `count`. */
  resample?: Period | undefined
  /** Threads in all; default: the processors there are. */
  nWorkers?: number | undefined
  maxMemoryBytes?: number | undefined
  /** Stop at the first granule that cannot be used. */
  strict?: boolean | undefined
}

const OPTIONS: Readonly<Record<keyof SeriesOptions, true>> = {
  subsystems: true,
  bands: true,
  indices: true,
  bbox: true,
  clip: true,
  product: true,
  calibration: true,
  crs: true,
  resolution: true,
  lattice: true,
  resampling: true,
  solarIrradiance: true,
  gains: true,
  coefficients: true,
  allowBadSwir: true,
  maskSaturated: true,
  groupBy: true,
  reduce: true,
  resample: true,
  nWorkers: true,
  maxMemoryBytes: true,
  strict: true,
}

/** Throws for an option that there is not. */
export function checkOptions(options: SeriesOptions): void {
  const stranger = strangerIn(options, OPTIONS, 'options of a series')
  if (stranger !== undefined) throw new UsageError(`unknown option "${stranger.name}"`, { hint: stranger.hint })
}

/** Which variables are wanted, by their official names. */
export interface Selection {
  subsystems: readonly Subsystem[]
  bands: readonly string[]
  indices: readonly string[]
}

/** The request that the options make; without granules its words can still be checked. */
export function buildRequest(
  granules: readonly string[],
  selection: Selection,
  options: SeriesOptions,
  output: CubeOutput,
  history?: string,
): CubeRequest {
  const { subsystems, bands, indices } = selection
  return present<CubeRequest>({
    schema: REQUEST_SCHEMA,
    granules: [...granules],
    ...placeOf(options),
    product: options.product === undefined ? undefined : resolveProduct(options.product),
    subsystems: subsystems.length === 0 ? undefined : [...subsystems],
    bands: bands.length === 0 ? undefined : [...bands],
    indices: indices.length === 0 ? undefined : [...indices],
    calibration: choose('calibration', options.calibration, CALIBRATIONS),
    resolution: positive('resolution', options.resolution),
    lattice: choose('lattice', options.lattice, LATTICES),
    resampling: choose('resampling', options.resampling, RESAMPLINGS),
    solarIrradiance: choose('solarIrradiance', options.solarIrradiance, SOLAR_IRRADIANCES),
    gains: options.gains === undefined ? undefined : resolveGains(options.gains),
    coefficients: options.coefficients === undefined ? undefined : resolveCoefficients(options.coefficients),
    allowBadSwir: options.allowBadSwir,
    maskSaturated: options.maskSaturated,
    ...timeOptions(options),
    output,
    nWorkers: wholeAndPositive('nWorkers', options.nWorkers),
    maxMemoryBytes: wholeAndPositive('maxMemoryBytes', options.maxMemoryBytes),
    strict: options.strict,
    history,
  })
}

/** What becomes of time. */
function timeOptions({ groupBy, reduce = [], resample }: SeriesOptions): Partial<CubeRequest> {
  return present<Partial<CubeRequest>>({
    groupBy: choose('groupBy', groupBy, GROUPINGS),
    reduce: reduce.length === 0 ? undefined : [...reduce],
    resample: choose('resample', resample, PERIODS),
  })
}

/** Throws what the engine says about the words of a request; no file is touched. */
export function checkRequest(request: CubeRequest): void {
  const error = callNow((addon) => addon.checkRequest(request))
  if (error !== null) throw toException(error)
}

/** Throws when the options that decide over time and the polygon hold an unknown word, or exclude each other. */
export function checkTimeAndPlace({ clip, ...options }: SeriesOptions): void {
  const output = { format: 'memory' }
  const polygon = clip === undefined ? {} : { clip: resolveClip(clip) }
  checkRequest({ schema: REQUEST_SCHEMA, granules: [], ...polygon, ...timeOptions(options), output })
}

function resolveClip({ polygon, rule }: Clip): ClipRequest {
  return present<ClipRequest>({ polygon: geoJsonText(polygon), rule: choose('clip rule', rule, CLIP_RULES) })
}

function geoJsonText(polygon: PolygonLike): string {
  if (typeof polygon === 'string') return polygon
  if (!(polygon instanceof Polygon)) return JSON.stringify(polygon)
  // Outlines may run on past 180 degrees.
  const coordinates = polygon.outlines.flatMap((rings) => outlinesWithin(rings, -180, -90, 180, 90))
  return JSON.stringify({ type: 'MultiPolygon', coordinates })
}

/** A band's short name in any of its spellings: `3N` for `ImageData3N`, `B03N`, `Band3N`, `3n` and `3`. */
export function resolveBand(name: string): string {
  const wanted = bareBandName(name)
  const bands = callNow((addon) => addon.bands())
  for (const band of bands) if ([band.name, band.variable].map(bareBandName).includes(wanted)) return band.name
  const ofProducts = callNow((addon) => addon.products()).flatMap((product) => product.bands)
  for (const band of ofProducts) if (bareBandName(band) === wanted) return band
  const near = callNow((addon) => addon.suggest('band', name))
  const known = bands.map((band) => band.name)
  throw new UsageError(`unknown band "${name}"`, { hint: nearNamesHint(near, known, 'bands') })
}

export function resolveIndex(name: string): string {
  const known = callNow((addon) => addon.indices()).map((index) => index.name)
  const found = known.find((index) => index.toLowerCase() === name.trim().toLowerCase())
  if (found !== undefined) return found
  const near = callNow((addon) => addon.suggest('index', name))
  throw new UsageError(`unknown index "${name}"`, { hint: nearNamesHint(near, known, 'indices') })
}

/** Degrees of longitude that one UTM zone serves without being asked for. */
const MAX_UTM_WIDTH_DEG = 12

/** Area, polygon and CRS. Across the antimeridian no area can be stated in degrees: the extent of the grid is. */
function placeOf({ bbox, clip, crs }: SeriesOptions): Partial<CubeRequest> {
  const box = bbox === undefined ? boxOfClip(clip) : toBoundingBox(bbox)
  const stated = present<Partial<CubeRequest>>({ clip: clip === undefined ? undefined : resolveClip(clip), crs })
  if (!box?.crossesAntimeridian) {
    return bbox === undefined ? stated : { ...stated, area: resolveArea(bbox) }
  }
  const { west, south, east, north } = box
  const centre: Position = [(west + east + 360) / 2, (south + north) / 2]
  const grid = crs ?? (east + 360 - west > MAX_UTM_WIDTH_DEG ? undefined : utmCrsOf(centre))
  if (grid === undefined || /^\s*(EPSG:)?4326\s*$|CRS84/i.test(grid)) throw acrossAntimeridian(box)
  return { ...stated, extent: extentIn(box, grid), crs: grid }
}

/** The box around a polygon that is at hand as one; a polygon in other forms does not cross the antimeridian. */
function boxOfClip(clip: Clip | undefined): BoundingBox | undefined {
  return clip?.polygon instanceof Polygon ? clip.polygon.bbox : undefined
}

/** The area of a stack, which must not cross the antimeridian. */
export function resolveArea(area: BoundingBox | Area): Area {
  const box = toBoundingBox(area)
  if (!box.crossesAntimeridian) return box.toArea()
  throw acrossAntimeridian(box)
}

function acrossAntimeridian(box: BoundingBox): UsageError {
  return new UsageError(`west (${box.west}) lies east of east (${box.east})`, {
    hint:
      'the order is west, south, east, north; an area across the antimeridian takes a CRS that goes on there, or two runs: ' +
      box
        .split()
        .map(({ west, south, east, north }) => [west, south, east, north].join(','))
        .join(' and '),
  })
}

function resolveGains(gains: Record<string, Gain>): GainOverride[] {
  const overrides = new Map<string, string>()
  const withGain = (band: BandInfo) => band.subsystem !== 'TIR'
  for (const [name, gain] of Object.entries(gains)) {
    const value = choose(`gain of band ${name}`, gain, GAINS) ?? gain
    const isAll = name.trim().toUpperCase() === 'ALL'
    const names = isAll
      ? callNow((addon) => addon.bands())
          .filter(withGain)
          .map((band) => band.name)
      : [resolveBand(name)]
    for (const band of names) if (!isAll || !overrides.has(band)) overrides.set(band, value)
  }
  return [...overrides].map(([band, gain]) => ({ band, gain }))
}

function resolveCoefficients(coefficients: NonNullable<SeriesOptions['coefficients']>): CoefficientOverride[] {
  return Object.entries(coefficients).map(([name, value]) => {
    const { ucc, offset } = typeof value === 'number' ? { ucc: value, offset: undefined } : value
    if (!(Number.isFinite(ucc) && ucc > 0)) {
      throw new UsageError(`coefficient of band ${name} must be greater than 0, got ${ucc}`)
    }
    return present<CoefficientOverride>({ band: resolveBand(name), ucc, offset })
  })
}

/** The choice as it is spelt here, or an error with the near ones. */
export function choose<T extends string>(
  label: string,
  value: string | undefined,
  choices: readonly T[],
): T | undefined {
  if (value === undefined) return undefined
  const wanted = value.trim().toLowerCase()
  const found = choices.find((choice) => choice.toLowerCase() === wanted)
  if (found !== undefined) return found
  throw new UsageError(`unknown ${label} "${value}"`, {
    hint: nearNamesHint(nearNames(value, choices), choices, 'choices'),
  })
}

function positive(label: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isFinite(value) && value > 0)) return value
  throw new UsageError(`${label} must be greater than 0, got ${value}`)
}

function wholeAndPositive(label: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return value
  throw new UsageError(`${label} must be a whole number greater than 0, got ${value}`)
}

/** The variables that the options ask for, or an error that names the unknown one. */
export function resolveSelection(selection: Pick<SeriesOptions, keyof Selection>): Selection {
  return {
    subsystems: unique((selection.subsystems ?? []).map(resolveSubsystem)),
    bands: unique((selection.bands ?? []).map(resolveBand)),
    indices: unique((selection.indices ?? []).map(resolveIndex)),
  }
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)]
}
