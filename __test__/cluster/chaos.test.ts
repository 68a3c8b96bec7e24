// Minutes of chaos on Dask: units, workers, the driver and the command killed, the disk filled, a granule damaged. For the night.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { daskCluster, PYTHON, processesWith } from './dask-cluster.js'
import {
  argumentsOf,
  countsOf,
  debrisIn,
  differences,
  isForTheNight,
  lastingFolder,
  spreadGranules,
  start,
  TILES,
  tilesIn,
} from './global-run.js'

const SECONDS = Number(process.env.ASTER_CHAOS_SECONDS ?? 300)
const TRY_LATER = 75
/** Room for the tiles and what is in the making. */
const DISK = '24m'
const nightTest = isForTheNight ? test : test.skip
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Damages the pixels of a granule and leaves its headers: the middle of every deflated band of 49 x 37 pixels. */
function damagePixels(path: string): number {
  const bytes = readFileSync(path)
  let damaged = 0
  for (let at = bytes.indexOf(0x78); at !== -1; at = bytes.indexOf(0x78, at + 1)) {
    try {
      const { buffer, engine } = inflateSync(bytes.subarray(at), { info: true, finishFlush: 2 }) as unknown as {
        buffer: Buffer
        engine: { bytesWritten: number }
      }
      if (buffer.length !== 49 * 37) continue
      bytes.fill(0, at + Math.floor(engine.bytesWritten / 2), at + engine.bytesWritten)
      damaged += 1
    } catch {}
  }
  writeFileSync(path, bytes)
  return damaged
}

/** Watches a folder of tiles: who makes what, and that what is done stays as it is. */
class Watcher {
  readonly broken: string[] = []
  readonly #done = new Map<string, string>()
  #looks = 0

  constructor(private readonly folder: string) {}

  look(): void {
    this.#looks += 1
    const names = readdirSync(this.folder)
    const makers = new Map<string, Set<string>>()
    for (const name of names) {
      const [, tile = '', pid = ''] = /^\.(.*\.nc)\.partial-.*?-(\d+)(?:-\d+)?$/.exec(name) ?? []
      if (pid === '' || !isRunning(pid)) continue
      makers.set(tile, (makers.get(tile) ?? new Set()).add(pid))
    }
    for (const [tile, pids] of makers) {
      if (pids.size > 1) this.broken.push(`${tile} is made by ${[...pids].join(' and ')} at once`)
    }
    for (const name of names.filter((one) => one.endsWith('.done.json'))) {
      const found = [name, name.slice(0, -'.done.json'.length)].map((one) =>
        statSync(join(this.folder, one), { throwIfNoEntry: false }),
      )
      const writing = found.map((one) => `${one?.ino} ${one?.mtimeMs}`).join()
      const before = this.#done.get(name)
      if (before !== undefined && before !== writing) this.broken.push(`${name} was done, and is made again`)
      this.#done.set(name, writing)
    }
  }

  /** After its outputs were taken away on purpose. */
  forget(): void {
    this.#done.clear()
  }

  get looks(): number {
    return this.#looks
  }
}

function isRunning(pid: string): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

