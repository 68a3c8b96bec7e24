import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseInstant, parsePeriod, resolveQuery } from '../../src/catalog/query.js'
import type { Polygon } from '../../src/geo/polygon.js'
import { useNative } from '../../src/native/load.js'
import { fakeNative } from '../fake-native.js'

beforeEach(() => useNative(fakeNative()))
afterEach(() => useNative(undefined))

const iso = (milliseconds: number) => new Date(milliseconds).toISOString()

test('what JavaScript hands over in place of a date or a polygon is refused by name', () => {
  const date: unknown = new Date(0)
  const polygon: unknown = { type: 'Polygon', coordinates: [] }
  expect(() => resolveQuery({ startDate: date as string })).toThrow(/^startDate must be a date such as 2001-06-10/)
  expect(() => resolveQuery({ polygon: polygon as Polygon })).toThrow(/^polygon must be a Polygon$/)
})

test('a misspelt filter is refused, since it would let everything pass', () => {
  const misspelt: object = { product: 'AST_L1T', cloudCover: 20 }
  expect(() => resolveQuery(misspelt)).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      message: 'unknown filter "cloudCover"',
      hint: 'did you mean cloudCoverMax?',
    }),
  )
})

describe('dates', () => {
  test.each([
    ['2001-06-10', 'start', '2001-06-10T00:00:00.000Z'],
    ['2001-06-10', 'end', '2001-06-10T23:59:59.999Z'],
    ['2001-06-10T03:11', 'end', '2001-06-10T03:11:00.000Z'],
    ['2001-06-10T03:11:13Z', 'start', '2001-06-10T03:11:13.000Z'],
    ['2001-06-10T03:11:13.270000Z', 'start', '2001-06-10T03:11:13.270Z'],
    ['2001-06-10 03:11:13+0930', 'start', '2001-06-09T17:41:13.000Z'],
    ['2004-02-29', 'start', '2004-02-29T00:00:00.000Z'],
  ] as const)('%s as %s is %s', (text, edge, expected) => {
    expect(iso(parseInstant(text, '--start', edge))).toBe(expected)
  })

  test.each(['2001-02-30', '2001-13-01', '2001-6-1', '10/06/2001', 'yesterday', '', '2001-06-10T25:00'])(
    '"%s" is refused by the name of its parameter',
    (text) => {
      expect(() => parseInstant(text, '--start', 'start')).toThrow(/^--start must be a date such as .*, got "/)
    },
  )

  test('a period runs forwards', () => {
    expect(() => parsePeriod('2002-01-01', '2001-01-01')).toThrow(
      'endDate (2001-01-01) is before startDate (2002-01-01)',
    )
    expect(() => parsePeriod('2001-01-01', '2001-01-01')).not.toThrow()
    expect(parsePeriod(undefined, undefined).endMs).toBe(Number.POSITIVE_INFINITY)
  })
})

test('products are found whatever their letter case, and near ones named', () => {
  expect(resolveQuery({ product: 'ast_l1t' }).product).toBe('AST_L1T')
  expect(() => resolveQuery({ product: 'AST_L1X' })).toThrow(
    expect.objectContaining({ code: 'USAGE', message: 'unknown product "AST_L1X"', hint: 'did you mean AST_L1T?' }),
  )
  expect(() => resolveQuery({ product: 'MOD13' })).toThrow(
    expect.objectContaining({ hint: 'products: AST_L1T, AST_08' }),
  )
})

test('cloud cover is a percentage', () => {
  expect(() => resolveQuery({ cloudCoverMax: 101 })).toThrow(/cloudCoverMax must lie between 0 and 100/)
  expect(() => resolveQuery({ cloudCoverMax: Number.NaN })).toThrow(/cloudCoverMax/)
})
