// What a run on Slurm asks for: the options as they were given, checked and completed.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { UsageError } from '../../errors.js'
import {
  checkConstraint,
  checkExtra,
  checkLine,
  checkLogFolder,
  checkName,
  parseMemoryMiB,
  parseTimeLimit,
} from './values.js'

/** One job per tile, one array over all tiles, or several tiles in each job. */
export const SLURM_MODES = ['per-tile', 'array', 'pack'] as const
export type SlurmMode = (typeof SLURM_MODES)[number]

/** The options as texts and numbers, each named after its flag. */
export interface SlurmOptions {
  readonly scriptDir?: string | undefined
  readonly logDir?: string | undefined
  readonly mode?: SlurmMode | undefined
  readonly partition?: string | undefined
  readonly account?: string | undefined
  readonly qos?: string | undefined
  readonly constraint?: string | undefined
  readonly time?: string | undefined
  /** Of a job; `none` leaves it to the site. */
  readonly memory?: string | undefined
  readonly memPerCpu?: string | undefined
  readonly cpusPerTask?: number | undefined
  readonly arrayThrottle?: number | undefined
  readonly tilesPerJob?: number | undefined
  readonly tilesAtOnce?: number | undefined
  readonly extra?: readonly string[] | undefined
  /** File with lines for bash: modules, conda. */
  readonly prelude?: string | undefined
  readonly maxRetries?: number | undefined
  /** Factor on memory for tiles that ran out of it; 1 for the same again. */
  readonly retryMemory?: number | undefined
  /** Factor on time for tiles that made no progress within it. */
  readonly retryTime?: number | undefined
  readonly retryFailed?: boolean | undefined
  readonly retryCancelled?: boolean | undefined
  readonly submit?: boolean | undefined
  readonly dryRun?: boolean | undefined
}

/** Memory of a job; neither is set where the site decides. */
export interface SlurmMemory {
  readonly perJobMiB?: number
  readonly perCpuMiB?: number
}

export interface SlurmSettings {
  /** Absolute. */
  readonly scriptDir: string
  /** Absolute. */
  readonly logDir: string
  /** What is submitted; scripts of all modes are written. */
  readonly mode: SlurmMode
  readonly partition: string | undefined
  readonly account: string | undefined
  readonly qos: string | undefined
  readonly constraint: string | undefined
  /** Infinite where none is wanted. */
  readonly timeSeconds: number
  readonly memory: SlurmMemory
  readonly cpusPerTask: number
  readonly arrayThrottle: number
  readonly tilesPerJob: number
  readonly tilesAtOnce: number
  readonly extra: readonly string[]
  /** Lines of bash, or nothing. */
  readonly prelude: string
  /** How often a job that reaches its time limit goes back to the queue. */
  readonly maxRetries: number
  readonly retryMemory: number
  readonly retryTime: number
  readonly retryFailed: boolean
  readonly retryCancelled: boolean
}

/** What a tile takes, from the plan. */
export interface UnitNeeds {
  readonly threads: number
  readonly memoryMiB: number
  readonly unitCount: number
}

const DEFAULT_TIME = '02:00:00'
/** Jobs of one array that run at a time: more would fetch more at once than archives like, and start a VM each. */
const DEFAULT_THROTTLE = 20
const DEFAULT_TILES_PER_JOB = 8
const DEFAULT_MAX_RETRIES = 2
const DEFAULT_FACTOR = 2
const MAX_PRELUDE_BYTES = 64 * 1024

