// Slurm with other limits: small arrays, few jobs, no accounting, nodes that start on demand, a controller that is gone.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { Claim } from '../../src/access/claim.js'
import { SlurmCommands } from '../../src/cluster/slurm/commands.js'
import { readSubmissions } from '../../src/cluster/slurm/job-records.js'
import { slurmStatus } from '../../src/cluster/slurm/status.js'
import { unitStates } from '../../src/processing/open-units.js'
import { canConfigure, configuredTest, SlurmRun, slurm, startSlurm, takeCluster, until } from './slurm-cluster.js'

let held: Claim | undefined
beforeAll(async () => {
  if (canConfigure) held = await takeCluster()
}, 900_000)
afterAll(async () => {
  if (canConfigure) startSlurm()
  await held?.release()
}, 300_000)

const statusOf = (run: SlurmRun) =>
  slurmStatus(run.plan, unitStates(run.plan), new SlurmCommands({ env: process.env }), 'root')

describe('small arrays', () => {
  beforeAll(() => startSlurm({ SLURM_LOCAL_MAX_ARRAY: '11', SLURM_LOCAL_CPUS: '8' }), 300_000)

  configuredTest('25 tiles go in as three arrays, and packed as one', async () => {
    const run = await SlurmRun.of(25)
    expect(await run.submit({})).toMatchObject({ handedOver: 25 })
    expect((await readSubmissions(run.folder)).map(({ units, offset }) => `${units} + ${offset}`)).toEqual([
      ...['0-9 + 0', '10-19 + 10', '20-24 + 20'],
    ])
    await run.settle()
    expect(new Set(await run.states())).toEqual(new Set(['done']))
    const packed = await SlurmRun.of(25)
    await packed.submit({ tilesPerJob: 3 })
    expect(packed.jobs()).toHaveLength(1)
    await packed.settle()
    expect(new Set(await packed.states())).toEqual(new Set(['done']))
  })

  configuredTest('submit.sh stays within the limit as well', async () => {
    const run = await SlurmRun.of(12)
    await run.submit({ submit: false })
    slurm('bash', join(run.folder, 'slurm', 'submit.sh'), 'array')
    expect((await statusOf(run)).units.map(({ kind }) => kind)).not.toContain('open')
    await run.settle()
    expect(new Set(await run.states())).toEqual(new Set(['done']))
  })
})

describe('few jobs at a time', () => {
  beforeAll(() => startSlurm({ SLURM_LOCAL_MAX_SUBMIT: '5' }), 300_000)

  configuredTest.each(['array', 'per-tile'] as const)(
    '%s: the limit is filled, told, and nothing is lost',
    async (mode) => {
      const run = await SlurmRun.of(8, { default: { sleepMs: 500 } })
      expect(await run.submit({ mode })).toMatchObject({ handedOver: 5, retry: 3, failed: 0 })
      expect(run.said()).toMatch(/takes no more jobs of yours now \(.*MaxSubmitJobLimit.*\): 5 tiles went in, 3 wait/)
      await run.settle()
      expect(await run.submit({ mode })).toMatchObject({ handedOver: 3, retry: 0 })
      await run.settle()
      expect(new Set(await run.states())).toEqual(new Set(['done']))
      expect(run.told('start')).toHaveLength(8)
    },
  )
})

describe('without accounting', () => {
  beforeAll(() => startSlurm({ SLURM_LOCAL_ACCOUNTING: 'jobcomp' }), 300_000)

  configuredTest('how jobs ended is told all the same', async () => {
    const run = await SlurmRun.of(5, { 1: { exit: 75 }, 2: { allocateMiB: 280 }, 3: { exit: 65 } })
    await run.submit({ account: 'any-is-taken-here' })
    await run.settle()
    expect(() => slurm('sacct', '-n')).toThrow(/accounting storage is disabled/)
    const { units, endsFrom } = await statusOf(run)
    expect(units.map(({ kind }) => kind)).toEqual(['done', 'transient', 'memory', 'permanent', 'done'])
    expect(endsFrom).toBe('none')
    run.behave({})
    expect(await run.submit({ retryFailed: true })).toMatchObject({ handedOver: 3 })
    await run.settle()
    expect(new Set(await run.states())).toEqual(new Set(['done']))
  })

  configuredTest('a controller that is gone is waited for, and told in words; files stay as they are', async () => {
    const run = await SlurmRun.of(3)
    slurm('scontrol', 'shutdown', 'slurmctld')
    await until(
      20,
      () =>
        !existsSync('/run/slurm-local/slurmctld.pid') ||
        !slurm('bash', '-c', 'scontrol ping || true').includes('is UP'),
    )
    const refused = run.submit({}, {}, { waitsMs: [100] })
    await expect(refused).rejects.toMatchObject({ code: 'SCHEDULER', exitCode: 75, retryable: true })
    expect(run.said()).toMatch(/Unable to contact slurm controller.*trying again in 0.1 s/)
    expect(readdirSync(join(run.folder, 'slurm'))).toContain('tiles.array.sbatch')
    startSlurm({ SLURM_LOCAL_ACCOUNTING: 'jobcomp', SLURM_LOCAL_CPUS: '4' })
    expect(await run.submit({})).toMatchObject({ handedOver: 3 })
    await run.settle()
    expect(run.told('start')).toHaveLength(3)
  })
})

describe('nodes that start on demand', () => {
  beforeAll(
    () => startSlurm({ SLURM_LOCAL_CLOUD: '1', SLURM_LOCAL_RESUME_DELAY: '8', SLURM_LOCAL_ACCOUNTING: 'jobcomp' }),
    300_000,
  )

  configuredTest(
    'a job whose node is being made ready is starting, not stuck',
    async () => {
      const run = await SlurmRun.of(2)
      expect(await run.submit({})).toMatchObject({ handedOver: 2 })
      expect(run.events.filter(({ kind }) => kind === 'warning')).toEqual([])
      await until(120, () => slurm('squeue', '-h', '-r', '-o', '%T').includes('CONFIGURING'))
      const { units } = await statusOf(run)
      expect(units.map(({ kind }) => kind)).toEqual(['active', 'active'])
      expect(units[0]?.detail).toMatch(/^starting: the node of job \d+_0 is being made ready$/)
      expect(units.flatMap(({ warning }) => warning ?? [])).toEqual([])
      expect(await run.submit({})).toMatchObject({ handedOver: 2 })
      expect(run.jobs()).toEqual([])
      await run.settle(120)
      expect(await run.states()).toEqual(['done', 'done'])
    },
    200_000,
  )
})
