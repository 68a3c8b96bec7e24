// ASTERTimeSeries: a stack of scenes, described now and computed when its numbers are asked for.
import type { ASTERDataset } from '../access/dataset.js'
import { byTime, localPath, type Scene } from '../catalog/scene.js'
import { NotFoundError } from '../errors.js'
import { type CallOptions, type JobOptions, present, runCube } from '../native/call.js'
import type { CubeOutput, CubePlan, CubeRequest, SceneStatistics, TimeStep } from '../native/contract.js'
import { checkpointsBeside, type FileFormat, formatOf } from './output-path.js'
import {
  buildRequest,
  type Clip,
  checkOptions,
  checkTimeAndPlace,
  type GroupBy,
  type Period,
  type PolygonLike,
  resolveBand,
  resolveSelection,
  type Selection,
  type SeriesOptions,
} from './request.js'
import { planRequest, type RunReport, writeRequest } from './run.js'

export interface WriteOptions extends JobOptions {
  overwrite?: boolean | undefined
  /** PNG picture of the stack, written as well. */
  quicklook?: string | undefined
  /** 0 to 9; each format has its own default. */
  compressionLevel?: number | undefined
  /** Physical values as whole numbers with scale and offset: half the size, less of it after compression. */
  pack?: 'int16' | undefined
  /** Mantissa bits that are kept of physical values, 1 to 23; 10 keep three decimal digits. */
  roundBits?: number | undefined
  /** What chunks serve: maps of one time (default), or the time series of one place. */
  chunkFor?: 'map' | 'time' | undefined
  /** Keep what is complete beside the output until all is, so that the same call goes on after it was interrupted. */
  checkpoints?: boolean | undefined
  /** Who asked for it, for the file's history. */
  history?: string | undefined
}

/** One variable of the stack, in memory. */
export interface SeriesArray {
  variable: string
  units: string
  /** Row by row, time step by time step; NaN where there is no value. */
  data: Float32Array
  /** As `dims`: times, rows, columns. */
  shape: number[]
  dims: string[]
  /** Of each time step, ISO 8601 UTC: the acquisition of its first scene, or the label of its period. */
  times: string[]
  /** The time steps, with their periods and granules. */
  steps: TimeStep[]
  /** x0, dx, rx, y0, ry, dy of the outer corner of the upper left pixel. */
  geotransform: number[]
  crs: string
}

export class ASTERTimeSeries {
  readonly scenes: readonly Scene[]
  readonly #selection: Selection
  readonly #options: SeriesOptions

  /** Opened datasets choose the subsystems; without them, and without bands or indices, all bands are stacked. */
  constructor(scenes: readonly Scene[], datasets: readonly ASTERDataset[] = [], options: SeriesOptions = {}) {
    checkOptions(options)
    const opened = datasets.map((dataset) => dataset.subsystem).filter((subsystem) => subsystem !== undefined)
    const [first] = datasets
    const calibration = options.calibration ?? (first?.calibration === 'dn' ? undefined : first?.calibration)
    this.scenes = [...scenes].sort(byTime)
    this.#selection = resolveSelection({ ...options, subsystems: [...opened, ...(options.subsystems ?? [])] })
    this.#options = { ...options, ...this.#selection, calibration }
    const { groupBy, reduce, resample } = options
    checkTimeAndPlace({ groupBy, reduce, resample })
  }

  get length(): number {
    return this.scenes.length
  }

