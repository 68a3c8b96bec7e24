// Granules of the fake world: their files, and the search records that CMR holds of them.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of real metadata outside of the repository. */
export const SHARED = process.env.ASTER_SHARED_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url))
export const hasSharedRecords = existsSync(join(SHARED, 'cmr-umm'))

/** Collections by short name, as the real catalogue numbers those of version 004. */
export const COLLECTIONS: Readonly<Record<string, string>> = {
  AST_L1A: 'C3306888985-LPCLOUD',
  AST_L1B: 'C3306888201-LPCLOUD',
  AST_L1T: 'C3306888411-LPCLOUD',
  AST_05: 'C3306858335-LPCLOUD',
  AST_07: 'C3306877498-LPCLOUD',
  AST_07XT: 'C3306884993-LPCLOUD',
  AST_08: 'C3306885674-LPCLOUD',
  AST_09: 'C3306886555-LPCLOUD',
  AST_09XT: 'C3306887285-LPCLOUD',
  AST_09T: 'C3306887110-LPCLOUD',
  AST14DEM: 'C3306855744-LPCLOUD',
}

/** Those of version 003 that tests ask for. */
const COLLECTIONS_003: Readonly<Record<string, string>> = { AST_L1T: 'C3553657415-LPCLOUD' }

/** Id of the collection of a product in a version; empty for one that is not known. */
export function collectionOf(product: string, version: string): string {
  return (version === '003' ? COLLECTIONS_003 : COLLECTIONS)[product] ?? ''
}

export interface FakeGranule {
  readonly product: string
  /** Name of the granule, such as `AST_L1T_00401052001185055_20250202022956`. */
  readonly id: string
  /** Instant of acquisition, ISO 8601. */
  readonly time: string
  /** Outline as lon, lat pairs, counter-clockwise, closed. */
  readonly ring: readonly (readonly [number, number])[]
  readonly cloudCover?: number | undefined
  readonly dayNight?: 'Day' | 'Night' | undefined
  readonly version?: string | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
  /** Content by file name: bytes, or the path of a file on this machine. */
  readonly files: Readonly<Record<string, Uint8Array | string>>
  /** Without it no checksums are told. */
  readonly checksums?: boolean | undefined
}

/** A record in UMM-G 1.6.6, as `umm` of a search result. */
export interface UmmRecord {
  readonly GranuleUR: string
  readonly CollectionReference: { readonly ShortName: string; readonly Version: string }
  readonly CloudCover?: number
  readonly [field: string]: unknown
}

export function contentOf(file: Uint8Array | string): Uint8Array {
  return typeof file === 'string' ? readFileSync(file) : file
}

/** Path of a file at the download host. */
export function objectPath({ product, version = '004', id }: FakeGranule, name: string): string {
  const bucket = /\.(jpg|png)$/.test(name) ? 'lp-prod-public' : 'lp-prod-protected'
  return `/${bucket}/${product}.${version}/${id}/${name}`
}

/** The search record of a granule whose files lie at `dataUrl`. */
export function recordOf(granule: FakeGranule, dataUrl: string): UmmRecord {
  const { product, id, time, ring, cloudCover, dayNight = 'Day', version = '004', files, attributes = {} } = granule
  const names = Object.keys(files)
  const listed = names.filter((name) => !/\.(jpg|cmr\.json)$/.test(name))
  const production = id
    .split('_')
    .at(-1)
    ?.replace(/^(....)(..)(..)(..)(..)(..)$/, '$1-$2-$3T$4:$5:$6.000Z')
  const links = names.flatMap((name) => {
    const path = objectPath(granule, name)
    const type = /\.jpg$/.test(name)
      ? 'GET RELATED VISUALIZATION'
      : /(QA\.txt|\.cmr\.json)$/.test(name)
        ? 'EXTENDED METADATA'
        : 'GET DATA'
    const direct = type === 'GET DATA' ? 'GET DATA VIA DIRECT ACCESS' : type
    return [
      { URL: `${dataUrl}${path}`, Description: `Download ${name}`, Type: type },
      { URL: `s3:/${path}`, Description: 'direct download access via S3', Type: direct },
    ]
  })
  const landing = { URL: `https://doi.org/10.5067/ASTER/${product}.${version}`, Type: 'VIEW RELATED INFORMATION' }
  const keys = { URL: `${dataUrl}/s3credentials`, Type: 'VIEW RELATED INFORMATION' }
  const boundary = { Points: ring.map(([lon, lat]) => ({ Longitude: lon, Latitude: lat })) }
  return {
    TemporalExtent: { SingleDateTime: time },
    GranuleUR: id,
    AdditionalAttributes: Object.entries(attributes).map(([name, value]) => ({ Name: name, Values: [value] })),
    SpatialExtent: { HorizontalSpatialDomain: { Geometry: { GPolygons: [{ Boundary: boundary }] } } },
    CollectionReference: { ShortName: product, Version: version },
    RelatedUrls: [landing, ...links, keys],
    ...(cloudCover === undefined ? {} : { CloudCover: cloudCover }),
    DataGranule: {
      Identifiers: [{ Identifier: id, IdentifierType: 'ProducerGranuleId' }],
      DayNightFlag: dayNight,
      ProductionDateTime: production,
      ArchiveAndDistributionInformation: listed.map((name) => fileEntry(name, contentOf(files[name] ?? ''), granule)),
    },
    Platforms: [{ ShortName: 'TERRA', Instruments: [{ ShortName: 'ASTER' }] }],
    MetadataSpecification: {
      URL: 'https://cdn.earthdata.nasa.gov/umm/granule/v1.6.6',
      Name: 'UMM-G',
      Version: '1.6.6',
    },
  }
}

