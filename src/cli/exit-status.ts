// What every exit status means: one table for all commands.
import { AbortError, AsterError } from '../errors.js'

export const EXIT_STATUSES = [
  { status: 0, meaning: 'done; also when there was nothing to do' },
  { status: 1, meaning: 'failed' },
  { status: 2, meaning: 'the command line is wrong' },
  { status: 3, meaning: 'finished, but some granules were skipped' },
  { status: 65, meaning: 'the input data are damaged or cannot be read; trying again will not help' },
  { status: 70, meaning: 'a bug in this program' },
  { status: 75, meaning: 'a passing failure; try again later' },
  { status: 77, meaning: 'authentication failed' },
  { status: 78, meaning: 'the installation, configuration or environment is wrong' },
  { status: 129, meaning: 'stopped because the terminal closed (SIGHUP)' },
  { status: 130, meaning: 'stopped by Ctrl-C (SIGINT)' },
  { status: 143, meaning: 'stopped by SIGTERM' },
] as const

export type ExitStatus = (typeof EXIT_STATUSES)[number]['status']

export const DONE: ExitStatus = 0
export const FAILED: ExitStatus = 1
export const SKIPPED_SOME: ExitStatus = 3
export const BUG: ExitStatus = 70

/** Status of a signal that stopped the program. */
export function statusOfSignal(reason: unknown): ExitStatus {
  if (reason === 'SIGUSR2') return 75
  if (reason === 'SIGHUP') return 129
  return reason === 'SIGTERM' ? 143 : 130
}

export function statusOfError(error: unknown, signal?: AbortSignal): ExitStatus {
  if (error instanceof AbortError) return statusOfSignal(signal?.reason)
  if (!(error instanceof AsterError)) return BUG
  return EXIT_STATUSES.find(({ status }) => status === error.exitCode)?.status ?? FAILED
}
