// Everything a command may touch of the world outside, replaceable as one value.

import type { ExitStatus } from './exit-status.js'

export interface TextStream {
  write(text: string): void
  readonly isTTY: boolean
  /** Width of the terminal, in characters. */
  readonly columns: number
}

export interface CliContext {
  /** Data, and nothing else. */
  stdout: TextStream
  /** Everything said about the work. */
  stderr: TextStream
  /** All that is piped in, as text. */
  stdin(): Promise<string>
  env: Readonly<Record<string, string | undefined>>
  /** Aborted by the first SIGINT or SIGTERM; its reason is the signal's name. */
  signal: AbortSignal
  /** Settles when stdin is closed; what comes before that is thrown away. */
  stdinEnd?(): Promise<void>
  /** Asks for more time to end after a signal, and for the status if that runs out; more signals change nothing then. */
  bePatient?(graceMs: number, status: ExitStatus): void
  /** What was typed, for the history of what is written. */
  commandLine?: string
}

/** Talks to the person who runs the program; each level of quiet removes some of it. */
export interface Talk {
  /** Said unless `--quiet`: what was left out or assumed. */
  note(text: string): void
  /** Said unless `--quiet`: what went wrong without stopping the work. */
  warn(text: string): void
  /** Said with `--verbose` only. */
  detail(text: string): void
}

export interface TalkOptions {
  quiet?: boolean | undefined
  verbose?: boolean | undefined
}

export function talkTo(ctx: CliContext, { quiet = false, verbose = false }: TalkOptions): Talk {
  const line = (text: string) => ctx.stderr.write(`${text}\n`)
  return {
    note: (text) => quiet || line(text),
    warn: (text) => quiet || line(`warning: ${text}`),
    detail: (text) => verbose && line(text),
  }
}
