// openRemote and run --stream with the engine: equal pixels, few bytes, faults with their codes, and an end at once.
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ASTERDataAccess, RemoteDataset } from '../../src/access/data-access.js'
import type { Scene } from '../../src/catalog/scene.js'
import type { AsterError } from '../../src/errors.js'
import { callNative } from '../../src/native/call.js'
import { withRemoteFiles } from '../../src/native/remote.js'
import { run } from '../cli/in-process.js'
import type { Fault } from '../fakes/faults.js'
import type { FakeGranule } from '../fakes/granules.js'
import { cogOf, type Tiff } from '../fakes/tiff.js'
import { everythingOf, startWorld, type World } from '../fakes/world.js'
import { addonTest, GRANULES, granuleTest, hasAddon, hasSample, SAMPLE, sampleTest } from '../native-addon.js'
import { filesIn, newFolder, sceneOf } from '../unit/access/scenes.js'

const COGS = 'AST_L1T_00409222004005803_20250811093417'
const HDFS = hasSample ? readdirSync(SAMPLE).filter((name) => name.endsWith('.hdf')) : []

function granuleOf(id: string, files: Record<string, Uint8Array | string>): FakeGranule {
  const [, version = '', month, day, year, hour, minute, second] = /_(\d{3})(..)(..)(....)(..)(..)(..)_/.exec(id) ?? []
  const time = `${year}-${month}-${day}T${hour}:${minute}:${second}.000000Z`
  return { product: 'AST_L1T', id, version, time, ring: [[138, -31]], files }
}

function cogGranule(): FakeGranule {
  const names = readdirSync(join(SAMPLE, COGS)).filter((name) => name.endsWith('.tif'))
  return granuleOf(COGS, Object.fromEntries(names.map((name) => [name, join(SAMPLE, COGS, name)])))
}

function hdfGranule(name: string): FakeGranule {
  return granuleOf(name.replace('.hdf', ''), { [name]: join(SAMPLE, name) })
}

/** Access to a world whose user has a token, with a cache of its own. */
function accessTo(world: World) {
  const credentials = { token: world.token }
  const { endpoints } = world
  return { access: new ASTERDataAccess({ http: world.client(), endpoints, credentials }), cacheDir: newFolder() }
}

async function opened(world: World, scene: Scene, options: { streamCache?: string } = {}) {
  const { access, cacheDir } = accessTo(world)
  try {
    const dataset = await access.openRemote(scene, { cacheDir, ...options, onWarning: () => {} })
    expect(dataset).toBeInstanceOf(RemoteDataset)
    return { dataset, cacheDir }
  } catch (error) {
    world.heard(everythingOf(error))
    throw error
  }
}

describe('openRemote gives what the disk gives', () => {
  sampleTest.each([COGS, ...HDFS])('%s', async (name) => {
    const granule = name === COGS ? cogGranule() : hdfGranule(name)
    const world = await startWorld({ granules: [granule] })
    const { dataset, cacheDir } = await opened(world, sceneOf(world, granule))
    const local = await new ASTERDataAccess().openDataset(join(SAMPLE, name))
    expect(dataset.bands.map((band) => band.name)).toEqual(local.bands.map((band) => band.name))
    for (const { name: band } of local.bands) await dataset.readBand(band)
    // All of it was read; nothing was fetched twice but blocks in which two bands meet.
    expect(dataset.traffic.bytesFetched).toBeLessThan(1.05 * local.info.bytes + local.bands.length * 2 * 16_384)
    for (const band of local.bands) {
      const { geotransform, rows, columns, storage: _, ...facts } = band
      expect(dataset.band(band.name)).toMatchObject({ geotransform, rows, columns, name: facts.name })
      const windows = [
        undefined,
        { row: 3, column: 5, rows: 20, columns: 30 },
        { row: rows - 1, column: columns - 1, rows: 1, columns: 1 },
      ]
      for (const window of windows) {
        const [here, there] = await Promise.all([
          local.readBand(band.name, { window }),
          dataset.readBand(band.name, { window }),
        ])
        expect(there.geotransform).toEqual(here.geotransform)
        expect(Buffer.compare(Buffer.from(there.data.buffer), Buffer.from(here.data.buffer))).toBe(0)
      }
    }
    expect(filesIn(cacheDir).filter((file) => /\.(tif|hdf)$/.test(file))).toEqual([])
  })
})

