// What goes wrong in practice, with the program as users run it: one line, an exit code, nothing left behind.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pathOf, TRUTH } from '../native/sample.js'
import { ROOT, SAMPLE, sampleTest } from '../native-addon.js'

const BIN = join(ROOT, 'bin', 'aster-timeseries.js')
const isRoot = process.getuid?.() === 0
let inputs: string
let outputs: string
const good = TRUTH.filter(({ subsystems }) => subsystems.includes('VNIR')).map(pathOf)
const [first = '', second = ''] = good

beforeAll(() => {
  inputs = mkdtempSync(join(tmpdir(), 'aster-in-'))
  outputs = mkdtempSync(join(tmpdir(), 'aster-out-'))
  const far = [
    [10, 10],
    [11, 10],
    [11, 11],
    [10, 10],
  ]
  writeFileSync(join(inputs, 'far.geojson'), JSON.stringify({ type: 'Polygon', coordinates: [far] }))
  if (first === '') return
  const bytes = readFileSync(first)
  writeFileSync(join(inputs, 'text.hdf'), 'this is no granule\n'.repeat(100))
  writeFileSync(join(inputs, 'empty.hdf'), '')
  for (const part of [0.01, 0.5, 0.95]) {
    writeFileSync(join(inputs, `truncated-${part}.hdf`), bytes.subarray(0, Math.floor(bytes.length * part)))
  }
  mkdirSync(join(inputs, 'folder'))
  copyFileSync(first, join(inputs, 'unreadable.hdf'))
  chmodSync(join(inputs, 'unreadable.hdf'), 0)
  // The metadata's name is overwritten where it stands: pixels are there, calibration and place are not.
  const nameless = Buffer.from(bytes)
  for (const name of ['productmetadata', 'coremetadata', 'StructMetadata']) {
    for (let at = nameless.indexOf(name); at !== -1; at = nameless.indexOf(name, at)) nameless.write('x', at)
  }
  writeFileSync(join(inputs, basename(first).replace('.hdf', '.nometa.hdf')), nameless)
})
afterAll(() => {
  rmSync(inputs, { recursive: true })
  rmSync(outputs, { recursive: true })
})

function run(argv: readonly string[], output = join(outputs, 'a.nc')) {
  const words = ['run', ...argv, ...(output === '' ? [] : ['--output', output])]
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...words], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

function expectOneLineError(result: ReturnType<typeof run>, status: number, what: RegExp) {
  const [line = '', hint, ...rest] = result.stderr.split('\n')
  expect(line).toMatch(/^error: \S.*[^.]$/)
  expect(line).toMatch(what)
  expect(hint === '' || /^ {2}hint: \S/.test(hint ?? ''), result.stderr).toBe(true)
  expect(rest.join('')).toBe('')
  expect([result.status, result.stdout]).toEqual([status, ''])
  expect(result.stderr).not.toMatch(/panicked|at .*\.(js|rs):\d+/)
  expect(readdirSync(outputs)).toEqual([])
}

describe('one bad granule', () => {
  sampleTest.each([
    ['text.hdf', 65],
    ['empty.hdf', 65],
    ['truncated-0.01.hdf', 65],
    ['truncated-0.5.hdf', 65],
    ['truncated-0.95.hdf', 65],
    ['nometa', 65],
    ['folder', 1],
    ['absent.hdf', 1],
  ])('%s', (name, status) => {
    const file = readdirSync(inputs).find((entry) => entry.includes(name)) ?? name
    const result = run([join(inputs, file)])
    expectOneLineError(result, status, new RegExp(file.replaceAll('.', '\\.')))
  })

  const unreadable = isRoot ? test.skip : sampleTest
  unreadable('a file that may not be read', () => {
    expectOneLineError(run([join(inputs, 'unreadable.hdf')]), 1, /unreadable\.hdf.*permission/i)
  })

  sampleTest('is skipped among good ones, said, and remembered in the exit code', () => {
    const output = join(outputs, 'a.nc')
    const bad = join(inputs, 'truncated-0.5.hdf')
    const { status, stdout, stderr } = run([bad, first, second, '--index', 'ndvi'], output)
    expect(stderr).toContain(`warning: skipped ${bad}`)
    expect(stdout).not.toContain(bad)
    expect(stdout).toMatch(/scenes: +2 .*, 1 skipped\n/)
    expect(status).toBe(3)
    expect(readdirSync(outputs)).toEqual(['a.nc'])
    rmSync(output)
    expectOneLineError(run([bad, first, '--strict'], output), 65, /truncated-0\.5/)
  })
})

