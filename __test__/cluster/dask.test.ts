// Units on a real Dask: workers that die, schedulers that go, programs that fail, and people who change their mind.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, onTestFinished } from 'vitest'
import { type DaskOptions, daskEngine } from '../../src/cluster/dask/engine.js'
import { exportPlan } from '../../src/cluster/export/export.js'
import { ownCommand } from '../../src/cluster/own-command.js'
import { AbortError, AsterError } from '../../src/errors.js'
import { packageVersion } from '../../src/net/user-agent.js'
import type { EngineEvent, EngineOutcome } from '../../src/processing/engine.js'
import type { Plan, Unit } from '../../src/processing/manifest.js'
import { SAMPLE } from '../native-addon.js'
import { newFolder } from '../unit/processing/plans.js'
import { daskCluster, daskTest, PYTHON, unitProcesses, until } from './dask-cluster.js'
import { openUnitsOf, planTiles, statesOf, tilesFolder, unitsOf, writingOf } from './tiles.js'

/** Four tiles. */
const SMALL = ['138.00', '-31.11', '138.02', '-31.09']

interface RunOptions {
  units?: AsyncIterable<Unit>
  signal?: AbortSignal
  onEvent?: (event: EngineEvent) => void
  env?: Record<string, string>
  dask?: Partial<DaskOptions>
}

async function runOnDask(plan: Plan, scheduler: string, options: RunOptions = {}) {
  const env = { ...process.env, ...options.env }
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

async function all(units: readonly Unit[]): Promise<AsyncIterable<Unit>> {
  return (async function* () {
    yield* units
  })()
}

async function errorOf(pending: Promise<unknown>): Promise<AsterError> {
  const error = await pending.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof AsterError) return error
  throw error
}

const EVERYTHING = (units: number): EngineOutcome => ({ done: units, failed: 0, retry: 0, handedOver: 0 })

