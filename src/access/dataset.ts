// ASTERDataset: the bands of one granule, read when asked for.
import { NotFoundError, UsageError } from '../errors.js'
import { type CallOptions, callNative, present } from '../native/call.js'
import type {
  BandArray,
  BandMetadata,
  CoefficientOverride,
  GainOverride,
  GranuleInfo,
  ReadBandRequest,
} from '../native/contract.js'
import { nearNames, nearNamesHint } from '../near-names.js'

export const CALIBRATIONS = ['dn', 'radiance', 'reflectance', 'temperature'] as const
export type Calibration = (typeof CALIBRATIONS)[number]
export const SOLAR_IRRADIANCES = ['thome_b', 'thome_a', 'smith'] as const
export type SolarIrradiance = (typeof SOLAR_IRRADIANCES)[number]

/** Rectangle of pixels; row 0, column 0 is the upper left one. */
export interface PixelWindow {
  row: number
  column: number
  rows: number
  columns: number
}

export interface ReadBandOptions extends CallOptions {
  /** The whole band when left out. */
  window?: PixelWindow | undefined
  /** Default: the dataset's, which is `dn` as opened. */
  calibration?: Calibration | undefined
  solarIrradiance?: SolarIrradiance | undefined
  gains?: GainOverride[] | undefined
  coefficients?: CoefficientOverride[] | undefined
}

export interface BandData {
  band: string
  variable: string
  units: string
  rows: number
  columns: number
  /** Row by row. Numbers as recorded for `dn`, otherwise NaN where there is no value. */
  data: Uint8Array | Uint16Array | Float32Array
  /** x0, dx, rx, y0, ry, dy of the outer corner of the upper left pixel. */
  geotransform: number[]
  crs: string
  nodata?: number
}

/** Reads a band; another one than the usual reads it where it is hosted. */
export type BandReader = (request: ReadBandRequest, options: CallOptions) => Promise<BandArray>

const readFromDisk: BandReader = (request, options) => callNative((addon) => addon.readBand(request), options)

export class ASTERDataset {
  /** What the granule says about itself. */
  readonly info: GranuleInfo
  /** The subsystem that was opened; `undefined` means all. */
  readonly subsystem: string | undefined
  /** Bands of that subsystem that the granule holds. */
  readonly bands: readonly BandMetadata[]
  /** What `readBand` gives when not told otherwise. */
  readonly calibration: Calibration

  readonly #read: BandReader

  constructor(info: GranuleInfo, subsystem?: string, calibration: Calibration = 'dn', read: BandReader = readFromDisk) {
    this.#read = read
    this.info = info
    this.subsystem = subsystem
    this.bands = info.bands.filter((band) => subsystem === undefined || band.subsystem === subsystem)
    this.calibration = calibration
  }

  /** The same bands, read in another calibration by default. */
  withCalibration(calibration: Calibration): ASTERDataset {
    return new ASTERDataset(this.info, this.subsystem, calibration, this.#read)
  }

  /** Metadata of a band, by its name (`3N`) or its variable (`ImageData3N`). */
  band(name: string): BandMetadata {
    const wanted = name.trim().toLowerCase()
    const found = this.bands.find(
      (band) => band.name.toLowerCase() === wanted || band.variable.toLowerCase() === wanted,
    )
    if (found !== undefined) return found
    const known = this.bands.map((band) => band.name)
    const where = this.subsystem === undefined ? this.info.id : `${this.subsystem} of ${this.info.id}`
    throw new NotFoundError(`no band "${name}" in ${where}`, {
      path: this.info.path,
      hint: nearNamesHint(nearNames(name, known), known, 'bands'),
    })
  }

  /** Pixels of a band. */
  async readBand(name: string, options: ReadBandOptions = {}): Promise<BandData> {
    const band = this.band(name)
    const { window, signal } = options
    if (window !== undefined) checkWindow(window, band)
    const request = present<ReadBandRequest>({
      path: this.info.path,
      band: band.name,
      rowStart: window?.row,
      columnStart: window?.column,
      rowCount: window?.rows,
      columnCount: window?.columns,
      calibration: options.calibration ?? this.calibration,
      solarIrradiance: options.solarIrradiance,
      gains: options.gains,
      coefficients: options.coefficients,
    })
    return bandData(await this.#read(request, { signal }))
  }

  toString(): string {
    const bands = this.bands.map((band) => band.name).join(' ')
    return `ASTERDataset(${this.info.id}, subsystem=${this.subsystem ?? 'all'}, bands=[${bands}])`
  }
}

function bandData({ dn8, dn16, values, ...facts }: BandArray): BandData {
  const data = values ?? dn16 ?? dn8 ?? new Float32Array(0)
  return { ...facts, data }
}

function checkWindow(window: PixelWindow, band: BandMetadata): void {
  const { row, column, rows, columns } = window
  for (const [name, value] of Object.entries({ row, column, rows, columns })) {
    if (!Number.isInteger(value) || value < 0)
      throw new UsageError(`window.${name} must be a whole number, got ${value}`)
  }
  if (rows === 0 || columns === 0) throw new UsageError('the window is empty')
  if (row + rows > band.rows || column + columns > band.columns) {
    throw new UsageError(
      `the window (rows ${row} to ${row + rows}, columns ${column} to ${column + columns}) reaches outside ` +
        `band ${band.name}, which has ${band.rows} rows and ${band.columns} columns`,
    )
  }
}
