// A run of forty tiles that is disturbed for minutes, and what has to be true of it in the end.
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { expect, onTestFinished } from 'vitest'
import { openPlan } from '../../src/processing/manifest.js'
import { type PlanStatus, planStatus } from '../../src/processing/open-units.js'
import { processesWith } from './dask-cluster.js'
import {
  argumentsOf,
  debrisIn,
  differences,
  type Finished,
  lastingFolder,
  start,
  TILES,
  tilesIn,
} from './global-run.js'
import { overlaps, Watcher } from './watcher.js'

export const CHAOS_SECONDS = Number(process.env.ASTER_CHAOS_SECONDS ?? 300)
/** What a command may end with while everything is killed around it: done or handed over, bad data, try again later. */
const EXPECTED = [0, 65, 75]
/** Room for the tiles and what is in the making. */
const DISK = '24m'
const FULL_MS = 8000
/** Commands in the end, undisturbed, until nothing is left to do. */
const MOST_RUNS = 8

/** Something that is done to a run; false when there was nothing to do it to. */
export interface Act {
  readonly name: string
  /** How often it comes, compared with the others. */
  readonly weight: number
  run(): boolean | Promise<boolean>
}

export interface Granules {
  readonly folder: string
  /** Tiles of an undisturbed run over them. */
  readonly tiles: string
}

export interface ChaosSetup {
  /** What the command says of its engine. */
  readonly engine: readonly string[]
  /** Whether unfinished tiles are written elsewhere. */
  readonly usesScratch?: boolean
  /** Between the end of a command and the next one. */
  readonly pauseMs?: number
}

export class Chaos {
  readonly folder: string
  readonly granules: string
  readonly output: string
  readonly scratch: string
  readonly watcher: Watcher
  readonly counts: Record<string, number> = { rounds: 0 }
  readonly #whole: Granules
  readonly #setup: ChaosSetup
  readonly #bad: string
  readonly #hasSmallDisk: boolean
  readonly #next: () => number
  #command: ReturnType<typeof start> | undefined
  #ended: Finished | undefined

