// What becomes of time and place, against values computed here from the plain series.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect } from 'vitest'
import { ASTERCatalog } from '../../src/catalog/catalog.js'
import { native } from '../../src/native/load.js'
import { CLIP_RULES, GROUPINGS, LATTICES, PERIODS } from '../../src/series/request.js'
import { readRequest, writeRequest } from '../../src/series/run.js'
import { ASTERTimeSeries, type SeriesArray } from '../../src/series/time-series.js'
import { addonTest, SAMPLE, sampleTest } from '../native-addon.js'

const BBOX = { west: 137.99, south: -31.12, east: 138.03, north: -31.08 }
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aster-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function ndvi(): Promise<ASTERTimeSeries> {
  const scenes = await new ASTERCatalog({ archive: SAMPLE, archiveIndex: 'none' }).search({ product: 'AST_L1T' })
  return new ASTERTimeSeries(scenes, [], { indices: ['ndvi'], bbox: BBOX })
}

function only<T>([item]: readonly T[]): T {
  if (item === undefined) throw new Error('nothing came')
  return item
}

/** Values of each pixel over some time steps, without the missing ones, in order of time. */
function* pixels({ data, shape: [, ny = 0, nx = 0] }: SeriesArray, steps: readonly number[]): Generator<number[]> {
  const size = ny * nx
  for (let pixel = 0; pixel < size; pixel += 1) {
    yield steps.map((step) => data[step * size + pixel] ?? Number.NaN).filter((value) => !Number.isNaN(value))
  }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]) => sum(values) / values.length
const ascending = (values: readonly number[]) => [...values].sort((left, right) => left - right)
/** Between the two nearest of values in ascending order, as numpy has it. */
function percentile(sorted: readonly number[], percent: number): number {
  const position = ((sorted.length - 1) * percent) / 100
  const [below = Number.NaN, above = below] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]]
  return below + (above - below) * (position - Math.floor(position))
}
const OBVIOUS: Record<string, (values: readonly number[]) => number> = {
  mean,
  median: (values) => percentile(ascending(values), 50),
  p90: (values) => percentile(ascending(values), 90),
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  first: (values) => values[0] ?? Number.NaN,
  last: (values) => values.at(-1) ?? Number.NaN,
  std: (values) => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2))),
}

/** Compares one time step of a reduced array with the plain series; how many pixels had a value. */
function compare(reduced: SeriesArray, at: number, statistic: string, plain: SeriesArray, steps: number[]): number {
  const [, ny = 0, nx = 0] = plain.shape
  let pixel = at * ny * nx
  let compared = 0
  for (const values of pixels(plain, steps)) {
    const got = reduced.data[pixel] ?? Number.NaN
    const isCount = statistic === 'count'
    const expected = isCount ? values.length : values.length === 0 ? Number.NaN : (OBVIOUS[statistic]?.(values) ?? 0)
    const isSame = Object.is(got, Math.fround(expected)) || Math.abs(got - expected) <= 2e-7
    if (!isSame) throw new Error(`${statistic}, pixel ${pixel}: ${got}, not ${expected} of ${values}`)
    if (values.length > 0) compared += 1
    pixel += 1
  }
  return compared
}