describe('a run', () => {
  daskTest('survives the death of a worker, and a second run computes nothing', { timeout: 180_000 }, async () => {
    const folder = join(newFolder(), `it's a "run" $HOME ü`)
    const [plan, cluster] = await Promise.all([
      planTiles(folder),
      daskCluster({ workers: 2, workerOptions: ['--nthreads', '2'] }),
    ])
    const units = await unitsOf(plan)
    expect(units.length).toBeGreaterThanOrEqual(20)
    const whenDone = new Map<number, string>()
    const orphans: number[] = []
    const onEvent = (event: EngineEvent) => {
      if (event.kind !== 'done') return
      const unit = units[event.index]
      if (unit !== undefined) whenDone.set(event.index, writingOf(plan, unit))
      if (whenDone.size !== 3) return
      const before = unitProcesses(plan.hash)
      cluster.workers[0]?.kill('SIGKILL')
      orphans.push(...before)
    }
    const { outcome, events } = await runOnDask(plan, cluster.address, { onEvent })
    expect(outcome).toEqual(EVERYTHING(units.length))
    expect(orphans.length).toBeGreaterThan(0)
    expect(await statesOf(plan)).toEqual({ done: units.length })
    const wasLost = events.some(
      ({ kind, ...rest }) => kind === 'note' && 'message' in rest && /^1 Dask worker, /.test(rest.message),
    )
    expect(wasLost, 'the loss of the worker was told').toBe(true)
    // Done is done: no file was written again after that, whoever ran the unit twice.
    expect([...whenDone].map(([index, writing]) => [index, writing])).toEqual(
      [...whenDone.keys()].map((index) => [index, writingOf(plan, units[index] as Unit)]),
    )
    await until(() => unitProcesses(plan.hash).length === 0, 10_000)
    const folderOfTiles = tilesFolder(plan, units[0] as Unit)
    const debris = readdirSync(folderOfTiles).filter((name) => !/^AST_L1T_[\d._-]+\.nc(\.done\.json)?$/.test(name))
    expect(debris).toEqual([])

    const started = Date.now()
    const before = units.map((unit) => writingOf(plan, unit))
    expect((await runOnDask(plan, cluster.address)).outcome).toEqual(EVERYTHING(0))
    expect(Date.now() - started).toBeLessThan(2000)
    // Also when the units are handed to Dask once more.
    expect((await runOnDask(plan, cluster.address, { units: await all(units) })).outcome).toEqual(
      EVERYTHING(units.length),
    )
    expect(units.map((unit) => writingOf(plan, unit))).toEqual(before)
  })

  daskTest('ends its units when it is stopped, and goes on from there', { timeout: 60_000 }, async () => {
    const [plan, cluster] = await Promise.all([
      planTiles(newFolder()),
      daskCluster({ workers: 1, workerOptions: ['--nthreads', '2'] }),
    ])
    const stop = new AbortController()
    const onEvent = ({ kind }: EngineEvent) => kind === 'done' && stop.abort('SIGINT')
    const error = await errorOf(runOnDask(plan, cluster.address, { onEvent, signal: stop.signal }))
    expect(error).toBeInstanceOf(AbortError)
    await until(() => unitProcesses(plan.hash).length === 0, 5000)
    const { done = 0 } = await statesOf(plan)
    expect(done).toBeGreaterThan(0)
    expect(done).toBeLessThan(plan.unitCount)
    // Nothing of the stopped run is left in the queue: what is open now is only run by the next.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect((await statesOf(plan)).done).toBe(done)
    const { outcome } = await runOnDask(plan, cluster.address)
    expect(outcome).toEqual(EVERYTHING(plan.unitCount - done))
  })

  daskTest('ends with status 75 when the scheduler goes', { timeout: 60_000 }, async () => {
    const [plan, cluster] = await Promise.all([
      planTiles(newFolder()),
      daskCluster({ workers: 1, workerOptions: ['--nthreads', '2'] }),
    ])
    let killedAt = 0
    const onEvent = ({ kind }: EngineEvent) => {
      if (kind !== 'done' || killedAt > 0) return
      killedAt = Date.now()
      cluster.scheduler.kill('SIGKILL')
    }
    const error = await errorOf(runOnDask(plan, cluster.address, { onEvent }))
    expect(Date.now() - killedAt).toBeLessThan(8000)
    expect(error).toMatchObject({ code: 'NETWORK', exitCode: 75, retryable: true })
    expect(error.message).toBe(`lost the Dask scheduler at ${cluster.address}`)
    expect(error.hint).toMatch(/finished units are kept/)
    await until(() => unitProcesses(plan.hash).length === 0, 30_000)
  })

  daskTest('names a granule that is bad for good, once', { timeout: 60_000 }, async () => {
    const archive = newFolder()
    cpSync(SAMPLE, archive, { recursive: true })
    const [plan, cluster] = await Promise.all([planTiles(newFolder(), SMALL, archive), daskCluster({ workers: 1 })])
    const [bad = ''] = readdirSync(archive).filter((name) => name.endsWith('41207.hdf'))
    truncateSync(join(archive, bad), 300_000)
    const { outcome, events } = await runOnDask(plan, cluster.address)
    expect(outcome).toEqual({ done: 0, failed: plan.unitCount, retry: 0, handedOver: 0 })
    const failures = events.filter((event) => event.kind === 'failed')
    expect(failures).toHaveLength(plan.unitCount)
    for (const failure of failures) expect(failure).toMatchObject({ exitStatus: 65, willRetry: false })
    expect(failures[0]?.message).toContain(bad)
  })

  daskTest(
    'uses workers that come later, and threads of a worker for one unit with the resource aster',
    { timeout: 60_000 },
    async () => {
      const [plan, cluster] = await Promise.all([planTiles(newFolder(), SMALL), daskCluster()])
      const onEvent = (event: EngineEvent) => {
        if (event.kind === 'note' && event.message.startsWith('connected')) cluster.addWorker('--nthreads', '2')
      }
      expect((await runOnDask(plan, cluster.address, { onEvent })).outcome).toEqual(EVERYTHING(plan.unitCount))

      const other = await planTiles(newFolder(), SMALL)
      cluster.addWorker('--nthreads', '4', '--resources', 'aster=1', '--name', 'meant')
      await until(() => workersOf(cluster.address) === 2)
      const { outcome, events } = await runOnDask(other, cluster.address)
      expect(outcome).toEqual(EVERYTHING(other.unitCount))
      expect(events).toContainEqual({ kind: 'note', message: '1 Dask worker, 1 unit at once' })
      expect(new Set(events.flatMap((event) => (event.kind === 'started' ? [event.where] : []))).size).toBe(1)
    },
  )

  daskTest('the exported script does the same', { timeout: 60_000 }, async () => {
    const folder = join(newFolder(), `it's a "run" ü`)
    const [plan, cluster] = await Promise.all([
      planTiles(folder, SMALL),
      daskCluster({ workers: 2, workerOptions: ['--nthreads', '1'] }),
    ])
    await until(() => workersOf(cluster.address) === 2)
    const { runFolder, manifestPath: manifest, hash, unitCount } = plan
    const limits = { threads: 1, memoryMiB: 600, atOnce: 2 }
    const given = { command: ownCommand(), version: packageVersion() }
    const script = join(folder, 'run_dask.py')
    writeFileSync(script, exportPlan('dask', { runFolder, manifest, hash, unitCount, ...limits, ...given }))
    const { status, stderr } = spawnSync(PYTHON, [script, cluster.address], { encoding: 'utf8' })
    expect(stderr).toContain(`${unitCount} of ${unitCount} units done, 0 failed`)
    expect(status).toBe(0)
    expect(await statesOf(plan)).toEqual({ done: unitCount })
  })
})

