// A Dask cluster of its own for a test: a scheduler and workers as processes on 127.0.0.1, ended with the test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { z } from 'zod'
import { hasAddon, hasSample } from '../native-addon.js'

export const PYTHON = process.env.ASTER_PYTHON ?? 'python3'

const hasDistributed = spawnSync(PYTHON, ['-c', 'import distributed'], { stdio: 'ignore' }).status === 0
if (!hasDistributed) process.stderr.write(`skipped: tests on Dask, ${PYTHON} has no distributed (ASTER_PYTHON)\n`)

export const hasDask = hasDistributed && hasAddon && hasSample

/** A test that needs `distributed`, the addon and the granules of the repository. */
export const daskTest = hasDask ? test : test.skip

const SchedulerFile = z.object({ address: z.string() })

export interface DaskCluster {
  readonly address: string
  readonly scheduler: ChildProcess
  readonly workers: readonly ChildProcess[]
  /** Another scheduler at the same address, as a system starts a service again. */
  restartScheduler(): Promise<void>
  addWorker(...options: string[]): ChildProcess
  /** Ends all of it, and leaves nothing. */
  stop(): Promise<void>
}

export interface ClusterOptions {
  workers?: number
  /** For every worker. */
  workerOptions?: readonly string[]
  env?: Readonly<Record<string, string>>
}

/** Starts a cluster; its workers may still be on their way. */
export async function daskCluster(options: ClusterOptions = {}): Promise<DaskCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'aster-dask-'))
  const children: ChildProcess[] = []
  const start = (module: string, ...argv: string[]) => {
    const child = spawn(PYTHON, ['-m', `distributed.cli.${module}`, '--host', '127.0.0.1', '--no-dashboard', ...argv], {
      stdio: process.env.ASTER_SHOW_DASK ? 'inherit' : 'ignore',
      cwd: folder,
      env: { ...process.env, ...options.env },
    })
    children.push(child)
    return child
  }
  const file = join(folder, 'scheduler.json')
  const startScheduler = async (port: string) => {
    rmSync(file, { force: true })
    const scheduler = start('dask_scheduler', '--port', port, '--scheduler-file', file)
    const addressIn = () =>
      existsSync(file) ? SchedulerFile.parse(JSON.parse(readFileSync(file, 'utf8'))).address : undefined
    return { scheduler, address: await until(addressIn) }
  }
  const { scheduler: first, address } = await startScheduler('0')
  let scheduler = first
  const addWorker = (...more: string[]) =>
    start('dask_worker', address, '--no-nanny', '--local-directory', folder, ...(options.workerOptions ?? []), ...more)
  const workers = Array.from({ length: options.workers ?? 0 }, () => addWorker())
  const restartScheduler = async () => {
    await ended(scheduler)
    scheduler = (await startScheduler(new URL(address).port)).scheduler
  }
  const stop = async () => {
    await Promise.all(children.map(ended))
    rmSync(folder, { recursive: true, force: true })
  }
  return {
    ...{ address, workers, restartScheduler, addWorker, stop },
    get scheduler() {
      return scheduler
    },
  }
}

/** How many workers a scheduler knows. */
export function workersOf(address: string): number {
  const ask = `import sys; from distributed import Client
with Client(sys.argv[1]) as client: print(len(client.nthreads()))`
  return Number(spawnSync(PYTHON, ['-c', ask, address], { encoding: 'utf8' }).stdout)
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const close = new Promise((resolve) => child.on('close', resolve))
  child.kill('SIGKILL')
  await close
}

/** What a look finds, as soon as it finds something. */
export async function until<T>(look: () => T | undefined | false, withinMs = 30_000): Promise<T> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; ) {
    const found = look()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('waited in vain')
}

/** Ids of the processes that run a program, or a command, with a text in their command line. */
export function processesWith(text: string, program: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
        return argv.some((word) => word.endsWith(program)) && argv.some((word) => word.includes(text))
      } catch {
        return false
      }
    })
    .map(Number)
}

/** Ids of the processes that run units of a plan. */
export function unitProcesses(planHash: string): number[] {
  return processesWith(planHash, 'run-unit')
}
