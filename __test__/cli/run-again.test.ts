// `run` on what was kept: scenes of a search, plans and reports of runs, polygons in files.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { useNative } from '../../src/native/load.js'
import { ARCHIVE, type Fake, type FakeOptions, fakeNative } from '../fake-native.js'
import { run } from './in-process.js'

let folder: string
let fake: Fake
const pretend = (options: FakeOptions = {}) => {
  fake = fakeNative({ granules: ARCHIVE, ...options })
  useNative(fake)
}
const NDVI = () => ['run', '--archive', '/archive', '--index', 'ndvi', '--output', join(folder, 'a.nc')]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aster-'))
  pretend()
})
afterEach(() => {
  useNative(undefined)
  rmSync(folder, { recursive: true })
})

describe('scenes that were found before', () => {
  const found = async (...argv: string[]) => (await run(['search', '--archive', '/archive', ...argv])).stdout
  const granules = () => fake.requests.at(-1)?.granules
  const out = () => ['--index', 'ndvi', '--output', join(folder, 'a.nc'), '-q']

  test('come from a file or through a pipe, as a list or as lines', async () => {
    const file = join(folder, 'scenes.json')
    writeFileSync(file, await found())
    expect((await run(['run', '--scenes', file, ...out()])).status).toBe(0)
    expect(granules()).toHaveLength(3)
    const stdin = await found('--format', 'ndjson')
    expect((await run(['run', '--scenes', '-', ...out()], { stdin })).status).toBe(0)
    expect(granules()).toEqual(fake.requests[0]?.granules)
  })

  test('pass the same filters', async () => {
    const stdin = await found()
    await run(['run', '--scenes', '-', '--end', '2001-12-31', '--cloud-cover-max', '50', ...out()], { stdin })
    expect(granules()).toEqual([ARCHIVE[3]?.path])
    const none = await run(['run', '--scenes', '-', '--start', '2015-01-01', ...out()], { stdin })
    expect([none.status, none.stderr]).toEqual([
      1,
      expect.stringMatching(/^error: no scenes for this request in stdin: 3 outside the period\n/),
    ])
  })

  test('have to be scenes, on disk, and the only source', async () => {
    const wrong = async (argv: string[], stdin: string) => (await run(['run', ...argv, ...out()], { stdin })).stderr
    const [scene = {}]: object[] = JSON.parse(await found())
    const remote = JSON.stringify([{ ...scene, path: undefined, files: [] }])
    expect(await wrong(['--scenes', '-'], '[{}]')).toMatch(/^error: .* of stdin is no scene/)
    expect(await wrong(['--scenes', '-'], remote)).toMatch(/^error: AST_L1T_\S+ is not on disk.*\n {2}hint: download/)
    expect(await wrong(['--scenes', '/none.json'], '')).toMatch(
      /^error: --scenes: cannot read \/none.json: no such file or directory\n/,
    )
    expect(await wrong(['--scenes', '-', '--archive', '/a'], '')).toBe(
      'error: --scenes and --archive exclude each other\n',
    )
    expect(await wrong(['--scenes', '-', 'a.hdf'], '')).toBe('error: --scenes and granules exclude each other\n')
    expect(fake.requests).toEqual([])
  })
})

