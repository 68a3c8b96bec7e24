// The options that say what a stack holds, for every command that makes stacks.
import { UsageError } from '../errors.js'
import type { SeriesOptions } from '../series/request.js'
import type { OptionValues } from './options.js'
import { areaOf, type SceneOptions } from './scenes.js'

export const STACK_OPTIONS = [
  'subsystem',
  'bands',
  'index',
  'calibration',
  'crs',
  'resolution',
  'lattice',
  'resampling',
  'solarIrradiance',
  'gains',
  'coefficients',
  'allowBadSwir',
  'maskSaturated',
  'clipRule',
  'groupby',
  'reduce',
  'resample',
] as const

export type StackOptions = SceneOptions &
  OptionValues<(typeof STACK_OPTIONS)[number] | 'nWorkers' | 'maxMemory' | 'strict'>

/** The options of a series, as the library takes them. */
export function seriesOptions(options: StackOptions): SeriesOptions {
  const { product, calibration, crs, resolution, lattice, resampling, solarIrradiance, gains, coefficients } = options
  const { allowBadSwir, maskSaturated, polygon, clipRule, reduce, resample, nWorkers, maxMemory, strict } = options
  if (clipRule !== undefined && polygon === undefined) {
    throw new UsageError('--clip-rule is about a polygon, and there is none', {
      hint: 'add --polygon FILE or --region-file FILE',
    })
  }
  return {
    bbox: areaOf(options),
    clip: polygon && { polygon, rule: clipRule },
    product,
    subsystems: options.subsystem,
    bands: options.bands,
    indices: options.index,
    calibration,
    crs,
    resolution,
    lattice,
    resampling,
    solarIrradiance,
    gains,
    coefficients,
    allowBadSwir,
    maskSaturated,
    groupBy: options.groupby,
    reduce,
    resample,
    nWorkers,
    maxMemoryBytes: maxMemory,
    strict,
  }
}
