// What a queue knows of units that are not done: a place for engines that hand units over.
import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { recordsPath } from '../cluster/slurm/job-records.js'
import { AsterError } from '../errors.js'
import type { Plan } from '../processing/manifest.js'
import { type UnitWithState, unitStates } from '../processing/open-units.js'
import type { CliContext } from './context.js'

export interface QueuedUnit {
  /** `queued`, `starting`, `running`, or what ended it: `memory`, `time`, `launch`, `cancelled` and so on. */
  state: string
  /** In words, with what to do about it. */
  reason?: string | undefined
  /** What the queue calls it. */
  job?: string | undefined
  log?: string | undefined
}

/** By index of the unit; nothing when no queue was ever used for this plan, or none answers. */
export async function askQueue(ctx: CliContext, plan: Plan): Promise<ReadonlyMap<number, QueuedUnit> | undefined> {
  if (!existsSync(recordsPath(plan.runFolder))) return undefined
  const [{ SlurmCommands }, { slurmStatus }] = await Promise.all([
    import('../cluster/slurm/commands.js'),
    import('../cluster/slurm/status.js'),
  ])
  // Whoever looks does not want to wait for long: files tell most of it.
  const commands = new SlurmCommands({ env: ctx.env, signal: ctx.signal, waitsMs: [5000] })
  try {
    const { units } = await slurmStatus(plan, unfinished(plan), commands, userInfo().username)
    const told = units.filter(({ submissions, job }) => submissions > 0 || job !== undefined)
    return new Map(
      told.map(({ unit, kind, activity, detail, warning, job, log }): [number, QueuedUnit] => [
        unit.index,
        { state: activity ?? kind, reason: warning ?? detail, job: job?.id, log },
      ]),
    )
  } catch (error) {
    if (!(error instanceof AsterError) || error.code === 'CANCELLED') throw error
    ctx.stderr.write(`warning: ${error.message}; told from files alone\n`)
    return undefined
  }
}

async function* unfinished(plan: Plan): AsyncGenerator<UnitWithState> {
  for await (const found of unitStates(plan)) {
    if (found.state.kind !== 'done' && found.state.kind !== 'empty') yield found
  }
}
