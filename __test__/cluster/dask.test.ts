// Units on a real Dask: workers that die, schedulers that go, programs that fail, and people who change their mind.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import { type DaskOptions, daskEngine } from '../../src/cluster/dask/engine.js'
import { exportPlan } from '../../src/cluster/export/export.js'
import { AsterError } from '../../src/errors.js'
import { packageVersion } from '../../src/net/user-agent.js'
import type { EngineEvent, EngineOutcome } from '../../src/processing/engine.js'
import type { Plan, Unit } from '../../src/processing/manifest.js'
import { ownCommand } from '../../src/processing/own-command.js'
import { SAMPLE } from '../native-addon.js'
import { newFolder } from '../unit/processing/plans.js'
import {
  type ClusterOptions,
  type DaskCluster,
  daskCluster,
  daskTest,
  hasDask,
  PYTHON,
  unitProcesses,
  until,
  workersOf,
} from './dask-cluster.js'
import { debrisOf, openUnitsOf, planTiles, statesOf, unitsOf, writingOf } from './tiles.js'

/** One tile, four tiles. */
const ONE = ['138.00', '-31.11', '138.01', '-31.10']
const FOUR = ['138.00', '-31.11', '138.02', '-31.09']

interface RunOptions {
  units?: AsyncIterable<Unit>
  signal?: AbortSignal
  onEvent?: (event: EngineEvent) => void
  dask?: Partial<DaskOptions>
}

async function runOnDask(plan: Plan, scheduler: string, options: RunOptions = {}) {
  const { env } = process
  const given = { scheduler, python: PYTHON, command: ownCommand(), version: packageVersion(), ...options.dask }
  const events: EngineEvent[] = []
  const take = (event: EngineEvent) => {
    events.push(event)
    options.onEvent?.(event)
  }
  const signal = options.signal ?? new AbortController().signal
  const outcome = await daskEngine(given, env).run(plan, options.units ?? openUnitsOf(plan), { env }, take, signal)
  return { outcome, events }
}

async function* these(units: readonly Unit[]): AsyncGenerator<Unit> {
  yield* units
}

async function errorOf(pending: Promise<unknown>): Promise<AsterError> {
  const error = await pending.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof AsterError) return error
  throw error
}

const everything = (units: number): EngineOutcome => ({ done: units, failed: 0, retry: 0, handedOver: 0 })

