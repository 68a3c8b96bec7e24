// `search` in remote catalogues from the command line: forms, limits, counts, and what is said on the side.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseScenes } from '../../src/catalog/scene-json.js'
import { useNative } from '../../src/native/load.js'
import { fakeNative } from '../fake-native.js'
import type { FakeGranule } from '../fakes/granules.js'
import { startWorld } from '../fakes/world.js'
import { run } from './in-process.js'

let folder: string
beforeEach(() => {
  useNative(fakeNative())
  folder = mkdtempSync(join(tmpdir(), 'aster-'))
})
afterEach(() => {
  useNative(undefined)
  rmSync(folder, { recursive: true })
})

function granule(day: number, west: number): FakeGranule {
  const id = `AST_L1T_004060${day}2001185055_20250202022956`
  const ring = [
    [0, 0],
    [0.8, 0],
    [0.8, 0.7],
    [0, 0.7],
    [0, 0],
  ].map(([x = 0, y = 0]): [number, number] => [west + x, 38 + y])
  const files = { [`${id}_VNIR_B01.tif`]: Buffer.from('II*\0'), [`${id}.cmr.json`]: Buffer.from('{}') }
  return { product: 'AST_L1T', id, time: `2001-06-0${day}T18:50:55.5Z`, ring, cloudCover: 10 * day, files }
}
const THREE = [granule(1, -116), granule(2, -112), granule(3, -116)]
const SEARCH = ['search', '--backend', 'earthaccess']

async function searched(argv: string[]) {
  const world = await startWorld({ granules: THREE })
  return { world, ...(await run([...SEARCH, ...argv], { env: { ...world.env } })) }
}

test('prints scenes that are read back', async () => {
  const { status, stdout, stderr } = await searched(['--cloud-cover-max', '20'])
  expect([status, stderr]).toEqual([0, ''])
  const scenes = parseScenes(stdout, 'stdout')
  expect(scenes.map(({ time, backend, path }) => [time, backend, path])).toEqual([
    ['2001-06-01T18:50:55.5Z', 'earthaccess', undefined],
    ['2001-06-02T18:50:55.5Z', 'earthaccess', undefined],
  ])
})

test.each(['ndjson', 'csv', 'geojson', 'stac', 'table'])(
  'prints them as %s, to a file as to stdout',
  async (format) => {
    const { stdout, stderr } = await searched(['--format', format])
    expect(stderr).toBe('')
    const output = join(folder, 'scenes.txt')
    const other = await searched(['--format', format, '--output', output])
    expect([other.stdout, other.stderr]).toEqual(['', `wrote ${output}: 3 scenes\n`])
    // The ports of two worlds differ.
    const plain = (text: string) => text.replace(/127\.0\.0\.1:\d+/g, 'host')
    expect(plain(readFileSync(output, 'utf8'))).toBe(plain(stdout))
    expect(readdirSync(folder)).toEqual(['scenes.txt'])
  },
)

test('a limit stops, and says so', async () => {
  for (const format of ['json', 'ndjson']) {
    const { stdout, stderr } = await searched(['--limit', '2', '--format', format])
    expect(parseScenes(stdout, 'stdout')).toHaveLength(2)
    expect(stderr).toBe('stopped at 2 scenes; --limit sets another bound\n')
  }
  expect((await searched(['--limit', 'all'])).stderr).toBe('')
})

test('counts', async () => {
  const { stdout, stderr } = await searched(['--count', '--start', '2001-06-02'])
  expect([stdout, stderr]).toEqual(['2\n', 'counted by the service, with older processings of the same acquisitions\n'])
  expect(JSON.parse((await searched(['--count', '--json', '-q'])).stdout)).toEqual({
    schema: 1,
    count: 3,
    exact: false,
  })
})

test('a polygon file, months, day and version', async () => {
  const polygon = join(folder, 'area.geojson')
  const ring = [
    [-117, 37],
    [-115, 37],
    [-115, 40],
    [-117, 40],
    [-117, 37],
  ]
  writeFileSync(polygon, JSON.stringify({ type: 'Polygon', coordinates: [ring] }))
  const { stdout, world } = await searched([
    ...['--polygon', polygon, '--months', '5-7', '--start', '2001-01-01', '--end', '2001-12-31'],
    ...['--day-night', 'day', '--product-version', '4'],
  ])
  expect(parseScenes(stdout, 'stdout').map(({ time }) => time.slice(8, 10))).toEqual(['01', '03'])
  expect(world.requests('cmr')[0]?.query).toContain('day_night_flag=day')
})

describe('what goes wrong', () => {
  test('in the middle leaves no file', async () => {
    const output = join(folder, 'scenes.ndjson')
    const body = JSON.stringify({ errors: ['no'] })
    const world = await startWorld({
      granules: THREE,
      faults: [{ host: 'cmr', steps: ['normal', { kind: 'status', status: 400, body }] }],
    })
    const { status, stderr } = await run([...SEARCH, '--format', 'ndjson', '--output', output], {
      env: { ...world.env },
    })
    expect([status, stderr.split('\n')[0]]).toEqual([1, 'error: CMR refused the search: no'])
    expect(readdirSync(folder)).toEqual([])
  })

  test('nothing found is no error, unless asked', async () => {
    const { status, stdout } = await searched(['--start', '2020-01-01'])
    expect([status, stdout]).toEqual([0, '[]\n'])
    expect((await searched(['--start', '2020-01-01', '--fail-on-empty', '--format', 'csv'])).status).toBe(1)
  })

  test.each([
    [['--polygon', '/nowhere.geojson'], /^error: --polygon: cannot read \/nowhere.geojson/],
    [['--months', '13'], /^error: --months must be months/],
    [['--product-version', 'x'], /^error: the product version must look like 004/],
    [['--limit', '0'], /^error: --limit must be a whole number/],
    [['--day-night', 'dusk'], /^error: unknown --day-night "dusk"/],
  ])('%j is refused', async (argv, message) => {
    const { status, stderr } = await run([...SEARCH, ...argv])
    expect(status).toBe(2)
    expect(stderr).toMatch(message)
  })
})
