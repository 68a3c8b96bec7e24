// What Slurm says of our jobs: squeue while Slurm remembers them, sacct after that.
import { NetworkError } from '../../errors.js'
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

/** Columns that squeue is asked for; the comment is anybody's own text and may hold anything, so it comes last. */
const COLUMNS = [
  ['JobArrayID', 32],
  ['State', 24],
  ['exit_code', 16],
  ['EndTime', 24],
  ['Reason', 48],
  ['Comment', 96],
] as const

/** All jobs of some users that Slurm still knows, ended ones too while it keeps them. One call, two on odd clusters. */
export async function readQueue(commands: SlurmCommands, users: readonly string[]): Promise<JobEntry[]> {
  const args = ['-h', '-r', '-t', 'all', '-u', users.join(',')]
  const columns = COLUMNS.map(([name, width]) => `${name}:${width}`).join(',')
  const result = await commands.ask('squeue', [...args, '-O', columns])
  if (result.status === 0) return parseQueueColumns(result.stdout)
  // Sites wrap squeue, and wrappers know few options.
  const plain = await commands.ask('squeue', [...args, '-o', '%i|%T|%r|%k'])
  if (plain.status !== 0) {
    const hint = 'what is queued is not known, so nothing is submitted; the same command goes on from there'
    throw new NetworkError('SCHEDULER', `squeue: ${complaint(plain)}`, { hint })
  }
  return parseQueue(plain.stdout)
}

export function parseQueueColumns(text: string): JobEntry[] {
  return text.split('\n').flatMap((line) => {
    let from = 0
    const [id = '', state = '', exit = '', end = '', reason = '', comment = ''] = COLUMNS.map(([, width]) => {
      from += width
      return line.slice(from - width, from).trim()
    })
    return state === '' ? [] : entriesOf(id, { state, reason, comment, ...waitStatusOf(exit), ...endOf(end) })
  })
}

export function parseQueue(text: string): JobEntry[] {
  return text.split('\n').flatMap((line) => {
    const [id = '', state, reason = '', ...comment] = line.trim().split('|')
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
    return entriesOf(id.trim(), { state, reason, comment: '', ...accountedExit(exit), ...endOf(end) })
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

/** sacct takes 128 off a status that bash gave a killed child: 137 is told as 9. No unit ends with 9 or 15 itself. */
function accountedExit(text: string): Pick<JobEntry, 'exit'> {
  const { exit } = exitOf(text)
  if (exit === undefined) return {}
  return { exit: exit.status === 9 || exit.status === 15 ? { ...exit, status: exit.status + 128 } : exit }
}

/** A status as `wait` gives it, or as the other commands write it. */
function waitStatusOf(text: string): Pick<JobEntry, 'exit'> {
  const code = /^\d+$/.test(text) ? Number(text) : undefined
  return code === undefined ? exitOf(text) : { exit: { status: code >> 8, signal: code & 127 } }
}

/** Slurm writes local time without its zone. */
function endOf(text: string): Pick<JobEntry, 'endedAtMs'> {
  const ms = /^\d{4}-\d\d-\d\dT/.test(text.trim()) ? Date.parse(text.trim()) : Number.NaN
  return Number.isNaN(ms) ? {} : { endedAtMs: ms }
}
