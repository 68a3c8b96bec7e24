// Submits jobs: every call is on record before and after it, none is made twice, and limits are filled, not fought.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { NetworkError } from '../../errors.js'
import type { CommandResult, SlurmCommands } from './commands.js'
import { complaint } from './commands.js'
import { arrayChunks, compressIndices } from './index-list.js'
import { jobComment, type RunPlace } from './job-comment.js'
import { appendRecord } from './job-records.js'
import { listPath, type PackList, packList, writeList } from './pack-list.js'
import { shellWord } from './quote.js'
import { memoryOption } from './script.js'
import { ARRAY_SCRIPT, PACK_SCRIPT, packComment, tileScriptName } from './script-folder.js'
import type { SlurmMemory, SlurmSettings } from './settings.js'
import { formatTimeLimit } from './values.js'

/** Units that are submitted with the same memory and time. */
export interface Batch {
  readonly units: readonly { readonly index: number; readonly id: string }[]
  readonly memory: SlurmMemory
  readonly timeSeconds: number
  /** Whether memory or time are more than was asked for, because a job failed without. */
  readonly isRaised: boolean
}

export interface SubmitContext extends RunPlace {
  readonly commands: SlurmCommands
  readonly settings: SlurmSettings
  /** Elements of one array at most. */
  readonly chunk: number
  readonly user: string
  readonly onSubmitted: (units: number, jobId: string) => void
}

export interface SubmitOutcome {
  readonly submitted: readonly number[]
  /** Units that a limit on queued jobs kept out. */
  readonly waiting: readonly number[]
  /** What Slurm said of the limit. */
  readonly limit: string | undefined
}

/** One call of sbatch that is to be made. */
export interface SubmitCall {
  readonly script: string
  readonly batch: Batch
  /** Elements of an array; nothing for a single job. */
  readonly elements: readonly number[] | undefined
  readonly unitsOf: (elements: readonly number[]) => readonly number[]
  readonly argument: string | undefined
  readonly offset?: number
  readonly list?: string
  /** What is to be in the list. */
  readonly packed?: PackList
  /** What the comment says, without its end that makes it unique. */
  readonly comment: string
}

const LIMIT = /MaxSubmit\w*Limit|MaxJobs?PerAccount|job submit limit|MaxJobCount/i

/** The calls for some batches, in the mode of the settings. */
export function plannedCalls(
  context: Pick<SubmitContext, 'runFolder' | 'hash' | 'settings' | 'chunk'>,
  batches: readonly Batch[],
): SubmitCall[] {
  const { settings, chunk } = context
  const calls: SubmitCall[] = []
  for (const batch of batches) {
    const indices = batch.units.map(({ index }) => index)
    if (settings.mode === 'per-tile') {
      calls.push(
        ...batch.units.map((unit) => ({
          ...{ batch, elements: undefined, argument: undefined, unitsOf: () => [unit.index] },
          script: tileScriptName(unit),
          comment: jobComment(context, 'unit', unit.index),
        })),
      )
    } else if (settings.mode === 'array') {
      calls.push(
        ...arrayChunks(indices, chunk).map(({ offset, elements }) => ({
          ...{ batch, elements, offset, argument: String(offset), script: ARRAY_SCRIPT },
          unitsOf: (some: readonly number[]) => some.map((element) => element + offset),
          comment: jobComment(context, 'array', offset),
        })),
      )
    } else {
      // A list for each array, so that the numbers of its elements stay below the limit without an offset.
      const jobs = packList(indices, settings.tilesPerJob)
      for (let from = 0; from < jobs.length; from += chunk) {
        calls.push(packedCall(context, batch, jobs.slice(from, from + chunk)))
      }
    }
  }
  return calls
}

function packedCall(run: RunPlace, batch: Batch, list: PackList): SubmitCall {
  const path = listPath(run.runFolder, list)
  return {
    ...{ batch, script: PACK_SCRIPT, argument: path, list: path, packed: list, comment: packComment(run, path) },
    elements: list.map((_, element) => element),
    unitsOf: (elements) => elements.flatMap((element) => list[element] ?? []),
  }
}

/** The words of one call after `sbatch`. */
export function callArguments(
  call: SubmitCall,
  settings: SlurmSettings,
  elements = call.elements,
  token?: string,
): string[] {
  const { batch, script, argument, comment } = call
  const memory = batch.isRaised ? memoryOption(batch.memory) : undefined
  return [
    '--parsable',
    `--comment=${token === undefined ? comment : `${comment}:${token}`}`,
    ...(elements === undefined ? [] : [`--array=${compressIndices(elements)}%${settings.arrayThrottle}`]),
    ...(memory === undefined ? [] : [`--${memory[0]}=${memory[1]}`]),
    ...(batch.isRaised ? [`--time=${formatTimeLimit(batch.timeSeconds)}`] : []),
    join(settings.scriptDir, script),
    ...(argument === undefined ? [] : [argument]),
  ]
}

