// Turns values into text: tables, sizes, JSON and error lines.
import type { AsterError } from '../errors.js'

/** Version of the shape of every JSON document that commands print. */
export const JSON_SCHEMA = 1

export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** Bytes for people: `3.8 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['kB', 'MB', 'GB', 'TB']
  if (bytes < 1000) return `${Math.round(bytes)} B`
  let value = bytes
  let unit = 'B'
  for (const larger of units) {
    if (value < 999.5) break
    value /= 1000
    unit = larger
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`
}

/** A span of time for people: `0.4 s`, `12 s`, `3 min 20 s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export function formatDegrees(value: number): string {
  return String(Math.round(value * 1e5) / 1e5)
}

/** A count with its noun: `1 scene`, `2 scenes`. */
/** What was left out and why; engine messages begin with the path already. */
export function skippedText(path: string, { message }: { message: string }): string {
  return `skipped ${message.startsWith(path) ? message : `${path}: ${message}`}`
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Columns as wide as their widest cell, two blanks between them. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

/** Facts, one to a line, their names aligned. */
export function formatFacts(facts: readonly (readonly [string, string])[]): string {
  const width = Math.max(...facts.map(([name]) => name.length)) + 1
  return facts.map(([name, value]) => `  ${`${name}:`.padEnd(width)} ${value}\n`).join('')
}

/** One line on what happened, and one on what to do about it. */
export function formatError(error: AsterError): string {
  const what = oneLine(error.message)
  return `error: ${what}\n${error.hint === undefined ? '' : `  hint: ${oneLine(error.hint)}\n`}`
}

/** The error as one line of JSON. */
export function errorToJson(error: AsterError, exitStatus: number): string {
  const { code, message, hint, path, retryable, neededBytes, allowedBytes } = error
  const details = { code, message, hint, path, retryable, neededBytes, allowedBytes, exitStatus }
  return `${JSON.stringify({ schema: JSON_SCHEMA, error: details })}\n`
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim()
}
