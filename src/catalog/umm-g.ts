// Granule records of NASA's catalogue (UMM-G, versions 003 and 004 of the products) as scenes.
import { z } from 'zod'
import type { Position } from '../geo/polygon.js'
import { present } from '../native/call.js'
import { describeFileName, fileNameOf, parseGranuleName } from './file-name.js'
import { type Placement, placementOf, placementOfBox } from './footprint.js'
import type { Scene, SceneFile } from './scene.js'

const Attribute = z.object({ Name: z.string(), Values: z.array(z.string()).optional() })
const Point = z.object({ Longitude: z.number(), Latitude: z.number() })
const Rectangle = z.object({
  WestBoundingCoordinate: z.number(),
  SouthBoundingCoordinate: z.number(),
  EastBoundingCoordinate: z.number(),
  NorthBoundingCoordinate: z.number(),
})
const Geometry = z.object({
  GPolygons: z.array(z.object({ Boundary: z.object({ Points: z.array(Point) }) })).optional(),
  BoundingRectangles: z.array(Rectangle).optional(),
})
const ArchivedFile = z.object({
  Name: z.string(),
  SizeInBytes: z.number().optional(),
  Checksum: z.object({ Value: z.string(), Algorithm: z.string() }).optional(),
})
const Instrument = z.object({ ComposedOf: z.array(z.object({ ShortName: z.string() })).optional() })

/** What is read of a record; it says more. */
export const UmmGranule = z.object({
  GranuleUR: z.string(),
  CollectionReference: z.object({ ShortName: z.string().optional(), Version: z.string().optional() }).optional(),
  TemporalExtent: z
    .object({
      SingleDateTime: z.string().optional(),
      RangeDateTime: z.object({ BeginningDateTime: z.string() }).optional(),
    })
    .optional(),
  SpatialExtent: z
    .object({ HorizontalSpatialDomain: z.object({ Geometry: Geometry.optional() }).optional() })
    .optional(),
  CloudCover: z.number().optional(),
  MeasuredParameters: z
    .array(z.object({ QAStats: z.object({ QAPercentCloudCover: z.number().optional() }).optional() }))
    .optional(),
  AdditionalAttributes: z.array(Attribute).optional(),
  RelatedUrls: z.array(z.object({ URL: z.string(), Type: z.string().optional() })).optional(),
  DataGranule: z
    .object({
      DayNightFlag: z.string().optional(),
      Identifiers: z.array(z.object({ Identifier: z.string() })).optional(),
      ArchiveAndDistributionInformation: z.array(ArchivedFile).optional(),
    })
    .optional(),
  Platforms: z.array(z.object({ Instruments: z.array(Instrument).optional() })).optional(),
})
export type UmmGranule = z.output<typeof UmmGranule>

/** One attribute under the names it has had: version 004 first, then 003. */
const NAMES = {
  gains: ['ASTERGains'],
  solarAzimuth: ['SolarAzimuthAngle', 'Solar_Azimuth_Angle'],
  solarElevation: ['SolarElevationAngle', 'Solar_Elevation_Angle'],
  cloudCover: ['SceneCloudCoverage'],
  localGranuleId: ['LocalGranuleID'],
} as const
const TELESCOPES = ['VNIR', 'SWIR', 'TIR'] as const
const MODES: Readonly<Record<(typeof TELESCOPES)[number], readonly string[]>> = {
  VNIR: ['VNIR1ObservationMode', 'VNIR1_ObservationMode'],
  SWIR: ['SWIRObservationMode', 'SWIR_ObservationMode'],
  TIR: ['TIRObservationMode', 'TIR_ObservationMode'],
}

/**
 * The scene of a record, or in words why it makes none. Files are taken by https addresses; `mayFetch` takes others as
 * well.
 */
export function sceneFromUmm(record: UmmGranule, mayFetch: (url: string) => boolean = () => false): Scene | string {
  const attribute = attributesOf(record)
  const identifiers = record.DataGranule?.Identifiers?.map(({ Identifier }) => Identifier) ?? []
  const candidates = [record.GranuleUR, ...identifiers, attribute(NAMES.localGranuleId) ?? '']
  const name = candidates.map(parseGranuleName).find((parsed) => parsed !== undefined)
  if (name === undefined) return 'it carries no granule name'
  const { SingleDateTime, RangeDateTime } = record.TemporalExtent ?? {}
  const time = tidyTime(SingleDateTime ?? RangeDateTime?.BeginningDateTime ?? '')
  if (time === undefined) return 'it carries no time'
  const placement = placementOfRecord(record)
  if (placement === undefined) return 'it carries no position'
  const files = filesOf(record, mayFetch)
  const cloud = record.MeasuredParameters?.[0]?.QAStats?.QAPercentCloudCover
  return present<Scene>({
    schema: 2,
    backend: 'earthaccess',
    ...name,
    time,
    cloudCoverPercent: percent(record.CloudCover ?? cloud ?? numberOf(attribute(NAMES.cloudCover))),
    dayNight: record.DataGranule?.DayNightFlag?.toLowerCase(),
    solarAzimuthDeg: numberOf(attribute(NAMES.solarAzimuth)),
    solarElevationDeg: numberOf(attribute(NAMES.solarElevation)),
    gains: parseGainText(attribute(NAMES.gains)),
    ...placement,
    subsystems: telescopesOf(record, files),
    bands: files.flatMap(({ role, band }) => (role === 'band' && band !== undefined ? [band] : [])),
    bytes: bandBytes(files),
    files,
    warnings: [],
  })
}

