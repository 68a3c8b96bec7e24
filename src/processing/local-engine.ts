// Runs units on this machine: a process for each, several at a time, within one budget of threads and memory.
import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism, totalmem } from 'node:os'
import {
  type Engine,
  type EngineEvent,
  type EngineOptions,
  type EngineOutcome,
  RUN_WIDE,
  WORTH_A_RETRY,
} from './engine.js'
import type { Plan, Unit } from './manifest.js'
import { ownCommand } from './own-command.js'
import { unitState } from './unit-state.js'

/** Tries of a unit in one run, for what may pass. */
const MOST_TRIES = 3
const MIB = 2 ** 20
/** How long units get to save what they have when the run is stopped. */
const PATIENCE_MS = 30_000
/** What is kept of what a unit says, for one that ends without a result. */
const KEPT_CHARS = 4000

export interface LocalEngineOptions {
  /** Wait before a further try, times the number of tries; default 5 s. */
  retryAfterMs?: number | undefined
}

export function createLocalEngine({ retryAfterMs = 5000 }: LocalEngineOptions = {}): Engine {
  return {
    name: 'local',
    run: (plan, open, options, onEvent, signal) => new LocalRun(plan, options, onEvent, signal, retryAfterMs).run(open),
  }
}

class LocalRun {
  readonly #threads: number
  readonly #memoryMiB: number
  readonly #running = new Set<Promise<void>>()
  #busyThreads = 0
  #busyMiB = 0
  #counts = { done: 0, failed: 0, retry: 0 }
  #stoppedBy: number | undefined

  constructor(
    private readonly plan: Plan,
    private readonly options: EngineOptions,
    private readonly onEvent: (event: EngineEvent) => void,
    private readonly signal: AbortSignal,
    private readonly retryAfterMs: number,
  ) {
    this.#threads = options.nWorkers ?? availableParallelism()
    this.#memoryMiB = Math.floor((options.maxMemoryBytes ?? grantedMemory() / 2) / MIB)
  }

