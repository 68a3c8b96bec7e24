// The nine named regions.
import { UsageError } from '../errors.js'
import { nearNames, nearNamesHint } from '../near-names.js'

/** Degrees: west, south, east, north. */
export const REGIONS = {
  south_australia: [129, -38.1, 141, -26],
  australia: [112, -44, 154, -10],
  global: [-180, -90, 180, 90],
  conus: [-125, 24, -66, 50],
  europe: [-25, 34, 45, 72],
  africa: [-20, -35, 55, 38],
  south_america: [-82, -56, -34, 13],
  north_america: [-170, 14, -50, 72],
  asia: [25, -10, 145, 55],
} as const satisfies Record<string, readonly [number, number, number, number]>

export type RegionName = keyof typeof REGIONS

/** Name of a region as it is spelt here; letter case, blanks and hyphens do not matter. */
export function resolveRegionName(name: string): RegionName {
  const wanted = name
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_')
  const known = Object.keys(REGIONS)
  for (const region of known) if (region === wanted) return region as RegionName
  throw new UsageError(`unknown region "${name}"`, {
    hint: nearNamesHint(nearNames(wanted, known), known, 'regions'),
  })
}
