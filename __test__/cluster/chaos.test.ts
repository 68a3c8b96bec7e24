// Minutes of chaos on Dask and on Slurm: units, workers, controllers and commands killed, the disk filled, a granule damaged.
// For the night.
import { type ChildProcess, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Claim } from '../../src/access/claim.js'
import { runTag } from '../../src/cluster/slurm/job-comment.js'
import { openPlan } from '../../src/processing/manifest.js'
import { CHAOS_SECONDS, Chaos, type Granules, kill } from './chaos.js'
import { daskCluster, PYTHON, processesWith } from './dask-cluster.js'
import { argumentsOf, isForTheNight, lastingFolder, spreadGranules, start } from './global-run.js'
import { canConfigure, daemons, reviveSlurm, startSlurm, stopSlurm, takeCluster } from './slurm-cluster.js'
import { overlaps } from './watcher.js'

const TIMEOUT = (CHAOS_SECONDS + 1800) * 1000
const nightTest = isForTheNight ? test : test.skip
const slurmNightTest = isForTheNight && canConfigure ? test : test.skip

test('two claims on a tile at once are seen', () => {
  const [tile, other] = ['a.nc', 'b.nc']
  const one = { tile, pid: 1, from: 1000, to: 2000 }
  expect(overlaps([{ tile, pid: 2, from: 2000, to: 3000 }, one, { ...one, tile: other, pid: 3 }])).toEqual([])
  expect(overlaps([{ tile, pid: 2, from: 1900, to: 3000 }, one])).toEqual(['a.nc: 1 until 2000, 2 from 1900'])
})

describe('chaos ends in 39 right tiles and one named failure', () => {
  const { folder, remove } = lastingFolder()
  const granules: Granules = { folder: join(folder, 'granules'), tiles: join(folder, 'run', 'tiles') }
  let held: Claim | undefined
  beforeAll(async () => {
    if (!isForTheNight) return
    mkdirSync(granules.folder)
    spreadGranules(granules.folder)
    expect((await start(argumentsOf(granules.folder, join(folder, 'run'))).finished).status).toBe(0)
    if (canConfigure) held = await takeCluster()
  }, 1_200_000)
  afterAll(async () => {
    remove()
    if (held !== undefined) stopSlurm()
    await held?.release()
  }, 300_000)

  // A scheduler keeps what it knows in memory. Its death ends the command within seconds, with a status that says "try
  // again later"; what is done is done. Somebody starts scheduler and workers again, and the same command goes on.
  nightTest('on Dask', { timeout: TIMEOUT }, async () => {
    const cluster = await daskCluster({
      workers: 2,
      workerOptions: ['--nthreads', '2'],
      env: { DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES: '1000' },
    })
    onTestFinished(() => cluster.stop())
    const dask = ['--execution-backend', 'dask', '--dask-scheduler', cluster.address, '--dask-python', PYTHON]
    const chaos = new Chaos(granules, { engine: dask })
    const workers = [...cluster.workers]
    const addWorker = () => workers.push(cluster.addWorker('--nthreads', '2'))
    let lost = 0
    await chaos.rage([
      { name: 'units', weight: 45, run: () => kill(chaos.pick(processesWith(chaos.runFolder, 'run-unit'))) },
      {
        name: 'workers',
        weight: 22,
        run: () => {
          addWorker()
          return chaos.pick(workers.slice(0, -1).filter(isAlive))?.kill('SIGKILL') ?? false
        },
      },
      { name: 'drivers', weight: 8, run: () => kill(chaos.pick(driversOf(chaos.command?.child.pid))) },
      { name: 'commands', weight: 10, run: () => chaos.command?.child.kill('SIGKILL') ?? false },
      {
        name: 'schedulers',
        weight: 9,
        run: async () => {
          const { command } = chaos
          const hadDriver = driversOf(command?.child.pid).length > 0
          cluster.scheduler.kill('SIGKILL')
          const killedAt = Date.now()
          const ended = await command?.finished
          if (ended !== undefined && hadDriver) {
            expect([0, 75], ended.stderr).toContain(ended.status)
            expect(Date.now() - killedAt).toBeLessThan(20_000)
            if (ended.status === 75) {
              lost += 1
              expect(ended.stderr).toMatch(/"code":"NETWORK","message":"[^"]* Dask scheduler/)
              expect(ended.stderr).toMatch(/"retryable":true/)
            }
          }
          await chaos.pause(1000, 3000)
          await cluster.restartScheduler()
          addWorker()
          addWorker()
          return true
        },
      },
    ])
    expect(lost).toBeGreaterThan(0)
    await chaos.expectEnd((argv) => start(argv).finished)
  })

  // Slurm's controller keeps its jobs on disk, and jobs outlive it: the command only asks again until it answers.
  slurmNightTest('on Slurm', { timeout: TIMEOUT }, async () => {
    startSlurm()
    // Whoever is killed here did not lack memory.
    const slurm = ['--execution-backend', 'slurm', '--slurm-submit', '--slurm-time', '20', '--retry-memory', '1']
    const chaos = new Chaos(granules, { engine: slurm, usesScratch: true, pauseMs: 2000 })
    // Daemons come back while the rest goes on.
    let healing: Promise<void> | undefined
    const crash = (pids: readonly number[], heal: () => Promise<void>): boolean => {
      if (healing !== undefined || pids.filter(kill).length === 0) return false
      healing = heal().finally(() => {
        healing = undefined
        waitNoMore()
      })
      return true
    }
    // Its jobs go with it for Slurm, but what they had started runs on.
    const crashNode = () =>
      crash([...daemons('slurmd'), ...daemons('slurmstepd')], async () => {
        await chaos.pause(1000, 4000)
        await reviveSlurm()
      })
    // A controller that lost its last seconds takes jobs for running that have ended, until their node comes anew.
    const crashController = () =>
      crash(daemons('slurmctld'), async () => {
        await chaos.pause(2000, 8000)
        await reviveSlurm()
        await chaos.pause(18_000, 18_000)
        daemons('slurmd').forEach(kill)
        await reviveSlurm()
      })
    await chaos.rage([
      { name: 'units', weight: 50, run: () => kill(chaos.pick(processesWith(chaos.runFolder, 'run-unit'))) },
      { name: 'nodes', weight: 20, run: crashNode },
      { name: 'controllers', weight: 10, run: crashController },
      { name: 'commands', weight: 18, run: () => chaos.command?.child.kill('SIGKILL') ?? false },
    ])
    await healing
    expect(chaos.counts).toMatchObject({ controllers: expect.any(Number), nodes: expect.any(Number) })
    await chaos.expectEnd(async (argv) => {
      const finished = await start(argv).finished
      await settled(chaos.runFolder)
      return finished
    })
  })
})

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null
}