  async run(open: AsyncIterable<Unit>): Promise<EngineOutcome> {
    for await (const unit of open) {
      const threads = Math.min(unit.threads, this.#threads)
      // A unit that wants more than there is gets what there is, alone.
      const memoryMiB = Math.min(unit.memoryMiB, this.#memoryMiB)
      while (this.#running.size > 0 && !this.#fits(threads, memoryMiB)) await Promise.race(this.#running)
      if (this.#isOver) break
      this.#busyThreads += threads
      this.#busyMiB += memoryMiB
      const work: Promise<void> = this.#runUnit(unit, threads, memoryMiB).finally(() => {
        this.#busyThreads -= threads
        this.#busyMiB -= memoryMiB
        this.#running.delete(work)
      })
      this.#running.add(work)
    }
    await Promise.all(this.#running)
    const stopped = this.#stoppedBy === undefined ? {} : { stoppedBy: this.#stoppedBy }
    return { ...this.#counts, handedOver: 0, ...stopped }
  }

  get #isOver(): boolean {
    return this.signal.aborted || this.#stoppedBy !== undefined
  }

  #fits(threads: number, memoryMiB: number): boolean {
    return this.#busyThreads + threads <= this.#threads && this.#busyMiB + memoryMiB <= this.#memoryMiB
  }

  async #runUnit(unit: Unit, threads: number, memoryMiB: number): Promise<void> {
    const { index, id } = unit
    this.onEvent({ kind: 'started', index, id })
    for (let tries = 1; ; tries += 1) {
      const { status, message } = await this.#process(unit, threads, memoryMiB)
      if (status === 0) {
        const state = await unitState(this.plan, unit)
        this.#counts.done += 1
        if (state.kind === 'empty') this.onEvent({ kind: 'empty', index, id })
        else this.onEvent({ kind: 'done', index, id, ...(state.kind === 'done' ? { seconds: state.seconds } : {}) })
        return
      }
      if (RUN_WIDE.has(status)) this.#stoppedBy ??= status
      const isPassing = WORTH_A_RETRY.has(status)
      const willRetry = isPassing && tries < MOST_TRIES && !this.#isOver
      this.onEvent({ kind: 'failed', index, id, exitStatus: status, message, willRetry })
      if (!willRetry) {
        this.#counts[isPassing || RUN_WIDE.has(status) ? 'retry' : 'failed'] += 1
        return
      }
      await this.#pause(tries * this.retryAfterMs)
    }
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      const stop = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.signal.aborted) stop()
      this.signal.addEventListener('abort', stop, { once: true })
    })
  }

  /** One process of `run-unit`, whose stdin is held open for as long as it is wanted. */
  async #process(unit: Unit, threads: number, memoryMiB: number): Promise<{ status: number; message: string }> {
    const { offline, scratch, env } = this.options
    const limits = memoryMiB < unit.memoryMiB ? ['--max-memory', `${Math.max(1, Math.floor(memoryMiB * 0.9))}M`] : []
    const argv = ['run-unit', '--manifest', this.plan.manifestPath, '--index', String(unit.index), '--json']
    const further = [...limits, ...(offline ? ['--offline'] : []), ...(scratch ? ['--scratch', scratch] : [])]
    const [node, program] = ownCommand()
    const child = spawn(node, [program, ...argv, '--stop-with-stdin', '--threads', String(threads), ...further], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...env, UV_THREADPOOL_SIZE: String(Math.max(4, threads)), RAYON_NUM_THREADS: String(threads) },
    })
    const heard = { stdout: '', stderr: '' }
    const hear = (name: keyof typeof heard) => (text: Buffer) => {
      heard[name] = (heard[name] + text.toString('utf8')).slice(-KEPT_CHARS)
    }
    child.stdout.on('data', hear('stdout'))
    child.stderr.on('data', hear('stderr'))
    // It may end before it has read anything.
    child.stdin.on('error', () => {})
    const release = this.#stopWithUs(child)
    try {
      const status = await ended(child)
      return { status, message: messageOf(heard, status) }
    } finally {
      release()
    }
  }

  /** Closes stdin when the run is stopped, and kills what does not end. */
  #stopWithUs(child: ChildProcess): () => void {
    let timer: NodeJS.Timeout | undefined
    const stop = () => {
      child.stdin?.end()
      child.kill('SIGTERM')
      timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
    }
    if (this.signal.aborted) stop()
    this.signal.addEventListener('abort', stop, { once: true })
    return () => {
      this.signal.removeEventListener('abort', stop)
      clearTimeout(timer)
    }
  }
}

/** The exit status, or 128 and the number of the signal. */
function ended(child: ChildProcess): Promise<number> {
  const numbers: Readonly<Record<string, number>> = { SIGKILL: 9, SIGTERM: 15, SIGINT: 2, SIGSEGV: 11, SIGABRT: 6 }
  return new Promise((resolve) => {
    child.once('error', () => resolve(78))
    child.once('close', (status, signal) => resolve(status ?? 128 + (numbers[signal ?? ''] ?? 0)))
  })
}

function messageOf({ stdout, stderr }: { stdout: string; stderr: string }, status: number): string {
  const said = /"message":("(?:[^"\\]|\\.)*")/.exec(stdout)?.[1] ?? /"message":("(?:[^"\\]|\\.)*")/.exec(stderr)?.[1]
  if (said !== undefined) return String(JSON.parse(said))
  if (status > 128) return `ended by signal ${status - 128}`
  return stderr.trim().split('\n').at(-1) ?? ''
}

/** What the control group or the machine grants. */
function grantedMemory(): number {
  const constrained = process.constrainedMemory?.() ?? 0
  const isLimit = constrained > 0 && constrained < totalmem()
  return isLimit ? constrained : totalmem()
}
