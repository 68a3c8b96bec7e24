// What a queue knows of units that are not done: a place for engines that hand units over.
import type { Plan } from '../processing/manifest.js'
import type { CliContext } from './context.js'

export interface QueuedUnit {
  /** `queued`, `starting`, `running`, or what ended it: `memory`, `time`, `launch`, `user` and so on. */
  state: string
  /** In words, with what to do about it. */
  reason?: string | undefined
  /** What the queue calls it. */
  job?: string | undefined
}

/** By index of the unit; nothing when no queue was ever used for this plan, or none answers. */
export async function askQueue(_ctx: CliContext, _plan: Plan): Promise<ReadonlyMap<number, QueuedUnit> | undefined> {
  return undefined
}
