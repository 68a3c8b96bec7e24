import { describe, expect, test } from 'vitest'
import { joinBboxNumbers } from '../../src/cli/argv.js'
import { OPTIONS } from '../../src/cli/options.js'
import { parseBytes, parseCoefficients, parseCount, parseGains, parseList, parsePercent } from '../../src/cli/parse.js'

describe('sizes', () => {
  test.each([
    ['512M', 512 * 1024 ** 2],
    ['2G', 2 * 1024 ** 3],
    ['1.5GiB', 1.5 * 1024 ** 3],
    ['2GB', 2e9],
    ['2gb', 2e9],
    ['4k', 4096],
    ['1T', 1024 ** 4],
    ['1000', 1000],
    ['1000B', 1000],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseBytes('--max-memory', text)).toBe(bytes)
  })
  test.each(['', 'G', '2X', '-1G', '0', '1e9G', '2 G B', 'lots'])('"%s" is refused', (text) => {
    expect(() => parseBytes('--max-memory', text)).toThrow(/^--max-memory must be a size such as 512M, 2G or 1.5GiB/)
  })
})

describe('the four numbers of --bbox', () => {
  test.each([
    [['--bbox', '129.0', '-38.1', '141.0', '-26.0'], ['--bbox=129.0,-38.1,141.0,-26.0']],
    [['--bbox', '129,-38.1,141,-26'], ['--bbox=129,-38.1,141,-26']],
    [['--bbox', '129,', '-38.1,', '141,', '-26'], ['--bbox=129,-38.1,141,-26']],
    [
      ['--bbox', '-1', '-2', '3', '4', 'a.hdf', '--json'],
      ['--bbox=-1,-2,3,4', 'a.hdf', '--json'],
    ],
    [
      ['--bbox', '1', '2', '3', '--json'],
      ['--bbox=1,2,3', '--json'],
    ],
    [
      ['--bbox', '1,2,3,4', '5.hdf'],
      ['--bbox=1,2,3,4', '5.hdf'],
    ],
    [
      ['--bbox', 'x'],
      ['--bbox', 'x'],
    ],
    [
      ['run', '--', '--bbox', '1'],
      ['run', '--', '--bbox', '1'],
    ],
  ])('%j becomes %j', (given, expected) => {
    expect(joinBboxNumbers(given)).toEqual(expected)
  })
})

test('lists may be repeated, and separated by commas', () => {
  expect(parseList('--bands', ['1, 2', '3N'])).toEqual(['1', '2', '3N'])
  expect(() => parseList('--bands', ['1,,2'])).toThrow(/--bands holds an empty name/)
})

test('gains and coefficients', () => {
  expect(parseGains('--gains', ['4=nor,5=LO1'])).toEqual({ 4: 'NOR', 5: 'LO1' })
  expect(() => parseGains('--gains', ['4'])).toThrow(/--gains must look like 4=NOR,5=NOR or ALL=NOR, got "4"/)
  expect(() => parseGains('--gains', ['4=NOP'])).toThrow(expect.objectContaining({ hint: 'did you mean NOR?' }))
  expect(parseCoefficients('--coefficients', ['10=0.0068', '11=0.0067:-0.0067'])).toEqual({
    10: { ucc: 0.0068 },
    11: { ucc: 0.0067, offset: -0.0067 },
  })
  expect(() => parseCoefficients('--coefficients', ['10=x'])).toThrow(/--coefficients must be a number, got "x"/)
})

test('counts and percentages', () => {
  expect(parseCount('--n-workers', '8')).toBe(8)
  for (const text of ['0', '-1', '1.5', 'x', '']) expect(() => parseCount('--n-workers', text)).toThrow(/^--n-workers/)
  expect(() => parsePercent('--cloud-cover-max', '101')).toThrow(/between 0 and 100/)
})

test('the option table keeps its promises', () => {
  for (const [name, { flags, help }] of Object.entries(OPTIONS)) {
    const long = /--[a-z-]+/.exec(flags)?.[0] ?? ''
    const camel = long.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
    // What `search` and `run` call a format are two things, and what `run` and `run-unit` call an index.
    expect(camel).toBe({ fileFormat: 'format', unitIndex: 'index' }[name] ?? name)
    expect(help).toMatch(/^[^A-Z].*[^.]$|^[A-Z]{2,}.*[^.]$/)
    expect(help.length).toBeLessThan(90)
  }
})
