// Shows how a run is going: a bar on a terminal, JSON lines for programs, or nothing.
import type { CubeEvent } from '../native/contract.js'
import type { CliContext, Talk, TextStream } from './context.js'
import { formatBytes, formatDuration, plural } from './output.js'

export const PROGRESS_MODES = ['auto', 'json', 'none'] as const
export type ProgressMode = (typeof PROGRESS_MODES)[number]

export interface Progress {
  onEvent(event: CubeEvent): void
  /** Removes the bar. */
  end(): void
}

export interface ProgressOptions {
  mode?: ProgressMode | undefined
  quiet?: boolean | undefined
  verbose?: boolean | undefined
}

/** The bar is for a person who watches: a terminal, not quiet, not verbose, not a build machine. */
export function openProgress(ctx: CliContext, talk: Talk, options: ProgressOptions): Progress {
  const { mode = 'auto', quiet = false, verbose = false } = options
  if (mode === 'json') return jsonLines(ctx.stderr)
  const isCi = (ctx.env.CI ?? '') !== ''
  const showsBar = mode === 'auto' && ctx.stderr.isTTY && !quiet && !verbose && !isCi
  return showsBar ? bar(ctx.stderr, talk) : lines(talk)
}

function jsonLines(stream: TextStream): Progress {
  return { onEvent: (event) => stream.write(`${JSON.stringify(event)}\n`), end: () => {} }
}

function lines(talk: Talk): Progress {
  return { onEvent: (event) => report(talk, event), end: () => {} }
}

function bar(stream: TextStream, talk: Talk): Progress {
  const erase = '\r\u001b[K'
  let isShown = false
  const end = () => {
    if (isShown) stream.write(erase)
    isShown = false
  }
  const onEvent = (event: CubeEvent) => {
    if (event.kind === 'skipped' || event.kind === 'warning') {
      end()
      report(talk, event)
    }
    if (event.kind === 'finished') return end()
    stream.write(`${erase}${formatBar(event, stream.columns)}`)
    isShown = true
  }
  return { onEvent, end }
}

function report(talk: Talk, event: CubeEvent): void {
  const { kind, path, message = '' } = event
  if (kind === 'skipped') talk.warn(`skipped ${path ?? 'a granule'}: ${message}`)
  else if (kind === 'warning') talk.warn(path === undefined ? message : `${path}: ${message}`)
  else if (kind === 'planned') talk.detail(`planned ${plural(event.scenesTotal, 'scene')}`)
  else if (kind === 'scene') talk.detail(`scene ${event.scenesDone} of ${event.scenesTotal}: ${path ?? ''}`)
}

function fractionDone({ scenesDone, scenesTotal, chunksDone, chunksTotal }: CubeEvent): number {
  if (chunksTotal > 0) return Math.min(1, chunksDone / chunksTotal)
  return scenesTotal > 0 ? Math.min(1, scenesDone / scenesTotal) : 0
}

/** The bar as one line of at most `columns` characters. */
export function formatBar(event: CubeEvent, columns: number): string {
  const fraction = fractionDone(event)
  const left = fraction > 0.02 ? formatDuration((event.elapsedMs * (1 - fraction)) / fraction) : '...'
  const head = `scenes ${event.scenesDone}/${event.scenesTotal} `
  const tail =
    ` ${String(Math.floor(fraction * 100)).padStart(3)}%` +
    `  ${formatBytes(event.bytesRead)} read  ${formatBytes(event.bytesWritten)} written  ETA ${left}`
  const width = Math.min(30, columns - 1 - head.length - tail.length - 2)
  if (width < 5) return `${head}${tail.trim()}`.slice(0, Math.max(0, columns - 1))
  const filled = Math.round(fraction * width)
  return `${head}[${'#'.repeat(filled)}${'-'.repeat(width - filled)}]${tail}`
}
