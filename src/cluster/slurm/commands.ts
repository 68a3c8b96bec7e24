// Runs the commands of Slurm: no shell, a clean environment, an end to waiting.
import { execFile } from 'node:child_process'
import { AbortError, NetworkError, UsageError } from '../../errors.js'
import { type Clock, SYSTEM_CLOCK } from '../../net/clock.js'
import { redact } from '../../net/redact.js'

export type SlurmProgram = 'sbatch' | 'squeue' | 'sacct' | 'scontrol' | 'sinfo'

export interface CommandResult {
  /** `undefined` when it took too long and was ended. */
  readonly status: number | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** Waits between tries when the controller does not answer. */
  readonly waitsMs?: readonly number[] | undefined
  readonly clock?: Clock | undefined
  /** Told before each wait. */
  readonly onWait?: ((message: string) => void) | undefined
}

const TIMEOUT_MS = 120_000
const WAITS_MS = [5_000, 15_000, 45_000]
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

/** What the controller, or the way to it, says when another try may help. */
const PASSING =
  /Unable to contact slurm controller|Socket timed out|temporarily unable to accept|Unexpected message received|Connection (refused|timed out|reset)|Zero Bytes were transmitted|Slurm backup controller in standby|Resource temporarily unavailable/i

/** Secrets that a job must get from files: where job environments are stored, they could be read for years. */
const SECRETS = /^(EARTHDATA_|PC_SDK_SUBSCRIPTION_KEY$|AWS_(SECRET_ACCESS_KEY|SESSION_TOKEN)$)/
/** Variables that change what sbatch does, or what the other commands print. */
const MEDDLING = /^(SBATCH|SQUEUE|SACCT|SINFO|SCONTROL|SALLOC|SRUN|SLURM)_/
/** Where the cluster is. */
const NEEDED = /^(SLURM_CONF|SLURM_CONF_SERVER|SLURM_JWT)$/

export interface CleanEnvironment {
  readonly env: Record<string, string>
  /** Names of secrets that were left out. */
  readonly secrets: readonly string[]
  /** Names of `SBATCH_*` that were left out: they would have overruled the scripts. */
  readonly overrides: readonly string[]
}

export function cleanEnvironment(env: Readonly<Record<string, string | undefined>>): CleanEnvironment {
  const kept = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    value === undefined || SECRETS.test(name) || (MEDDLING.test(name) && !NEEDED.test(name)) ? [] : [[name, value]],
  )
  const names = Object.keys(env).filter((name) => env[name] !== undefined)
  return {
    env: Object.fromEntries(kept),
    secrets: names.filter((name) => SECRETS.test(name)).sort(),
    overrides: names.filter((name) => name.startsWith('SBATCH_')).sort(),
  }
}

export function isPassing({ status, stderr }: CommandResult): boolean {
  return status === undefined || (status !== 0 && PASSING.test(stderr))
}

/** What a command said went wrong, as one line without its own name. */
export function complaint({ status, stderr, stdout }: CommandResult): string {
  const lines = `${stderr}\n${stdout}`.split('\n').map((line) => line.replace(/^\w+: (error: )?/, '').trim())
  const said = [...new Set(lines.filter((line) => line !== ''))].slice(0, 4).join('; ')
  if (said !== '') return redact(said)
  return status === undefined ? 'it did not answer in time' : `it ended with status ${status}`
}

export class SlurmCommands {
  readonly #options: CommandOptions
  readonly #clean: CleanEnvironment

  constructor(options: CommandOptions) {
    this.#options = options
    this.#clean = cleanEnvironment(options.env)
  }

  get environment(): CleanEnvironment {
    return this.#clean
  }

  /** Runs one command once. */
  run(program: SlurmProgram, args: readonly string[]): Promise<CommandResult> {
    const { cwd, signal, timeoutMs = TIMEOUT_MS } = this.#options
    const { env } = this.#clean
    return new Promise((resolve, reject) => {
      const limits = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const
      const child = execFile(program, args, { env, cwd, signal, ...limits }, (error, stdout, stderr) => {
        if (signal?.aborted) return reject(new AbortError(undefined, { cause: signal.reason }))
        if (error?.code === 'ENOENT') return reject(notFound(program))
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined
        resolve({ status, stdout, stderr })
      })
      child.stdin?.end()
    })
  }

  /**
   * Runs a command until the controller answers, or patience ends.
   * @param beforeRetry asked before another try whether the last one worked after all
   * @throws NetworkError `SCHEDULER` when it never answered
   */
  async ask<T = never>(
    program: SlurmProgram,
    args: readonly string[],
    beforeRetry?: () => Promise<T | undefined>,
  ): Promise<CommandResult | T> {
    const { clock = SYSTEM_CLOCK, waitsMs = WAITS_MS, signal, onWait } = this.#options
    for (let tries = 0; ; tries += 1) {
      const result = await this.run(program, args)
      if (!isPassing(result)) return result
      const waitMs = waitsMs[tries]
      if (waitMs === undefined) throw unreachable(program, result)
      onWait?.(`${program}: ${complaint(result)}; trying again in ${waitMs / 1000} s`)
      await clock.sleep(waitMs, signal)
      const found = await beforeRetry?.()
      if (found !== undefined) return found
    }
  }
}

function notFound(program: SlurmProgram): UsageError {
  return new UsageError(`${program} was not found`, {
    code: 'CONFIG',
    hint: 'run this on a login node of the cluster, or add the folder of the Slurm commands to PATH',
  })
}

function unreachable(program: SlurmProgram, result: CommandResult): NetworkError {
  return new NetworkError('SCHEDULER', `Slurm does not answer: ${program}: ${complaint(result)}`, {
    hint: 'ask `scontrol ping`; scripts and records are kept, and the same command goes on from there',
  })
}