describe('words', () => {
  sampleTest.each<[string, string[], number, RegExp, RegExp]>([
    ['product', ['--product', 'AST_L1X'], 2, /unknown product "AST_L1X"/, /did you mean AST_L1/],
    ['region', ['--region', 'austalia'], 2, /unknown region "austalia"/, /did you mean australia\?/],
    ['index', ['--index', 'ndwi_'], 2, /unknown index "ndwi_"/, /did you mean|indices: /],
    ['band', ['--bands', '3M'], 2, /unknown band "3M"/, /did you mean .*3N/],
    ['index of another subsystem', ['--index', 'ratio_4_6', '--subsystem', 'VNIR'], 2, /ratio_4_6/, /SWIR/],
    ['calibration', ['--bands', '10', '--calibration', 'reflectance'], 2, /reflectance/, /TIR/],
    ['bbox upside down', ['--bbox', '137', '-31', '138', '-32'], 2, /south \(-31\) must be less/, /order/],
    ['bbox reversed', ['--bbox', '139', '-32', '137', '-31'], 2, /west \(139\) lies east/, /order/],
    ['bbox out of range', ['--bbox', '137', '-95', '138', '-31'], 2, /south must lie between -90 and 90/, /order/],
    ['bbox off all scenes', ['--bbox', '10', '10', '11', '11'], 1, /no scenes/, /there are scenes within 137\.9/],
    ['period without scenes', ['--start', '2015-01-01'], 1, /no scenes.*outside the period/, /2001-10-17/],
    ['end before start', ['--start', '2002-01-01', '--end', '2001-01-01'], 2, /--end .* is before --start/, /^$/],
    ['crs', ['--crs', 'EPSG:99999999'], 2, /99999999/, /./],
    ['metres for degrees', ['--crs', 'EPSG:4326', '--resolution', '30'], 1, /pixels are larger/, /units of the CRS/],
    ['grouping', ['--groupby', 'aquisition'], 2, /unknown --groupby "aquisition"/, /did you mean acquisition\?/],
    ['statistic', ['--reduce', 'mean,mediam'], 2, /unknown statistic "mediam"/, /did you mean median/],
    ['percentile', ['--reduce', 'p101'], 2, /"p101" is no percentile/, /p0 to p100/],
    ['period', ['--resample', 'month'], 2, /unknown --resample "month"/, /D, W, MS, ME, QE, YE, season/],
    ['chunks', ['--reduce', 'mean', '--chunk-for', 'time'], 2, /chunks for time are for series/, /leave out/],
    ['two ways of storage', ['--pack', 'int16', '--round-bits', '8'], 2, /exclude each other/, /^$/],
    ['no polygon file', ['--polygon', '/none.geojson'], 2, /cannot read \/none\.geojson: no such file/, /GeoJSON/],
    [
      'no region file',
      ['--region-file', '/none.shp'],
      1,
      /--region-file: cannot read \/none\.shp: no such file/,
      /states/,
    ],
    [
      'a version there is none of',
      ['--product-version', '031'],
      1,
      /8 of another product or version/,
      /--product-version/,
    ],
    ['polygon off all scenes', ['--polygon', '{}/far.geojson'], 1, /no scenes.*outside the area/, /within 137\.9/],
    ['no such format', ['--format', 'tiff'], 2, /unknown --format "tiff"/, /did you mean geotiff\?/],
    ['level', ['--compression-level', '-1'], 2, /--compression-level must be a whole number from 0 to 9/, /^$/],
    ['no scenes file', ['--scenes', '/none.json'], 2, /--scenes and --archive exclude/, /^$/],
  ])('%s', (_, argv, status, what, hint) => {
    const result = run(['--archive', SAMPLE, ...argv.map((word) => word.replace('{}', inputs))])
    expectOneLineError(result, status, what)
    expect(result.stderr.split('\n')[1]?.replace(/^ {2}hint: /, '')).toMatch(hint)
  })
})