function fileEntry(name: string, content: Uint8Array, { checksums = true }: FakeGranule) {
  const format = name.endsWith('.hdf') ? 'HDF4' : name.endsWith('.tif') ? 'COG' : 'ASCII'
  const value = createHash('sha512').update(content).digest('hex')
  const checksum = checksums ? { Checksum: { Value: value, Algorithm: 'SHA-512' } } : {}
  return { Name: name, SizeInBytes: content.length, Format: format, ...checksum }
}

/** Bytes that begin as a TIFF and differ from file to file. */
export function fakeTiff(seed: string, length = 4096): Uint8Array {
  const bytes = new Uint8Array(length)
  let block = createHash('sha256').update(seed).digest()
  for (let at = 0; at < length; at += block.length) {
    bytes.set(block.subarray(0, length - at), at)
    block = createHash('sha256').update(block).digest()
  }
  bytes.set([0x49, 0x49, 0x2a, 0x00].slice(0, length))
  return bytes
}

/** Bytes that begin as an HDF4 file. */
export function fakeHdf(seed: string, length = 4096): Uint8Array {
  const bytes = fakeTiff(seed, length)
  bytes.set([0x0e, 0x03, 0x13, 0x01].slice(0, length))
  return bytes
}

export interface GranuleChoices {
  /** Instant of acquisition, ISO 8601. */
  readonly time?: string
  /** Lower left corner of a box of 0.6 degrees. */
  readonly west?: number
  readonly south?: number
  readonly cloudCover?: number
  readonly fileBytes?: number
}

/** A granule of AST_L1T, version 004, with a file per band. */
export function l1tGranule(choices: GranuleChoices = {}): FakeGranule {
  const {
    time = '2001-01-05T18:50:55.270000Z',
    west = -116.2,
    south = 38.0,
    cloudCover = 18,
    fileBytes = 4096,
  } = choices
  const [year, month, day, hour, minute, second] = time.split(/[-T:.Z]/)
  const id = `AST_L1T_004${month}${day}${year}${hour}${minute}${second}_20250202022956`
  const bands = ['VNIR_B01', 'VNIR_B02', 'VNIR_B03N', 'SWIR_B04', 'TIR_B10', 'TIR_B13', 'VNIR', 'TIR']
  const tiffs = bands.map((band) => [`${id}_${band}.tif`, fakeTiff(`${id}${band}`, fileBytes)] as const)
  const others = [
    [`${id}_QA.txt`, Buffer.from('QA report of a granule that does not exist\n')],
    [`${id}.jpg`, Uint8Array.of(0xff, 0xd8, 0xff, 0xd9)],
    [`${id}.cmr.json`, Buffer.from('{}')],
  ] as const
  return {
    product: 'AST_L1T',
    ...{ id, time, cloudCover, ring: box(west, south) },
    attributes: { SolarAzimuthAngle: '160.3', SolarElevationAngle: '27.5', UTMZone: '11' },
    files: Object.fromEntries([...tiffs, ...others]),
  }
}

/** The AST_L1A granule of the same acquisition as `l1t`; it carries the gains. */
export function l1aGranule(l1t: FakeGranule): FakeGranule {
  const id = l1t.id.replace('AST_L1T', 'AST_L1A')
  const gains = '01 HGH, 02 HGH, 3N NOR, 3B NOR, 04 NOR, 05 NOR, 06 NOR, 07 NOR, 08 NOR, 09 NOR'
  return { ...l1t, product: 'AST_L1A', id, attributes: { ASTERGains: gains }, files: { [`${id}.hdf`]: fakeHdf(id) } }
}

/** Granules of AST_L1T, one a day, for pages and long lists. */
export function l1tGranules(count: number, choices: GranuleChoices = {}): FakeGranule[] {
  const first = Date.parse(choices.time ?? '2001-01-05T18:50:55Z')
  return Array.from({ length: count }, (_, day) => {
    const time = new Date(first + day * 86_400_000).toISOString().replace(/\.\d+Z$/, '.000000Z')
    return l1tGranule({ fileBytes: 64, ...choices, time })
  })
}

function box(west: number, south: number): [number, number][] {
  const [east, north] = [west + 0.6, south + 0.6]
  return [
    [west, north],
    [west, south],
    [east, south],
    [east, north],
    [west, north],
  ]
}

/** Real search records, with the download host's address replaced. Empty where the files are not at hand. */
export function realRecords(dataUrl: string): UmmRecord[] {
  if (!hasSharedRecords) return []
  const folder = join(SHARED, 'cmr-umm')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.umm-g.json'))
    .map((name) => {
      const text = readFileSync(join(folder, name), 'utf8')
      return JSON.parse(text.replaceAll('https://data.lpdaac.earthdatacloud.nasa.gov', dataUrl)) as UmmRecord
    })
}
