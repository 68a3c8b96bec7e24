// What Slurm says of our jobs: squeue for those that are alive, sacct or scontrol for those that have ended.
import { complaint, type SlurmCommands } from './commands.js'
import { expandIndices } from './index-list.js'

/** One job or one element of an array. */
export interface JobEntry {
  /** As people write it: `12`, `12_3`. */
  readonly id: string
  /** Of the whole array, or of the job. */
  readonly jobId: string
  readonly element: number | undefined
  /** In capitals; `CANCELLED` without the words after it. */
  readonly state: string
  /** Why it waits, or why it ended. */
  readonly reason: string
  readonly comment: string
  /** Exit status and signal; absent where the source does not tell. */
  readonly exit?: { readonly status: number; readonly signal: number }
  /** Milliseconds since 1970; absent where unknown. */
  readonly endedAtMs?: number
}

const UNIT_SEPARATOR = '\x1f'

/** All jobs of some users that Slurm still knows, ended ones too while it keeps them. One call. */
export async function readQueue(commands: SlurmCommands, users: readonly string[]): Promise<JobEntry[]> {
  const args = ['-h', '-r', '-t', 'all', '-u', users.join(','), '-o', '%i|%T|%r|%k']
  const result = await commands.ask('squeue', args)
  if (result.status !== 0) throw new Error(complaint(result))
  return parseQueue(result.stdout)
}

export function parseQueue(text: string): JobEntry[] {
  return text.split('\n').flatMap((line) => {
    const [id = '', state, reason = '', ...comment] = line.trim().split('|')
    // The comment is the user's own text and may hold anything, so it comes last.
    return state === undefined ? [] : entriesOf(id, { state, reason, comment: comment.join('|') })
  })
}

/** Records of ended jobs; `undefined` where the cluster keeps none. One call. */
export async function readAccounting(
  commands: SlurmCommands,
  jobIds: readonly string[],
): Promise<JobEntry[] | undefined> {
  if (jobIds.length === 0) return []
  // Old releases take only fields they know, and a separator that no name can hold keeps columns apart.
  const fields = 'JobID,State,ExitCode,End,Reason'
  const format = ['-X', '-n', '-P', `--delimiter=${UNIT_SEPARATOR}`, '-o', fields]
  const result = await commands.run('sacct', [...format, '-j', jobIds.join(',')])
  return result.status === 0 ? parseAccounting(result.stdout) : undefined
}

export function parseAccounting(text: string): JobEntry[] {
  return text.split('\n').flatMap((line) => {
    const [id = '', state, exit = '', end = '', reason = ''] = line.split(UNIT_SEPARATOR)
    if (state === undefined) return []
    return entriesOf(id.trim(), { state, reason, comment: '', ...exitOf(exit), ...endOf(end) })
  })
}

/** What the controller remembers of ended jobs, on clusters without accounting. One call. */
export async function readControllerJobs(commands: SlurmCommands): Promise<JobEntry[]> {
  const result = await commands.run('scontrol', ['-o', 'show', 'job'])
  return result.status === 0 ? parseControllerJobs(result.stdout) : []
}

export function parseControllerJobs(text: string): JobEntry[] {
  return text.split('\n').flatMap((line) => {
    const field = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S*)`).exec(line)?.[1]
    const [jobId, state] = [field('JobId'), field('JobState')]
    if (jobId === undefined || state === undefined) return []
    const [array, element] = [field('ArrayJobId'), field('ArrayTaskId')]
    const id = array !== undefined && element !== undefined ? `${array}_[${element}]` : jobId
    const told = { state, reason: field('Reason') ?? '', comment: '' }
    return entriesOf(id, { ...told, ...exitOf(field('ExitCode') ?? ''), ...endOf(field('EndTime') ?? '') })
  })
}

type Told = Pick<JobEntry, 'state' | 'reason' | 'comment' | 'exit' | 'endedAtMs'>

/** One entry for `12` and `12_3`, several for what Slurm writes together: `12_[4-9%2]`. */
function entriesOf(id: string, told: Told): JobEntry[] {
  // `CANCELLED by 1000`, `COMPLETED+`
  const state = (/^[A-Z_]+/.exec(told.state.trim().toUpperCase()) ?? [told.state])[0]
  const [, jobId, elements] = /^(\d+)(?:_(\d+|\[.*\]))?$/.exec(id) ?? []
  if (jobId === undefined) return []
  if (elements === undefined) return [{ ...told, state, id: jobId, jobId, element: undefined }]
  return expandIndices(elements).map((element) => ({ ...told, state, id: `${jobId}_${element}`, jobId, element }))
}

function exitOf(text: string): Pick<JobEntry, 'exit'> {
  const [, status, signal] = /^(\d+):(\d+)$/.exec(text.trim()) ?? []
  return status === undefined ? {} : { exit: { status: Number(status), signal: Number(signal) } }
}

/** Slurm writes local time without its zone. */
function endOf(text: string): Pick<JobEntry, 'endedAtMs'> {
  const ms = /^\d{4}-\d\d-\d\dT/.test(text.trim()) ? Date.parse(text.trim()) : Number.NaN
  return Number.isNaN(ms) ? {} : { endedAtMs: ms }
}