const HDF = 'AST_L1T_00310172001005817_20150418073045_41207.hdf'
const hasGdal = hasSample && hasAddon && spawnSync('gdal_translate', ['--version']).status === 0
if (!hasGdal) process.stderr.write('skipped: streaming against GDAL, there is no gdal_translate (gdal-bin)\n')

describe('openRemote over TLS gives what GDAL reads of the file', () => {
  test.skipIf(!hasGdal).each([
    [COGS, '1', `${COGS}/${COGS}_VNIR_B01.tif`],
    [COGS, '13', `${COGS}/${COGS}_TIR_B13.tif`],
    [HDF, '3N', `HDF4_EOS:EOS_SWATH:"${join(SAMPLE, HDF)}":VNIR_Swath:ImageData3N`],
    [HDF, '4', `HDF4_EOS:EOS_SWATH:"${join(SAMPLE, HDF)}":SWIR_Swath:ImageData4`],
  ])('%s, band %s', async (name, band, source) => {
    const granule = name === COGS ? cogGranule() : hdfGranule(name)
    const world = await startWorld({ granules: [granule], tls: true })
    const { dataset } = await opened(world, sceneOf(world, granule))
    const window = { row: 30, column: 40, rows: 37, columns: 31 }
    const { data } = await dataset.readBand(band, { window })
    const out = join(newFolder(), 'window.img')
    const place = [window.column, window.row, window.columns, window.rows].map(String)
    const input = source.startsWith('HDF4') ? source : join(SAMPLE, source)
    execFileSync('gdal_translate', ['-q', '-of', 'ENVI', '-srcwin', ...place, input, out])
    expect(Buffer.compare(Buffer.from(data.buffer), readFileSync(out))).toBe(0)
    expect(new Set(data).size).toBeGreaterThan(10)
  })
})

const SCENE_SIDE = 2048
const WIDE = 'AST_L1T_00409222004005803_20250811093417'

/** Bands of 2048 x 2048 pixels whose tiles compress to about two thirds. */
function wideGranule(): { granule: FakeGranule; tiffs: Map<string, Tiff> } {
  const tiffs = new Map<string, Tiff>()
  for (const [index, band] of ['VNIR_B01', 'VNIR_B02', 'VNIR_B03N'].entries()) {
    const value = (x: number, y: number) => 40 + index + ((((x * 73_856_093) ^ (y * 19_349_663)) >>> 7) % 90)
    const grid = {
      columns: SCENE_SIDE,
      rows: SCENE_SIDE,
      tile: 256,
      pixel: 15,
      left: 300_000,
      top: 6_600_000,
      epsg: 32_754,
    }
    tiffs.set(`${WIDE}_${band}.tif`, cogOf({ ...grid, value }))
  }
  const files = Object.fromEntries([...tiffs].map(([name, { bytes }]) => [name, bytes]))
  return { granule: granuleOf(WIDE, files), tiffs }
}