/** A call as it would be typed. */
export function callLine(call: SubmitCall, settings: SlurmSettings): string {
  return ['sbatch', ...callArguments(call, settings)].map(shellWord).join(' ')
}

/**
 * Makes the calls one after the other. An array that a limit refuses is halved until a part of it goes in, so a user
 * who may queue five jobs gets five.
 *
 * @throws NetworkError `SCHEDULER` when Slurm does not answer, `SERVICE` when it refuses a job
 */
export async function submitCalls(context: SubmitContext, calls: readonly SubmitCall[]): Promise<SubmitOutcome> {
  const submitted: number[] = []
  for (const { packed } of calls) if (packed !== undefined) await writeList(context.runFolder, packed)
  const left = calls.map((call) => ({ call, elements: call.elements }))
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const { call, elements } = next
    const limit = await submitOnce(context, call, elements)
    if (limit === undefined) {
      submitted.push(...call.unitsOf(elements ?? []))
    } else if (elements !== undefined && elements.length > 1) {
      const half = Math.ceil(elements.length / 2)
      left.unshift({ call, elements: elements.slice(0, half) }, { call, elements: elements.slice(half) })
    } else {
      const waiting = [next, ...left].flatMap((one) => one.call.unitsOf(one.elements ?? []))
      return { submitted, waiting, limit }
    }
  }
  return { submitted, waiting: [], limit: undefined }
}

/** One call; returns what Slurm says if a limit on queued jobs is reached. */
async function submitOnce(
  context: SubmitContext,
  call: SubmitCall,
  elements: readonly number[] | undefined,
): Promise<string | undefined> {
  const { commands, runFolder, hash, settings, user } = context
  // An empty list would submit element 0.
  if (elements?.length === 0) return undefined
  const token = randomBytes(4).toString('hex')
  const units = call.unitsOf(elements ?? [])
  const { memory, timeSeconds, isRaised } = call.batch
  const at = () => new Date().toISOString()
  await appendRecord(runFolder, {
    ...{ schema: 1, event: 'submitting', token, at: at(), plan: hash, user, mode: settings.mode },
    units: compressIndices(units),
    ...(call.offset === undefined ? {} : { offset: call.offset }),
    ...(call.list === undefined ? {} : { list: call.list }),
    ...memory,
    ...(Number.isFinite(timeSeconds) ? { timeSeconds } : {}),
    ...(isRaised ? { isRaised } : {}),
    logDir: settings.logDir,
  })
  const result = await commands.ask('sbatch', callArguments(call, settings, elements, token), () =>
    findJob(commands, user, token),
  )
  const jobId = typeof result === 'string' ? result : jobIdOf(result)
  if (jobId !== undefined) {
    await appendRecord(runFolder, { schema: 1, event: 'submitted', token, at: at(), jobId })
    context.onSubmitted(units.length, jobId)
    return undefined
  }
  const message = typeof result === 'string' ? result : complaint(result)
  await appendRecord(runFolder, { schema: 1, event: 'refused', token, at: at(), message })
  if (LIMIT.test(message)) return message
  throw refusal(call, message)
}

/** `12`, or `12;cluster`; sites may print greetings around it. */
function jobIdOf({ status, stdout }: CommandResult): string | undefined {
  return status === 0 ? /^(\d+)(;\S*)?\s*$/m.exec(stdout)?.[1] : undefined
}

/** The job of a call whose answer was lost. */
async function findJob(commands: SlurmCommands, user: string, token: string): Promise<string | undefined> {
  const result = await commands.ask('squeue', ['-h', '-t', 'all', '-u', user, '-o', '%F|%k'])
  if (result.status !== 0) {
    throw new NetworkError('SCHEDULER', `squeue: ${complaint(result)}`, {
      hint: 'whether the last job went in is not known; the same command finds out and goes on',
    })
  }
  const line = result.stdout.split('\n').find((candidate) => candidate.trimEnd().endsWith(`:${token}`))
  return line?.trim().split('|')[0]
}

function refusal({ script }: SubmitCall, message: string): NetworkError {
  const hints: readonly (readonly [RegExp, string])[] = [
    [
      /account/i,
      'name an account that you may use with --slurm-account; `sacctmgr show associations user=$USER` lists them',
    ],
    [/partition/i, 'choose another --slurm-partition; `sinfo` lists them'],
    [/qos/i, 'choose another --slurm-qos'],
    [/memory/i, 'choose another --slurm-memory, or `--slurm-memory none` where the site decides'],
    [/time limit/i, 'choose another --slurm-time'],
    [/array/i, 'the cluster takes smaller arrays: --slurm-mode pack, or --slurm-mode per-tile'],
  ]
  return new NetworkError('SERVICE', `sbatch refused ${script}: ${message}`, {
    hint: hints.find(([pattern]) => pattern.test(message))?.[1] ?? 'scripts are kept; `sbatch --test-only` tells more',
  })
}