describe('along time', () => {
  sampleTest('statistics are those of the plain series', async () => {
    const series = await ndvi()
    const plain = only(await series.values())
    const steps = plain.times.map((_, index) => index)
    const statistics = [...Object.keys(OBVIOUS), 'count']
    const arrays = await series.withOptions({ reduce: statistics }).values()
    expect(arrays.map(({ variable }) => variable)).toEqual(statistics.map((name) => `ndvi_${name}`))
    for (const [index, array] of arrays.entries()) {
      expect(array.shape).toEqual([1, ...plain.shape.slice(1)])
      const compared = compare(array, 0, statistics[index] ?? '', plain, steps)
      expect(compared).toBeGreaterThan(50_000)
    }
    const [step] = arrays[0]?.steps ?? []
    expect(step).toMatchObject({
      looks: 7,
      ids: plain.steps.flatMap(({ ids }) => ids),
      periodStart: plain.times[0],
      periodEnd: plain.times.at(-1),
    })
  })

  sampleTest('years are years, each with its looks', async () => {
    const series = await ndvi()
    const plain = only(await series.values())
    const years = [...new Set(plain.times.map((time) => time.slice(0, 4)))]
    const [means, counts] = await series.resample('YE').values()
    if (means === undefined || counts === undefined) throw new Error('nothing came')
    expect([means.variable, counts.variable, counts.units]).toEqual(['ndvi_mean', 'ndvi_count', '1'])
    expect(means.times).toEqual(years.map((year) => `${year}-12-31T00:00:00Z`))
    for (const [at, year] of years.entries()) {
      const steps = plain.times.flatMap((time, index) => (time.startsWith(year) ? [index] : []))
      compare(means, at, 'mean', plain, steps)
      compare(counts, at, 'count', plain, steps)
      expect(means.steps[at]).toMatchObject({
        looks: steps.length,
        periodStart: `${year}-01-01T00:00:00Z`,
        periodEnd: `${Number(year) + 1}-01-01T00:00:00Z`,
      })
    }
  })

  sampleTest('a plan names the steps that a run then makes', async () => {
    const seasons = (await ndvi()).resample('season', ['median'])
    const plan = await seasons.plan()
    const rows = await seasons.areaMean()
    expect(plan).toMatchObject({ variables: ['ndvi_median'], order: 'blocks' })
    expect(plan.blocks).toBeGreaterThan(0)
    const facts = plan.steps.map(({ time, periodStart, periodEnd, ids }) => [time, periodStart, periodEnd, ids.length])
    expect(rows.map((row) => [row.time, row.periodStart, row.periodEnd, row.sceneCount])).toEqual(facts)
    // DJF, MAM, JJA, SON are labelled by their first day.
    for (const { time } of plan.steps) expect(time).toMatch(/-(12|03|06|09)-01T00:00:00Z$/)
  })

  sampleTest('scenes of one pass are one look', async () => {
    const [first, second] = (await ndvi()).scenes
    if (first === undefined || second === undefined) throw new Error('no scenes')
    // The same acquisition twice is a pass of two scenes that cover each other.
    const series = new ASTERTimeSeries([first, first, second], [], { indices: ['ndvi'], bbox: BBOX })
    const apart = only(await series.values())
    const together = only(await series.groupBy('acquisition').values())
    expect([apart.shape[0], together.shape[0]]).toEqual([3, 2])
    expect(together.steps.map(({ looks, ids }) => [looks, ids])).toEqual([
      [1, [first.id, first.id]],
      [1, [second.id]],
    ])
    const size = together.data.length / 2
    const isSame = (left: Float32Array, right: Float32Array) => left.every((value, at) => Object.is(value, right[at]))
    expect(isSame(together.data.subarray(0, size), apart.data.subarray(0, size))).toBe(true)
    expect(isSame(together.data.subarray(size), apart.data.subarray(2 * size))).toBe(true)
    const days = await series.groupBy('solar-day').plan()
    expect(days.steps).toHaveLength(2)
  })
})

describe('a polygon', () => {
  // A ring with a hole; on a grid of degrees its inside can be told here.
  const outer = [
    [137.99513, -31.11507],
    [138.02811, -31.11019],
    [138.02017, -31.08323],
    [137.99229, -31.08531],
  ]
  const hole = [
    [138.00537, -31.10541],
    [138.01543, -31.10447],
    [138.01049, -31.09553],
  ]
  const polygon = { type: 'Polygon', coordinates: [outer, hole].map((ring) => [...ring, ring[0]]) }
  function isInside(lon: number, lat: number): boolean {
    let inside = false
    for (const ring of [outer, hole]) {
      for (const [index, [x0 = 0, y0 = 0]] of ring.entries()) {
        const [x1 = 0, y1 = 0] = ring[(index + 1) % ring.length] ?? []
        if (y0 > lat !== y1 > lat && lon < ((x1 - x0) * (lat - y0)) / (y1 - y0) + x0) inside = !inside
      }
    }
    return inside
  }

  sampleTest('keeps the pixels whose centre is inside, and counts by them', async () => {
    const series = (await ndvi()).withOptions({ crs: 'EPSG:4326', resolution: 0.0002 })
    const plain = only(await series.values())
    const clipped = only(await series.clip(polygon).values())
    expect([clipped.shape, clipped.geotransform]).toEqual([plain.shape, plain.geotransform])
    const [, ny = 0, nx = 0] = plain.shape
    const [x0 = 0, dx = 0, , y0 = 0, , dy = 0] = plain.geotransform
    let inside = 0
    const seen = plain.times.map(() => 0)
    for (let pixel = 0; pixel < ny * nx; pixel += 1) {
      const isIn = isInside(x0 + dx * ((pixel % nx) + 0.5), y0 + dy * (Math.floor(pixel / nx) + 0.5))
      if (isIn) inside += 1
      for (const step of seen.keys()) {
        const at = step * ny * nx + pixel
        const expected = isIn ? plain.data[at] : Number.NaN
        if (!Object.is(clipped.data[at], expected))
          throw new Error(`pixel ${pixel}: ${clipped.data[at]}, not ${expected}`)
        if (isIn && !Number.isNaN(expected)) seen[step] = (seen[step] ?? 0) + 1
      }
    }
    expect(inside).toBeGreaterThan(5000)
    const rows = await series.clip(polygon).areaMean()
    expect(rows.map(({ count }) => count)).toEqual(seen)
    expect(rows.map(({ validFraction }) => validFraction)).toEqual(seen.map((count) => count / inside))
    expect(clipped.steps.map(({ validPixels }) => validPixels?.ndvi)).toEqual(seen)
    const touched = await series.clip(JSON.stringify(polygon), { rule: 'touch' }).plan()
    expect(touched.pixels).toBeGreaterThan(inside)
    expect(touched.pixels).toBeLessThan(inside * 1.2)
  })

  sampleTest('that is none is told before any file is opened', async () => {
    const series = await ndvi()
    expect(() => series.clip({ type: 'Point' })).toThrow(expect.objectContaining({ code: 'USAGE' }))
    expect(() => series.clip('{')).toThrow(/the polygon is no JSON/)
  })
})

