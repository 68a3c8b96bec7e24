// Reads the values of options: numbers, sizes, lists, boxes, pairs; each error names the option.
import { readFileSync } from 'node:fs'
import { AsterError, systemReason, UsageError } from '../errors.js'
import { BoundingBox } from '../geo/bounding-box.js'
import { parsePolygon } from '../geo/geojson.js'
import type { Polygon } from '../geo/polygon.js'
import { choose, GAINS, type Gain } from '../series/request.js'

export function parseNumber(flag: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new UsageError(`${flag} must be a number, got "${text}"`)
  return value
}

export function parsePositive(flag: string, text: string): number {
  const value = parseNumber(flag, text)
  if (value <= 0) throw new UsageError(`${flag} must be greater than 0, got ${text}`)
  return value
}

export function parseCount(flag: string, text: string): number {
  const value = parseNumber(flag, text)
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new UsageError(`${flag} must be a whole number, 1 or more, got ${text}`)
  }
  return value
}

/** A whole number between two others. */
export function parseWhole(flag: string, text: string, least: number, most: number): number {
  const value = parseNumber(flag, text)
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new UsageError(`${flag} must be a whole number from ${least} to ${most}, got ${text}`)
  }
  return value
}

export function parsePercent(flag: string, text: string): number {
  const value = parseNumber(flag, text)
  if (value < 0 || value > 100) throw new UsageError(`${flag} must lie between 0 and 100 percent, got ${text}`)
  return value
}

/** Degrees, or metres where it ends in `m` or `km`. */
export function parseTileSize(flag: string, text: string): { degrees: number } | { metres: number } {
  const [, digits, unit = ''] = /^\s*([\d.]+)\s*(km|m)\s*$/i.exec(text) ?? []
  if (digits === undefined) return { degrees: parsePositive(flag, text) }
  return { metres: parsePositive(flag, digits) * (unit.toLowerCase() === 'km' ? 1000 : 1) }
}

/** A count, or nothing for `all`. */
export function parseLimit(flag: string, text: string): number {
  return text.trim().toLowerCase() === 'all' ? Number.POSITIVE_INFINITY : parseCount(flag, text)
}

/** Months of the year, from `6-8`, `11-2` (across the new year) or `1,7`. */
export function parseMonths(flag: string, texts: readonly string[]): number[] {
  return parseList(flag, texts).flatMap((item) => {
    const [, first = '', last = first] = /^(\d{1,2})(?:-(\d{1,2}))?$/.exec(item) ?? []
    const [from, to] = [Number(first), Number(last)]
    const isMonth = (month: number) => month >= 1 && month <= 12
    if (!isMonth(from) || !isMonth(to)) {
      throw new UsageError(`${flag} must be months from 1 to 12, such as 6-8, 11-2 or 1,7, got "${item}"`)
    }
    const count = ((to - from + 12) % 12) + 1
    return Array.from({ length: count }, (_, step) => ((from - 1 + step) % 12) + 1)
  })
}

/** The polygon of a GeoJSON file. */
export function parsePolygonFile(flag: string, path: string): Polygon {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new UsageError(`${flag}: cannot read ${path}: ${systemReason(cause)}`, { hint: 'name a GeoJSON file', cause })
  }
  return parsePolygon(content, `${flag} ${path}`)
}

const POWERS = 'KMGT'

/** Bytes of `512M`, `2G`, `1.5GiB` (powers of 1024), `2GB` (powers of 1000) or a plain number. */
export function parseBytes(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([KMGT])(iB|B)?|B)?$/i.exec(text.trim())
  const [, digits = '', letter = '', suffix = ''] = match ?? []
  const base = suffix.toLowerCase() === 'b' ? 1000 : 1024
  const bytes = Math.floor(Number(digits) * base ** (POWERS.indexOf(letter.toUpperCase() || ' ') + 1))
  if (match === null || bytes < 1 || !Number.isSafeInteger(bytes)) {
    throw new UsageError(`${flag} must be a size such as 512M, 2G or 1.5GiB, got "${text}"`)
  }
  return bytes
}

/** Items of an option that may be repeated and may hold several, separated by commas. */
export function parseList(flag: string, texts: readonly string[]): string[] {
  const items = texts.flatMap((text) => text.split(',')).map((item) => item.trim())
  if (items.length === 0 || items.includes(''))
    throw new UsageError(`${flag} holds an empty name: "${texts.join(' ')}"`)
  return items
}

export function parseChoice<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const value = choose(flag, text, choices)
  if (value === undefined) throw new UsageError(`${flag} needs a value`)
  return value
}

export function parseBbox(flag: string, text: string): BoundingBox {
  try {
    return BoundingBox.parse(text)
  } catch (error) {
    if (!(error instanceof AsterError)) throw error
    throw new UsageError(`${flag}: ${error.message}`, { hint: error.hint })
  }
}

function parsePairs(flag: string, texts: readonly string[], example: string): [string, string][] {
  return parseList(flag, texts).map((pair) => {
    const [name = '', value = '', more] = pair.split('=')
    if (name === '' || value === '' || more !== undefined) {
      throw new UsageError(`${flag} must look like ${example}, got "${pair}"`)
    }
    return [name, value]
  })
}

/** Gains by band, from `4=NOR,5=NOR` or `ALL=NOR`. */
export function parseGains(flag: string, texts: readonly string[]): Record<string, Gain> {
  const pairs = parsePairs(flag, texts, '4=NOR,5=NOR or ALL=NOR')
  return Object.fromEntries(pairs.map(([band, gain]) => [band, parseChoice(flag, gain, GAINS)]))
}

/** Coefficients by band, from `10=0.006822`, with an offset as `10=0.006822:-0.006822`. */
export function parseCoefficients(
  flag: string,
  texts: readonly string[],
): Record<string, { ucc: number; offset?: number }> {
  const pairs = parsePairs(flag, texts, '10=0.006822 or 10=0.006822:-0.006822')
  return Object.fromEntries(
    pairs.map(([band, value]) => {
      const [ucc = '', offset, more] = value.split(':')
      if (more !== undefined) throw new UsageError(`${flag} holds too many numbers for band ${band}: "${value}"`)
      const parsed = { ucc: parsePositive(flag, ucc) }
      return [band, offset === undefined ? parsed : { ...parsed, offset: parseNumber(flag, offset) }]
    }),
  )
}
