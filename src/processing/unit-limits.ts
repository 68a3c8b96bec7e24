// The threads and the memory of a unit: what its plan says, within what the scheduler and the machine grant.
import { availableParallelism } from 'node:os'
import type { Unit } from './manifest.js'
import type { UnitLimits } from './unit-request.js'

type Env = Readonly<Record<string, string | undefined>>

/** The part of a job's memory that the work may take; the rest is for Node and for what the system counts with it. */
const SHARE = 0.9
const MIB = 1 << 20

export interface GivenLimits {
  threads?: number | undefined
  memoryBytes?: number | undefined
}

/**
 * Threads: those given, or those of the unit, but no more than Slurm's and the machine's. Memory: what is given; else
 * that of the unit, or the share of the job's memory that belongs to these threads if that is more, so that a job which
 * is sent again with more memory uses it.
 */
export function unitLimits(unit: Pick<Unit, 'threads' | 'memoryMiB'>, given: GivenLimits, env: Env): UnitLimits {
  const slurmCpus = count(env.SLURM_CPUS_PER_TASK) ?? count(env.SLURM_CPUS_ON_NODE)
  const granted = Math.min(slurmCpus ?? Number.POSITIVE_INFINITY, availableParallelism())
  const threads = Math.max(1, Math.min(given.threads ?? unit.threads, granted))
  if (given.memoryBytes !== undefined) return { threads, memoryBytes: given.memoryBytes }
  const slurmMiB = count(env.SLURM_MEM_PER_NODE) ?? (count(env.SLURM_MEM_PER_CPU) ?? 0) * (slurmCpus ?? 1)
  const shareMiB = (slurmMiB * threads) / (slurmCpus ?? threads)
  return { threads, memoryBytes: Math.floor(Math.max(unit.memoryMiB, shareMiB) * SHARE * MIB) }
}

/** `SLURM_CPUS_ON_NODE` is a number; what looks like `24(x2)` is of several nodes, and its beginning counts. */
function count(text: string | undefined): number | undefined {
  const [digits] = /^\d+/.exec(text ?? '') ?? []
  return digits === undefined || Number(digits) === 0 ? undefined : Number(digits)
}
