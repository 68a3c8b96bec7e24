// The scheduler on a real Slurm: what goes in, what comes of it, what goes in again.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { Claim } from '../../src/access/claim.js'
import { SlurmCommands } from '../../src/cluster/slurm/commands.js'
import { readSubmissions } from '../../src/cluster/slurm/job-records.js'
import type { SlurmOptions } from '../../src/cluster/slurm/settings.js'
import { slurmStatus } from '../../src/cluster/slurm/status.js'
import { readUnit } from '../../src/processing/manifest.js'
import { unitStates } from '../../src/processing/open-units.js'
import { writeFailed } from '../../src/processing/records.js'
import { failureOf } from '../unit/processing/plans.js'
import {
  configuredTest,
  hasSlurm,
  SlurmRun,
  slurm,
  slurmTest,
  startSlurm,
  takeCluster,
  until,
} from './slurm-cluster.js'

let held: Claim | undefined
beforeAll(async () => {
  if (!hasSlurm) return
  held = await takeCluster()
  startSlurm()
}, 900_000)
afterAll(async () => {
  await held?.release()
})

async function kindsOf(run: SlurmRun): Promise<string[]> {
  const commands = new SlurmCommands({ env: process.env })
  const { units } = await slurmStatus(run.plan, unitStates(run.plan), commands, 'root')
  return units.map(({ kind }) => kind)
}

async function calls(run: SlurmRun): Promise<string[]> {
  return (await readSubmissions(run.folder)).map(({ units }) => units)
}

const MODES: [string, SlurmOptions][] = [
  ['array', {}],
  ['per-tile', { mode: 'per-tile' }],
  ['pack', { tilesPerJob: 2 }],
  ['pack, two at a time', { tilesPerJob: 4, tilesAtOnce: 2 }],
]

describe.each(MODES)('%s', (_, options) => {
  slurmTest('every tile is done in a folder with a hostile name, with a log of its own', async () => {
    const run = await SlurmRun.of(5, {}, ` g it's a "test" ü $HOME;&|<>(){}[]*?!~# %j`)
    const outcome = await run.submit(options)
    expect(outcome).toEqual({ done: 0, failed: 0, retry: 0, handedOver: 5 })
    await run.settle()
    expect(await run.states()).toEqual(['done', 'done', 'done', 'done', 'done'])
    const logs = readdirSync(join(run.folder, 'slurm', 'logs')).sort()
    expect(logs).toEqual(
      run.plan.unitCount === 5 ? [0, 1, 2, 3, 4].map((i) => `AST_L1T_${i}.0_0.0_${i + 1}.0_1.0.log`) : [],
    )
    expect(readFileSync(join(run.folder, 'slurm', 'logs', logs[3] ?? ''), 'utf8')).toContain('unit 3 AST_L1T_3.0')
    expect(
      run
        .told('start')
        .map(({ index }) => index)
        .sort(),
    ).toEqual([0, 1, 2, 3, 4])
    // Again: nothing is open, so sbatch is not called.
    const before = await calls(run)
    expect(await run.submit(options)).toEqual({ done: 0, failed: 0, retry: 0, handedOver: 0 })
    expect(await calls(run)).toEqual(before)
  })

  slurmTest('what is queued or running is not submitted again', async () => {
    const run = await SlurmRun.of(5, { default: { sleepMs: 4000 } })
    await run.submit(options)
    await until(120, () => run.told('start').length > 0)
    expect(await run.submit(options)).toMatchObject({ handedOver: 5, retry: 0 })
    expect(run.jobs()).toEqual([])
    // The record of calls may be lost; jobs still tell which tiles they are about.
    rmSync(join(run.folder, 'slurm', 'jobs.jsonl'))
    expect(await run.submit(options)).toMatchObject({ handedOver: 5, retry: 0 })
    expect(run.jobs()).toEqual([])
    await run.settle()
    expect(run.told('start')).toHaveLength(5)
  })

  slurmTest('only tiles that failed go again, and bad data only when asked for', async () => {
    const run = await SlurmRun.of(6, { 1: { exit: 65 }, 2: { exit: 75 }, 4: { kill: true } })
    await run.submit({ ...options, retryMemory: 1 })
    await run.settle()
    expect(await run.states()).toEqual(['done', 'open', 'open', 'done', 'open', 'done'])
    run.behave({})
    const isPack = options.tilesPerJob !== undefined
    const outcome = await run.submit({ ...options, retryMemory: 1 })
    await run.settle()
    const again = run
      .told('start')
      .slice(6)
      .map(({ index }) => index)
    // In a packed job only the record of a unit tells of bad data, and this program writes none.
    expect(again.sort()).toEqual(isPack ? [1, 2, 4] : [2, 4])
    expect(outcome).toMatchObject(isPack ? { failed: 0, handedOver: 3 } : { failed: 1, handedOver: 2 })
    if (isPack) return
    expect(run.said()).toContain('--retry-failed')
    await run.submit({ ...options, retryFailed: true })
    await run.settle()
    expect(new Set(await run.states())).toEqual(new Set(['done']))
  })
})