function driversOf(pid: number | undefined): number[] {
  return processesWith('', 'run_units.py').filter((child) => {
    try {
      return readFileSync(`/proc/${child}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(pid)
    } catch {
      return false
    }
  })
}

/** Until no job of a run is queued or running. */
async function settled(runFolder: string): Promise<void> {
  const tag = runTag(await openPlan(runFolder))
  for (const deadline = Date.now() + 600_000; Date.now() < deadline; ) {
    if (queue('-o', '%k')?.includes(tag) === false) return
    // Jobs without a process are found out when their node comes anew, some 20 s after the controller did.
    if (daemons('slurmstepd').length === 0) daemons('slurmd').forEach(kill)
    await reviveSlurm()
    waitNoMore()
    await new Promise((resolve) => setTimeout(resolve, 2000))
  }
  throw new Error(`jobs are still there: ${queue()}`)
}

/** Slurm lets a job that goes back to the queue wait there for two minutes, or holds it until somebody releases it. */
function waitNoMore(): void {
  for (const line of queue('-r', '-t', 'PD', '-o', '%i|%r')?.split('\n') ?? []) {
    const [job = '', reason = ''] = line.split('|')
    if (/held/i.test(reason)) spawnSync('scontrol', ['release', job])
    if (reason === 'BeginTime') spawnSync('scontrol', ['update', `JobId=${job}`, 'StartTime=now'])
  }
}

/** What squeue prints; nothing while the controller does not answer. */
function queue(...args: string[]): string | undefined {
  const { status, stdout } = spawnSync('squeue', ['-h', ...args], { encoding: 'utf8' })
  return status === 0 ? stdout : undefined
}