describe('a cluster that loses something', () => {
  async function clusterOf(options: ClusterOptions): Promise<DaskCluster> {
    const cluster = await daskCluster(options)
    onTestFinished(() => cluster.stop())
    return cluster
  }

  daskTest('survives the death of a worker, and a second run computes nothing', { timeout: 240_000 }, async () => {
    const folder = join(newFolder(), `it's a "run" $HOME ü`)
    const [plan, cluster] = await Promise.all([
      planTiles(folder),
      clusterOf({ workers: 2, workerOptions: ['--nthreads', '2'] }),
    ])
    const units = await unitsOf(plan)
    expect(units.length).toBeGreaterThanOrEqual(20)
    const whenDone = new Map<Unit, string>()
    let atTheKill: number[] = []
    const onEvent = (event: EngineEvent) => {
      const unit = event.kind === 'done' ? units[event.index] : undefined
      if (unit === undefined) return
      whenDone.set(unit, writingOf(plan, unit))
      if (whenDone.size !== 3) return
      atTheKill = unitProcesses(plan.hash)
      cluster.workers[0]?.kill('SIGKILL')
    }
    const { outcome, events } = await runOnDask(plan, cluster.address, { onEvent })
    expect(outcome).toEqual(everything(units.length))
    expect(atTheKill.length, 'the worker died while units ran').toBeGreaterThan(0)
    const told = events.flatMap((event) => (event.kind === 'note' ? [event.message] : []))
    expect(told).toContain('1 Dask worker, 2 units at once')
    expect(await statesOf(plan)).toEqual({ done: units.length })
    // Done is done: no file was written again after that, whoever ran the unit twice.
    const before = units.map((unit) => writingOf(plan, unit))
    expect(units.map((unit) => whenDone.get(unit))).toEqual(before)
    await until(() => unitProcesses(plan.hash).length === 0, 30_000)
    expect(debrisOf(plan, units)).toEqual([])

    expect((await runOnDask(plan, cluster.address)).outcome).toEqual(everything(0))
    // Also when units are handed to Dask once more.
    const some = units.slice(0, 4)
    expect((await runOnDask(plan, cluster.address, { units: these(some) })).outcome).toEqual(everything(some.length))
    expect(units.map((unit) => writingOf(plan, unit))).toEqual(before)
  })

  daskTest('goes on without a worker that dies while it is looked at', { timeout: 120_000 }, async () => {
    const [plan, cluster] = await Promise.all([planTiles(newFolder(), FOUR), clusterOf({ workers: 2 })])
    await until(() => workersOf(cluster.address) === 2)
    const onEvent = (event: EngineEvent) => {
      if (event.kind === 'note' && event.message.startsWith('connected')) cluster.workers[0]?.kill('SIGKILL')
    }
    const { outcome } = await runOnDask(plan, cluster.address, { onEvent })
    expect(outcome).toEqual(everything(plan.unitCount))
  })

  const MOMENTS = [
    ['while units run', 'started'],
    ['while workers are looked at', 'note'],
  ]
  daskTest.each(MOMENTS)('ends with status 75 when the scheduler goes %s', { timeout: 120_000 }, async (_, moment) => {
    const [plan, cluster] = await Promise.all([planTiles(newFolder(), FOUR), clusterOf({ workers: 1 })])
    let killedAt = 0
    const onEvent = ({ kind }: EngineEvent) => {
      if (kind !== moment || killedAt > 0) return
      killedAt = Date.now()
      cluster.scheduler.kill('SIGKILL')
    }
    const error = await errorOf(runOnDask(plan, cluster.address, { onEvent }))
    expect(Date.now() - killedAt).toBeLessThan(30_000)
    expect(error).toMatchObject({ code: 'NETWORK', exitCode: 75, retryable: true })
    expect(error.message).toBe(`lost the Dask scheduler at ${cluster.address}`)
    expect(error.hint).toMatch(/finished units are kept/)
    // Workers that lost their scheduler end, and their units with them.
    await until(() => unitProcesses(plan.hash).length === 0, 60_000)
  })

  daskTest(
    'uses workers that come later; of some with the resource aster, only those',
    { timeout: 120_000 },
    async () => {
      const [plan, cluster] = await Promise.all([planTiles(newFolder(), ONE), clusterOf({})])
      const onEvent = (event: EngineEvent) => {
        if (event.kind === 'note' && event.message.startsWith('connected')) cluster.addWorker('--nthreads', '2')
      }
      expect((await runOnDask(plan, cluster.address, { onEvent })).outcome).toEqual(everything(plan.unitCount))

      const other = await planTiles(newFolder(), FOUR)
      cluster.addWorker('--nthreads', '4', '--resources', 'aster=1')
      await until(() => workersOf(cluster.address) === 2)
      const { outcome, events } = await runOnDask(other, cluster.address)
      expect(outcome).toEqual(everything(other.unitCount))
      expect(events).toContainEqual({ kind: 'note', message: '1 Dask worker, 1 unit at once' })
      expect(new Set(events.flatMap((event) => (event.kind === 'started' ? [event.where] : []))).size).toBe(1)
    },
  )

  daskTest('gives up a unit that takes worker after worker with it', { timeout: 120_000 }, async () => {
    const env = { DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES: '1' }
    const [plan, cluster] = await Promise.all([
      planTiles(newFolder(), ONE),
      clusterOf({ workers: 2, workerOptions: ['--nthreads', '1'], env }),
    ])
    const { command, tries } = programThat({ 0: ['kill the worker'] })
    const { outcome, events } = await runOnDask(plan, cluster.address, { dask: { command } })
    expect(outcome).toEqual({ done: 0, failed: 0, retry: 1, handedOver: 0 })
    expect(tries()).toEqual(['0', '0'])
    const failure = { kind: 'failed', exitStatus: 137, willRetry: false, message: '2 workers died while they ran it' }
    expect(events).toContainEqual(expect.objectContaining(failure))
  })
})

type Told = number | 'wait' | 'kill the worker'

/** In place of run-unit: ends each try of a unit as told, else with 65. Waiting lasts until stdin is closed. */
function programThat(told: Record<number, Told[]>): { command: string[]; tries(): string[] } {
  const folder = newFolder()
  const [path, noted] = [join(folder, 'program.py'), join(folder, 'tries')]
  const text = `#!${PYTHON.includes('/') ? PYTHON : `/usr/bin/env ${PYTHON}`}
import json, os, signal, sys
argv = sys.argv[1:]
if argv == ["--version"]: print(${JSON.stringify(packageVersion())})
if argv[0] != "run-unit": sys.exit(0)
index = argv[argv.index("--index") + 1]
with open(${JSON.stringify(noted)}, "a") as tries: tries.write(index + "\\n")
with open(${JSON.stringify(noted)}) as tries: count = tries.read().split().count(index)
told = json.loads(${JSON.stringify(JSON.stringify(told))}).get(index, [65])
now = told[min(count, len(told)) - 1]
if now == "kill the worker": os.kill(os.getppid(), signal.SIGKILL)
if now == "wait": now = sys.stdin.read() or 75
print(json.dumps({"error": {"code": "TOLD", "message": f"told to end with {now}"}}))
sys.exit(now)
`
  writeFileSync(path, text, { mode: 0o755 })
  return { command: [path], tries: () => (existsSync(noted) ? readFileSync(noted, 'utf8').trim().split('\n') : []) }
}