/** How many workers a scheduler knows. */
function workersOf(address: string): number {
  const ask = `import sys; from distributed import Client
with Client(sys.argv[1]) as client: print(len(client.nthreads()))`
  return Number(spawnSync(PYTHON, ['-c', ask, address], { encoding: 'utf8' }).stdout)
}

describe('programs that end as they are told', () => {
  /** In place of run-unit: `statuses` of its tries, by unit; a status of -9 kills the worker that started it. */
  function programThat(statuses: Record<number, number[]>): { command: string[]; tries(): string[] } {
    const folder = newFolder()
    const path = join(folder, 'program.py')
    const text = `#!/usr/bin/env python3
import json, os, signal, sys
argv = sys.argv[1:]
if argv == ["--version"]: print(${JSON.stringify(packageVersion())})
if argv[0] != "run-unit": sys.exit(0)
index = argv[argv.index("--index") + 1]
with open(${JSON.stringify(join(folder, 'tries'))}, "a") as tries: tries.write(index + "\\n")
with open(${JSON.stringify(join(folder, 'tries'))}) as tries: count = tries.read().split().count(index)
statuses = json.loads(${JSON.stringify(JSON.stringify(statuses))}).get(index, [65])
status = statuses[min(count, len(statuses)) - 1]
if status == -9: os.kill(os.getppid(), signal.SIGKILL)
print(json.dumps({"error": {"code": "TOLD", "message": f"told to end with {status}"}}))
sys.exit(status)
`
    writeFileSync(path, text)
    chmodSync(path, 0o755)
    return { command: [path], tries: () => readFileSync(join(folder, 'tries'), 'utf8').trim().split('\n') }
  }

  daskTest('a passing failure is tried again, as often as asked', { timeout: 60_000 }, async () => {
    const [plan, cluster] = await Promise.all([planTiles(newFolder(), SMALL), daskCluster({ workers: 1 })])
    const { command, tries } = programThat({ 0: [75, 65], 1: [75] })
    const { outcome, events } = await runOnDask(plan, cluster.address, { dask: { command, retries: 1 } })
    expect(outcome).toEqual({ done: 0, failed: 3, retry: 1, handedOver: 0 })
    expect(tries().sort()).toEqual(['0', '0', '1', '1', '2', '3'])
    const ofOne = events.flatMap((event) =>
      event.kind === 'failed' && event.index === 1 ? [[event.willRetry, event.message]] : [],
    )
    expect(ofOne).toEqual([
      [true, 'told to end with 75; again in 5 s'],
      [false, 'told to end with 75'],
    ])
  })

  daskTest.each([77, 78, 2])('status %i ends the run', { timeout: 60_000 }, async (status) => {
    const [plan, cluster] = await Promise.all([
      planTiles(newFolder()),
      daskCluster({ workers: 1, workerOptions: ['--nthreads', '1'] }),
    ])
    const { command, tries } = programThat({ 0: [status] })
    const { outcome, events } = await runOnDask(plan, cluster.address, { dask: { command } })
    expect(outcome).toMatchObject({ done: 0, stoppedBy: status })
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'failed', index: 0, exitStatus: status, willRetry: false }),
    )
    expect(tries().length).toBeLessThan(plan.unitCount)
  })

  daskTest('a unit that takes worker after worker with it is given up', { timeout: 60_000 }, async () => {
    const env = { DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES: '1' }
    const [plan, cluster] = await Promise.all([
      planTiles(newFolder(), ['138.00', '-31.11', '138.01', '-31.10']),
      daskCluster({ workers: 2, workerOptions: ['--nthreads', '1'], env }),
    ])
    const { command, tries } = programThat({ 0: [-9] })
    const { outcome, events } = await runOnDask(plan, cluster.address, { dask: { command } })
    expect(outcome).toEqual({ done: 0, failed: 0, retry: 1, handedOver: 0 })
    expect(tries()).toEqual(['0', '0'])
    const failure = { kind: 'failed', exitStatus: 137, willRetry: false, message: '2 workers died while they ran it' }
    expect(events).toContainEqual(expect.objectContaining(failure))
  })

  daskTest('an exit status of 0 without a record is no success', { timeout: 90_000 }, async () => {
    const [plan, cluster] = await Promise.all([
      planTiles(newFolder(), ['138.00', '-31.11', '138.01', '-31.10']),
      daskCluster({ workers: 1 }),
    ])
    const { command } = programThat({ 0: [0] })
    const { outcome, events } = await runOnDask(plan, cluster.address, { dask: { command, visibleWithinMs: 500 } })
    expect(outcome).toEqual({ done: 0, failed: 0, retry: 1, handedOver: 0 })
    expect(events.at(-1)).toMatchObject({ kind: 'failed', message: expect.stringMatching(/its output is not here/) })
  })
})