export function bandBytes(files: readonly SceneFile[]): number {
  return files.reduce((sum, { role, bytes = 0 }) => (role === 'band' ? sum + bytes : sum), 0)
}

function attributesOf({ AdditionalAttributes = [] }: UmmGranule): (names: readonly string[]) => string | undefined {
  const values = new Map(AdditionalAttributes.map(({ Name, Values = [] }) => [Name, Values[0]]))
  return (names) => names.map((name) => values.get(name)).find((value) => value !== undefined)
}

/** `01 HGH, 02 HGH, 3N NOR` by band name. */
export function parseGainText(text: string | undefined): Record<string, string> | undefined {
  const pairs = [...(text ?? '').matchAll(/0?(\d{1,2}[NB]?)\s+([A-Z]{2}[A-Z0-9])\b/g)]
  if (pairs.length === 0) return undefined
  return Object.fromEntries(pairs.map(([, band = '', gain = '']) => [band, gain]))
}

/** A time in UTC with as many decimals of a second as it needs; nothing for text that is no time. */
export function tidyTime(text: string): string | undefined {
  if (Number.isNaN(Date.parse(text))) return undefined
  const [, seconds, fraction = ''] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z$/.exec(text) ?? []
  if (seconds === undefined) return new Date(text).toISOString()
  return `${seconds}${fraction.replace(/\.?0+$/, '')}Z`
}

function placementOfRecord({ SpatialExtent }: UmmGranule): Placement | undefined {
  const { GPolygons = [], BoundingRectangles = [] } = SpatialExtent?.HorizontalSpatialDomain?.Geometry ?? {}
  const rings = GPolygons.map(({ Boundary }) =>
    Boundary.Points.map(({ Longitude, Latitude }): Position => [Longitude, Latitude]),
  )
  const [box] = BoundingRectangles
  const ofBox =
    box &&
    placementOfBox({
      west: box.WestBoundingCoordinate,
      south: box.SouthBoundingCoordinate,
      east: box.EastBoundingCoordinate,
      north: box.NorthBoundingCoordinate,
    })
  return placementOf(rings) ?? ofBox
}

/** Kinds of links that lead to files of the granule; the others are pages and services. */
const FILE_LINKS = new Set(['GET DATA', 'EXTENDED METADATA', 'GET RELATED VISUALIZATION'])

function filesOf({ RelatedUrls = [], DataGranule }: UmmGranule, mayFetch: (url: string) => boolean): SceneFile[] {
  const archived = new Map(DataGranule?.ArchiveAndDistributionInformation?.map((file) => [file.Name, file]))
  const files = new Map<string, SceneFile>()
  for (const { URL: url, Type } of RelatedUrls) {
    if (!FILE_LINKS.has(Type ?? '') || !(url.startsWith('https://') || mayFetch(url))) continue
    const described = describeFileName(fileNameOf(url))
    const { SizeInBytes: bytes, Checksum } = archived.get(described.name) ?? {}
    files.set(described.name, {
      ...described,
      url,
      ...(bytes === undefined ? {} : { bytes }),
      ...(Checksum === undefined
        ? {}
        : { checksum: { algorithm: Checksum.Algorithm, value: Checksum.Value.toLowerCase() } }),
    })
  }
  return [...files.values()].sort(byBand)
}

/** Bands in order of wavelength, everything else after them by name. */
function byBand(left: SceneFile, right: SceneFile): number {
  const rank = ({ role, band }: SceneFile) => (role === 'band' ? Number.parseInt(band ?? '0', 10) || 0 : 100)
  return rank(left) - rank(right) || (left.name < right.name ? -1 : 1)
}

/** Telescopes as the files tell, else those that were on, else those of the product. */
function telescopesOf(record: UmmGranule, files: readonly SceneFile[]): string[] {
  const named = new Set(files.filter(({ role }) => role === 'band').map(({ subsystem }) => subsystem))
  const ofFiles = TELESCOPES.filter((telescope) => named.has(telescope))
  if (ofFiles.length > 0) return ofFiles
  const attribute = attributesOf(record)
  const isOn = TELESCOPES.filter((telescope) => attribute(MODES[telescope])?.toUpperCase() === 'ON')
  if (isOn.length > 0) return isOn
  const parts = record.Platforms?.flatMap(({ Instruments = [] }) =>
    Instruments.flatMap((part) => part.ComposedOf ?? []),
  )
  return TELESCOPES.filter((telescope) => parts?.some(({ ShortName }) => ShortName === telescope))
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text)
  return text === undefined || text.trim() === '' || !Number.isFinite(value) ? undefined : value
}

/** A percentage; records use numbers outside of 0 to 100 for "not known". */
function percent(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 && value <= 100 ? value : undefined
}
