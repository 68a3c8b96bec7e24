// Radiance and brightness temperature of arrays that are already in memory.
import { UsageError } from '../errors.js'
import { callNow, unwrap } from '../native/call.js'
import { ASTERDataset } from './dataset.js'

export interface RadianceCoefficients {
  /** Unit conversion coefficient, W m-2 sr-1 um-1 per DN. */
  ucc: number
  /** Default: `-ucc`, since DN 1 means zero radiance. */
  offset?: number
}

/** A dataset whose bands are read as at-sensor radiance. */
export function applyRadianceConversion(dataset: ASTERDataset): ASTERDataset
/** Radiance of raw numbers: `ucc x DN + offset`, NaN where DN is 0. */
export function applyRadianceConversion(dn: Uint8Array | Uint16Array, coefficients: RadianceCoefficients): Float32Array
export function applyRadianceConversion(
  source: ASTERDataset | Uint8Array | Uint16Array,
  coefficients?: RadianceCoefficients,
): ASTERDataset | Float32Array {
  if (source instanceof ASTERDataset) return source.withCalibration('radiance')
  if (coefficients === undefined) {
    throw new UsageError('applyRadianceConversion needs { ucc } to convert an array', {
      hint: 'the coefficient is in `dataset.band(name).ucc`; a dataset converts without one',
    })
  }
  const { ucc, offset = -ucc } = coefficients
  return callNow((addon) => addon.radianceFromDn(source, ucc, offset))
}

/** Brightness temperature in kelvin of thermal radiance; `band` is 10 to 14. */
export function brightnessTemperature(radiance: Float32Array, { band }: { band: number | string }): Float32Array {
  return unwrap(callNow((addon) => addon.brightnessTemperature(radiance, String(band))))
}
