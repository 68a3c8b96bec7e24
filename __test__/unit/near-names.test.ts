import { expect, test } from 'vitest'
import { nearNames, nearNamesHint } from '../../src/near-names.js'

const KNOWN = ['south_australia', 'australia', 'asia', 'VNIR', 'SWIR', 'TIR']

test.each([
  ['VNRI', ['VNIR']],
  ['vnir', ['VNIR']],
  ['SWR', ['SWIR']],
  ['austalia', ['australia']],
  ['austral', ['australia', 'south_australia']],
  ['atlantis', []],
  ['', []],
])('near "%s" are %j', (name, expected) => {
  expect(nearNames(name, KNOWN)).toEqual(expected)
})

test('without a near one, all are named', () => {
  expect(nearNamesHint([], ['a', 'b'], 'letters')).toBe('letters: a, b')
  expect(nearNamesHint(['a'], ['a', 'b'], 'letters')).toBe('did you mean a?')
})
