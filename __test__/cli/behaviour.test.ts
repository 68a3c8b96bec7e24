// Whole output of each command, on a terminal and not, over a made-up archive.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { useNative } from '../../src/native/load.js'
import { ARCHIVE, type Fake, type FakeOptions, fakeNative, nativeError } from '../fake-native.js'
import { run } from './in-process.js'

let folder: string
let fake: Fake
const pretend = (options: FakeOptions = {}) => {
  fake = fakeNative({ granules: ARCHIVE, ...options })
  useNative(fake)
}
const NDVI = () => ['run', '--archive', '/archive', '--index', 'ndvi', '--output', join(folder, 'a.nc')]
const BAD = { path: '/archive/bad.hdf', error: nativeError('CORRUPT', 'file ends early', { path: '/archive/bad.hdf' }) }
const EVENTS = [
  { kind: 'planned', scenesTotal: 3, chunksTotal: 4 },
  {
    kind: 'progress',
    scenesTotal: 3,
    chunksTotal: 4,
    chunksDone: 2,
    scenesDone: 1,
    bytesRead: 3_800_000,
    elapsedMs: 2000,
  },
  { kind: 'skipped', scenesTotal: 3, chunksTotal: 4, path: '/archive/x.hdf', message: 'no gain' },
  { kind: 'scene', scenesTotal: 3, chunksTotal: 4, chunksDone: 4, scenesDone: 3, path: '/archive/y.hdf' },
  { kind: 'finished', scenesTotal: 3, chunksTotal: 4, chunksDone: 4, scenesDone: 3 },
]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aster-'))
  pretend()
})
afterEach(() => {
  useNative(undefined)
  rmSync(folder, { recursive: true })
})

describe.each([true, false])('with a terminal: %s', (isTTY) => {
  test('regions', async () => {
    const { stdout, ...rest } = await run(['regions'], { isTTY })
    expect(rest).toEqual({ status: 0, stderr: '' })
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      'name             west  south  east  north',
      'south_australia  129   -38.1  141   -26',
    ])
    expect(stdout).toContain('asia             25    -10    145   55\n')
  })

  test('products and indices', async () => {
    expect(await run(['products'], { isTTY })).toEqual({
      status: 0,
      stderr: '',
      stdout:
        'name     level  subsystems     pixel m   units  title\n' +
        'AST_L1T  1      VNIR,SWIR,TIR  15,30,90  DN     AST_L1T title\n' +
        'AST_08   1      VNIR,SWIR,TIR  15,30,90  DN     AST_08 title\n',
    })
    const { stdout } = await run(['indices', '--json'], { isTTY })
    expect(JSON.parse(stdout)).toMatchObject({ schema: 1, indices: [{ name: 'ndvi' }, { name: 'ratio_4_6' }] })
  })

  test('run', async () => {
    const output = join(folder, 'a.nc')
    expect(await run([...NDVI(), '--start', '2001-01-01', '--end', '2001-12-31'], { isTTY })).toEqual({
      status: 0,
      stdout:
        `wrote ${output}\n` +
        '  scenes:      2 (2001-01-03 to 2001-06-10)\n' +
        '  grid:        EPSG:32650, 3 columns x 2 rows of 15\n' +
        '  variables:   ndvi\n' +
        '  valid:       33 % of the pixels\n' +
        '  read:        1.2 MB in 0.4 s\n' +
        '  written:     2.3 kB\n' +
        '  peak memory: 34 MB\n',
      stderr: '2 older versions of the same acquisitions left out\n',
    })
    expect(fake.requests[0]).toEqual({
      schema: 1,
      granules: [ARCHIVE[3]?.path, ARCHIVE[0]?.path],
      indices: ['ndvi'],
      output: { format: 'netcdf', path: output },
      history: `aster-timeseries run --archive /archive --index ndvi --output ${output} --start 2001-01-01 --end 2001-12-31`,
    })
  })

  test('run, with some granules skipped', async () => {
    pretend({ skipped: [BAD] })
    const { status, stdout, stderr } = await run(NDVI(), { isTTY })
    expect(status).toBe(3)
    expect(stdout).toContain('  scenes:      3 (2001-01-03 to 2002-09-06), 1 skipped\n')
    expect(stdout).not.toContain('bad.hdf')
    expect(stderr).toContain('warning: skipped /archive/bad.hdf: file ends early\n')
  })

  test('run, with a scene whose telescope was off', async () => {
    const error = nativeError('NO_DATA', 'band 2 (VNIR) was not acquired')
    pretend({ report: { skipped: [{ path: ARCHIVE[4]?.path ?? '', error }] } })
    const { status, stdout, stderr } = await run(NDVI(), { isTTY })
    expect(stdout).toContain(', 1 without data for this request\n')
    expect(stdout).not.toContain('no data in')
    expect(stderr).toMatch(/no data in \/archive\/\S+: band 2 \(VNIR\) was not acquired \(NO_DATA\)\n$/)
    expect(status).toBe(0)
  })

  test('errors are one line and a hint', async () => {
    expect(await run(['run', 'a.hdf'], { isTTY })).toEqual({
      status: 2,
      stdout: '',
      stderr: 'error: --output is missing\n  hint: name the file to write: --output series.nc\n',
    })
  })
})

