// Shows how a download is going: a bar on a terminal, JSON lines for programs, or lines on what is out of the ordinary.
import type { DownloadEvent } from '../access/download-events.js'
import type { CliContext, Talk } from './context.js'
import { formatBytes, formatDuration, plural } from './output.js'
import type { ProgressOptions } from './progress.js'

export interface ShownDownload {
  onEvent(event: DownloadEvent): void
  /** Removes the bar. */
  end(): void
}

const ERASE = '\r\u001b[K'

/** As for a run, the bar is for a person who watches. */
export function showDownload(ctx: CliContext, talk: Talk, options: ProgressOptions): ShownDownload {
  const { mode = 'auto', quiet = false, verbose = false } = options
  const { stderr } = ctx
  if (mode === 'json') return { onEvent: (event) => stderr.write(`${JSON.stringify(event)}\n`), end: () => {} }
  const showsBar = mode === 'auto' && stderr.isTTY && !quiet && !verbose && (ctx.env.CI ?? '') === ''
  let isShown = false
  const end = () => {
    if (isShown) stderr.write(ERASE)
    isShown = false
  }
  const onEvent = (event: DownloadEvent) => {
    if (event.kind === 'failed' || event.kind === 'note' || !showsBar) {
      end()
      report(talk, event)
    }
    if (event.kind === 'finished') end()
    else if (showsBar) {
      stderr.write(`${ERASE}${formatDownloadBar(event, stderr.columns)}`)
      isShown = true
    }
  }
  return { onEvent, end }
}

function report(talk: Talk, event: DownloadEvent): void {
  const { kind, name = '', path = '', message = '', filesDone, filesTotal } = event
  if (kind === 'failed') talk.warn(message)
  else if (kind === 'note') talk.detail(message)
  else if (kind === 'planned') talk.detail(`${plural(filesTotal, 'file')} of ${plural(event.granulesTotal, 'granule')}`)
  else if (kind === 'file') talk.detail(`file ${filesDone} of ${filesTotal}: ${name}`)
  else if (kind === 'granule') talk.detail(`granule ${event.granulesDone} of ${event.granulesTotal}: ${path}`)
}

/** The bar as one line of at most `columns` characters. */
export function formatDownloadBar(event: DownloadEvent, columns: number): string {
  const { filesDone, filesTotal, bytesDone, bytesTotal, elapsedMs } = event
  const fraction = bytesTotal > 0 ? Math.min(1, bytesDone / bytesTotal) : 0
  const left = fraction > 0.02 ? formatDuration((elapsedMs * (1 - fraction)) / fraction) : '...'
  const head = `files ${filesDone}/${filesTotal} `
  const percent = String(Math.floor(fraction * 100)).padStart(3)
  const tail = ` ${percent}%  ${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}  ETA ${left}`
  const width = Math.min(30, columns - 1 - head.length - tail.length - 2)
  if (width < 5) return `${head}${tail.trim()}`.slice(0, Math.max(0, columns - 1))
  const filled = Math.round(fraction * width)
  return `${head}[${'#'.repeat(filled)}${'-'.repeat(width - filled)}]${tail}`
}