sampleTest('percentiles of the area are those of the values', async () => {
  const series = await ndvi()
  const { data, shape } = only(await series.values())
  const size = data.length / (shape[0] ?? 1)
  for (const [index, row] of (await series.areaMean('ndvi')).entries()) {
    const present = data.subarray(index * size, (index + 1) * size).filter((value) => !Number.isNaN(value))
    const values = ascending([...present])
    const found = [row.min, row.p5, row.p25, row.p50, row.p75, row.p95, row.max]
    for (const [at, percent] of [0, 5, 25, 50, 75, 95, 100].entries()) {
      expect(found[at]).toBeCloseTo(percentile(values, percent), 9)
    }
    expect(row.sceneCount).toBe(1)
  }
})

describe('requests', () => {
  const MEMORY = { format: 'memory' }

  addonTest('the words of both sides are the same', () => {
    const refusal = (words: object) =>
      native().checkRequest({ schema: 1, granules: [], output: MEMORY, ...words })?.message ?? null
    const polygon = '{"type":"Polygon","coordinates":[[[0,0],[1,0],[0,1],[0,0]]]}'
    for (const groupBy of GROUPINGS) expect(refusal({ groupBy })).toBeNull()
    for (const resample of PERIODS) expect(refusal({ resample })).toBeNull()
    for (const rule of CLIP_RULES) expect(refusal({ clip: { polygon, rule } })).toBeNull()
    for (const lattice of LATTICES) expect(refusal({ lattice })).toBeNull()
    for (const use of ['map', 'time']) expect(refusal({ output: { ...MEMORY, chunkFor: use } })).toBeNull()
    expect(refusal({ output: { ...MEMORY, pack: 'int16' } })).toBeNull()
    expect(refusal({ groupBy: 'x' })).toBe('unknown grouping "x"')
    expect(refusal({ lattice: 'x' })).toBe('unknown lattice "x"')
    expect(refusal({ resample: 'M' })).toBe('unknown period "M"')
    expect(refusal({ reduce: ['p101'] })).toBe('"p101" is no percentile')
    expect(refusal({ crs: 'EPSG:99999999' })).toMatch(/99999999/)
    expect(refusal({ output: { ...MEMORY, pack: 'int16', roundBits: 4 } })).toMatch(/exclude each other/)
  })

  sampleTest('survive JSON, and strangers are refused', async () => {
    const series = (await ndvi()).withOptions({
      gains: { '4': 'NOR' },
      coefficients: { '10': 0.0068 },
      maxMemoryBytes: 2 ** 33,
      strict: true,
    })
    const request = series.groupBy('acquisition').reduce('p90').resample('ME').toRequest({ format: 'csv', path: 'a' })
    expect(readRequest(JSON.stringify(request), 'a.json')).toEqual(request)
    expect(() => readRequest(JSON.stringify({ ...request, indexes: ['ndvi'] }), 'a.json')).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('unknown field `indexes`') }),
    )
    expect(() => readRequest('[]', 'a.json')).toThrow(/the request cannot be read/)
  })

  sampleTest('that an output holds make the same output again', async () => {
    const path = (name: string) => join(folder, `${name}.nc`)
    const polygon = {
      type: 'Polygon',
      coordinates: [
        [
          [137.99, -31.12],
          [138.03, -31.12],
          [138.01, -31.08],
          [137.99, -31.12],
        ],
      ],
    }
    const series = (await ndvi()).clip(polygon).resample('YE', ['median', 'count'])
    await series.toNetCDF(path('a'), { roundBits: 12, history: 'test' })
    const first = readFileSync(path('a'))
    const embedded = /\{"schema":1,.*?"history":"test"\}/.exec(first.toString('latin1'))?.[0] ?? ''
    const request = readRequest(embedded, 'a.nc')
    await writeRequest({ ...request, output: { ...request.output, path: path('b') } })
    const second = readFileSync(path('b'))
    expect(second.length).toBe(first.length)
    // The date, one letter of the name, and checksums over both.
    const differing = first.reduce((count, byte, index) => count + (byte === second[index] ? 0 : 1), 0)
    expect(differing).toBeLessThan(64)
    expect(first.length).toBeGreaterThan(100_000)
  })
})
