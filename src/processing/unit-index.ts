// Which unit a job is to run: the number given, or what the scheduler calls this element of its array.
import { UsageError } from '../errors.js'

/** In this order; the last two count from 1. */
const SOURCES = [
  { name: 'SLURM_ARRAY_TASK_ID', first: 0 },
  { name: 'JOB_COMPLETION_INDEX', first: 0 },
  { name: 'AWS_BATCH_JOB_ARRAY_INDEX', first: 0 },
  { name: 'PBS_ARRAY_INDEX', first: 0 },
  { name: 'LSB_JOBINDEX', first: 1 },
  { name: 'SGE_TASK_ID', first: 1 },
] as const

/** The line of the manifest, counted from 0. */
export function unitIndex(
  given: { index?: number | undefined; offset?: number | undefined },
  env: Readonly<Record<string, string | undefined>>,
): number {
  const { offset = 0 } = given
  if (given.index !== undefined) return given.index + offset
  for (const { name, first } of SOURCES) {
    const text = env[name]
    // SGE says `undefined`, and LSF 0, outside of arrays.
    if (text === undefined || !/^\d+$/.test(text) || Number(text) < first) continue
    return Number(text) - first + offset
  }
  throw new UsageError('which unit to run is not said', {
    hint: `name it with --index N, or run in an array job: ${SOURCES.map(({ name }) => name).join(', ')} are read`,
  })
}
