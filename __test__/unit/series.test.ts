import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { applyRadianceConversion, brightnessTemperature } from '../../src/access/calibration.js'
import { ASTERDataAccess } from '../../src/access/data-access.js'
import { type Scene, sceneFromGranule } from '../../src/catalog/scene.js'
import { Polygon } from '../../src/geo/polygon.js'
import { useNative } from '../../src/native/load.js'
import { FILE_FORMATS, formatOf } from '../../src/series/output-path.js'
import type { SeriesOptions } from '../../src/series/request.js'
import { planRequest, readRequest } from '../../src/series/run.js'
import { ASTERTimeSeries } from '../../src/series/time-series.js'
import { ARCHIVE, type Fake, fakeNative } from '../fake-native.js'

const SCENES = [ARCHIVE[4], ARCHIVE[0], ARCHIVE[1]].map((item) => sceneFromGranule(item as (typeof ARCHIVE)[0]))
const MEMORY = { format: 'memory' }
let fake: Fake
let folder: string

beforeEach(() => {
  fake = fakeNative({ granules: ARCHIVE })
  useNative(fake)
  folder = mkdtempSync(join(tmpdir(), 'aster-'))
})
afterEach(() => {
  useNative(undefined)
  rmSync(folder, { recursive: true })
})

const requestOf = (options: SeriesOptions) => new ASTERTimeSeries(SCENES, [], options).toRequest(MEMORY)