describe('progress', () => {
  const stderrOf = async (argv: string[], world = {}) => (await run([...NDVI(), ...argv], world)).stderr
  beforeEach(() => pretend({ granules: ARCHIVE.slice(0, 2), events: EVENTS }))

  test('is a bar on a terminal, gone at the end', async () => {
    const erase = '\r\u001b[K'
    const half = 'scenes 1/3 [##########----------]  50%  3.8 MB read  0 B written  ETA 2.0 s'
    const stderr = await stderrOf([], { isTTY: true })
    expect(stderr).toContain(`${erase}${half.slice(0, 10)}`)
    expect(stderr).toMatch(/scenes 1\/3 \[#+-+\] {2}50% {2}3.8 MB read {2}0 B written {2}ETA 2.0 s/)
    expect(stderr).toContain(`${erase}warning: skipped /archive/x.hdf: no gain\n`)
    expect(stderr.endsWith(erase)).toBe(true)
    const widest = Math.max(
      ...stderr
        .replaceAll(erase, '\n')
        .split('\n')
        .map((line) => line.length),
    )
    expect(widest).toBeLessThan(80)
  })

  test('is nothing but warnings elsewhere', async () => {
    const quiet = 'warning: skipped /archive/x.hdf: no gain\n'
    expect(await stderrOf([])).toBe(quiet)
    expect(await stderrOf([], { isTTY: true, env: { CI: 'true' } })).toBe(quiet)
    expect(await stderrOf(['--progress', 'none'], { isTTY: true })).toBe(quiet)
    expect(await stderrOf(['-q'], { isTTY: true })).toBe('')
  })

  test('says more with -v', async () => {
    expect(await stderrOf(['-v'], { isTTY: true })).toBe(
      'planned 3 scenes\nwarning: skipped /archive/x.hdf: no gain\nscene 3 of 3: /archive/y.hdf\n',
    )
  })

  test('is JSON lines when asked for', async () => {
    const lines = (await stderrOf(['--progress', 'json'])).trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).kind)).toEqual(['planned', 'progress', 'skipped', 'scene', 'finished'])
  })
})

describe('search', () => {
  test('prints a JSON array, empty when nothing is found', async () => {
    const { status, stdout } = await run(['search', '--archive', '/archive', '--product', 'AST_L1T'])
    const scenes: { schema: number; id: string }[] = JSON.parse(stdout)
    expect([status, scenes.length, scenes[0]?.schema]).toEqual([0, 3, 2])
    const nothing = ['search', '--archive', '/archive', '--start', '2020-01-01']
    expect(await run(nothing)).toEqual({ status: 0, stdout: '[]\n', stderr: '' })
    expect(await run([...nothing, '--fail-on-empty'])).toEqual({ status: 1, stdout: '[]\n', stderr: '' })
  })

  test('prints a table', async () => {
    const { stdout } = await run(['search', '--archive', '/a', '--format', 'table', '--bbox', '125', '-40', '135', '0'])
    expect(stdout).toBe(
      'time                 product  cloud %  subsystems  west south east north  path\n' +
        '2002-09-06T03:14:52  AST_L1T  10       VNIR,TIR    130 -30 131 -29        ' +
        '/archive/AST_L1T_00309062002031452_20150414031422.hdf\n',
    )
  })

  test('writes a file, whole, and not over another', async () => {
    const output = join(folder, 'scenes.json')
    const argv = ['search', '--archive', '/archive', '--output', output]
    expect(await run([...argv, '-q'])).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(JSON.parse(readFileSync(output, 'utf8'))).toHaveLength(3)
    expect((await run(argv)).stderr).toMatch(/^error: the output .*scenes.json exists\n {2}hint: /)
    expect(readdirSync(folder)).toEqual(['scenes.json'])
    expect((await run([...argv, '--overwrite'])).status).toBe(0)
  })
})