describe('a window of 10 km', () => {
  const window = { row: 700, column: 700, rows: 667, columns: 667 }

  addonTest('of a file per band costs at most 1.3 times the tiles that it touches', async () => {
    const { granule, tiffs } = wideGranule()
    const world = await startWorld({ granules: [granule] })
    const { dataset } = await opened(world, sceneOf(world, granule))
    let touched = 0
    for (const { tileBytes, tilesAcross } of tiffs.values()) {
      for (let row = Math.floor(700 / 256); row <= Math.floor(1366 / 256); row += 1) {
        for (let column = Math.floor(700 / 256); column <= Math.floor(1366 / 256); column += 1) {
          touched += tileBytes[row * tilesAcross + column] ?? 0
        }
      }
    }
    for (const band of ['1', '2', '3N']) {
      const { data } = await dataset.readBand(band, { window })
      const index = ['1', '2', '3N'].indexOf(band)
      const at = (x: number, y: number) => 40 + index + ((((x * 73_856_093) ^ (y * 19_349_663)) >>> 7) % 90)
      expect([data[0], data[667 * 667 - 1]]).toEqual([at(700, 700), at(1366, 1366)])
    }
    const { bytesFetched, requests } = dataset.traffic
    expect(bytesFetched).toBeGreaterThanOrEqual(touched)
    expect(bytesFetched).toBeLessThan(1.3 * touched)
    // A head and the four rows of tiles of each band.
    expect(requests).toBe(3 * (1 + 4))
    // From the memory, the second time.
    await dataset.readBand('2', { window })
    expect(dataset.traffic.requests).toBe(requests)
  })

  granuleTest('of plain HDF4 costs at most 1.3 times the rows that it touches', async () => {
    const [name = ''] = readdirSync(GRANULES).filter((file) => file.endsWith('.hdf'))
    const granule = granuleOf(name.replace('.hdf', ''), { [name]: join(GRANULES, name) })
    const world = await startWorld({ granules: [granule] })
    const { dataset } = await opened(world, sceneOf(world, granule))
    const local = await new ASTERDataAccess().openDataset(join(GRANULES, name))
    const part = { ...window, row: 100, column: 100 }
    let touched = 0
    for (const band of ['1', '2', '3N']) {
      expect(local.band(band).storage).toBe('contiguous')
      touched += part.rows * local.band(band).columns
      const [here, there] = await Promise.all([local, dataset].map((one) => one.readBand(band, { window: part })))
      expect(there?.data.length).toBe(part.rows * part.columns)
      expect(Buffer.compare(Buffer.from(there?.data ?? []), Buffer.from(here?.data ?? []))).toBe(0)
    }
    const { bytesFetched } = dataset.traffic
    expect(bytesFetched).toBeGreaterThanOrEqual(touched)
    expect(bytesFetched).toBeLessThan(1.3 * touched)
  })

  addonTest('comes from the disk in another run, except for the head that tells the version', async () => {
    const { granule } = wideGranule()
    const world = await startWorld({ granules: [granule] })
    const streamCache = newFolder()
    const first = await opened(world, sceneOf(world, granule), { streamCache })
    const before = await first.dataset.readBand('2', { window })
    const second = await opened(world, sceneOf(world, granule), { streamCache })
    const after = await second.dataset.readBand('2', { window })
    expect(Buffer.compare(Buffer.from(before.data.buffer), Buffer.from(after.data.buffer))).toBe(0)
    expect(second.dataset.traffic.requests).toBe(3)
    // A damaged block is fetched anew.
    for (const file of filesIn(streamCache)) {
      const path = join(streamCache, file)
      const bytes = readFileSync(path)
      writeFileSync(path, bytes.subarray(0, bytes.length - 1))
    }
    const third = await opened(world, sceneOf(world, granule), { streamCache })
    const again = await third.dataset.readBand('2', { window })
    expect(Buffer.compare(Buffer.from(before.data.buffer), Buffer.from(again.data.buffer))).toBe(0)
  })
})

