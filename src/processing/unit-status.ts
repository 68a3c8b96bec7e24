// The exit status of a unit: what an engine reads to know whether another try, or another unit, has a chance.
import { AsterError } from '../errors.js'

export const UNIT_DONE = 0
/** The data are bad for good: this tile fails again until something is changed. */
export const BAD_DATA = 65
export const BUG = 70
/** Passing: the network, a full disk, a request to stop. */
export const TRY_LATER = 75

/** Codes of status 1 elsewhere, which says nothing to an engine. */
const STATUSES: Readonly<Record<string, number>> = {
  NOT_FOUND: TRY_LATER,
  INPUT_IO: TRY_LATER,
  OUTPUT_IO: TRY_LATER,
  DISK_FULL: TRY_LATER,
  CANCELLED: TRY_LATER,
  SERVICE: BAD_DATA,
  RETIRED_HOST: BAD_DATA,
  MEMORY_BUDGET: BAD_DATA,
  OUTPUT_EXISTS: BAD_DATA,
}

/** 65, 70, 75, 77, 78 or 2, of whatever a unit threw. */
export function unitStatusOf(error: unknown): number {
  if (!(error instanceof AsterError)) return BUG
  return STATUSES[error.code] ?? error.exitCode
}
