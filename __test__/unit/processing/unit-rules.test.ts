// The small rules of units: index of an array, threads and memory, exit status of what went wrong.
import { availableParallelism } from 'node:os'
import { expect, test } from 'vitest'
import { AbortError, ERROR_CODES, type ErrorCode, errorFromCode, isErrorCode } from '../../../src/errors.js'
import { unitIndex } from '../../../src/processing/unit-index.js'
import { unitLimits } from '../../../src/processing/unit-limits.js'
import { unitStatusOf } from '../../../src/processing/unit-status.js'

test.each<[Record<string, string>, number]>([
  [{ SLURM_ARRAY_TASK_ID: '4', SGE_TASK_ID: '9' }, 4],
  [{ JOB_COMPLETION_INDEX: '0' }, 0],
  [{ AWS_BATCH_JOB_ARRAY_INDEX: '7' }, 7],
  [{ PBS_ARRAY_INDEX: '3' }, 3],
  [{ LSB_JOBINDEX: '1' }, 0],
  [{ SGE_TASK_ID: '12' }, 11],
  [{ LSB_JOBINDEX: '0', SGE_TASK_ID: '2' }, 1],
])('%j is unit %i', (env, index) => {
  expect(unitIndex({}, env)).toBe(index)
  expect(unitIndex({ offset: 1000 }, env)).toBe(index + 1000)
  expect(unitIndex({ index: 5 }, env)).toBe(5)
})

test('without an index nothing is guessed', () => {
  expect(() => unitIndex({}, { SGE_TASK_ID: 'undefined', LSB_JOBINDEX: '0' })).toThrow(/which unit to run/)
})

test('threads: those asked for, within what Slurm and the machine grant', () => {
  const unit = { threads: 64, memoryMiB: 1000 }
  const threads = (env: Record<string, string>, given?: number) => unitLimits(unit, { threads: given }, env).threads
  expect(threads({})).toBe(availableParallelism())
  expect(threads({}, 1)).toBe(1)
  expect(threads({ SLURM_CPUS_PER_TASK: '1', SLURM_CPUS_ON_NODE: '64' })).toBe(1)
  expect(threads({ SLURM_CPUS_ON_NODE: '1(x2)' })).toBe(1)
  expect(threads({ SLURM_CPUS_PER_TASK: '64' }, 500)).toBe(availableParallelism())
})

test('memory: that of the unit, or its share of a job that has more', () => {
  const unit = { threads: 1, memoryMiB: 1000 }
  const mib = (env: Record<string, string>, memoryBytes?: number) =>
    Math.round(unitLimits(unit, { memoryBytes }, env).memoryBytes / 2 ** 20)
  expect(mib({})).toBe(900)
  expect(mib({ SLURM_MEM_PER_NODE: '4000', SLURM_CPUS_PER_TASK: '1' })).toBe(3600)
  // Four units of one thread share a job of four processors.
  expect(mib({ SLURM_MEM_PER_NODE: '8000', SLURM_CPUS_PER_TASK: '4' })).toBe(1800)
  expect(mib({ SLURM_MEM_PER_CPU: '3000', SLURM_CPUS_PER_TASK: '2' })).toBe(2700)
  expect(mib({ SLURM_MEM_PER_NODE: '500', SLURM_CPUS_PER_TASK: '1' })).toBe(900)
  expect(mib({ SLURM_MEM_PER_NODE: '9000' }, 2 ** 30)).toBe(1024)
})

test('every error ends with a status that engines know', () => {
  const known = new Set([2, 65, 70, 75, 77, 78])
  for (const code of Object.keys(ERROR_CODES)) {
    if (isErrorCode(code)) expect(known, code).toContain(unitStatusOf(errorFromCode(code, 'a message')))
  }
  const statuses: [ErrorCode, number][] = [
    ['NETWORK', 75],
    ['DISK_FULL', 75],
    ['CORRUPT', 65],
    ['AUTH_MISSING', 77],
    ['CONFIG', 78],
    ['MEMORY_BUDGET', 65],
  ]
  for (const [code, status] of statuses) expect(unitStatusOf(errorFromCode(code, 'a message'))).toBe(status)
  expect(unitStatusOf(new AbortError())).toBe(75)
  expect(unitStatusOf(new TypeError('a bug'))).toBe(70)
})