describe('what is wrong is said', () => {
  const problems: [string, Partial<DaskOptions>, RegExp][] = [
    [
      'a worker of another version',
      { version: '9.9.9' },
      /^worker tcp:\S+ has aster-timeseries 0\.\d+\.\d+, this is 9\.9\.9$/,
    ],
    [
      'a worker without the program',
      { command: ['/nowhere/node'] },
      /^worker tcp:\S+ has neither \/nowhere\/node nor aster-time/,
    ],
    [
      'a program that does not start',
      { command: ['/bin/false'] },
      /^worker tcp:\S+ cannot start \/bin\/false: exit status 1/,
    ],
  ]
  daskTest.each(problems)('%s', { timeout: 60_000 }, async (_, dask, message) => {
    const env = { PATH: '/usr/bin:/bin' }
    const [plan, cluster] = await Promise.all([planTiles(newFolder(), SMALL), daskCluster({ workers: 1, env })])
    await until(() => workersOf(cluster.address) === 1)
    const error = await errorOf(runOnDask(plan, cluster.address, { dask }))
    expect(error).toMatchObject({ code: 'CONFIG', exitCode: 78, message: expect.stringMatching(message) })
  })

  daskTest.each([
    ['nobody listens', 'tcp://127.0.0.1:1', /^no Dask scheduler at tcp:\/\/127\.0\.0\.1:1: Connection refused$/],
    ['no such host', 'nosuchhost.invalid', /^no Dask scheduler at tcp:\/\/nosuchhost\.invalid:8786: /],
  ])('%s', { timeout: 20_000 }, async (_, address, message) => {
    const plan = await planTiles(newFolder(), SMALL)
    const started = Date.now()
    const error = await errorOf(runOnDask(plan, address))
    expect(Date.now() - started).toBeLessThan(6000)
    expect(error).toMatchObject({ code: 'NETWORK', exitCode: 75, message: expect.stringMatching(message) })
  })

  daskTest('something else listens', { timeout: 20_000 }, async () => {
    const server = createServer((_, response) => response.end('hello'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const place = server.address()
    const port = typeof place === 'object' && place !== null ? place.port : 0
    const plan = await planTiles(newFolder(), SMALL)
    const error = await errorOf(runOnDask(plan, `127.0.0.1:${port}`, { dask: { timeoutSeconds: 2 } }))
    expect(error).toMatchObject({
      code: 'NETWORK',
      message: expect.stringMatching(/is no Dask scheduler, or one of another/),
    })
    expect(error.hint).toMatch(/8787 is its web page/)
  })

  daskTest('a Python without distributed', async () => {
    const python = join(newFolder(), 'python')
    writeFileSync(python, '#!/bin/sh\nexec python3 -I -S "$@"\n', { mode: 0o755 })
    const plan = await planTiles(newFolder(), SMALL)
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
    const plan = await planTiles(newFolder(), SMALL)
    const error = await errorOf(runOnDask(plan, 'tcp://127.0.0.1:1', { dask: { python } }))
    expect(error).toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/exit status 3: something is wrong$/),
    })
  })
})
