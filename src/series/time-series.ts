// ASTERTimeSeries: a stack of scenes, described now and computed when its numbers are asked for.
import type { ASTERDataset } from '../access/dataset.js'
import { byTime, localPath, type Scene } from '../catalog/scene.js'
import { type CallOptions, callNative, type JobOptions, present, runCube } from '../native/call.js'
import type { CubeOutput, CubePlan, CubeReport, CubeRequest, SceneStatistics } from '../native/contract.js'
import { checkDistinct, checkNetcdfName, checkOutputPath, checkPictureName } from './output-path.js'
import { buildRequest, resolveBand, resolveSelection, type Selection, type SeriesOptions } from './request.js'

export type RunReport = Omit<CubeReport, 'arrays'>

export interface WriteOptions extends JobOptions {
  overwrite?: boolean | undefined
  /** PNG picture of the stack, written as well. */
  quicklook?: string | undefined
  /** 0 to 9; default 1. */
  compressionLevel?: number | undefined
  /** Who asked for it, for the file's history. */
  history?: string | undefined
}

/** One variable of the stack, in memory. */
export interface SeriesArray {
  variable: string
  units: string
  /** Row by row, scene by scene; NaN where there is no value. */
  data: Float32Array
  /** As `dims`: times, rows, columns. */
  shape: number[]
  dims: string[]
  /** Acquisition of each scene, ISO 8601 UTC. */
  times: string[]
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
    const opened = datasets.map((dataset) => dataset.subsystem).filter((subsystem) => subsystem !== undefined)
    const [first] = datasets
    const calibration = options.calibration ?? (first?.calibration === 'dn' ? undefined : first?.calibration)
    this.scenes = [...scenes].sort(byTime)
    this.#selection = resolveSelection({ ...options, subsystems: [...opened, ...(options.subsystems ?? [])] })
    this.#options = { ...options, ...this.#selection, calibration }
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

  /** The same scenes with other options. */
  withOptions(options: SeriesOptions): ASTERTimeSeries {
    return new ASTERTimeSeries(this.scenes, [], { ...this.#options, ...options })
  }

  /** The request that would be run, as a value. */
  toRequest(output: CubeOutput, history?: string): CubeRequest {
    const granules = this.scenes.map(localPath)
    return buildRequest(granules, this.#selection, this.#options, output, history)
  }

  /** What a run would read, need and write; reads headers, no pixels. A NetCDF output needs a path to be planned. */
  async plan(output: CubeOutput = { format: 'statistics' }, { signal }: CallOptions = {}): Promise<CubePlan> {
    const request = this.toRequest(output)
    return callNative((addon) => addon.planCube(request), { signal })
  }

  /** The stack in memory, one array for each variable. */
  async values({ signal, onEvent }: JobOptions = {}): Promise<SeriesArray[]> {
    const report = await runCube(this.toRequest({ format: 'memory' }), { signal, onEvent })
    const { geotransform, crs } = report.grid
    return report.arrays.map(({ variable, units, data, shape, dims }) => {
      const times = timesOf(report, shape[0] ?? 0)
      return { variable, units, data, shape, dims, times, geotransform, crs }
    })
  }

  /** Statistics over the area, a row for each scene and variable; `variable` is a band or an index. */
  async areaMean(variable?: string, { signal, onEvent }: JobOptions = {}): Promise<SceneStatistics[]> {
    const series = variable === undefined ? this : this.#only(variable)
    const report = await runCube(series.toRequest({ format: 'statistics' }), { signal, onEvent })
    return report.statistics
  }

  /** Writes the stack as a NetCDF-4 file that appears under its name only when it is complete. */
  async toNetCDF(path: string, options: WriteOptions = {}): Promise<RunReport> {
    const { overwrite, quicklook, compressionLevel, history, signal, onEvent } = options
    checkNetcdfName(path)
    if (quicklook !== undefined) checkPictureName(quicklook)
    const outputs = quicklook === undefined ? [path] : [path, quicklook]
    const inputs = this.scenes.map(localPath)
    checkDistinct(outputs, inputs)
    for (const output of outputs) checkOutputPath(output, { overwrite })
    const output = present<CubeOutput>({ format: 'netcdf', path, overwrite, quicklook, compressionLevel })
    const { arrays: _, ...report } = await runCube(this.toRequest(output, history), { signal, onEvent })
    return report
  }

  toString(): string {
    const products = [...new Set(this.scenes.map((scene) => scene.product))].join(', ')
    const start = this.scenes[0]?.time.slice(0, 10) ?? 'none'
    const end = this.scenes.at(-1)?.time.slice(0, 10) ?? 'none'
    return `ASTERTimeSeries(n_scenes=${this.scenes.length}, products=[${products}], start=${start}, end=${end})`
  }

  /** The variable alone: a band if there is one of that name, else an index. */
  #only(variable: string): ASTERTimeSeries {
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

/** Times along the first axis: those of the scenes, where scenes of one instant share a place. */
function timesOf(report: CubeReport, count: number): string[] {
  const times = report.scenes.map((scene) => scene.time)
  return times.length === count ? times : [...new Set(times)].sort()
}
