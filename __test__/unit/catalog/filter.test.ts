// Filters of one scene, and months as spans of dates.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { rejectingFilter, spansOf } from '../../../src/catalog/filter.js'
import { resolveQuery, type SceneQuery } from '../../../src/catalog/query.js'
import { sceneFromGranule } from '../../../src/catalog/scene.js'
import { parseMonths } from '../../../src/cli/parse.js'
import { useNative } from '../../../src/native/load.js'
import { fakeNative, granule } from '../../fake-native.js'

beforeEach(() => useNative(fakeNative()))
afterEach(() => useNative(undefined))

const NOW = Date.parse('2004-02-10T12:00:00Z')

test('spans hold exactly the days that a filter day by day keeps', () => {
  const queries: SceneQuery[] = [
    { months: [2] },
    { months: [12, 1, 2], startDate: '2001-01-20', endDate: '2003-12-05' },
    { months: [6, 7, 8, 11], startDate: '2000-07-15T12:00:00Z' },
    { months: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], startDate: '2001-01-01', endDate: '2002-12-31' },
  ]
  for (const given of queries) {
    const query = resolveQuery(given)
    const spans = spansOf(query, NOW)
    for (let time = Date.parse('1999-12-20T06:00:00Z'); time <= NOW; time += 86_400_000) {
      const info = granule('AST_L1T_00301032001031000_20150414031022', { time: new Date(time).toISOString() })
      const isKept = rejectingFilter(sceneFromGranule(info), query) === undefined
      expect([time, spans.some(({ startMs, endMs }) => time >= startMs && time <= endMs)]).toEqual([time, isKept])
    }
    for (const [index, span] of spans.entries()) {
      expect(span.startMs).toBeLessThanOrEqual(span.endMs)
      expect(span.startMs).toBeGreaterThan((spans[index - 1]?.endMs ?? Number.NEGATIVE_INFINITY) + 1)
    }
  }
})

test('no months, or all of them, are the period as it is', () => {
  const all = resolveQuery({ months: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] })
  for (const query of [resolveQuery({}), all]) {
    expect(spansOf(query, NOW)).toEqual([{ startMs: Number.NEGATIVE_INFINITY, endMs: Number.POSITIVE_INFINITY }])
  }
})

test('what is not known passes', () => {
  const scene = sceneFromGranule(granule('AST_L1T_00301032001031000_20150414031022'))
  const by = (query: SceneQuery, facts = {}) => rejectingFilter({ ...scene, ...facts }, resolveQuery(query))
  expect(by({ dayNight: 'night' })).toBeUndefined()
  expect(by({ dayNight: 'night' }, { dayNight: 'day' })).toBe('dayNight')
  expect(by({ dayNight: 'night' }, { dayNight: 'both' })).toBeUndefined()
  expect(by({ productVersion: '4' })).toBe('product')
  expect(by({ productVersion: 'v003' })).toBeUndefined()
})

test('queries are checked', () => {
  expect(() => resolveQuery({ months: [13] })).toThrow(/months must be numbers from 1 to 12, got 13/)
  expect(() => resolveQuery({ productVersion: 'four' })).toThrow(/must look like 004/)
  expect(() => resolveQuery({ dayNight: 'dusk' as never })).toThrow(/must be day or night/)
  expect(resolveQuery({ product: 'ASTER L1T' }).product).toBe('AST_L1T')
})

test.each([
  [['6-8'], [6, 7, 8]],
  [['11-2'], [11, 12, 1, 2]],
  [
    ['1,7', '3'],
    [1, 7, 3],
  ],
])('months %j are %j', (texts, months) => expect(parseMonths('--months', texts)).toEqual(months))

test.each(['0', '13', 'june', '6-', '1-13', ''])('months "%s" are refused', (text) => {
  expect(() => parseMonths('--months', [text])).toThrow(/^--months /)
})
