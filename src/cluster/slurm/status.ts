// How each unit of a plan stands: its records decide, squeue and, where there is one, sacct explain.
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plan, Unit } from '../../processing/manifest.js'
import type { UnitWithState } from '../../processing/open-units.js'
import type { SlurmCommands } from './commands.js'
import { classify, isActive, type UnitFinding } from './failure-kind.js'
import { expandIndices } from './index-list.js'
import { parseComment } from './job-comment.js'
import { readSubmissions, type Submission } from './job-records.js'
import { listPathOf, type PackList, readList } from './pack-list.js'
import { type JobEntry, readAccounting, readQueue } from './queue.js'

export interface UnitStatus extends UnitFinding {
  readonly unit: Unit
  readonly submissions: number
  /** The last call that submitted it. */
  readonly last: Submission | undefined
  readonly job: JobEntry | undefined
  /** Where its log lies, if it was submitted. */
  readonly log: string | undefined
}

export interface SlurmStatus {
  readonly units: readonly UnitStatus[]
  /** Who told how jobs ended that the queue has forgotten; `none` if nobody had to, or could. */
  readonly endsFrom: 'sacct' | 'none'
  /** Jobs of older plans of this run folder that are still queued or running. */
  readonly olderJobs: readonly string[]
}

const LOG_TAIL_BYTES = 4096
/** sacct takes job numbers as one word; older jobs than these have told their end in records by now. */
const MAX_ACCOUNTED_JOBS = 5000

/**
 * One call of squeue and at most one of sacct, whatever the number of units.
 * @param units looked at after the queue, so states should be found when they are asked for
 * @throws NetworkError `SCHEDULER` when the queue cannot be asked: what is queued is then not known
 */
export async function slurmStatus(
  plan: Plan,
  units: AsyncIterable<UnitWithState>,
  commands: SlurmCommands,
  user: string,
  nowMs: () => number = Date.now,
): Promise<SlurmStatus> {
  const all = await readSubmissions(plan.runFolder)
  const submissions = all.filter((submission) => submission.plan === plan.hash)
  // The queue first: a job that ends meanwhile is then found in the records, not taken for lost.
  const queue = await readQueue(commands, [...new Set([user, ...all.map((submission) => submission.user)])])
  const jobs = new JobsOfUnits(plan, submissions)
  await jobs.add(queue)
  const found: UnitWithState[] = []
  for await (const one of units) found.push(one)
  const unexplained = found.filter(({ unit, state }) => {
    const isDone = state.kind === 'done' || state.kind === 'empty'
    const job = jobs.of(unit.index)
    const isExplained = job !== undefined && (isActive(job) || job.exit !== undefined)
    return !isDone && !isExplained && jobs.lastOf(unit.index)?.jobId !== undefined
  })
  const endsFrom = await explainEnds(
    commands,
    jobs,
    unexplained.map(({ unit }) => unit.index),
  )
  const statuses: UnitStatus[] = []
  for (const { unit, state } of found) {
    const [job, last, count] = [jobs.of(unit.index), jobs.lastOf(unit.index), jobs.countOf(unit.index)]
    const log = last === undefined ? undefined : join(last.logDir, `${unit.id}.log`)
    const context = { submissions: count, nowMs: nowMs(), isPacked: last?.mode === 'pack' }
    const isKilled = job?.state === 'FAILED' && log !== undefined
    const finding = classify(state, job, { ...context, logTail: isKilled ? await tailOf(log) : undefined })
    statuses.push({ ...finding, unit, submissions: count, last, job, log })
  }
  const older = new Set(
    all.flatMap(({ plan: hash, jobId }) => (hash === plan.hash || jobId === undefined ? [] : [jobId])),
  )
  const olderJobs = new Set(
    queue.filter((entry) => older.has(entry.jobId) && isActive(entry)).map(({ jobId }) => jobId),
  )
  return { units: statuses, endsFrom, olderJobs: [...olderJobs] }
}

