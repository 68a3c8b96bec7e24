// A real Slurm for tests: the one that answers, else the one that a starter script brings up, else none and a word on it.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { type Claim, claim } from '../../src/access/claim.js'
import { SlurmEngine, type SlurmEngineSetup } from '../../src/cluster/slurm/engine.js'
import { runTag } from '../../src/cluster/slurm/job-comment.js'
import type { SlurmOptions } from '../../src/cluster/slurm/settings.js'
import type { EngineEvent, EngineOutcome } from '../../src/processing/engine.js'
import { iterUnits, type Plan, type Unit } from '../../src/processing/manifest.js'
import { unitState } from '../../src/processing/unit-state.js'
import { ROOT } from '../native-addon.js'
import { planOf } from '../unit/processing/plans.js'

const STARTER = process.env.ASTER_SLURM_LOCAL
const answers = () => spawnSync('sinfo', ['-h'], { timeout: 20_000 }).status === 0
const canStart = STARTER !== undefined && STARTER !== '' && existsSync(STARTER) && process.getuid?.() === 0
const isUp = answers()

/** Whether the cluster may be started anew with other settings. */
export const canConfigure = canStart
export const hasSlurm = isUp || canStart
/** What waits for minutes runs at night. */
export const isNight = process.env.ASTER_NIGHTLY === '1'

if (!hasSlurm) process.stderr.write('skipped: tests on Slurm, none answers and ASTER_SLURM_LOCAL names no starter\n')
else if (!canConfigure) process.stderr.write('skipped: tests on Slurm with other limits (ASTER_SLURM_LOCAL)\n')

/** A test that needs Slurm. */
export const slurmTest = hasSlurm ? test : test.skip
/** A test that starts Slurm with settings of its own. */
export const configuredTest = canConfigure ? test : test.skip
/** A test on Slurm that waits for minutes. */
export const nightlyTest = hasSlurm && isNight ? test : test.skip

const PLAIN = { SLURM_LOCAL_ACCOUNTING: 'dbd' }
let configured = JSON.stringify(isUp ? PLAIN : {})

/** Brings the cluster up with these settings; with none, as the other tests want it. */
export function startSlurm(settings: Record<string, string> = PLAIN): void {
  if (!canStart || STARTER === undefined || JSON.stringify(settings) === configured) return
  const env = { ...process.env, ...PLAIN, ...settings }
  // Queued jobs and states of nodes belong to the settings before.
  if (configured !== '{}') execFileSync(STARTER, ['stop'], { env, stdio: 'ignore', timeout: 120_000 })
  execFileSync(STARTER, ['start'], { env, stdio: 'ignore', timeout: 600_000 })
  configured = JSON.stringify(settings)
}

export function stopSlurm(): void {
  if (STARTER !== undefined) execFileSync(STARTER, ['stop'], { stdio: 'ignore', timeout: 120_000 })
  configured = '{}'
}

/** Ids of the processes of a daemon of Slurm. */
export function daemons(name: 'slurmctld' | 'slurmd' | 'slurmstepd'): number[] {
  const isIt = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && isIt(pid))
    .map(Number)
}

/** Starts daemons that died, as a system does after some seconds, and takes a node that was drained back; whether it is up. */
export async function reviveSlurm(): Promise<boolean> {
  if (STARTER === undefined) return false
  const env = { ...process.env, ...PLAIN, ...JSON.parse(configured) }
  const starting = spawn(STARTER, ['start'], { env, stdio: 'ignore' })
  return (await new Promise((resolve) => starting.on('close', resolve))) === 0
}

/** Test files share one cluster: one at a time. */
export function takeCluster(): Promise<Claim> {
  return claim(join(tmpdir(), '.aster-slurm-tests.claim'))
}

export function slurm(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' })
}

const PROGRAM = join(ROOT, '__test__', 'cluster', 'scripted-unit.mjs')

export interface Behaviour {
  exit?: number
  sleepMs?: number
  allocateMiB?: number
  kill?: boolean
  steps?: number
  /** Does not stop when it is asked to. */
  isStubborn?: boolean
}

export interface Told {
  index: number
  what: string
  at: number
  job: string
  restarts?: string
  mem?: string
  secrets: string[]
}

/** A plan whose units do as they are told, and the engine on it. */
export class SlurmRun {
  readonly folder: string
  readonly plan: Plan
  readonly events: EngineEvent[] = []

  private constructor(folder: string, plan: Plan) {
    this.folder = folder
    this.plan = plan
  }

  static async of(units: number, behaviour: Record<string, Behaviour> = {}, name = ''): Promise<SlurmRun> {
    const parent = mkdtempSync(join(tmpdir(), 'aster-slurm-'))
    const folder = join(parent, `run${name}`)
    const run = new SlurmRun(folder, await planOf(folder, units, { memoryMiB: 200 }))
    onTestFinished(() => {
      // Only jobs of this run: the cluster may be somebody's.
      const jobs = run.queued()
      if (jobs.length > 0) spawnSync('scancel', [...new Set(jobs)])
      // Cancelled jobs may write for a moment more.
      rmSync(parent, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 })
    })
    run.behave(behaviour)
    return run
  }

  behave(behaviour: Record<string, Behaviour>): void {
    writeFileSync(join(this.folder, 'behaviour.json'), JSON.stringify(behaviour))
  }

  /** What the units told, in order. */
  told(what?: string): Told[] {
    const path = join(this.folder, 'told.jsonl')
    const lines = (existsSync(path) ? readFileSync(path, 'utf8') : '').split('\n').slice(0, -1)
    const all: Told[] = lines.map((line) => JSON.parse(line))
    return what === undefined ? all : all.filter((one) => one.what === what)
  }

  async *open(): AsyncGenerator<Unit> {
    for await (const unit of iterUnits(this.plan)) {
      const { kind } = await unitState(this.plan, unit)
      if (kind !== 'done' && kind !== 'empty') yield unit
    }
  }

  /** One command: scripts and, unless told otherwise, submission. */
  async submit(
    options: SlurmOptions = {},
    env: Record<string, string> = {},
    setup: SlurmEngineSetup = {},
  ): Promise<EngineOutcome> {
    this.events.length = 0
    const engine = new SlurmEngine({ submit: true, time: '10', ...options }, { program: PROGRAM, ...setup })
    const tell = (event: EngineEvent) => this.events.push(event)
    return engine.run(this.plan, this.open(), { env: { ...process.env, ...env } }, tell, new AbortController().signal)
  }

  said(): string {
    return this.events.map((event) => ('message' in event ? event.message : '')).join('\n')
  }

  jobs(): string[] {
    return this.events.flatMap((event) => (event.kind === 'submitted' ? [event.job] : []))
  }

  /** Jobs of this run that are queued or running. */
  queued(): string[] {
    const tag = runTag(this.plan)
    const lines = slurm('squeue', '-h', '-o', '%A|%k').split('\n')
    return lines.filter((line) => line.includes(`|${tag}`)).map((line) => line.split('|')[0] ?? '')
  }

  /** Waits until none of our jobs is queued or running. */
  async settle(seconds = 120): Promise<void> {
    await until(seconds, () => this.queued().length === 0)
  }

  async states(): Promise<string[]> {
    const states: string[] = []
    for await (const unit of iterUnits(this.plan)) states.push((await unitState(this.plan, unit)).kind)
    return states
  }
}

export async function until(seconds: number, isSo: () => boolean): Promise<void> {
  const end = Date.now() + seconds * 1000
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`not so after ${seconds} s`)
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}