describe('info', () => {
  test('describes a granule', async () => {
    const { stdout, status } = await run(['info', ARCHIVE[0]?.path ?? ''])
    expect(status).toBe(0)
    expect(stdout).toContain('  cloud cover: 60 %\n')
    expect(stdout).toMatch(/\n {2}VNIR map: +500000 15 0 1600000 0 -15 \(x0 dx rx y0 ry dy, outer corner\)\n/)
    expect(stdout).toMatch(/\n3N +ImageData3N +VNIR +20 +30 +uint8 +15 +- +- +- +granule +contiguous\n/)
    const json = await run(['info', ARCHIVE[0]?.path ?? '', '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: 1, id: ARCHIVE[0]?.id })
  })
})

describe('run --dry-run', () => {
  test('says what it would take, and needs no output', async () => {
    const { status, stdout } = await run(['run', '--archive', '/a', '--subsystem', 'VNIR', '--dry-run', '-q'])
    expect(status).toBe(0)
    expect(stdout).toBe(
      'dry run: nothing is written\n' +
        '  scenes:      3 (2001-01-03 to 2002-09-06)\n' +
        '  grid:        EPSG:32650, 3 columns x 2 rows of 15\n' +
        '  variables:   all of VNIR\n' +
        '  to read:     500 B\n' +
        '  to write:    at most 48 B, before compression\n' +
        '  chunks:      2 of 4 hold data\n' +
        '  peak memory: 34 MB of 1.0 GB allowed\n' +
        '  workers:     2\n',
    )
  })

  test('as JSON is the plan, and stderr is silent', async () => {
    pretend({ skipped: [BAD] })
    const { status, stdout, stderr } = await run(['run', '--archive', '/a', '--dry-run', '--json'])
    expect([status, stderr]).toEqual([3, ''])
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 1,
      peakMemoryBytes: 34_000_000,
      skipped: [BAD],
      steps: [{ looks: 1 }, { looks: 1 }, { looks: 1 }],
      request: fake.requests[0],
    })
  })

  test('tells of periods, looks and blocks where there are some', async () => {
    const period = { periodStart: '2001-01-01T00:00:00Z', periodEnd: '2002-01-01T00:00:00Z' }
    const steps = [{ time: '2001-12-31T00:00:00Z', ...period, looks: 2, ids: ['a', 'b', 'c'] }]
    pretend({ plan: { steps, blocks: 4, order: 'blocks', freeDiskBytes: 5e9, checkpointBytesMax: 7e9 } })
    const argv = ['run', '--archive', '/a', '--resample', 'YE', '--groupby', 'acquisition', '--dry-run', '-q']
    const { stdout } = await run(argv)
    expect(stdout).toContain('\n  time steps:  1 period of 2 looks\n')
    expect(stdout).toContain('\n  blocks:      4, each with all scenes\n')
    expect(stdout).toContain('\n  free disk:   5.0 GB\n')
    expect(stdout).toContain('\n  checkpoints: at most 7.0 GB, until the output is complete\n')
    pretend({ plan: { steps: [{ time: '', looks: 1, ids: ['a', 'b', 'c'] }] } })
    expect((await run(['run', '--archive', '/a', '--groupby', 'solar-day', '--dry-run', '-q'])).stdout).toContain(
      '\n  time steps:  1\n',
    )
  })
})

