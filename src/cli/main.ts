// The process: arguments, streams, signals and exit status; the only file that touches them.
import { text } from 'node:stream/consumers'
import type { TextStream } from './context.js'
import { statusOfSignal } from './exit-status.js'
import { runCli } from './program.js'

/** How long an interrupted run may take to clean up. */
const GRACE_MS = 3000

export async function main(): Promise<void> {
  const interruption = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt(interruption, name))
  process.stdout.on('error', stopQuietlyOnBrokenPipe)
  process.stderr.on('error', stopQuietlyOnBrokenPipe)
  const status = await runCli(process.argv.slice(2), {
    stdout: textStream(process.stdout),
    stderr: textStream(process.stderr),
    stdin: () => text(process.stdin),
    env: process.env,
    signal: interruption.signal,
  })
  if (!interruption.signal.aborted) {
    process.exitCode = status
    return
  }
  // Whatever the addon still does for an abandoned call must not keep the process.
  process.exit(statusOfSignal(interruption.signal.reason))
}

/** The first signal asks the work to stop; the second, or the end of patience, ends the process. */
function interrupt(interruption: AbortController, name: 'SIGINT' | 'SIGTERM'): void {
  if (interruption.signal.aborted) process.exit(statusOfSignal(name))
  interruption.abort(name)
  setTimeout(() => process.exit(statusOfSignal(name)), GRACE_MS).unref()
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

function stopQuietlyOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}