describe('a cluster of one worker with two threads', () => {
  let cluster: DaskCluster | undefined
  const address = () => cluster?.address ?? ''
  beforeAll(async () => {
    if (!hasDask) return
    const workerOptions = ['--nthreads', '2']
    cluster = await daskCluster({ workers: 1, workerOptions, env: { PATH: '/usr/bin:/bin' } })
    await until(() => workersOf(address()) === 1)
  })
  afterAll(() => cluster?.stop())

  daskTest('ends its units when it is stopped, and goes on from there', { timeout: 120_000 }, async () => {
    const plan = await planTiles(newFolder(), FOUR)
    const stop = new AbortController()
    const onEvent = ({ kind }: EngineEvent) => kind === 'done' && stop.abort('SIGINT')
    const stopped = await runOnDask(plan, address(), { onEvent, signal: stop.signal })
    expect(stopped.outcome.done + stopped.outcome.retry).toBe(plan.unitCount)
    await until(() => unitProcesses(plan.hash).length === 0, 30_000)
    const { done = 0 } = await statesOf(plan)
    expect(done).toBeGreaterThan(0)
    expect(done).toBeLessThan(plan.unitCount)
    // Nothing of the stopped run is left in the queue.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect((await statesOf(plan)).done).toBe(done)
    const { outcome } = await runOnDask(plan, address())
    expect(outcome).toEqual(everything(plan.unitCount - done))
  })

  daskTest('names a granule that is bad for good, once', { timeout: 120_000 }, async () => {
    const archive = newFolder()
    cpSync(SAMPLE, archive, { recursive: true })
    const plan = await planTiles(newFolder(), FOUR, archive)
    const [bad = ''] = readdirSync(archive).filter((name) => name.endsWith('41207.hdf'))
    truncateSync(join(archive, bad), 300_000)
    const { outcome, events } = await runOnDask(plan, address())
    expect(outcome).toEqual({ done: 0, failed: plan.unitCount, retry: 0, handedOver: 0 })
    const failures = events.filter((event) => event.kind === 'failed')
    expect(failures).toHaveLength(plan.unitCount)
    for (const failure of failures) expect(failure).toMatchObject({ exitStatus: 65, willRetry: false })
    expect(failures[0]?.message).toContain(bad)
  })

  daskTest('the exported script does the same', { timeout: 120_000 }, async () => {
    const plan = await planTiles(join(newFolder(), `it's a "run" ü`), FOUR)
    const { runFolder, manifestPath: manifest, hash, unitCount } = plan
    const limits = { threads: 1, memoryMiB: 600, atOnce: 2 }
    const given = { command: ownCommand(), version: packageVersion() }
    const script = join(newFolder(), 'run_dask.py')
    writeFileSync(script, exportPlan('dask', { runFolder, manifest, hash, unitCount, ...limits, ...given }))
    const { status, stderr } = spawnSync(PYTHON, [script, address()], { encoding: 'utf8' })
    expect(stderr).toContain(`${unitCount} of ${unitCount} units done, 0 failed`)
    expect(status).toBe(0)
    expect(await statesOf(plan)).toEqual({ done: unitCount })
  })

  daskTest('a passing failure is tried again, as often as asked', { timeout: 120_000 }, async () => {
    const plan = await planTiles(newFolder(), FOUR)
    const { command, tries } = programThat({ 0: [75, 65], 1: [75] })
    const { outcome, events } = await runOnDask(plan, address(), { dask: { command, retries: 1 } })
    expect(outcome).toEqual({ done: 0, failed: 3, retry: 1, handedOver: 0 })
    expect(tries().sort()).toEqual(['0', '0', '1', '1', '2', '3'])
    const ofOne = events.flatMap((event) =>
      event.kind === 'failed' && event.index === 1 ? [[event.willRetry, event.message]] : [],
    )
    expect(ofOne).toEqual([
      [true, 'told to end with 75'],
      [false, 'told to end with 75'],
    ])
  })

  daskTest.each([77, 78, 2])('status %i of a unit ends the run', { timeout: 120_000 }, async (status) => {
    const plan = await planTiles(newFolder(), FOUR)
    const { command, tries } = programThat({ 0: [status], 1: ['wait'], 2: ['wait'], 3: ['wait'] })
    const { outcome, events } = await runOnDask(plan, address(), { dask: { command } })
    expect(outcome).toMatchObject({ done: 0, failed: 0, stoppedBy: status })
    const failure = { kind: 'failed', index: 0, exitStatus: status, willRetry: false }
    expect(events).toContainEqual(expect.objectContaining(failure))
    expect(tries().length).toBeLessThan(plan.unitCount)
  })

  daskTest('an exit status of 0 without a record is no success', { timeout: 120_000 }, async () => {
    const plan = await planTiles(newFolder(), ONE)
    const { command } = programThat({ 0: [0] })
    const { outcome, events } = await runOnDask(plan, address(), { dask: { command, visibleWithinMs: 500 } })
    expect(outcome).toEqual({ done: 0, failed: 0, retry: 1, handedOver: 0 })
    expect(events.at(-1)).toMatchObject({ kind: 'failed', message: expect.stringMatching(/its output is not here/) })
  })

  const problems: [string, Partial<DaskOptions>, RegExp][] = [
    ['of another version', { version: '9.9.9' }, /^worker tcp:\S+ has aster-timeseries 0\.\d+\.\d+, this is 9\.9\.9$/],
    [
      'without the program',
      { command: ['/nowhere/node'] },
      /^worker tcp:\S+ has neither \/nowhere\/node nor aster-time/,
    ],
    ['with a broken program', { command: ['/bin/false'] }, /^worker tcp:\S+ cannot start \/bin\/false: exit status 1/],
  ]
  daskTest.each(problems)('a worker %s is named', { timeout: 120_000 }, async (_, dask, message) => {
    const plan = await planTiles(newFolder(), ONE)
    const error = await errorOf(runOnDask(plan, address(), { dask }))
    expect(error).toMatchObject({ code: 'CONFIG', exitCode: 78, message: expect.stringMatching(message) })
    expect(readdirSync(plan.runFolder).filter((name) => name.startsWith('.dask'))).toEqual([])
  })
})