describe('the report', () => {
  test('tells valid pixels of variables that differ, and only some of many', async () => {
    const variables = ['a', 'b', 'c', 'd', 'e', 'f']
    const step = (add: number) => ({
      time: '',
      looks: 1,
      ids: [],
      validPixels: Object.fromEntries(variables.map((name, index) => [name, index === 1 ? 0 : index + add])),
    })
    pretend({ report: { variables, steps: [step(0), step(1)], pixels: 10 } })
    const { stdout } = await run([...NDVI(), '-q'])
    expect(stdout).toContain(
      '\n  valid:       0 to 10 % of the pixels in a; 0 % of the pixels in b; 20 to 30 % of the pixels in c; ' +
        '30 to 40 % of the pixels in d; ...\n',
    )
  })

  test('names a few outputs, and counts many', async () => {
    const outputs = (count: number) => Array.from({ length: count }, (_, index) => `t${index}.tif`)
    pretend({ report: { outputs: outputs(3) } })
    expect((await run([...NDVI(), '-q'])).stdout).toMatch(/^wrote t0.tif, t1.tif, t2.tif\n/)
    pretend({ report: { outputs: outputs(300) } })
    expect((await run([...NDVI(), '-q'])).stdout).toMatch(/^wrote t0.tif and 299 more\n/)
  })

  test('as JSON holds time steps, valid pixels and the request', async () => {
    const { stdout } = await run([...NDVI(), '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      steps: [{ validPixels: { ndvi: 2 } }, {}, {}],
      pixels: 6,
      request: { indices: ['ndvi'], output: { format: 'netcdf' } },
    })
  })
})

test.each([
  ['a.nc', 'netcdf'],
  ['a.zarr', 'zarr'],
  ['a.tif', 'cog'],
  ['a.csv', 'csv'],
])('the name %s asks for %s', async (name, format) => {
  const output = join(folder, name)
  expect((await run(['run', '--archive', '/a', '--index', 'ndvi', '--output', output, '-q'])).status).toBe(0)
  expect(fake.requests[0]?.output).toEqual({ format, path: output })
})

test('every option of run arrives in the request', async () => {
  const output = join(folder, 'a.nc')
  const quicklook = join(folder, 'a.png')
  const options = `--product AST_L1T --region global --subsystem VNIR,TIR --subsystem SWIR --bands 1,ImageData3N
    --index ndvi,ratio_4_6 --calibration reflectance --crs EPSG:32650 --resolution 30 --lattice corner --resampling average
    --solar-irradiance smith --gains 4=NOR --coefficients 10=0.0068 --allow-bad-swir --mask-saturated --n-workers 3
    --max-memory 2G --overwrite --strict --groupby solar-day --reduce median,p90 --reduce count --resample season
    --format netcdf --compression-level 0 --round-bits 12 --chunk-for map`
  const argv = ['run', '--archive', '/a', ...options.split(/\s+/), '--output', output, '--quicklook', quicklook]
  const { status, stderr } = await run([...argv, '-q'])
  expect([status, stderr]).toEqual([0, ''])
  expect(fake.requests[0]).toMatchObject({
    area: { west: -180, south: -90, east: 180, north: 90 },
    product: 'AST_L1T',
    subsystems: ['VNIR', 'TIR', 'SWIR'],
    bands: ['1', '3N'],
    indices: ['ndvi', 'ratio_4_6'],
    calibration: 'reflectance',
    crs: 'EPSG:32650',
    resolution: 30,
    lattice: 'corner',
    resampling: 'average',
    solarIrradiance: 'smith',
    gains: [{ band: '4', gain: 'NOR' }],
    coefficients: [{ band: '10', ucc: 0.0068 }],
    allowBadSwir: true,
    maskSaturated: true,
    groupBy: 'solar-day',
    reduce: ['median', 'p90', 'count'],
    resample: 'season',
    output: {
      format: 'netcdf',
      path: output,
      overwrite: true,
      quicklook,
      compressionLevel: 0,
      roundBits: 12,
      chunkFor: 'map',
    },
    nWorkers: 3,
    maxMemoryBytes: 2 * 1024 ** 3,
    strict: true,
  })
})

