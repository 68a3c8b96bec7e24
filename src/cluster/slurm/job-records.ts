// `jobs.jsonl`: what was submitted for a run, one line before each call of sbatch and one right after it.
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { systemCode, writeFailure } from '../../access/write-file.js'
import { SLURM_MODES } from './settings.js'

const count = z.number().int().nonnegative()

const SubmittingJson = z.object({
  schema: z.literal(1),
  event: z.literal('submitting'),
  /** Part of the job's comment: finds the job if the answer was lost. */
  token: z.string(),
  /** ISO 8601. */
  at: z.string(),
  plan: z.string(),
  user: z.string(),
  mode: z.enum(SLURM_MODES),
  /** Units of the job: `3,6,10-20`. */
  units: z.string(),
  /** array: added to the number of an element. */
  offset: count.exactOptional(),
  /** pack: file with the units of each element. */
  list: z.string().exactOptional(),
  perJobMiB: count.exactOptional(),
  perCpuMiB: count.exactOptional(),
  /** Absent where there is no limit. */
  timeSeconds: z.number().exactOptional(),
  /** More than was asked for, because a job failed without. */
  isRaised: z.boolean().exactOptional(),
  logDir: z.string(),
})
export type Submitting = z.output<typeof SubmittingJson>

const RecordJson = z.discriminatedUnion('event', [
  SubmittingJson,
  z.object({
    schema: z.literal(1),
    event: z.literal('submitted'),
    token: z.string(),
    at: z.string(),
    jobId: z.string(),
  }),
  z.object({
    schema: z.literal(1),
    event: z.literal('refused'),
    token: z.string(),
    at: z.string(),
    message: z.string(),
  }),
])
export type JobRecord = z.output<typeof RecordJson>

/** One call of sbatch, and what came of it. */
export interface Submission extends Submitting {
  /** Absent if the call was refused, or its answer was lost. */
  readonly jobId: string | undefined
  readonly refusal: string | undefined
}

export function recordsPath(runFolder: string): string {
  return join(runFolder, 'slurm', 'jobs.jsonl')
}

/** Adds a line, on the disk before this returns. */
export async function appendRecord(runFolder: string, record: JobRecord): Promise<void> {
  const path = recordsPath(runFolder)
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(path, 'a+')
    try {
      // A line that a crash cut short must not swallow this one.
      const { size } = await file.stat()
      const last = size === 0 ? undefined : (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer.toString()
      await file.write(`${last === undefined || last === '\n' ? '' : '\n'}${JSON.stringify(record)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw await writeFailure(cause, path)
  }
}

/** All submissions of a plan, oldest first. A line that was cut short says nothing. */
export async function readSubmissions(runFolder: string, plan?: string): Promise<Submission[]> {
  const submissions = new Map<string, Submission>()
  for (const line of (await readText(recordsPath(runFolder))).split('\n')) {
    const record = parseLine(line)
    if (record?.event === 'submitting') {
      submissions.set(record.token, { ...record, jobId: undefined, refusal: undefined })
      continue
    }
    const before = record === undefined ? undefined : submissions.get(record.token)
    if (record === undefined || before === undefined) continue
    const result = record.event === 'submitted' ? { jobId: record.jobId } : { refusal: record.message }
    submissions.set(record.token, { ...before, ...result })
  }
  return [...submissions.values()].filter((submission) => plan === undefined || submission.plan === plan)
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return ''
    throw error
  }
}

function parseLine(line: string): JobRecord | undefined {
  if (line.trim() === '') return undefined
  try {
    return RecordJson.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}
