// Cubes: their numbers, their determinism, and how jobs end.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect } from 'vitest'
import { ASTERDataAccess } from '../../src/access/data-access.js'
import { ASTERCatalog } from '../../src/catalog/catalog.js'
import { isLocalScene, type LocalScene } from '../../src/catalog/scene.js'
import { native } from '../../src/native/load.js'
import { ASTERTimeSeries } from '../../src/series/time-series.js'
import { ROOT, SAMPLE, sampleTest } from '../native-addon.js'

const PACKAGE = pathToFileURL(join(ROOT, 'dist', 'index.js')).href
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aster-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const access = new ASTERDataAccess()
async function dayScenes(): Promise<LocalScene[]> {
  const scenes = await new ASTERCatalog({ archive: SAMPLE }).search({ product: 'AST_L1T' })
  return scenes.filter(isLocalScene).filter((scene) => scene.subsystems.includes('VNIR'))
}
/** How many numbers differ; NaN is NaN. */
function differences(left: Float32Array | undefined, right: Float32Array | undefined): number {
  if (left === undefined || left.length !== right?.length) throw new Error('arrays of different lengths')
  return left.reduce((count, item, index) => count + (Object.is(item, right[index]) ? 0 : 1), 0)
}
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

describe('numbers', () => {
  sampleTest('one scene on its own grid is the scene itself', async () => {
    const [scene] = await dayScenes()
    if (scene === undefined) throw new Error('no scene')
    const [values] = await new ASTERTimeSeries([scene], [], { bands: ['2'], calibration: 'radiance' }).values()
    const dataset = await access.openDataset(scene.path, { subsystem: 'VNIR' })
    const band = await dataset.readBand('2', { calibration: 'radiance' })
    if (values === undefined) throw new Error('no values')
    const [, rows = 0, columns = 0] = values.shape
    const column = Math.round(((band.geotransform[0] ?? 0) - (values.geotransform[0] ?? 0)) / 15)
    const row = Math.round(((values.geotransform[3] ?? 0) - (band.geotransform[3] ?? 0)) / 15)
    let compared = 0
    for (let y = 0; y < band.rows; y += 1) {
      for (let x = 0; x < band.columns; x += 1) {
        if (y + row < 0 || y + row >= rows || x + column < 0 || x + column >= columns) continue
        const got = values.data[(y + row) * columns + x + column]
        if (!Object.is(got, band.data[y * band.columns + x])) throw new Error(`row ${y}, column ${x}: ${got}`)
        compared += 1
      }
    }
    expect(compared).toBeGreaterThan(0.99 * band.rows * band.columns)
  })

  sampleTest('an index is that of the reflectances', async () => {
    const [scene] = await dayScenes()
    if (scene === undefined) throw new Error('no scene')
    const series = new ASTERTimeSeries([scene], await access.openScenes([scene], { subsystem: 'VNIR' }))
    const [ndvi] = await series.computeIndex('ndvi').values()
    const bands = await series.withOptions({ bands: ['2', '3N'], calibration: 'reflectance' }).values()
    const [red, infrared] = bands.map(({ data }) => data)
    if (ndvi === undefined || red === undefined || infrared === undefined) throw new Error('no values')
    const { value } = native().computeIndex('ndvi', ['2', '3N'], [red, infrared])
    expect(differences(ndvi.data, value)).toBe(0)
    expect([...ndvi.data].filter((item) => item > -1 && item < 1).length).toBeGreaterThan(1000)
  })

  sampleTest('the statistics are those of the values', async () => {
    const scenes = await dayScenes()
    const series = new ASTERTimeSeries(scenes).computeIndex('ndvi')
    const rows = await series.areaMean()
    const [values] = await series.values()
    if (values === undefined) throw new Error('no values')
    expect(rows.map((row) => row.time)).toEqual(values.times)
    expect(values.dims).toEqual(['time', 'y', 'x'])
    const [, ny = 0, nx = 0] = values.shape
    for (const [index, row] of rows.entries()) {
      const finite = [...values.data.subarray(index * ny * nx, (index + 1) * ny * nx)].filter(Number.isFinite)
      expect(row.count).toBe(finite.length)
      expect(row.mean).toBeCloseTo(finite.reduce((sum, item) => sum + item, 0) / finite.length, 5)
      expect(row.min).toBeCloseTo(
        finite.reduce((a, b) => Math.min(a, b)),
        6,
      )
      expect(row.max).toBeCloseTo(
        finite.reduce((a, b) => Math.max(a, b)),
        6,
      )
    }
  })
})