describe('wrong calls', () => {
  const OUT = ['--output', '{}/a.nc']
  test.each<[string, string[], number, RegExp]>([
    ['no command', [], 2, /^error: no command given\n/],
    ['unknown command', ['serch'], 2, /^error: unknown command 'serch'\n {2}hint: did you mean search\?\n$/],
    [
      'unknown flag',
      ['run', '--regin', 'x'],
      2,
      /^error: unknown option '--regin'\n {2}hint: did you mean --region\?\n$/,
    ],
    ['missing value', ['run', '--output'], 2, /^error: option '--output <file>' argument missing\n/],
    ['nothing to look in', ['run', ...OUT], 2, /^error: nothing to look in: --archive is missing\n {2}hint: /],
    ['search without archive', ['search'], 2, /^error: nothing to look in: --archive is missing\n/],
    [
      'unknown product',
      ['run', '--archive', '/a', '--product', 'AST_L1X', ...OUT],
      2,
      /^error: unknown product "AST_L1X"\n {2}hint: did you mean AST_L1T\?\n$/,
    ],
    [
      'unknown region',
      ['run', '--archive', '/a', '--region', 'austalia', ...OUT],
      2,
      /^error: unknown region "austalia"\n {2}hint: did you mean australia\?\n$/,
    ],
    [
      'unknown index',
      ['run', '--archive', '/a', '--index', 'ndvii', ...OUT],
      2,
      /^error: unknown index "ndvii"\n {2}hint: did you mean ndvi\?\n$/,
    ],
    [
      'unknown band',
      ['run', '--archive', '/a', '--bands', '99', ...OUT],
      2,
      /^error: unknown band "99"\n {2}hint: bands: 1, 2, 3N, /,
    ],
    [
      'unknown subsystem',
      ['run', '--archive', '/a', '--subsystem', 'VNRI', ...OUT],
      2,
      /^error: unknown subsystem "VNRI"\n {2}hint: did you mean VNIR\?\n$/,
    ],
    [
      'unknown calibration',
      ['run', '--archive', '/a', '--calibration', 'radience', ...OUT],
      2,
      /^error: unknown --calibration "radience"\n {2}hint: did you mean radiance\?\n$/,
    ],
    [
      'all that a catalogue has',
      ['run', '--backend', 'aws', ...OUT],
      2,
      /^error: nothing says which scenes: that would be millions\n {2}hint: name --scenes, an area/,
    ],
    [
      'unknown backend',
      ['search', '--backend', 'lokal'],
      2,
      /^error: unknown --backend "lokal"\n {2}hint: did you mean local\?\n$/,
    ],
    [
      'bbox upside down',
      ['run', '--archive', '/a', '--bbox', '129', '-26', '141', '-38', ...OUT],
      2,
      /^error: --bbox: south \(-26\) must be less than north \(-38\)\n/,
    ],
    [
      'bbox reversed',
      ['run', '--archive', '/a', '--bbox', '141', '-38', '129', '-26', ...OUT],
      2,
      /^error: west \(141\) lies east of east \(129\)\n {2}hint: .*order/,
    ],
    [
      'bbox out of range',
      ['run', '--archive', '/a', '--bbox', '500,0,501,1', ...OUT],
      2,
      /^error: --bbox: west must lie between -180 and 180 degrees, got 500\n/,
    ],
    [
      'bbox too short',
      ['run', '--archive', '/a', '--bbox', '1', '2', '3', ...OUT],
      2,
      /^error: --bbox: expected four numbers/,
    ],
    [
      'bbox and region',
      ['run', '--archive', '/a', '--bbox', '1,2,3,4', '--region', 'asia', ...OUT],
      2,
      /exclude each other/,
    ],
    [
      'bbox off all scenes',
      ['run', '--archive', '/a', '--bbox', '0,0,1,1', ...OUT],
      1,
      /^error: no scenes for this request in \/a: 3 outside the area\n {2}hint: there are scenes within 120 -30 131 15.1 .*2001-01-03 to 2002-09-06\n$/,
    ],
    [
      'end before start',
      ['run', '--archive', '/a', '--start', '2002-01-01', '--end', '2001-01-01', ...OUT],
      2,
      /^error: --end \(2001-01-01\) is before --start \(2002-01-01\)\n/,
    ],
    [
      'no date',
      ['search', '--archive', '/a', '--start', '2001-02-30'],
      2,
      /^error: --start must be a date such as 2001-06-10/,
    ],
    [
      'output folder absent',
      ['run', '--archive', '/a', '--output', '{}/none/a.nc'],
      1,
      /^error: the output folder .* does not exist\n {2}hint: make it first: mkdir -p /,
    ],
    ['output is a folder', ['run', '--archive', '/a', '--output', '{}'], 1, /^error: the output .* is a folder\n/],
    [
      'output of another format',
      ['run', '--archive', '/a', '--format', 'netcdf', '--output', '{}/a.tif'],
      2,
      /^error: the output .* is named as GeoTIFF, but NetCDF is written\n/,
    ],
    ['missing archive', ['run', '--archive', '/missing', ...OUT], 1, /^error: no such folder: \/missing\n$/],
    ['missing granule', ['run', '/none.hdf', ...OUT], 1, /^error: no such file: \/none.hdf\n$/],
    [
      'workers',
      ['run', '--archive', '/a', '--n-workers', '0', ...OUT],
      2,
      /^error: --n-workers must be a whole number, 1 or more, got 0\n/,
    ],
    [
      'unknown grouping',
      ['run', '--archive', '/a', '--groupby', 'solarday', ...OUT],
      2,
      /^error: unknown --groupby "solarday"\n {2}hint: did you mean solar-day\?\n$/,
    ],
    [
      'unknown statistic',
      ['run', '--archive', '/a', '--reduce', 'mediam', ...OUT],
      2,
      /^error: unknown statistic "mediam"\n {2}hint: did you mean median\?\n$/,
    ],
    [
      'unknown period',
      ['run', '--archive', '/a', '--resample', 'monthly', ...OUT],
      2,
      /^error: unknown --resample "monthly"\n {2}hint: choices: D, W, MS, ME, QE, YE, season\n$/,
    ],
    [
      'unknown format',
      ['run', '--archive', '/a', '--format', 'geotif', ...OUT],
      2,
      /^error: unknown --format "geotif"\n {2}hint: did you mean geotiff\?\n$/,
    ],
    [
      'unknown packing',
      ['run', '--archive', '/a', '--pack', 'int8', ...OUT],
      2,
      /^error: unknown --pack "int8"\n {2}hint: choices: int16\n$/,
    ],
    [
      'unknown chunks',
      ['run', '--archive', '/a', '--chunk-for', 'maps', ...OUT],
      2,
      /^error: unknown --chunk-for "maps"\n {2}hint: did you mean map\?\n$/,
    ],
    [
      'unknown clip rule',
      ['run', '--archive', '/a', '--clip-rule', 'center', ...OUT],
      2,
      /^error: unknown --clip-rule "center"\n {2}hint: did you mean centre\?\n$/,
    ],
    [
      'clip rule alone',
      ['run', '--archive', '/a', '--clip-rule', 'touch', ...OUT],
      2,
      /^error: --clip-rule is about a polygon, and there is none\n {2}hint: add --polygon FILE or --region-file FILE\n$/,
    ],
    [
      'polygon that is none',
      ['run', '--archive', '/a', '--polygon', 'package.json', ...OUT],
      2,
      /^error: --polygon package.json holds no GeoJSON polygon\n/,
    ],
    [
      'compression level',
      ['run', '--archive', '/a', '--compression-level', '10', ...OUT],
      2,
      /^error: --compression-level must be a whole number from 0 to 9, got 10\n/,
    ],
    [
      'bits',
      ['run', '--archive', '/a', '--round-bits', '0', ...OUT],
      2,
      /^error: --round-bits must be a whole number from 1 to 23, got 0\n/,
    ],
    [
      'request that is absent',
      ['run', '--request', '/none.json'],
      2,
      /^error: --request: cannot read \/none.json: no such file or directory\n {2}hint: name a file that can be read/,
    ],
    ['a folder of scenes', ['run', '--scenes', '/', ...OUT], 2, /^error: --scenes: cannot read \/: .* directory\n/],
    ['no scenes piped in', ['run', '--scenes', '-', ...OUT], 1, /^error: no scenes in stdin\n {2}hint: widen the area/],
    [
      'a name that is too long',
      ['search', '--archive', '/archive', '--output', `{}/${'a'.repeat(250)}.json`],
      1,
      /a.json: name too long\n {2}hint: check the folder/,
    ],
    ['request that is no JSON', ['run', '--request', 'README.md'], 2, /^error: README.md is no JSON\n/],
    [
      'no help on a part',
      ['help', 'cache', 'lst'],
      2,
      /^error: no help on "cache lst"\n {2}hint: did you mean list\?\n$/,
    ],
    [
      'no parts',
      ['help', 'info', 'x'],
      2,
      /^error: no help on "info x"\n {2}hint: see `aster-timeseries info --help`\n$/,
    ],
    ['no help', ['help', 'exit-code'], 2, /^error: no help on "exit-code"\n {2}hint: did you mean exit-codes\?\n$/],
  ])('%s', async (_, argv, status, message) => {
    const result = await run(argv.map((word) => word.replace('{}', folder)))
    expect(result.stderr).toMatch(message)
    expect([result.status, result.stdout]).toEqual([status, ''])
    expect(result.stderr.split('\n').filter((line) => line.startsWith('error: '))).toHaveLength(1)
    expect(readdirSync(folder)).toEqual([])
    expect(fake.requests).toEqual([])
  })

  test('--json prints no CSV', async () => {
    const result = await run(['search', '--archive', '/archive', '--format', 'csv', '--json'])
    expect([result.status, result.stdout]).toEqual([2, ''])
    expect(JSON.parse(result.stderr).error.message).toBe('--json and --format csv exclude each other')
  })

  test('with --json the error is JSON on stderr, and stdout stays empty', async () => {
    const { status, stdout, stderr } = await run(['search', '--archive', '/a', '--product', 'AST_L1X', '--json'])
    expect([status, stdout]).toEqual([2, ''])
    expect(JSON.parse(stderr)).toEqual({
      schema: 1,
      error: {
        code: 'USAGE',
        message: 'unknown product "AST_L1X"',
        hint: 'did you mean AST_L1T?',
        retryable: false,
        exitStatus: 2,
      },
    })
  })

  test('an existing output is kept', async () => {
    const output = join(folder, 'a.nc')
    writeFileSync(output, 'kept')
    const { status, stderr } = await run(NDVI())
    expect([status, stderr]).toEqual([
      1,
      `error: the output ${output} exists\n  hint: choose another name, or overwrite it with --overwrite (overwrite: true)\n`,
    ])
    expect(readFileSync(output, 'utf8')).toBe('kept')
  })

  test('bad granules: alone, all of them, strictly', async () => {
    pretend({ granules: [], skipped: [BAD, { ...BAD, path: '/archive/worse.hdf' }] })
    const out = ['--output', join(folder, 'a.nc')]
    const alone = await run(['run', '/archive/bad.hdf', ...out])
    expect([alone.status, alone.stderr]).toEqual([65, 'error: /archive/bad.hdf: file ends early\n'])
    const all = await run(['run', '--archive', '/archive', ...out])
    expect(all.status).toBe(65)
    expect(all.stderr).toMatch(
      /\nerror: none of the 2 granules can be used; the first, \/archive\/bad.hdf: file ends early\n$/,
    )
    pretend({ skipped: [BAD] })
    const strict = await run([...NDVI(), '--strict'])
    expect([strict.status, strict.stderr]).toEqual([65, 'error: /archive/bad.hdf: file ends early\n'])
  })

  test('an empty folder', async () => {
    pretend({ granules: [] })
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    const { status, stderr } = await run(['run', empty, '--output', join(folder, 'a.nc')])
    expect(status).toBe(1)
    expect(stderr).toBe(
      `error: no granules in the folder ${empty}\n  hint: name a granule, or a folder that holds some\n`,
    )
  })
})

describe('endings', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('%s stops the job', async (name, status) => {
    pretend({ jobWaits: true })
    const controller = new AbortController()
    const running = run(NDVI(), { signal: controller.signal })
    while (fake.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
    controller.abort(name)
    const result = await running
    expect(result.stderr).toMatch(new RegExp(`error: stopped by ${name}; no output was written\n$`))
    expect([result.status, result.stdout, fake.cancelled]).toEqual([status, '', 1])
  })

  test('a bug asks to be reported', async () => {
    pretend({ jobError: nativeError('INTERNAL', 'index out of range') })
    const { status, stderr } = await run([...NDVI(), '-q'])
    expect(status).toBe(70)
    expect(stderr).toMatch(
      /^error: internal error: index out of range\n {2}hint: this is a bug: please report it .*version 0/,
    )
  })

  test('errors of the engine keep their status', async () => {
    pretend({ jobError: nativeError('MEMORY_BUDGET', 'needs 3 GB', { hint: 'try --max-memory 3G' }) })
    const { status, stderr } = await run([...NDVI(), '-q'])
    expect([status, stderr]).toEqual([1, 'error: needs 3 GB\n  hint: try --max-memory 3G\n'])
  })
})