describe('without a cluster', () => {
  daskTest.each([
    ['nobody listens', 'tcp://127.0.0.1:1', /^no Dask scheduler at tcp:\/\/127\.0\.0\.1:1: Connection refused$/],
    ['no such host', 'nosuchhost.invalid', /^no Dask scheduler at tcp:\/\/nosuchhost\.invalid:8786: /],
  ])('%s', { timeout: 120_000 }, async (_, address, message) => {
    const plan = await planTiles(newFolder(), ONE)
    const started = Date.now()
    const error = await errorOf(runOnDask(plan, address))
    expect(Date.now() - started).toBeLessThan(30_000)
    expect(error).toMatchObject({ code: 'NETWORK', exitCode: 75, message: expect.stringMatching(message) })
  })

  daskTest('something else listens', { timeout: 120_000 }, async () => {
    const server = createServer((_, response) => response.end('hello'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const place = server.address()
    const port = typeof place === 'object' && place !== null ? place.port : 0
    const plan = await planTiles(newFolder(), ONE)
    const error = await errorOf(runOnDask(plan, `127.0.0.1:${port}`, { dask: { timeoutSeconds: 2 } }))
    expect(error).toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/is no Dask scheduler, or one of anot/),
    })
    expect(error.hint).toMatch(/8787 is its web page/)
  })

  daskTest('a Python without distributed', async () => {
    const python = join(newFolder(), 'python')
    writeFileSync(python, '#!/bin/sh\nexec python3 -I -S "$@"\n', { mode: 0o755 })
    const plan = await planTiles(newFolder(), ONE)
    const error = await errorOf(runOnDask(plan, 'tcp://127.0.0.1:1', { dask: { python } }))
    expect(error).toMatchObject({ code: 'CONFIG', exitCode: 78 })
    expect(error.message).toMatch(/^\S+python\S* cannot import distributed: No module named/)
    expect(error.hint).toMatch(
      /^install it: \S+ -m pip install distributed; or name another Python with --dask-python$/,
    )
  })

  daskTest('a Python that is none', async () => {
    const python = join(newFolder(), 'python')
    writeFileSync(python, '#!/bin/sh\necho something is wrong >&2\nexit 3\n', { mode: 0o755 })
    const plan = await planTiles(newFolder(), ONE)
    const error = await errorOf(runOnDask(plan, 'tcp://127.0.0.1:1', { dask: { python } }))
    expect(error).toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/exit status 3: something is wrong$/),
    })
  })
})