describe('files', () => {
  sampleTest('appear whole, with a report that tells the truth', async () => {
    const path = join(folder, 'ndvi.nc')
    const quicklook = join(folder, 'ndvi.png')
    const kinds = new Set<string>()
    const series = new ASTERTimeSeries(await dayScenes(), [], { indices: ['ndvi'] })
    const plan = await series.plan({ format: 'netcdf', path })
    expect(readdirSync(folder)).toEqual([])
    const report = await series.toNetCDF(path, { quicklook, onEvent: (event) => kinds.add(event.kind) })
    expect(readdirSync(folder).sort()).toEqual(['ndvi.nc', 'ndvi.png'])
    expect(readFileSync(path).subarray(1, 4).toString()).toBe('HDF')
    expect(readFileSync(quicklook).subarray(1, 4).toString()).toBe('PNG')
    expect(report).toMatchObject({ outputs: [path, quicklook], variables: ['ndvi'] })
    expect(report).not.toHaveProperty('arrays')
    expect([report.grid, report.scenes.length]).toEqual([plan.grid, plan.scenes.length])
    expect(readFileSync(path).length).toBeLessThan(plan.outputBytesMax * 1.1 + 1e6)
    expect(kinds.has('planned') && kinds.has('finished')).toBe(true)
  })

  sampleTest('are the same whatever the number of workers', async () => {
    const series = new ASTERTimeSeries(await dayScenes(), [], { indices: ['ndvi'] })
    const [one] = await series.withOptions({ nWorkers: 1 }).values()
    const [four] = await series.withOptions({ nWorkers: 4 }).values()
    expect(one?.data.length).toBeGreaterThan(100_000)
    expect(differences(one?.data, four?.data)).toBe(0)
    const sizes = [1, 4].map((nWorkers) => [nWorkers, join(folder, `${nWorkers}.nc`)] as const)
    for (const [nWorkers, path] of sizes) await series.withOptions({ nWorkers }).toNetCDF(path)
    const [first, second] = sizes.map(([, path]) => readFileSync(path).length)
    expect(first).toBe(second)
  })

  sampleTest('a budget that is too small is refused with one that would do', async () => {
    const series = new ASTERTimeSeries(await dayScenes(), [], { indices: ['ndvi'], maxMemoryBytes: 1000 })
    const refused: unknown = await series.toNetCDF(join(folder, 'a.nc')).catch((error: unknown) => error)
    expect(refused).toMatchObject({ name: 'ResourceError', code: 'MEMORY_BUDGET', allowedBytes: 1000 })
    expect(readdirSync(folder)).toEqual([])
    const { neededBytes } = refused as { neededBytes: number }
    await series.withOptions({ maxMemoryBytes: neededBytes }).toNetCDF(join(folder, 'a.nc'))
    expect(readdirSync(folder)).toEqual(['a.nc'])
  })
})

describe('jobs', () => {
  // Fine pixels make a job that is not over at once.
  const long = async () => new ASTERTimeSeries(await dayScenes(), [], { indices: ['ndvi'], resolution: 1.5 })

  sampleTest('stop when they are told to, and leave nothing', async () => {
    const controller = new AbortController()
    let told = 0
    const series = await long()
    const running = series.toNetCDF(join(folder, 'a.nc'), {
      signal: controller.signal,
      onEvent: ({ kind }) => {
        if (kind === 'planned' || told > 0) return
        told = performance.now()
        controller.abort()
      },
    })
    await expect(running).rejects.toMatchObject({ name: 'AbortError', code: 'CANCELLED' })
    // A second, unless the machine has others to serve.
    expect(performance.now() - told).toBeLessThan(5000)
    expect(readdirSync(folder)).toEqual([])
  })

  sampleTest('run side by side', async () => {
    const scenes = await dayScenes()
    const series = new ASTERTimeSeries(scenes, [], { indices: ['ndvi'] })
    const paths = ['a', 'b'].map((name) => join(folder, `${name}.nc`))
    await Promise.all(paths.map((path) => series.toNetCDF(path, { history: 'test' })))
    const [first, second] = paths.map((path) => readFileSync(path).length)
    expect(first).toBe(second)
    expect(sha256(paths[0] ?? '')).toMatch(/^[0-9a-f]{64}$/)
  })

  sampleTest('run in worker threads, which end', async () => {
    const script = `
      import { parentPort } from 'node:worker_threads'
      import { ASTERCatalog, ASTERTimeSeries } from '${PACKAGE}'
      const scenes = await new ASTERCatalog({ archive: ${JSON.stringify(SAMPLE)} }).search()
      const rows = await new ASTERTimeSeries(scenes, [], { bands: ['10'] }).areaMean()
      parentPort.postMessage(rows.length)`
    for (let round = 0; round < 3; round += 1) {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`))
      const rows = new Promise<number>((resolve, reject) => worker.on('message', resolve).on('error', reject))
      const ended = new Promise<number>((resolve) => worker.on('exit', resolve))
      expect(await rows).toBeGreaterThan(5)
      expect(await ended).toBe(0)
    }
  })

  sampleTest('do not stop a process from exiting', async () => {
    const script = `
      import { ASTERCatalog, ASTERTimeSeries } from '${PACKAGE}'
      const scenes = await new ASTERCatalog({ archive: ${JSON.stringify(SAMPLE)} }).search()
      const series = new ASTERTimeSeries(scenes, [], { indices: ['ndvi'], resolution: 1.5 })
      let isLeaving = false
      series.areaMean(undefined, { onEvent: ({ kind }) => {
        if (kind === 'planned' || isLeaving) return
        isLeaving = true
        process.exit(7)
      } }).catch(() => {})`
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 30_000 })
    await expect(run).rejects.toMatchObject({ code: 7, signal: null })
  })
})