async function explainEnds(
  commands: SlurmCommands,
  jobs: JobsOfUnits,
  unexplained: readonly number[],
): Promise<SlurmStatus['endsFrom']> {
  const ids = [...new Set(unexplained.flatMap((index) => jobs.lastOf(index)?.jobId ?? []))]
  if (ids.length === 0) return 'none'
  const told = await readAccounting(commands, ids.slice(-MAX_ACCOUNTED_JOBS))
  if (told === undefined) return 'none'
  // Accounting lags behind, and a crash leaves jobs in it that run for ever: what runs is for the queue to say.
  await jobs.add(told.filter((entry) => !isActive(entry)))
  return 'sacct'
}

/** Which job belongs to which unit: by the records of our calls, else by the comment of the job. */
class JobsOfUnits {
  readonly #plan: Plan
  readonly #byJob: Map<string, Submission>
  readonly #byToken: Map<string, Submission>
  readonly #submissions = new Map<number, Submission[]>()
  readonly #entries = new Map<number, JobEntry>()
  readonly #lists = new Map<string, PackList>()

  constructor(plan: Plan, submissions: readonly Submission[]) {
    this.#plan = plan
    this.#byJob = new Map(submissions.flatMap((one) => (one.jobId === undefined ? [] : [[one.jobId, one]])))
    this.#byToken = new Map(submissions.map((one) => [one.token, one]))
    for (const one of submissions.filter(({ jobId }) => jobId !== undefined)) this.#count(one)
  }

  of(index: number): JobEntry | undefined {
    return this.#entries.get(index)
  }

  lastOf(index: number): Submission | undefined {
    return this.#submissions.get(index)?.at(-1)
  }

  countOf(index: number): number {
    return this.#submissions.get(index)?.length ?? 0
  }

  async add(entries: readonly JobEntry[]): Promise<void> {
    for (const entry of entries) {
      for (const index of await this.#unitsOf(entry)) {
        const before = this.#entries.get(index)
        // Accounting writes of an array before it knows its elements: good for what nothing else is known of.
        const isVague = entry.element === undefined && before?.element !== undefined && before.jobId === entry.jobId
        if (before === undefined || (!isVague && isNewer(entry, before))) this.#entries.set(index, entry)
      }
    }
  }

  #count(submission: Submission): void {
    for (const index of expandIndices(submission.units)) {
      this.#submissions.set(index, [...(this.#submissions.get(index) ?? []), submission])
    }
  }

  async #unitsOf({ jobId, element, comment }: JobEntry): Promise<readonly number[]> {
    const about = parseComment(this.#plan, comment)
    const recorded = this.#byJob.get(jobId) ?? this.#adopted(jobId, about?.token)
    if (recorded !== undefined) {
      if (recorded.mode === 'per-tile' || element === undefined) return expandIndices(recorded.units)
      if (recorded.mode === 'array') return [(recorded.offset ?? 0) + element]
      return (await this.#list(recorded.list ?? ''))[element] ?? []
    }
    // Submitted by hand, or the record was lost.
    if (about === undefined) return []
    const { kind, detail } = about
    if (kind === 'unit') return [Number(detail)]
    if (element === undefined) return []
    if (kind === 'array') return [Number(detail) + element]
    return (await this.#list(listPathOf(this.#plan.runFolder, detail)))[element] ?? []
  }

  /** A call whose answer was lost, and whose job is there. */
  #adopted(jobId: string, token = ''): Submission | undefined {
    const submission = this.#byToken.get(token)
    if (submission === undefined) return undefined
    const adopted = { ...submission, jobId }
    this.#byJob.set(jobId, adopted)
    this.#byToken.delete(token)
    this.#count(adopted)
    return adopted
  }

  async #list(path: string): Promise<PackList> {
    const known = this.#lists.get(path) ?? (await readList(path))
    this.#lists.set(path, known)
    return known
  }
}

/** An active job counts before one that has ended, then the later one; of one job the later answer. */
function isNewer(entry: JobEntry, before: JobEntry): boolean {
  if (isActive(entry) !== isActive(before)) return isActive(entry)
  return Number(entry.jobId) >= Number(before.jobId)
}

async function tailOf(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      const length = Math.min(size, LOG_TAIL_BYTES)
      return (await file.read(Buffer.alloc(length), 0, length, size - length)).buffer.toString('utf8')
    } finally {
      await file.close()
    }
  } catch {
    return undefined
  }
}