describe('traps', () => {
  configuredTest('a folder of logs that is gone kills jobs without a word: it is named, and made again', async () => {
    const run = await SlurmRun.of(2)
    slurm('scontrol', 'update', 'partitionname=hpc', 'state=down')
    // A partition that is down is told before anything is submitted.
    await expect(run.submit({})).rejects.toThrow(/partition hpc: it is DOWN/)
    slurm('scontrol', 'update', 'partitionname=hpc', 'state=up')
    await run.submit({ submit: false })
    rmSync(join(run.folder, 'slurm', 'logs'), { recursive: true })
    slurm('bash', join(run.folder, 'slurm', 'submit.sh'))
    await run.settle()
    expect(await run.states()).toEqual(['open', 'open'])
    const commands = new SlurmCommands({ env: process.env })
    const { units } = await slurmStatus(run.plan, unitStates(run.plan), commands, 'root')
    expect(units[0]?.job?.state).toBe('FAILED')
    expect(await run.submit({})).toMatchObject({ handedOver: 2 })
    await run.settle()
    expect(await run.states()).toEqual(['done', 'done'])
  })

  configuredTest('a job that could not be started says so', async () => {
    const run = await SlurmRun.of(2, {})
    slurm('scontrol', 'update', 'nodename=hpc-1', 'state=drain', 'reason=test')
    await run.submit({})
    rmSync(join(run.folder, 'slurm', 'logs'), { recursive: true })
    slurm('scontrol', 'update', 'nodename=hpc-1', 'state=resume')
    await run.settle()
    expect(await kindsOf(run)).toEqual(['launch', 'launch'])
    await run.submit({})
    expect(run.said()).toMatch(/could not be started, job \d+_0: FAILED \d+:53: is the folder of logs there/)
    await run.settle()
    expect(await run.states()).toEqual(['done', 'done'])
  })

  slurmTest('a signal that comes before the unit has started is not lost, and does not kill the job', async () => {
    const run = await SlurmRun.of(1, { default: { steps: 60 } })
    const prelude = join(run.folder, 'prelude.sh')
    writeFileSync(prelude, `echo ready >>'${run.folder}/ready'\nsleep 3\n`)
    await run.submit({ maxRetries: 0, prelude })
    await until(120, () => existsSync(join(run.folder, 'ready')))
    const [job = ''] = run.jobs()
    slurm('scancel', '--batch', '--signal=USR2', job)
    await run.settle()
    expect(run.told().map(({ what }) => what)).toEqual([])
    expect(slurm('sacct', '-X', '-n', '-P', '-o', 'State,ExitCode', '-j', job).trim()).toBe('FAILED|75:0')
    expect(await kindsOf(run)).toEqual(['transient'])
  })

  slurmTest.each([
    ['account', 'aster\ntouch PWNED\n'],
    ['partition', 'hpc\ntouch PWNED\n'],
    ['time', '1\ntouch PWNED\n'],
    ['memory', '1G\ntouch PWNED\n'],
    ['scriptDir', '/tmp/a\ntouch PWNED\n'],
  ])('a line end in %s runs nothing', async (name, value) => {
    const run = await SlurmRun.of(1)
    await expect(run.submit({ [name]: value })).rejects.toMatchObject({ code: 'USAGE' })
    expect(existsSync(join(run.folder, 'slurm'))).toBe(false)
  })

  slurmTest('secrets reach neither the job nor the accounting database', async () => {
    const run = await SlurmRun.of(2)
    const env = {
      EARTHDATA_TOKEN: 'SECRET-TOKEN',
      EARTHDATA_PASSWORD: 'SECRET-WORD',
      PC_SDK_SUBSCRIPTION_KEY: 'SECRET-KEY',
    }
    await run.submit({}, { ...env, MARKER: 'is-stored' })
    expect(run.said()).toContain('EARTHDATA_PASSWORD, EARTHDATA_TOKEN, PC_SDK_SUBSCRIPTION_KEY is not handed to jobs')
    await run.settle()
    const [job = ''] = run.jobs()
    await until(120, () => slurm('sacct', '-j', job, '--env-vars').includes('MARKER=is-stored'))
    const stored = slurm('sacct', '-j', job, '--env-vars') + slurm('sacct', '-j', job, '-B')
    expect(stored).toContain('run-unit')
    expect(stored).not.toContain('SECRET')
    expect(run.told('start').flatMap(({ secrets }) => secrets)).toEqual([])
    for (const name of readdirSync(run.folder, { recursive: true, encoding: 'utf8' })) {
      const path = join(run.folder, name)
      const text = spawnSync('cat', [path], { encoding: 'utf8' }).stdout
      expect(text, name).not.toContain('SECRET')
    }
  })

  slurmTest("the user's own settings of Slurm change neither what runs nor what is read", async () => {
    const run = await SlurmRun.of(3, { default: { sleepMs: 3000 } })
    const formats = {
      SQUEUE_FORMAT: '%j',
      SACCT_FORMAT: 'User',
      SQUEUE_STATES: 'F',
      SLURM_TIME_FORMAT: '%s',
      SINFO_FORMAT: '%N',
    }
    const env = {
      SBATCH_PARTITION: 'htc',
      SBATCH_TIMELIMIT: '9',
      SBATCH_ARRAY_INX: '7',
      SLURM_CPUS_PER_TASK: '99',
      ...formats,
    }
    await run.submit({ partition: 'hpc' }, env)
    expect(run.said()).toContain('SBATCH_ARRAY_INX, SBATCH_PARTITION, SBATCH_TIMELIMIT would overrule')
    const [job = ''] = run.jobs()
    const shown = new Set(slurm('squeue', '-h', '-r', '-j', job, '-o', '%P|%l').trim().split('\n'))
    expect(shown).toEqual(new Set(['hpc|10:00']))
    expect(await run.submit({}, env)).toMatchObject({ handedOver: 3 })
    expect(run.jobs()).toEqual([])
    await run.settle()
    expect(await run.states()).toEqual(['done', 'done', 'done'])
  })
})

