// The process: arguments, streams, signals and exit status; the only file that touches them.
import { type AsterError, OutputError } from '../errors.js'
import type { TextStream } from './context.js'
import { type ExitStatus, statusOfError, statusOfSignal } from './exit-status.js'
import { errorToJson, formatError } from './output.js'
import { runCli } from './program.js'

/** How long an interrupted run may take to clean up. */
const GRACE_MS = 3000
/**
 * SIGUSR2 is what schedulers are told to send before time is up; SIGUSR1 would open Node's debugger. SIGHUP comes when
 * a terminal closes, also under nohup: Node undoes what nohup set.
 */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const
type SignalName = (typeof SIGNALS)[number]

/** What a command asked for that has something to save. */
let patience: { graceMs: number; status: ExitStatus } | undefined

export async function main(): Promise<void> {
  const interruption = new AbortController()
  for (const name of SIGNALS) process.on(name, () => interrupt(interruption, name))
  process.stdout.on('error', endWithoutStdout)
  // Nobody listens any more: that is no reason to drop the work.
  process.stderr.on('error', () => {})
  const status = await runCli(process.argv.slice(2), {
    stdout: textStream(process.stdout),
    stderr: textStream(process.stderr),
    stdin: async () => (await import('node:stream/consumers')).text(process.stdin),
    env: process.env,
    stdinEnd,
    bePatient: (graceMs, status) => {
      patience = { graceMs, status }
    },
    signal: interruption.signal,
  })
  if (!interruption.signal.aborted && patience === undefined) {
    process.exitCode = status
    return
  }
  // Neither what the addon still does for an abandoned call, nor an open stdin, must keep the process.
  process.exit(status)
}

/** The first signal asks the work to stop; the second, or the end of patience, ends the process. */
function interrupt(interruption: AbortController, name: SignalName): void {
  if (interruption.signal.aborted) {
    if (patience === undefined) process.exit(statusOfSignal(name))
    return
  }
  interruption.abort(name)
  const { graceMs = GRACE_MS, status = statusOfSignal(name) } = patience ?? {}
  setTimeout(() => process.exit(status), graceMs).unref()
}

function stdinEnd(): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['end', 'close', 'error']) process.stdin.once(event, () => resolve())
    process.stdin.resume()
  })
}

function textStream(stream: NodeJS.WriteStream): TextStream {
  return {
    write: (text) => {
      stream.write(text)
    },
    isTTY: stream.isTTY === true,
    columns: stream.columns ?? 80,
  }
}

/** A reader that has enough is no error; a disk that has not is. */
function endWithoutStdout(cause: NodeJS.ErrnoException): void {
  if (cause.code === 'EPIPE') process.exit(0)
  const error = stdoutFailure(cause)
  const status = statusOfError(error)
  process.stderr.write(process.argv.includes('--json') ? errorToJson(error, status) : formatError(error))
  process.exit(status)
}

function stdoutFailure(cause: NodeJS.ErrnoException): AsterError {
  const hint = 'let stdout lead to a disk that can be written to'
  if (cause.code === 'ENOSPC' || cause.code === 'EDQUOT') {
    return new OutputError('DISK_FULL', 'no space is left for what is printed', { hint, cause })
  }
  return new OutputError('OUTPUT_IO', `cannot print the results (${cause.code ?? cause.message})`, { hint, cause })
}