describe('run --stream', () => {
  async function streaming(world: World, granule: FakeGranule, more: string[] = [], signal?: AbortSignal) {
    const folder = newFolder()
    const scenes = JSON.stringify([sceneOf(world, granule)])
    const env = { ...world.env, EARTHDATA_TOKEN: world.token, ASTER_CACHE_DIR: join(folder, 'cache') }
    const output = join(folder, 'cube.nc')
    const words = [
      'run',
      '--scenes',
      '-',
      '--stream',
      '--bands',
      '2',
      '--gains',
      'ALL=HGH',
      '--output',
      output,
      ...more,
    ]
    const result = await run(words, { env, stdin: scenes, ...(signal === undefined ? {} : { signal }) })
    world.heard(result.stdout)
    world.heard(result.stderr)
    return { ...result, left: filesIn(folder).filter((name) => !name.startsWith('cache')) }
  }

  const FAULTS: [string, Fault | 'normal', number, string, boolean][] = [
    ['a login page', { kind: 'page' }, 77, 'AUTH_LOGIN_PAGE', true],
    [
      'terms that were not accepted',
      { kind: 'status', status: 403, body: 'EULA Acceptance Failure' },
      77,
      'AUTH_TERMS',
      true,
    ],
    ['another version', { kind: 'etag', value: '"other"' }, 1, 'SERVICE', false],
    ['a missing file', { kind: 'status', status: 404 }, 1, 'NOT_FOUND', true],
  ]
  sampleTest.each(FAULTS)(
    '%s: nothing is written, and the status says what kind of trouble',
    async (_, fault, status, code, isFirst) => {
      const [name = ''] = HDFS.filter((file) => file.includes('10172001'))
      const granule = hdfGranule(name)
      const steps = isFirst ? [fault] : ['normal' as const, fault]
      const world = await startWorld({
        granules: [granule],
        realTime: true,
        faults: [{ host: 'signed', steps, route: /\.hdf$/ }],
      })
      const result = await streaming(world, granule, ['--json'])
      expect(result.left).toEqual([])
      expect(`${result.stdout}${result.stderr}`).toContain(code)
      expect(result.status).toBe(status)
    },
  )

  sampleTest(
    'a service that is down has status 75',
    async () => {
      const granule = cogGranule()
      const world = await startWorld({ granules: [granule], realTime: true })
      await world.shut('signed')
      const result = await streaming(world, granule, ['--json'])
      expect([result.status, result.left]).toEqual([75, []])
    },
    120_000,
  )

  sampleTest('stops when it is told to', async () => {
    const granule = cogGranule()
    const steps = Array<Fault>(20).fill({ kind: 'stall', after: 10 })
    const world = await startWorld({ granules: [granule], realTime: true, faults: [{ host: 'signed', steps }] })
    const stop = new AbortController()
    let stopped = 0
    setTimeout(() => {
      stopped = Date.now()
      stop.abort('SIGINT')
    }, 1500)
    const result = await streaming(world, granule, [], stop.signal)
    // Far before a body has stood still for too long.
    expect(Date.now() - stopped).toBeLessThan(10_000)
    expect([result.status, result.left]).toEqual([130, []])
  })

  sampleTest('plans without a pixel, and says what it fetched', async () => {
    const granule = cogGranule()
    const world = await startWorld({ granules: [granule], realTime: true })
    const { status, stdout, left } = await streaming(world, granule, ['--dry-run'])
    expect([status, left]).toEqual([0, []])
    expect(stdout).toMatch(/fetched: +\d+(\.\d+)? kB in \d+ requests?/)
  })

  test('words that go together', async () => {
    const result = await run(['run', '--archive', '.', '--stream-cache', 'x', '--output', 'a.nc'])
    expect([result.status, result.stderr]).toEqual([2, expect.stringContaining('add --stream')])
  })
})

test.skipIf(!hasAddon)('what the callback throws crosses with its code; nobody is left waiting', async () => {
  const source = {
    paths: ['/nowhere/AST_L1T_00310172001005817_20150418073045_41207.hdf'],
    answer: async () => {
      throw new TypeError('a slip')
    },
  }
  const [path = ''] = source.paths
  const failure = withRemoteFiles(source, undefined, (remote) =>
    callNative((addon) => addon.describeRemoteGranule(path, remote)),
  )
  await expect(failure).rejects.toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('a slip') })
  // Closed while a thread waits.
  const silent = { paths: source.paths, answer: () => new Promise<never>(() => {}) }
  const closed = withRemoteFiles(silent, undefined, async (remote) => {
    const described = callNative((addon) => addon.describeRemoteGranule(path, remote))
    setTimeout(() => remote.close(), 50)
    return described
  })
  expect(await closed.catch((error: AsterError) => error.code)).toBe('CANCELLED')
})