  /** The same scenes with an index, such as `ndvi`, to compute. Without bands selected, the index alone. */
  computeIndex(name: string): ASTERTimeSeries {
    return this.withOptions({ indices: [...this.#selection.indices, name] })
  }

  /** The same scenes with these bands, such as `3N` or `ImageData3N`, to stack. */
  selectBands(names: readonly string[]): ASTERTimeSeries {
    return this.withOptions({ bands: [...this.#selection.bands, ...names] })
  }

  /** The same scenes with the bands of these subsystems. */
  selectSubsystems(names: readonly string[]): ASTERTimeSeries {
    return this.withOptions({ subsystems: [...this.#selection.subsystems, ...names] })
  }

  /** The same scenes, those of one pass (`acquisition`) or of one `solar-day` laid on one another. */
  groupBy(rule: GroupBy): ASTERTimeSeries {
    return this.withOptions({ groupBy: rule })
  }

  /**
   * Statistics along time instead of the scenes: `mean`, `median`, `min`, `max`, `first`, `last`, `count`, `std`,
   * `medoid` and percentiles such as `p90`. Each becomes a variable, such as `ndvi_median`.
   */
  reduce(...statistics: [string, ...string[]]): ASTERTimeSeries {
    return this.withOptions({ reduce: statistics })
  }

  /** Statistics over each period, such as `ME` for months; without any, those of `reduce`, or else mean and count. */
  resample(period: Period, statistics: readonly string[] | undefined = this.#options.reduce): ASTERTimeSeries {
    return this.withOptions({ resample: period, reduce: statistics })
  }

  /** The same scenes within a polygon; pixels outside are missing. */
  clip(polygon: PolygonLike, { rule }: Omit<Clip, 'polygon'> = {}): ASTERTimeSeries {
    checkTimeAndPlace({ clip: { polygon, rule } })
    return this.withOptions({ clip: { polygon, rule } })
  }

  /** The same scenes with other options. */
  withOptions(options: SeriesOptions): ASTERTimeSeries {
    return new ASTERTimeSeries(this.scenes, [], { ...this.#options, ...options })
  }

  /** The request that would be run, as a value. */
  toRequest(output: CubeOutput, history?: string): CubeRequest {
    if (this.scenes.length === 0) {
      throw new NotFoundError('there are no scenes to make a series of', {
        hint: 'widen the area, the period or the filters',
      })
    }
    const granules = this.scenes.map(localPath)
    return buildRequest(granules, this.#selection, this.#options, output, history)
  }

  /** What a run would read, need and write; reads headers, no pixels. An output in a file needs a path to be planned. */
  async plan(output: CubeOutput = { format: 'statistics' }, { signal }: CallOptions = {}): Promise<CubePlan> {
    return planRequest(this.toRequest(output), { signal })
  }

  /** The stack in memory, one array for each variable. */
  async values({ signal, onEvent }: JobOptions = {}): Promise<SeriesArray[]> {
    const { arrays, grid, steps } = await runCube(this.toRequest({ format: 'memory' }), { signal, onEvent })
    const { geotransform, crs } = grid
    const times = steps.map((step) => step.time)
    return arrays.map(({ variable, units, data, shape, dims }) => {
      return { variable, units, data, shape, dims, times, steps, geotransform, crs }
    })
  }

  /**
   * Statistics over the area, a row for each time step and variable: mean, standard deviation, percentiles, and how
   * much of the area has a value. `variable` is a band or an index.
   */
  async areaMean(variable?: string, { signal, onEvent }: JobOptions = {}): Promise<SceneStatistics[]> {
    const request = this.#only(variable).toRequest({ format: 'statistics' })
    return (await runCube(request, { signal, onEvent })).statistics
  }

  /** Writes a NetCDF-4 file. */
  async toNetCDF(path: string, options: WriteOptions = {}): Promise<RunReport> {
    return this.#write('netcdf', path, options)
  }

  /** Writes a Zarr store, which is a folder. */
  async toZarr(path: string, options: WriteOptions = {}): Promise<RunReport> {
    return this.#write('zarr', path, options)
  }

  /**
   * Writes a GeoTIFF with a band for each variable: one file, named `.tif`, of one time step; or a folder of files, one
   * for each. Cloud-optimised unless `cog` is false.
   */
  async toGeoTIFF(path: string, { cog = true, ...options }: WriteOptions & { cog?: boolean } = {}): Promise<RunReport> {
    return this.#write(cog ? 'cog' : 'geotiff', path, options)
  }

  /** Writes the rows of `areaMean` as CSV. */
  async toCSV(
    path: string,
    { variable, ...options }: WriteOptions & { variable?: string | undefined } = {},
  ): Promise<RunReport> {
    return this.#only(variable).#write('csv', path, options)
  }

  /** Every file appears under its name only when it is complete. */
  async #write(format: FileFormat, path: string, options: WriteOptions): Promise<RunReport> {
    const { signal, onEvent, history, checkpoints, ...stated } = options
    const kept = checkpoints ? checkpointsBeside(path) : undefined
    const output = present<CubeOutput>({ format: formatOf(path, format), path, ...stated, checkpoints: kept })
    return writeRequest(this.toRequest(output, history), { signal, onEvent })
  }

  toString(): string {
    const products = [...new Set(this.scenes.map((scene) => scene.product))].join(', ')
    const start = this.scenes[0]?.time.slice(0, 10) ?? 'none'
    const end = this.scenes.at(-1)?.time.slice(0, 10) ?? 'none'
    return `ASTERTimeSeries(n_scenes=${this.scenes.length}, products=[${products}], start=${start}, end=${end})`
  }

  /** The variable alone: a band if there is one of that name, else an index; everything without a name. */
  #only(variable: string | undefined): ASTERTimeSeries {
    if (variable === undefined) return this
    const isBand = isBandName(variable)
    return this.withOptions({
      subsystems: [],
      bands: isBand ? [variable] : [],
      indices: isBand ? [] : [variable],
    })
  }
}

function isBandName(name: string): boolean {
  try {
    resolveBand(name)
    return true
  } catch {
    return false
  }
}