sampleTest('choices that do nothing are refused, or said to do nothing', () => {
  const table = run(['--archive', SAMPLE, '--pack', 'int16'], join(outputs, 'a.csv'))
  expectOneLineError(table, 2, /--pack is about stored pixels, and csv has none/)
  const local = run([first, '--index', 'ndvi', '--calibration', 'radiance', '--stream', '--dry-run'], '')
  expect(local.status).toBe(0)
  expect(local.stderr).toContain('nothing is streamed: all scenes are on disk\n')
  expect(local.stderr).toContain('warning: ndvi is made of reflectance: radiance is for bands, and none is asked for\n')
})

test('words are told before any file is looked for', () => {
  for (const [flag, word] of [
    ['--reduce', 'mediam'],
    ['--crs', 'EPSG:x'],
    ['--index', 'ndvii'],
  ] as const) {
    expectOneLineError(run(['--archive', '/none', flag, word]), 2, new RegExp(word))
  }
})

describe('what is run again', () => {
  test.each<[string, string, RegExp]>([
    ['no JSON', '{"schema":1,', /is no JSON/],
    ['no request', '{"schema":1}', /the request cannot be read: missing field/],
    [
      'strange fields',
      '{"schema":1,"granules":[],"output":{"format":"netcdf"},"indexes":[]}',
      /unknown field `indexes`/,
    ],
    ['another schema', '{"schema":2,"granules":["a"],"output":{"format":"netcdf"}}', /request schema is 2, expected 1/],
  ])('%s', (_, text, what) => {
    const file = join(inputs, 'request.json')
    writeFileSync(file, text)
    expectOneLineError(run(['--request', file]), 2, what)
  })
})

describe('outputs', () => {
  const argv = () => ['--index', 'ndvi', first]

  sampleTest('a folder that is not there', () => {
    expectOneLineError(run(argv(), join(outputs, 'none', 'a.nc')), 1, /output folder .* does not exist/)
  })

  sampleTest('a file that is there is kept, and replaced when asked', () => {
    const output = join(outputs, 'a.nc')
    writeFileSync(output, 'kept')
    const { status, stderr } = run(argv(), output)
    expect([status, readFileSync(output, 'utf8')]).toEqual([1, 'kept'])
    expect(stderr).toMatch(/^error: the output .* exists\n {2}hint: .*--overwrite/)
    expect(run([...argv(), '--overwrite'], output).status).toBe(0)
    expect(readFileSync(output).subarray(1, 4).toString()).toBe('HDF')
    rmSync(output)
  })

  sampleTest('a full disk', (context) => {
    const mount = join(outputs, 'small')
    mkdirSync(mount)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', mount]).status === 0
    try {
      if (!mounted) return context.skip('cannot mount a small disk here')
      const { status, stderr } = run(['--archive', SAMPLE, '--subsystem', 'VNIR', '-q'], join(mount, 'a.nc'))
      expect(stderr).toMatch(/^error: .*no space/i)
      expect(status).toBe(1)
      expect(readdirSync(mount)).toEqual([])
    } finally {
      if (mounted) spawnSync('umount', [mount])
      rmSync(mount, { recursive: true })
    }
  })

  sampleTest('a granule is never written over', () => {
    const own = join(inputs, 'own.hdf')
    copyFileSync(first, own)
    const before = readFileSync(own).length
    const { status } = run(['--index', 'ndvi', own, '--overwrite'], own)
    expect([status, readFileSync(own).length]).toEqual([2, before])
    truncateSync(own, 0)
  })
})
