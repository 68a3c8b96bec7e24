// The cube request of a unit: what its plan shares, with its own tile, scenes, output and limits put in.
import { join } from 'node:path'
import type { CubeRequest } from '../native/contract.js'
import type { FileFormat } from '../series/output-path.js'
import { checkRequest, REQUEST_SCHEMA } from '../series/request.js'
import type { Plan, Unit } from './manifest.js'

export interface UnitLimits {
  threads: number
  memoryBytes: number
}

/** Where a unit is written: its output, and what it goes on from when it was interrupted. */
export interface UnitPlaces {
  path: string
  /** Nothing for a table, which has none. */
  checkpoints: string | undefined
}

/** The request for scenes that are on this disk. */
export function unitRequest(
  plan: Plan,
  unit: Unit,
  granules: readonly string[],
  { path, checkpoints }: UnitPlaces,
  { threads, memoryBytes }: UnitLimits,
  history: string | undefined,
): CubeRequest {
  const { request, format } = plan.shared
  const [west, south, east, north] = unit.bbox
  const output = typeof request.output === 'object' ? request.output : {}
  // The plan keeps the request as it was built and checked; its words are checked again by the engine.
  const stated = {
    ...(request as Partial<CubeRequest>),
    ...(unit.request as Partial<CubeRequest> | undefined),
    schema: REQUEST_SCHEMA,
    granules: [...granules],
    // A square of a grid states its extent in the CRS instead.
    ...(unit.request?.extent === undefined ? { area: { west, south, east, north } } : {}),
    output: { ...output, format, path, overwrite: true, ...(checkpoints === undefined ? {} : { checkpoints }) },
    nWorkers: threads,
    maxMemoryBytes: memoryBytes,
    ...(history === undefined ? {} : { history }),
  }
  checkRequest(stated)
  return stated
}

/** How the name of a tile's output ends; a stack of GeoTIFF is a folder of files. */
export function tileEnding(format: FileFormat, isOneStep: boolean): string {
  if (format === 'netcdf') return '.nc'
  if (format === 'cog' || format === 'geotiff') return isOneStep ? '.tif' : ''
  return `.${format}`
}

/** Whether an output is one file, which may be written elsewhere first; unfinished folders are where they will be. */
export function isOneFile(format: FileFormat, path: string): boolean {
  if (format === 'zarr') return false
  return (format !== 'cog' && format !== 'geotiff') || path.endsWith('.tif')
}

/** The output of a tile in the output folder. */
export function tilePath(outputDir: string, id: string, format: FileFormat, isOneStep: boolean): string {
  return join(outputDir, `${id}${tileEnding(format, isOneStep)}`)
}