  constructor(whole: Granules, setup: ChaosSetup) {
    const seed = Number(process.env.ASTER_CHAOS_SEED ?? Date.now() % 1e6)
    process.stderr.write(`chaos: seed ${seed} (ASTER_CHAOS_SEED), ${CHAOS_SECONDS} s\n`)
    this.#next = random(seed)
    this.#whole = whole
    this.#setup = setup
    const { folder, remove } = lastingFolder()
    onTestFinished(remove)
    onTestFinished(() => void this.#command?.child.kill('SIGKILL'))
    this.folder = folder
    this.granules = join(folder, 'granules')
    this.output = join(folder, 'tiles')
    this.scratch = join(folder, 'scratch')
    cpSync(whole.folder, this.granules, { recursive: true })
    mkdirSync(this.output)
    mkdirSync(this.scratch)
    // Unit 7 of 40 has this granule, and no other unit has.
    const [bad = ''] = readdirSync(this.granules).filter((name) => /^AST_L1T_00307092002.*_50007\.hdf$/.test(name))
    this.#bad = bad
    expect(damagePixels(join(this.granules, bad))).toBeGreaterThan(2)
    this.#hasSmallDisk = mountSmallDisk(this.output)
    this.watcher = new Watcher(this.output, this.scratch)
  }

  get runFolder(): string {
    return join(this.folder, `run-${this.counts.rounds}`)
  }

  get argv(): string[] {
    const { engine, usesScratch = false } = this.#setup
    const scratch = usesScratch ? ['--scratch', this.scratch] : []
    return [...argumentsOf(this.granules, this.runFolder, this.output), ...scratch, ...engine]
  }

  /** The command that is running now. */
  get command(): ReturnType<typeof start> | undefined {
    return this.#ended === undefined ? this.#command : undefined
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#next() * list.length)]
  }

  /** Some time between two limits. */
  pause(fromMs: number, toMs: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, fromMs + this.#next() * (toMs - fromMs)))
  }

  /** Lets the command run, again and again, and does one thing to it after the other. */
  async rage(acts: readonly Act[]): Promise<void> {
    const stopWatching = this.watcher.start()
    onTestFinished(stopWatching)
    this.#restart()
    const beginning = Date.now()
    let isDiskDue = this.#hasSmallDisk
    while (Date.now() < beginning + CHAOS_SECONDS * 1000) {
      await this.pause(500, 2500)
      if (isDiskDue && Date.now() > beginning + CHAOS_SECONDS * 400) {
        isDiskDue = false
        await this.#fillDisk()
      } else await this.#doOne(acts)
      await this.#goOn()
    }
    await this.#command?.finished
    process.stderr.write(`chaos: ${JSON.stringify(this.counts)}, looked ${this.watcher.looks} times\n`)
  }

  /** The same command to the end, undisturbed: 39 right tiles, one named failure. The cause away, it makes the last. */
  async expectEnd(runOnce: (argv: readonly string[]) => Promise<Finished>): Promise<void> {
    for (let runs = 0; !(await this.#isAllDone()) && runs < MOST_RUNS; runs += 1) await runOnce(this.argv)
    const records = debrisIn(this.output).filter((name) => name.endsWith('.failed.json'))
    const told = records.map((name) => readFileSync(join(this.output, name), 'utf8')).join('\n')
    expect(await this.status(), told).toMatchObject({
      done: TILES - 1,
      failed: 1,
      claimed: 0,
      open: 0,
      failures: { 65: 1 },
    })
    const last = await runOnce(this.argv)
    expect(last.status, last.stderr).toBe(65)
    const [failure = ''] = debrisIn(this.output)
    expect(this.#debris()).toEqual([failure])
    expect(failure).toMatch(/\.nc\.failed\.json$/)
    expect(readFileSync(join(this.output, failure), 'utf8')).toContain(this.#bad)
    const right = tilesIn(this.output)
    expect(right).toHaveLength(TILES - 1)
    expect(differences([this.#whole.tiles, this.output], right)).toEqual([])

    copyFileSync(join(this.#whole.folder, this.#bad), join(this.granules, this.#bad))
    const mended = await runOnce(this.argv)
    expect(mended.status, mended.stderr).toBe(0)
    expect(this.#debris()).toEqual([])
    expect(differences([this.#whole.tiles, this.output], tilesIn(this.#whole.tiles))).toEqual([])
    this.#expectNothingTwice()
  }

  async status(): Promise<PlanStatus> {
    return planStatus(await openPlan(this.runFolder))
  }

  #expectNothingTwice(): void {
    const { broken, holdings } = this.watcher
    expect(broken).toEqual([])
    expect(overlaps(holdings)).toEqual([])
    // Had it seen little, it would have proved little: most tiles are worked on for longer than between two looks.
    expect(new Set(holdings.map(({ tile }) => tile)).size).toBeGreaterThan(TILES / 2)
    expect(holdings.length).toBeGreaterThan(TILES)
  }

  async #doOne(acts: readonly Act[]): Promise<void> {
    let left = this.#next() * acts.reduce((sum, { weight }) => sum + weight, 0)
    for (const { name, weight, run } of acts) {
      left -= weight
      if (left > 0) continue
      if (await run()) this.counts[name] = (this.counts[name] ?? 0) + 1
      return
    }
  }

  async #fillDisk(): Promise<void> {
    const filler = join(this.output, 'filler')
    const filling = spawn('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { stdio: 'ignore' })
    await new Promise((resolve) => filling.on('close', resolve))
    expect(statfsSync(this.output).bavail).toBe(0)
    this.counts.fullDisks = 1
    await this.pause(FULL_MS, FULL_MS)
    rmSync(filler)
  }

  /** Once the command has ended, the same again; when all is done already, away with the tiles, and once more. */
  async #goOn(): Promise<void> {
    if (this.#ended === undefined) return
    const { pauseMs = 0 } = this.#setup
    const { status, stderr } = this.#ended
    // Without a status it was killed.
    if (status !== null) expect(EXPECTED, stderr).toContain(status)
    if ((await this.#isAllDone()) && processesWith(this.runFolder, 'run-unit').length === 0) {
      this.watcher.forget()
      for (const name of readdirSync(this.output)) rmSync(join(this.output, name), { recursive: true, force: true })
      this.watcher.forget()
      this.counts.rounds = (this.counts.rounds ?? 0) + 1
    } else await this.pause(pauseMs, pauseMs)
    this.#restart()
  }

  #restart(): void {
    this.#ended = undefined
    const command = start(this.argv)
    this.#command = command
    command.finished.then((finished) => {
      if (this.#command === command) this.#ended = finished
    })
  }

  async #isAllDone(): Promise<boolean> {
    // A command that was killed early may have left no plan.
    const status = await this.status().catch(() => undefined)
    return status?.done === TILES - 1 && status.failed === 1
  }

  /** What is left beside tiles, records and plans, in all folders of the run. */
  #debris(): string[] {
    const listed = (folder: string) =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const left = (folder: string) =>
      listed(folder).filter(({ name }) => /claim|partial|publishing|draft|tmp/.test(name))
    const elsewhere = [...left(this.runFolder), ...listed(this.scratch)]
    return [...debrisIn(this.output), ...elsewhere.map(({ name }) => name)]
  }
}

export function kill(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

function mountSmallDisk(folder: string): boolean {
  const argv = ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', folder]
  const isMounted = process.getuid?.() === 0 && spawnSync('mount', argv).status === 0
  if (isMounted) onTestFinished(() => void spawnSync('umount', ['-l', folder]))
  else process.stderr.write('skipped: the full disk, a small file system cannot be mounted here\n')
  return isMounted
}

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
