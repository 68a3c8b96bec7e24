// Runs python/run_units.py as a process: hands it the job, reads its events, and stops it by closing its stdin.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { AbortError, InternalError, NetworkError, UsageError } from '../../errors.js'
import { packageFile } from '../../package-file.js'
import { type DaskJob, type DriverEnd, type DriverEvent, parseEvent } from './protocol.js'
import type { FoundPython } from './python.js'

const DRIVER = packageFile('python/run_units.py')
/** Last lines of stderr that are kept for an error. */
const KEPT_LINES = 12

export interface DriverOptions {
  readonly python: FoundPython
  readonly job: DaskJob
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  onEvent(event: DriverEvent): void
}

/**
 * Runs a job to its end.
 *
 * @throws UsageError `CONFIG` without a working Python; NetworkError for a scheduler that is not there or goes away
 */
export async function runDriver(options: DriverOptions): Promise<DriverEnd> {
  const { python, job, signal } = options
  // A group of its own: Ctrl-C reaches us, and the driver through its stdin, once and in order.
  const child = spawn(python.path, [DRIVER], { stdio: 'pipe', detached: true, env: environment(options.env) })
  const stop = () => child.stdin.end()
  signal.addEventListener('abort', stop, { once: true })
  const said: string[] = []
  let end: DriverEnd | undefined
  const events = createInterface({ input: child.stdout })
  events.on('line', (line) => {
    const event = parseEvent(line)
    if (event?.event === 'end') end = event
    else if (event !== undefined) options.onEvent(event)
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.trim() !== '') said.push(line)
    if (said.length > KEPT_LINES) said.shift()
  })
  // A driver that is gone is told by its exit status.
  child.stdin.on('error', () => {})
  child.stdin.write(`${JSON.stringify(job)}\n`)
  if (signal.aborted) stop()
  try {
    const [status, killedBy] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', (cause) => reject(cannotStart(python, cause)))
      child.on('close', (code, name) => resolve([code, name]))
    })
    if (end?.reason === 'bug') throw new InternalError(`the Dask driver failed: ${[end.message, ...said].join('\n')}`)
    if (end !== undefined) return checked(end)
    if (signal.aborted) throw new AbortError()
    throw endedWithoutWord(python, killedBy ?? `exit status ${status}`, said)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function checked(end: DriverEnd): DriverEnd {
  const { reason, hint } = end
  const message = end.message ?? reason
  const details = { hint: hint ?? undefined }
  if (reason === 'unreachable' || reason === 'lost') throw new NetworkError('NETWORK', message, details)
  if (reason === 'unfit') throw new UsageError(message, { ...details, code: 'CONFIG' })
  if (reason === 'no-distributed') {
    throw new UsageError(message, {
      code: 'CONFIG',
      hint: `install it: ${hint}; or name another Python with --dask-python`,
    })
  }
  return end
}

function cannotStart({ path, source }: FoundPython, cause: Error): UsageError {
  return new UsageError(`cannot start the Python ${path} (from ${source}): ${cause.message}`, {
    code: 'CONFIG',
    hint: 'name one that works: --dask-python /path/to/bin/python',
    cause,
  })
}

function endedWithoutWord(python: FoundPython, how: string, said: readonly string[]): UsageError | NetworkError {
  const last = said.at(-1)
  const why = last === undefined ? '' : `: ${last}`
  if (how.startsWith('SIG')) {
    return new NetworkError('NETWORK', `the Dask driver was ended by ${how}`, {
      hint: 'finished units are kept; run the same command again',
    })
  }
  return new UsageError(`${python.path} (from ${python.source}) cannot run the Dask driver, ${how}${why}`, {
    code: 'CONFIG',
    hint: 'it takes Python 3.9 or newer with the package distributed; see --dask-python',
  })
}

/** The driver needs no login, and what it does not have it cannot tell. */
function environment(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('EARTHDATA_'))
  return { ...Object.fromEntries(kept), PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' }
}