describe('what could wait for ever is told at once', () => {
  slurmTest.each<[SlurmOptions, RegExp]>([
    [{ partition: 'hcp' }, /no partition hcp.*/],
    [{ time: '3-0' }, /jobs end there after 1-00:00:00.*PartitionTimeLimit/],
    [{ cpusPerTask: 99 }, /4 processors, and 99 are asked for.*PartitionConfig/],
    [{ memory: '999G' }, /8000 MiB of memory/],
    [{ constraint: 'gpu' }, /none of its nodes has the feature gpu/],
  ])('%j', async (options, message) => {
    const run = await SlurmRun.of(1)
    await expect(run.submit(options)).rejects.toThrow(message)
    expect(existsSync(join(run.folder, 'slurm'))).toBe(false)
  })

  slurmTest('an account that Slurm refuses is told, with scripts kept', async () => {
    const run = await SlurmRun.of(2)
    const hint = expect.stringContaining('--slurm-account')
    await expect(run.submit({ account: 'nope' })).rejects.toMatchObject({ code: 'SERVICE', hint })
    expect((await readSubmissions(run.folder)).map(({ refusal }) => refusal)).toEqual([
      expect.stringMatching(/Invalid account/),
    ])
    expect(await run.submit({ account: 'aster' })).toMatchObject({ handedOver: 2 })
    await run.settle()
  })
})