describe('running again', () => {
  const planned = async () =>
    (await run([...NDVI(), '--reduce', 'median', '--n-workers', '2', '--dry-run', '--json'])).stdout

  test('a plan is the same request, with the command line of now', async () => {
    const stdin = await planned()
    const { status, stdout } = await run(['run', '--plan', '-', '-q'], { stdin })
    expect([status, stdout.split('\n')[0]]).toEqual([0, `wrote ${join(folder, 'a.nc')}`])
    const [before, after] = fake.requests
    expect(after).toEqual({ ...before, history: 'aster-timeseries run --plan - -q' })
  })

  test('where it goes and how the work is done may differ', async () => {
    const file = join(folder, 'request.json')
    writeFileSync(file, await planned())
    const path = join(folder, 'b.zarr')
    const argv = [
      'run',
      '--request',
      file,
      '--output',
      path,
      '--n-workers',
      '3',
      '--max-memory',
      '1G',
      '--strict',
      '-q',
    ]
    expect((await run(argv)).status).toBe(0)
    expect(fake.requests[1]).toEqual({
      ...fake.requests[0],
      output: { format: 'zarr', path },
      nWorkers: 3,
      maxMemoryBytes: 1024 ** 3,
      strict: true,
      history: `aster-timeseries ${argv.join(' ')}`,
    })
  })

  test('whether something is kept to go on from is said anew each time', async () => {
    const stdin = (await run([...NDVI(), '--checkpoints', '--dry-run', '--json'])).stdout
    await run(['run', '--plan', '-', '-q'], { stdin })
    await run(['run', '--plan', '-', '-q', '--checkpoints', '--output', join(folder, 'b.nc')], { stdin })
    expect(fake.requests.map(({ output }) => output.checkpoints)).toEqual([
      join(folder, '.a.nc.checkpoints'),
      undefined,
      join(folder, '.b.nc.checkpoints'),
    ])
  })

  test('a report can be run again, and nothing is replaced unasked', async () => {
    const { stdout: stdin } = await run([...NDVI(), '--overwrite', '--json'])
    writeFileSync(join(folder, 'a.nc'), 'kept')
    const again = await run(['run', '--request', '-'], { stdin })
    expect([again.status, again.stderr]).toEqual([1, expect.stringMatching(/^error: the output .*a.nc exists\n/)])
    expect((await run(['run', '--request', '-', '--overwrite', '-q'], { stdin })).status).toBe(0)
  })

  test.each<[string[], RegExp]>([
    [['--index', 'ndvi'], /^error: --plan already decides about --index\n {2}hint: leave it out; beside --plan there/],
    [['--archive', '/a'], /^error: --plan already decides about --archive\n/],
    [['a.hdf'], /^error: --plan already decides about granules\n/],
    [['--request', 'b.json'], /^error: --request and --plan exclude each other\n/],
    [['--output', '/none/a.tif', '--format', 'zarr'], /^error: the output .* named as GeoTIFF, but Zarr is written\n/],
  ])('%j beside a plan is refused', async (argv, message) => {
    const stdin = await planned()
    const { status, stderr } = await run(['run', '--plan', '-', ...argv], { stdin })
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)])
    expect(fake.requests).toHaveLength(1)
  })

  test('a plan without an output is given one', async () => {
    const { stdout: stdin } = await run(['run', '--archive', '/a', '--index', 'ndvi', '--dry-run', '--json'])
    const { status, stderr } = await run(['run', '--plan', '-'], { stdin })
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^error: the request names no output\n {2}hint: /)])
    expect((await run(['run', '--plan', '-', '--output', join(folder, 'a.csv'), '-q'], { stdin })).status).toBe(0)
    expect(fake.requests.at(-1)?.output).toEqual({ format: 'csv', path: join(folder, 'a.csv') })
  })
})

test('a polygon chooses scenes and cuts pixels', async () => {
  const file = join(folder, 'area.geojson')
  const ring = [
    [129, -31],
    [132, -31],
    [132, -28],
    [129, -31],
  ]
  writeFileSync(file, JSON.stringify({ type: 'Polygon', coordinates: [ring] }))
  const footprint = [
    [130, -30],
    [131, -30],
    [131, -29],
    [130, -29],
  ].map(([lon = 0, lat = 0]) => ({ lon, lat }))
  pretend({ granules: ARCHIVE.map((item) => ({ ...item, footprint: item === ARCHIVE[4] ? footprint : [] })) })
  const { stderr, status } = await run([...NDVI(), '--polygon', file, '--clip-rule', 'touch', '-q'])
  expect([stderr, status]).toEqual(['', 0])
  expect(fake.requests[0]).toMatchObject({ granules: [ARCHIVE[4]?.path], clip: { rule: 'touch' } })
  expect(JSON.parse(fake.requests[0]?.clip?.polygon ?? '')).toEqual({ type: 'MultiPolygon', coordinates: [[ring]] })
})