/** @throws UsageError for whatever Slurm, or the safety of a script, does not allow */
export function resolveSettings(options: SlurmOptions, runFolder: string, needs: UnitNeeds): SlurmSettings {
  const { partition, account, qos, constraint } = options
  checkLine('--output-dir', runFolder)
  const scriptDir = resolve(checkLine('--slurm-script-dir', options.scriptDir ?? resolve(runFolder, 'slurm')))
  const logDir = resolve(options.logDir ?? resolve(scriptDir, 'logs'))
  checkLogFolder(options.logDir === undefined ? '--slurm-script-dir' : '--slurm-log-dir', logDir)
  const tilesAtOnce = options.tilesAtOnce ?? 1
  const cpusPerTask = options.cpusPerTask ?? needs.threads * tilesAtOnce
  return {
    scriptDir,
    logDir,
    mode: modeOf(options, needs),
    partition: partition === undefined ? undefined : checkName('--slurm-partition', partition),
    account: account === undefined ? undefined : checkName('--slurm-account', account),
    qos: qos === undefined ? undefined : checkName('--slurm-qos', qos),
    constraint: constraint === undefined ? undefined : checkConstraint('--slurm-constraint', constraint),
    timeSeconds: parseTimeLimit('--slurm-time', options.time ?? DEFAULT_TIME),
    memory: memoryOf(options, needs.memoryMiB * tilesAtOnce),
    cpusPerTask,
    arrayThrottle: options.arrayThrottle ?? DEFAULT_THROTTLE,
    tilesPerJob: options.tilesPerJob ?? DEFAULT_TILES_PER_JOB,
    tilesAtOnce,
    extra: (options.extra ?? []).map((text) => checkExtra('--slurm-extra', text)),
    prelude: options.prelude === undefined ? '' : readPrelude(options.prelude),
    maxRetries: options.maxRetries ?? DEFAULT_MAX_RETRIES,
    retryMemory: factor('--retry-memory', options.retryMemory),
    retryTime: factor('--retry-time', options.retryTime),
    retryFailed: options.retryFailed ?? false,
    retryCancelled: options.retryCancelled ?? false,
  }
}

function modeOf({ mode, tilesPerJob, tilesAtOnce }: SlurmOptions, { unitCount }: UnitNeeds): SlurmMode {
  const packs = tilesPerJob !== undefined || tilesAtOnce !== undefined
  if (packs && mode !== undefined && mode !== 'pack') {
    throw new UsageError(`--slurm-tiles-per-job and --slurm-tiles-at-once are about packed jobs, not ${mode}`, {
      hint: 'leave --slurm-mode out, or say --slurm-mode pack',
    })
  }
  return mode ?? (packs ? 'pack' : unitCount === 1 ? 'per-tile' : 'array')
}

function memoryOf({ memory, memPerCpu }: SlurmOptions, neededMiB: number): SlurmMemory {
  if (memPerCpu !== undefined) {
    if (memory !== undefined && memory !== 'none') {
      throw new UsageError('--slurm-memory and --slurm-mem-per-cpu exclude each other', {
        hint: 'leave one of them out',
      })
    }
    return { perCpuMiB: parseMemoryMiB('--slurm-mem-per-cpu', memPerCpu) }
  }
  if (memory === 'none') return {}
  return { perJobMiB: memory === undefined ? neededMiB : parseMemoryMiB('--slurm-memory', memory) }
}

function factor(flag: string, given = DEFAULT_FACTOR): number {
  if (given >= 1 && given <= 16) return given
  throw new UsageError(`${flag} must be a factor from 1 to 16, got ${given}`)
}

/** The lines of the prelude, as bash will read them. */
function readPrelude(path: string): string {
  const flag = '--slurm-prelude'
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new UsageError(`${flag}: cannot read ${path}`, { hint: 'name a file with lines for bash', path, cause })
  }
  const fail = (what: string, hint: string) => new UsageError(`${flag} ${path}: ${what}`, { hint, path })
  if (Buffer.byteLength(text) > MAX_PRELUDE_BYTES) throw fail('it is longer than 64 KiB', 'keep it to a few lines')
  if (text.includes('\r')) throw fail('it has DOS line breaks', 'convert it with dos2unix')
  if (text.includes('\0')) throw fail('it is no text', 'name a file with lines for bash')
  if (/^#SBATCH\b/m.test(text)) {
    throw fail('Slurm does not read #SBATCH lines there', "say --slurm-extra '--name=value' for each of them")
  }
  return text.trimEnd()
}
