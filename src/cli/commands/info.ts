// `info`: what one granule says about itself, from its headers.
import type { Command } from 'commander'
import { ASTERDataAccess } from '../../access/data-access.js'
import type { BandMetadata, GranuleInfo } from '../../native/contract.js'
import { type CliContext, talkTo } from '../context.js'
import { DONE, type ExitStatus } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { formatBytes, formatDegrees, formatFacts, formatTable, JSON_SCHEMA, plural, toJson } from '../output.js'
import type { Finish } from '../program.js'

const NAMES = ['json', 'quiet'] as const

export function registerInfo(program: Command, ctx: CliContext, finish: Finish): void {
  const command = program
    .command('info')
    .description('describe a granule')
    .argument('<granule>', 'file, or folder of the files of one granule')
  addOptions(command, NAMES).action((path: string) => finish(runInfo(ctx, path, readOptions(command, NAMES))))
}

export async function runInfo(
  ctx: CliContext,
  path: string,
  options: OptionValues<(typeof NAMES)[number]>,
): Promise<ExitStatus> {
  const granule = await new ASTERDataAccess().describe(path, { signal: ctx.signal })
  if (options.json) {
    ctx.stdout.write(toJson({ schema: JSON_SCHEMA, ...granule }))
    return DONE
  }
  ctx.stdout.write(`${granule.id}\n${formatFacts(factsOf(granule))}\n${formatBands(granule.bands)}`)
  const talk = talkTo(ctx, options)
  for (const warning of granule.warnings) talk.warn(warning)
  return DONE
}

function factsOf(granule: GranuleInfo): [string, string][] {
  const { west, south, east, north } = granule.bbox
  const facts: [string, string | undefined][] = [
    ['product', `${granule.product} version ${granule.version}`],
    ['acquired', granule.time],
    ['processed', granule.processingStamp],
    ['form', `${granule.form}, ${plural(granule.files.length, 'file')}, ${formatBytes(granule.bytes)}`],
    ['area', `${[west, south, east, north].map(formatDegrees).join(' ')} (west south east north)`],
    ['crs', granule.epsg === undefined ? undefined : `EPSG:${granule.epsg}`],
    ['cloud cover', granule.cloudCoverPercent === undefined ? 'unknown' : `${round(granule.cloudCoverPercent)} %`],
    ['day or night', granule.dayNight],
    ['sun', sunOf(granule)],
    ['subsystems', granule.subsystems.join(', ') || 'none'],
    ['modes', granule.observationModes.join('; ') || undefined],
    ['calibration', granule.radiometricDbVersion],
    ['geometry', granule.geometricDbVersion],
    ...granule.subsystems.map((name): [string, string | undefined] => [`${name} map`, mapOf(granule, name)]),
  ]
  return facts.flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]))
}

/** The affine map of a telescope's first band, in GDAL's order, of the outer corner. */
function mapOf({ bands }: GranuleInfo, subsystem: string): string | undefined {
  const map = bands.find((band) => band.subsystem === subsystem)?.geotransform
  return map && `${map.join(' ')} (x0 dx rx y0 ry dy, outer corner)`
}

function sunOf({ solarAzimuthDeg, solarElevationDeg }: GranuleInfo): string | undefined {
  if (solarAzimuthDeg === undefined || solarElevationDeg === undefined) return undefined
  return `azimuth ${round(solarAzimuthDeg)}, elevation ${round(solarElevationDeg)} degrees`
}

function formatBands(bands: readonly BandMetadata[]): string {
  const head = [
    'band',
    'variable',
    'subsystem',
    'rows',
    'columns',
    'type',
    'pixel m',
    'gain',
    'ucc',
    'offset',
    'from',
    'storage',
  ]
  const rows = bands.map((band) => [
    band.name,
    band.variable,
    band.subsystem,
    String(band.rows),
    String(band.columns),
    band.dataType,
    round(Math.hypot(band.geotransform[1] ?? 0, band.geotransform[4] ?? 0)),
    band.gain ?? '-',
    band.ucc === undefined ? '-' : String(band.ucc),
    band.offset === undefined ? '-' : String(band.offset),
    band.coefficientSource,
    band.storage,
  ])
  return formatTable(head, rows)
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10)
}