describe('calls', () => {
  slurmTest('once the controller has forgotten its jobs, accounting tells how they ended', async () => {
    const run = await SlurmRun.of(4, { 1: { exit: 75 }, 2: { exit: 65 }, 3: { kill: true } })
    await run.submit({})
    await run.settle()
    const bin = join(run.folder, 'bin')
    mkdirSync(bin)
    writeFileSync(join(bin, 'squeue'), '#!/bin/sh\nexit 0\n', { mode: 0o755 })
    const commands = new SlurmCommands({ env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } })
    const kinds = async () => {
      const { units, endsFrom } = await slurmStatus(run.plan, unitStates(run.plan), commands, 'root')
      return `${units.map(({ kind }) => kind)} from ${endsFrom}`
    }
    const [job = ''] = run.jobs()
    await until(120, () => slurm('sacct', '-X', '-n', '-j', job).split('FAILED').length === 4)
    expect(await kinds()).toBe('done,transient,permanent,memory from sacct')
  })

  slurmTest('a dry run prints the calls and makes none', async () => {
    const run = await SlurmRun.of(25)
    expect(await run.submit({ dryRun: true })).toMatchObject({ retry: 0, handedOver: 25 })
    expect(run.said()).toMatch(
      /^sbatch --parsable --comment=aster:\w{12}-\w{6}:array:0 --array=0-24%20 \S+tiles.array.sbatch 0$/m,
    )
    await run.submit({ dryRun: true, tilesPerJob: 3 })
    expect(run.said()).toMatch(/--array=0-8%20 \S+tiles.pack.sbatch \S+\.txt$/m)
    expect([existsSync(join(run.folder, 'slurm')), run.queued()]).toEqual([false, []])
  })

  slurmTest('scripts that are submitted by hand are known, too', async () => {
    const run = await SlurmRun.of(3, { default: { sleepMs: 4000 } })
    expect(await run.submit({ submit: false })).toMatchObject({ retry: 0, handedOver: 3 })
    const script = join(run.folder, 'slurm', 'AST_L1T_1.0_0.0_2.0_1.0.sbatch')
    slurm('sbatch', script)
    await run.submit({})
    expect(await calls(run)).toEqual(['0,2'])
    await run.settle()
    expect(run.told('start')).toHaveLength(3)
    for (const mode of ['array', 'per-tile', 'pack']) {
      slurm('bash', join(run.folder, 'slurm', 'submit.sh'), mode)
      await run.settle()
    }
    expect(run.told('already')).toHaveLength(9)
  })

  slurmTest('an answer that is lost on the way is not asked for by submitting twice', async () => {
    const run = await SlurmRun.of(3, { default: { sleepMs: 1000 } })
    const bin = join(run.folder, 'bin')
    const real = slurm('bash', '-c', 'command -v sbatch').trim()
    mkdirSync(bin)
    // The real sbatch, behind a line that drops its first answer.
    const text = `#!/bin/bash\n${real} "$@" >'${bin}/answer'; rc=$?\n[ -e '${bin}/dropped' ] && exec cat '${bin}/answer'\n: >'${bin}/dropped'\necho 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1\n`
    writeFileSync(join(bin, 'sbatch'), text)
    chmodSync(join(bin, 'sbatch'), 0o755)
    const env = { PATH: `${bin}:${process.env.PATH}` }
    expect(await run.submit({}, env, { waitsMs: [200] })).toMatchObject({ handedOver: 3 })
    expect(run.said()).toMatch(/sbatch: .*Socket timed out.*trying again/)
    await run.settle()
    expect(run.told('start')).toHaveLength(3)
    expect(run.jobs()).toHaveLength(1)
  })

  slurmTest(
    'without credentials nobody goes on: the others end at once, and the next command tries again',
    async () => {
      const run = await SlurmRun.of(8, { default: { exit: 77, sleepMs: 500 } })
      await run.submit({ arrayThrottle: 1 })
      await run.settle()
      expect(run.told('start')).toHaveLength(1)
      expect(new Set(await kindsOf(run))).toEqual(new Set(['run-wide']))
      run.behave({})
      expect(await run.submit({})).toMatchObject({ handedOver: 8 })
      await run.settle()
      expect(new Set(await run.states())).toEqual(new Set(['done']))
    },
  )

  slurmTest('a job that was cancelled goes again only when asked for', async () => {
    const run = await SlurmRun.of(2, { default: { sleepMs: 20_000 } })
    await run.submit({})
    await until(120, () => run.told('start').length === 2)
    slurm('scancel', `${run.jobs()[0]}_1`)
    await until(120, () => run.told().length === 3)
    await until(120, () => slurm('squeue', '-h', '-r', '-o', '%i').trim() === `${run.jobs()[0]}_0`)
    expect(await kindsOf(run)).toEqual(['active', 'cancelled'])
    expect(await run.submit({})).toMatchObject({ failed: 1, handedOver: 1 })
    expect(run.said()).toContain('--retry-cancelled')
    run.behave({})
    await run.submit({ retryCancelled: true })
    expect((await calls(run)).at(-1)).toBe('1')
  })

  slurmTest('memory is doubled for a tile that ran out of it, up to what a node has', async () => {
    const run = await SlurmRun.of(3, { 1: { allocateMiB: 280 } })
    await run.submit({})
    await run.settle()
    expect(await kindsOf(run)).toEqual(['done', 'memory', 'done'])
    await run.submit({})
    await run.settle()
    expect(await run.states()).toEqual(['done', 'done', 'done'])
    expect(
      run
        .told('start')
        .map(({ index, mem }) => `${index}: ${mem}`)
        .sort(),
    ).toEqual([...['0: 200', '1: 200', '1: 400', '2: 200']])
  })

  slurmTest('a tile that was killed with all the memory there is goes again only when asked for', async () => {
    const run = await SlurmRun.of(1, { 0: { kill: true } })
    const memory = `${slurm('sinfo', '-h', '-o', '%m').split('\n')[0]?.replace('+', '')}M`
    await run.submit({ memory })
    await run.settle()
    run.behave({})
    expect(await run.submit({ memory })).toMatchObject({ failed: 1, handedOver: 0 })
    expect(run.said()).toMatch(/no node has more: .*--retry-failed/)
    expect(await run.submit({ memory, retryFailed: true })).toMatchObject({ failed: 0, handedOver: 1 })
    await run.settle()
    expect(await run.states()).toEqual(['done'])
  })

  slurmTest('bad data go again once the granule is another one', async () => {
    const run = await SlurmRun.of(1, { 0: { exit: 65 } })
    const granule = join(run.folder, 'granule.hdf')
    writeFileSync(granule, 'bad')
    await run.submit()
    await run.settle()
    const unit = await readUnit(run.plan, 0)
    mkdirSync(join(run.folder, 'tiles'), { recursive: true })
    await writeFailed(run.plan, unit, failureOf(unit, { path: granule, failedAt: new Date().toISOString() }))
    run.behave({})
    expect(await run.submit()).toMatchObject({ failed: 1, handedOver: 0 })
    writeFileSync(granule, 'good')
    expect(await run.submit()).toMatchObject({ failed: 0, handedOver: 1 })
    await run.settle()
    expect(await run.states()).toEqual(['done'])
  })
})
