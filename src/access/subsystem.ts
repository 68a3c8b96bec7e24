// The telescopes by name.
import { UsageError } from '../errors.js'
import { nearNames, nearNamesHint } from '../near-names.js'

export const SUBSYSTEMS = ['VNIR', 'SWIR', 'TIR'] as const
export type Subsystem = (typeof SUBSYSTEMS)[number]

/** The subsystem's name in capitals, or an error with the near ones. */
export function resolveSubsystem(name: string): Subsystem {
  const wanted = name.trim().toUpperCase()
  for (const subsystem of SUBSYSTEMS) if (subsystem === wanted) return subsystem
  throw new UsageError(`unknown subsystem "${name}"`, {
    hint: nearNamesHint(nearNames(wanted, SUBSYSTEMS), SUBSYSTEMS, 'subsystems'),
  })
}
