// Chooses what runs the units of a plan; options of an engine are read here, so that commands need not know them.
import { resolve } from 'node:path'
import { UsageError } from '../errors.js'
import { packageVersion } from '../net/user-agent.js'
import type { Engine, ExecutionBackend } from '../processing/engine.js'
import type { CliContext, Talk } from './context.js'
import { longFlag, OPTIONS } from './options.js'
import { type PlanFolders, planFolders } from './planning.js'
import { SLURM_OPTIONS, type SlurmFlags, slurmOptions } from './slurm-options.js'

/** Makes an engine from the options of a command, which hold those of all engines. */
export type EngineMaker = (ctx: CliContext, options: EngineFlags, talk: Talk) => Promise<Engine>

/** What is common to all; engines add options of their own to it. */
export interface EngineFlags extends SlurmFlags, PlanFolders {
  executionBackend?: ExecutionBackend | undefined
  daskScheduler?: string | undefined
  daskPython?: string | undefined
  daskRetries?: number | undefined
}

const ENGINES: Readonly<Partial<Record<ExecutionBackend, EngineMaker>>> = {
  slurm: async (_, options) => {
    const { SlurmEngine } = await import('../cluster/slurm/engine.js')
    return new SlurmEngine(slurmOptions(options), { runFolder: resolve(planFolders(options).runFolder) })
  },
  local: async () => (await import('../processing/local-engine.js')).createLocalEngine(),
  dask: makeDaskEngine,
}

export async function engineFor(ctx: CliContext, options: EngineFlags, talk: Talk): Promise<Engine> {
  const { executionBackend = 'local' } = options
  refuseOptionsOfOthers(options, executionBackend)
  const make = ENGINES[executionBackend]
  if (make !== undefined) return make(ctx, options, talk)
  throw new UsageError(`--execution-backend ${executionBackend} is not there in this version`, {
    hint: `the backends are ${Object.keys(ENGINES).join(', ')}`,
  })
}

/** Options that only one engine has; beside another they would change nothing, and the work would run elsewhere. */
const OPTIONS_OF = { slurm: SLURM_OPTIONS, dask: ['daskScheduler', 'daskPython', 'daskRetries'] } as const

function refuseOptionsOfOthers(options: EngineFlags, chosen: ExecutionBackend): void {
  for (const owner of ['slurm', 'dask'] as const) {
    const stray = owner === chosen ? undefined : OPTIONS_OF[owner].find((name) => options[name] !== undefined)
    if (stray === undefined) continue
    throw new UsageError(`${longFlag(OPTIONS[stray].flags)} is for --execution-backend ${owner}, not for ${chosen}`, {
      hint: `add --execution-backend ${owner}, or leave it out`,
    })
  }
}

async function makeDaskEngine(ctx: CliContext, options: EngineFlags): Promise<Engine> {
  const { daskScheduler: scheduler, daskPython: python, daskRetries: retries } = options
  if (scheduler === undefined) {
    throw new UsageError('--dask-scheduler is missing', {
      hint: 'give the address that `dask scheduler` prints, such as tcp://10.0.0.4:8786',
    })
  }
  const { daskEngine } = await import('../cluster/dask/engine.js')
  const { ownCommand } = await import('../processing/own-command.js')
  return daskEngine({ scheduler, python, retries, command: ownCommand(), version: packageVersion() }, ctx.env)
}