describe('a series', () => {
  test('says itself, in order of time', () => {
    expect(String(new ASTERTimeSeries(SCENES))).toBe(
      'ASTERTimeSeries(n_scenes=3, products=[AST_L1T], start=2001-01-03, end=2002-09-06)',
    )
    expect(String(new ASTERTimeSeries([]))).toBe('ASTERTimeSeries(n_scenes=0, products=[], start=none, end=none)')
  })

  test('is immutable: each step gives a new one', () => {
    const series = new ASTERTimeSeries(SCENES)
    const withIndex = series.computeIndex('NDVI')
    expect(series.toRequest(MEMORY)).not.toHaveProperty('indices')
    expect(withIndex.toRequest(MEMORY).indices).toEqual(['ndvi'])
    expect(withIndex.computeIndex('ratio_4_6').toRequest(MEMORY).indices).toEqual(['ndvi', 'ratio_4_6'])
    expect(withIndex.toRequest(MEMORY).indices).toEqual(['ndvi'])
  })

  test('takes the subsystem of its datasets', async () => {
    const datasets = await new ASTERDataAccess().openScenes(SCENES, { subsystem: 'VNIR' })
    const series = new ASTERTimeSeries(SCENES, datasets)
    expect(series.toRequest(MEMORY).subsystems).toEqual(['VNIR'])
    const request = series.computeIndex('ndvi').toRequest(MEMORY)
    expect([request.subsystems, request.bands, request.indices]).toEqual([['VNIR'], undefined, ['ndvi']])
  })

  test('writes bands beside an index only when they are named', () => {
    const both = requestOf({ bands: ['ImageData3N', '2'], indices: ['ndvi'] })
    expect([both.bands, both.indices]).toEqual([['3N', '2'], ['ndvi']])
  })

  test.each(['3N', '3n', '3', '03N', 'B03N', 'Band3N', 'ImageData3N', 'imagedata3n'])('knows the band %s', (name) => {
    expect(requestOf({ bands: [name] }).bands).toEqual(['3N'])
  })

  test('holds no undefined fields', () => {
    expect(requestOf({})).toEqual({ schema: 1, granules: expect.any(Array), output: MEMORY })
    expect(Object.values(requestOf({ calibration: undefined, bbox: undefined }))).not.toContain(undefined)
  })

  test('a request is JSON and survives it', () => {
    const request = requestOf({ bbox: { west: 1, south: 2, east: 3, north: 4 }, gains: { '4': 'NOR' }, nWorkers: 2 })
    expect(JSON.parse(JSON.stringify(request))).toEqual(request)
    expect(request.area).toEqual({ west: 1, south: 2, east: 3, north: 4 })
  })

  test('spreads gains over the bands that have one; named ones win', () => {
    const { gains } = requestOf({ gains: { '4': 'LO1', ALL: 'NOR' } })
    expect(gains).toEqual([
      { band: '4', gain: 'LO1' },
      { band: '1', gain: 'NOR' },
      { band: '2', gain: 'NOR' },
      { band: '3N', gain: 'NOR' },
      { band: '6', gain: 'NOR' },
    ])
  })

  test('takes coefficients as numbers or with an offset', () => {
    const { coefficients } = requestOf({
      coefficients: { '10': 0.0069, ImageData11: { ucc: 0.0068, offset: -0.0068 } },
    })
    expect(coefficients).toEqual([
      { band: '10', ucc: 0.0069 },
      { band: '11', ucc: 0.0068, offset: -0.0068 },
    ])
  })

  test.each<[SeriesOptions, string, RegExp]>([
    [{ bands: ['3X'] }, 'USAGE', /unknown band "3X"/],
    [{ indices: ['ndvii'] }, 'USAGE', /unknown index "ndvii"/],
    [{ subsystems: ['VNIS'] }, 'USAGE', /unknown subsystem "VNIS"/],
    [{ resolution: 0 }, 'USAGE', /resolution must be greater than 0/],
    [{ nWorkers: 1.5 }, 'USAGE', /nWorkers must be a whole number/],
    [{ bbox: { west: 10, south: 0, east: -10, north: 1 } }, 'USAGE', /west \(10\) lies east of east \(-10\)/],
    [{ coefficients: { '10': -1 } }, 'USAGE', /coefficient of band 10 must be greater than 0/],
  ])('%j is refused', (options, code, message) => {
    expect(() => requestOf(options)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
  })

  test('needs scenes', () => {
    expect(() => new ASTERTimeSeries([]).toRequest(MEMORY)).toThrow(/no scenes/)
  })

  test('areaMean takes the variable alone', async () => {
    const series = new ASTERTimeSeries(SCENES, [], { subsystems: ['VNIR'] })
    await series.areaMean('ndvi')
    await series.areaMean('ImageData10')
    await series.areaMean()
    expect(
      fake.requests.map(({ subsystems, bands, indices, output }) => [subsystems, bands, indices, output.format]),
    ).toEqual([
      [undefined, undefined, ['ndvi'], 'statistics'],
      [undefined, ['10'], undefined, 'statistics'],
      [['VNIR'], undefined, undefined, 'statistics'],
    ])
    await expect(series.areaMean('nothing')).rejects.toThrow(/unknown index "nothing"/)
  })

  test('values come with their place in time and space', async () => {
    const array = {
      variable: 'ndvi',
      units: '1',
      dims: ['time', 'y', 'x'],
      shape: [3, 2, 3],
      data: new Float32Array(18),
    }
    useNative(fakeNative({ granules: ARCHIVE, report: { arrays: [array] } }))
    const [values] = await new ASTERTimeSeries(SCENES).computeIndex('ndvi').values()
    expect(values).toMatchObject({
      ...array,
      steps: [{ ids: [ARCHIVE[1]?.id], looks: 1 }, { ids: [ARCHIVE[0]?.id] }, { ids: [ARCHIVE[4]?.id] }],
      times: ['2001-01-03T03:10:00Z', '2001-06-10T03:11:13Z', '2002-09-06T03:14:52Z'],
      geotransform: [500_000, 15, 0, 1_600_000, 0, -15],
      crs: 'WGS 84 / UTM zone 50N',
    })
  })
})

test('a misspelt option is refused', () => {
  const misspelt: object = { indexes: ['ndvi'] }
  expect(() => new ASTERTimeSeries([], [], misspelt)).toThrow(
    expect.objectContaining({ code: 'USAGE', message: 'unknown option "indexes"', hint: 'did you mean indices?' }),
  )
})

describe('along time', () => {
  const ndvi = () => new ASTERTimeSeries(SCENES).computeIndex('ndvi')

  test('each step gives a new series, and the request says it all', () => {
    const plain = ndvi()
    const monthly = plain.groupBy('acquisition').resample('ME', ['mean', 'count'])
    expect(monthly.toRequest(MEMORY)).toMatchObject({
      groupBy: 'acquisition',
      resample: 'ME',
      reduce: ['mean', 'count'],
      indices: ['ndvi'],
    })
    expect(plain.toRequest(MEMORY)).toEqual(requestOf({ indices: ['ndvi'] }))
    expect(plain.reduce('median', 'p90').toRequest(MEMORY).reduce).toEqual(['median', 'p90'])
    expect(plain.reduce('median').reduce('mean').toRequest(MEMORY).reduce).toEqual(['mean'])
  })

  test('a period takes the statistics that were chosen, and leaves the choice to the engine otherwise', () => {
    expect(ndvi().reduce('median').resample('season').toRequest(MEMORY)).toMatchObject({
      reduce: ['median'],
      resample: 'season',
    })
    expect(ndvi().resample('QE').toRequest(MEMORY)).not.toHaveProperty('reduce')
  })

  test('unknown words are told at once', () => {
    expect(() => ndvi().reduce('mediam')).toThrow(
      expect.objectContaining({ code: 'USAGE', message: 'unknown statistic "mediam"', hint: 'did you mean median?' }),
    )
    const unknown = (options: object) => () => new ASTERTimeSeries(SCENES, [], options)
    expect(unknown({ groupBy: 'aquisition' })).toThrow(
      expect.objectContaining({ message: 'unknown groupBy "aquisition"', hint: 'did you mean acquisition?' }),
    )
    expect(unknown({ resample: 'M' })).toThrow(/unknown resample "M"/)
    expect(() => ndvi().clip('{}', { rule: 'center' as 'centre' })).toThrow(
      expect.objectContaining({ message: 'unknown clip rule "center"', hint: 'did you mean centre?' }),
    )
  })

  test('a polygon is an object, a text, or one that a search used', () => {
    const ring = [
      [138, -31],
      [138.1, -31],
      [138, -31.1],
      [138, -31],
    ] as const
    const object = { type: 'Polygon', coordinates: [ring] }
    const text = JSON.stringify(object)
    expect(ndvi().clip(object).toRequest(MEMORY).clip).toEqual({ polygon: text })
    expect(ndvi().clip(text, { rule: 'touch' }).toRequest(MEMORY).clip).toEqual({ polygon: text, rule: 'touch' })
    const { polygon = '' } =
      ndvi()
        .clip(new Polygon([[ring]]))
        .toRequest(MEMORY).clip ?? {}
    expect(JSON.parse(polygon)).toEqual({ type: 'MultiPolygon', coordinates: [[ring]] })
  })
})

describe('files', () => {
  const series = () => new ASTERTimeSeries(SCENES).computeIndex('ndvi')

  test('each method asks for its format, with the options that are stated', async () => {
    const options = { overwrite: true, compressionLevel: 4, pack: 'int16', chunkFor: 'time' } as const
    await series().toNetCDF(join(folder, 'a.nc'), options)
    await series().toZarr(join(folder, 'a.zarr'), { checkpoints: false })
    await series().toNetCDF(join(folder, 'b.nc'), { checkpoints: true })
    await series().toGeoTIFF(join(folder, 'tiles'))
    await series().toGeoTIFF(join(folder, 'a.tif'), { cog: false, roundBits: 10 })
    await series().selectBands(['10']).toCSV(join(folder, 'a.csv'), { variable: 'ndvi' })
    expect(fake.requests.map(({ output }) => output)).toEqual([
      { format: 'netcdf', path: join(folder, 'a.nc'), ...options },
      { format: 'zarr', path: join(folder, 'a.zarr') },
      { format: 'netcdf', path: join(folder, 'b.nc'), checkpoints: join(folder, '.b.nc.checkpoints') },
      { format: 'cog', path: join(folder, 'tiles') },
      { format: 'geotiff', path: join(folder, 'a.tif'), roundBits: 10 },
      { format: 'csv', path: join(folder, 'a.csv') },
    ])
    expect(fake.requests.at(-1)).toMatchObject({ indices: ['ndvi'] })
    expect(fake.requests.at(-1)).not.toHaveProperty('bands')
  })

  test.each([
    ['a.nc', 'netcdf'],
    ['a.zarr', 'zarr'],
    ['a.tif', 'cog'],
    ['a.TIFF', 'cog'],
    ['a.csv', 'csv'],
    ['series', 'netcdf'],
    ['v1.2', 'netcdf'],
  ])('%s is %s', (name, format) => {
    expect(formatOf(name)).toBe(format)
    expect(formatOf(name, format)).toBe(format)
  })

  test('a name of one format is not given to another', () => {
    const names = ['a.nc', 'a.zarr', 'a.tif', 'a.csv', 'a.json', 'a.hdf']
    const fitting = FILE_FORMATS.flatMap((format) => names.filter((name) => fits(name, format)).map((n) => [n, format]))
    expect(fitting).toEqual([
      ['a.nc', 'netcdf'],
      ['a.zarr', 'zarr'],
      ['a.tif', 'cog'],
      ['a.tif', 'geotiff'],
      ['a.csv', 'csv'],
    ])
    expect(() => formatOf('a.json')).toThrow(/named as JSON, but NetCDF is written/)
    expect(() => formatOf('a.nc', 'netcfd')).toThrow(
      expect.objectContaining({ message: 'unknown format "netcfd"', hint: 'did you mean netcdf?' }),
    )
  })

  function fits(name: string, format: string): boolean {
    try {
      return formatOf(name, format) === format
    } catch {
      return false
    }
  }

  test('a store is whole or new; a folder of files may be there', async () => {
    const there = join(folder, 'there')
    mkdirSync(there)
    await expect(series().toZarr(there)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' })
    await series().toZarr(there, { overwrite: true })
    await series().toGeoTIFF(there)
    writeFileSync(join(folder, 'file'), '')
    const noFolder = { code: 'OUTPUT_EXISTS', message: expect.stringContaining('is no folder') }
    await expect(series().toGeoTIFF(join(folder, 'file'), { overwrite: true })).rejects.toMatchObject(noFolder)
    await expect(series().toGeoTIFF(join(folder, 'none', 'tiles'))).rejects.toMatchObject({ code: 'OUTPUT_IO' })
    expect(fake.requests.map(({ output }) => output.format)).toEqual(['zarr', 'cog'])
  })
})

describe('a request that was kept', () => {
  test('is read from itself, and from the plan that holds it', async () => {
    const request = new ASTERTimeSeries(SCENES).reduce('median').toRequest(MEMORY)
    expect(readRequest(JSON.stringify(request), 'a.json')).toEqual(request)
    const plan = { ...(await planRequest(request)), request }
    expect(readRequest(`\uFEFF${JSON.stringify(plan)}`, 'plan.json')).toEqual(request)
  })

  test('has to be JSON', () => {
    expect(() => readRequest('{"schema":', 'a.json')).toThrow(
      expect.objectContaining({ code: 'USAGE', message: 'a.json is no JSON' }),
    )
  })
})

describe('writing looks before it works', () => {
  const series = () => new ASTERTimeSeries(SCENES).computeIndex('ndvi')
  const refuses = async (path: string, code: string, message: RegExp, options = {}) => {
    await expect(series().toNetCDF(path, options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
    expect(fake.requests).toEqual([])
  }

  test('an existing output is kept unless overwriting is asked for', async () => {
    const path = join(folder, 'a.nc')
    writeFileSync(path, 'kept')
    await refuses(path, 'OUTPUT_EXISTS', /exists/)
    await series().toNetCDF(path, { overwrite: true })
    expect(fake.requests[0]?.output).toEqual({ format: 'netcdf', path, overwrite: true })
  })

  test('folders, names and clashes', async () => {
    await refuses(join(folder, 'none', 'a.nc'), 'OUTPUT_IO', /does not exist/)
    await refuses(folder, 'OUTPUT_IO', /is a folder/, { overwrite: true })
    await refuses(join(folder, 'a.tif'), 'USAGE', /named as GeoTIFF, but NetCDF is written/)
    await refuses(join(folder, 'a.nc'), 'USAGE', /is written as PNG/, { quicklook: join(folder, 'a.jpg') })
    await refuses(join(folder, 'a.png'), 'USAGE', /also another output/, { quicklook: join(folder, '.', 'a.png') })
  })

  test('an input is never written over, under whatever name', async () => {
    const input = join(folder, 'input.nc')
    writeFileSync(input, 'granule')
    symlinkSync(input, join(folder, 'link.nc'))
    const [first = {} as Scene] = SCENES
    const own = new ASTERTimeSeries([{ ...first, path: input }])
    await expect(own.toNetCDF(join(folder, 'link.nc'), { overwrite: true })).rejects.toThrow(/is also an input/)
    expect(fake.requests).toEqual([])
  })
})

describe('opening', () => {
  const access = new ASTERDataAccess()
  const path = ARCHIVE[0]?.path ?? ''

  test('gives the bands of the subsystem', async () => {
    const dataset = await access.openDataset(path, { subsystem: 'VNIR' })
    expect(dataset.bands.map((band) => band.name)).toEqual(['2', '3N'])
    expect(dataset.band('imagedata3n').name).toBe('3N')
    expect(() => dataset.band('10')).toThrow(/no band "10" in VNIR of AST_L1T_/)
  })

  test('a subsystem that is not there is an error that says what is', async () => {
    await expect(access.openDataset(path, { subsystem: 'SWIR' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('has no SWIR bands; it has VNIR, TIR'),
    })
    const [, none] = await access.openScenes([...SCENES].slice(0, 2), { subsystem: 'SWIR' })
    expect(none?.bands).toEqual([])
  })

  test('reads DN unless told otherwise, and radiance after the conversion', async () => {
    const raw = await access.openDataset(path, { subsystem: 'VNIR' })
    expect((await raw.readBand('ImageData2')).data).toEqual(Uint8Array.of(1, 2))
    const radiance = applyRadianceConversion(raw)
    expect((await radiance.readBand('2', { window: { row: 1, column: 2, rows: 3, columns: 4 } })).data).toEqual(
      Float32Array.of(1, 2),
    )
    expect(fake.reads).toEqual([
      { path, band: '2', calibration: 'dn' },
      { path, band: '2', calibration: 'radiance', rowStart: 1, columnStart: 2, rowCount: 3, columnCount: 4 },
    ])
  })

  test.each([
    [{ row: -1, column: 0, rows: 1, columns: 1 }, /window.row must be a whole number/],
    [{ row: 0, column: 0, rows: 0, columns: 1 }, /the window is empty/],
    [{ row: 19, column: 0, rows: 2, columns: 1 }, /reaches outside band 2, which has 20 rows and 30 columns/],
  ])('the window %j is refused', async (window, message) => {
    const dataset = await access.openDataset(path)
    await expect(dataset.readBand('2', { window })).rejects.toThrow(message)
  })

  test('arrays in memory', () => {
    expect(applyRadianceConversion(Uint8Array.of(1, 3), { ucc: 2 })).toEqual(Float32Array.of(0, 4))
    expect(applyRadianceConversion(Uint8Array.of(1, 3), { ucc: 2, offset: 1 })).toEqual(Float32Array.of(3, 7))
    expect(brightnessTemperature(Float32Array.of(9), { band: 10 })).toEqual(Float32Array.of(300))
    expect(() => brightnessTemperature(Float32Array.of(9), { band: 2 })).toThrow(/no band 2/)
  })
})
