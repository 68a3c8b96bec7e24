// What every exported script says of a plan, and words quoted for the languages they are written in.
import { UsageError } from '../../errors.js'
import { shellWord } from '../slurm/quote.js'

export { shellWord }

/** A plan as scripts need it; paths are absolute. */
export interface ExportJob {
  readonly runFolder: string
  readonly manifest: string
  readonly hash: string
  readonly unitCount: number
  /** At most, of one unit. */
  readonly threads: number
  /** At most, of one unit. */
  readonly memoryMiB: number
  /** How this machine starts aster-timeseries. */
  readonly command: readonly string[]
  readonly version: string
  /** Units that run at the same time. */
  readonly atOnce: number
  /** Container that has aster-timeseries on its PATH. */
  readonly image?: string | undefined
  /** Claim of the Kubernetes volume that holds the run folder. */
  readonly volumeClaim?: string | undefined
  /** AWS Batch job queue. */
  readonly jobQueue?: string | undefined
  /** AWS EFS file system that holds the run folder. */
  readonly fileSystem?: string | undefined
}

/** Further tries of a unit after a passing failure. */
export const RETRIES = 3
/** Statuses that end one unit for good: failed, bad data, a bug. */
export const FAILS_UNIT = [1, 65, 70] as const
/** Statuses that would end every unit alike: usage, authentication, configuration. */
export const FAILS_RUN = [2, 77, 78] as const
/** Statuses of passing failures: try later, stopped, killed, ended. */
export const PASSES = [75, 130, 137, 143] as const

/** Refuses what cannot stand in a script: a line break in a path would end a comment or a directive. */
export function refuseControlCharacters(job: ExportJob): void {
  const words = { 'run folder': job.runFolder, 'path of aster-timeseries': job.command.join(' '), '--image': job.image }
  for (const [what, text] of Object.entries(words)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    if (text !== undefined && /[\u0000-\u001f\u007f]/.test(text)) {
      throw new UsageError(`the ${what} holds a control character: ${JSON.stringify(text)}`, { hint: 'rename it' })
    }
  }
}

export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(' ')
}

/** A string of JSON, YAML and Python: all three read double quotes with these escapes alike. */
export function quoted(text: string): string {
  return JSON.stringify(text)
}

/** A required option of an engine. */
export function required(value: string | undefined, flag: string, what: string): string {
  if (value !== undefined) return value
  throw new UsageError(`${flag} is missing`, { hint: what })
}

/** Ranges of at most `most` units: first index and count. */
export function ranges(unitCount: number, most: number): { first: number; count: number }[] {
  const starts = Array.from({ length: Math.ceil(unitCount / most) }, (_, part) => part * most)
  return starts.map((first) => ({ first, count: Math.min(most, unitCount - first) }))
}

export function unitsOf({ unitCount, hash }: ExportJob): string {
  return unitCount === 1 ? `the unit of plan ${hash}` : `the ${unitCount} units of plan ${hash}`
}