nightTest('chaos ends in 39 right tiles and one named failure', { timeout: (SECONDS + 1800) * 1000 }, async () => {
  const seed = Number(process.env.ASTER_CHAOS_SEED ?? Date.now() % 1e6)
  process.stderr.write(`chaos: seed ${seed} (ASTER_CHAOS_SEED), ${SECONDS} s\n`)
  const next = random(seed)
  const { folder, remove } = lastingFolder()
  onTestFinished(remove)
  const [granules, runFolder, output] = ['granules', 'run', 'tiles'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  mkdirSync(granules)
  mkdirSync(output)
  spreadGranules(granules)
  const reference = join(folder, 'reference')
  expect((await start(argumentsOf(granules, reference)).finished).status).toBe(0)

  // Unit 7 of 40 has this granule, and no other unit has.
  const [bad = ''] = readdirSync(granules).filter((name) => /^AST_L1T_00307092002.*_50007\.hdf$/.test(name))
  copyFileSync(join(granules, bad), join(folder, 'whole.hdf'))
  expect(damagePixels(join(granules, bad))).toBeGreaterThan(2)

  const canMount =
    process.getuid?.() === 0 && spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', output]).status === 0
  if (canMount) onTestFinished(() => void spawnSync('umount', ['-l', output]))
  else process.stderr.write('skipped: the full disk, a small file system cannot be mounted here\n')

  const cluster = await daskCluster({
    workers: 2,
    workerOptions: ['--nthreads', '2'],
    env: { DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES: '1000' },
  })
  onTestFinished(() => cluster.stop())
  const workers = [...cluster.workers]
  const dask = ['--execution-backend', 'dask', '--dask-scheduler', cluster.address, '--dask-python', PYTHON]
  const argv = [...argumentsOf(granules, runFolder, output), ...dask]
  const counts = { units: 0, workers: 0, drivers: 0, commands: 0, fullDisks: 0, rounds: 0 }
  const watcher = new Watcher(output)
  let isOver = false
  const watching = (async () => {
    for (; !isOver; await pause(50)) watcher.look()
  })()

  let command = start(argv)
  let hasEnded = false
  const restart = () => {
    hasEnded = false
    command = start(argv)
    command.finished.then(() => {
      hasEnded = true
    })
  }
  restart()
  const ending = Date.now() + SECONDS * 1000
  const middle = Date.now() + SECONDS * 400
  while (Date.now() < ending) {
    await pause(500 + next() * 2000)
    const choice = next()
    const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(next() * list.length)]
    if (canMount && counts.fullDisks === 0 && Date.now() > middle) {
      spawnSync('dd', ['if=/dev/zero', `of=${join(output, 'filler')}`, 'bs=64k'], { stdio: 'ignore' })
      counts.fullDisks += 1
      await pause(8000)
      rmSync(join(output, 'filler'), { force: true })
    } else if (choice < 0.5) {
      const pid = pick(processesWith(runFolder, 'run-unit'))
      if (pid !== undefined && kill(pid)) counts.units += 1
    } else if (choice < 0.75) {
      const worker = pick(workers.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null))
      if (worker?.kill('SIGKILL')) counts.workers += 1
      workers.push(cluster.addWorker('--nthreads', '2'))
    } else if (choice < 0.87) {
      const pid = pick(childrenOf(command.child.pid))
      if (pid !== undefined && kill(pid)) counts.drivers += 1
    } else if (command.child.kill('SIGKILL')) counts.commands += 1
    if (!hasEnded) continue
    // All done already: away with the tiles, and once more.
    const { done = 0, failed = 0 } = countsOf(runFolder)
    if (done === TILES - 1 && failed === 1) {
      counts.rounds += 1
      watcher.forget()
      for (const name of readdirSync(output)) rmSync(join(output, name), { recursive: true, force: true })
      watcher.forget()
    }
    restart()
  }
  process.stderr.write(`chaos: ${JSON.stringify(counts)}, looked ${watcher.looks} times\n`)

  // The same command to the end, undisturbed: it says 75 for as long as something is left to do.
  await command.finished
  let last = await start(argv).finished
  for (let times = 0; last.status === TRY_LATER && times < 5; times += 1) last = await start(argv).finished
  isOver = true
  await watching
  expect(watcher.broken).toEqual([])
  expect(last.status, last.stderr).toBe(65)
  expect(countsOf(runFolder)).toMatchObject({ done: TILES - 1, failed: 1, claimed: 0, open: 0 })
  const [failure = ''] = debrisIn(output)
  expect(debrisIn(output)).toEqual([failure])
  expect(failure).toMatch(/\.nc\.failed\.json$/)
  expect(readFileSync(join(output, failure), 'utf8')).toContain(basename(bad))
  const right = tilesIn(output)
  expect(right).toHaveLength(TILES - 1)
  expect(differences([join(reference, 'tiles'), output], right)).toEqual([])

  // The cause away, one command ends it.
  copyFileSync(join(folder, 'whole.hdf'), join(granules, bad))
  const mended = await start(argv).finished
  expect(mended.status, mended.stderr).toBe(0)
  expect(debrisIn(output)).toEqual([])
  expect(differences([join(reference, 'tiles'), output], tilesIn(join(reference, 'tiles')))).toEqual([])
})

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

function childrenOf(pid: number | undefined): number[] {
  return processesWith('', 'run_units.py').filter((child) => {
    try {
      return readFileSync(`/proc/${child}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(pid)
    } catch {
      return false
    }
  })
}
