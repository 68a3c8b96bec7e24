// Granules read through the public classes, against what is known of them.
import { createHash } from 'node:crypto'
import { describe, expect } from 'vitest'
import { applyRadianceConversion, brightnessTemperature } from '../../src/access/calibration.js'
import { ASTERDataAccess } from '../../src/access/data-access.js'
import { ASTERCatalog } from '../../src/catalog/catalog.js'
import { SAMPLE, sampleTest } from '../native-addon.js'
import { pathOf, TRUTH } from './sample.js'

const access = new ASTERDataAccess()
const sha256 = (data: NodeJS.TypedArray) =>
  createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex')

sampleTest('the archive holds every granule, each once', async () => {
  const { scenes, skipped } = await new ASTERCatalog({ archive: SAMPLE }).searchDetailed()
  expect(skipped).toEqual([])
  expect(scenes.map((scene) => scene.sceneKey)).toEqual(
    TRUTH.toSorted((a, b) => a.time.localeCompare(b.time)).map(({ name }) => /_(\d{17})/.exec(name)?.[1]),
  )
})

describe.each(TRUTH)('$name', (truth) => {
  sampleTest('describes itself', async () => {
    const info = await access.describe(pathOf(truth))
    expect(info).toMatchObject({ product: 'AST_L1T', epsg: truth.epsg, cloudCoverPercent: truth.cloud_cover })
    expect(Date.parse(info.time)).toBe(Date.parse(truth.time))
    expect(info.version).toContain(truth.version)
    expect([...info.subsystems].sort()).toEqual([...truth.subsystems].sort())
    const { west, south, east, north } = info.bbox
    const [w = 0, s = 0, e = 0, n = 0] = truth.bounds_wsen
    for (const [got, want] of [
      [west, w],
      [south, s],
      [east, e],
      [north, n],
    ] as const) {
      expect(Math.abs(got - want)).toBeLessThan(0.005)
    }
    expect(info.bands.map((band) => band.name).sort()).toEqual(Object.keys(truth.dn_sha256).sort())
    for (const band of info.bands) expect([band.rows, band.columns]).toEqual(truth.shape[band.subsystem])
    for (const { name, ucc, coefficientSource } of info.bands) {
      if (coefficientSource === 'none') expect(ucc).toBeUndefined()
      else expect(ucc).toBeCloseTo(truth.ucc[name] ?? Number.NaN, 6)
    }
  })

  sampleTest('gives its numbers back, bit for bit', async () => {
    const dataset = await access.openDataset(pathOf(truth))
    for (const { name } of dataset.bands) {
      const { data } = await dataset.readBand(name)
      expect([name, sha256(data)]).toEqual([name, truth.dn_sha256[name]])
    }
  })

  sampleTest('a window is the same part of the whole', async () => {
    const dataset = await access.openDataset(pathOf(truth), { subsystem: 'TIR' })
    const whole = await dataset.readBand('10')
    const window = { row: 7, column: 11, rows: 20, columns: 30 }
    const part = await dataset.readBand('ImageData10', { window })
    const cut = [...part.data.keys()].map((index) => {
      const row = window.row + Math.floor(index / window.columns)
      return whole.data[row * whole.columns + window.column + (index % window.columns)]
    })
    expect([...part.data].join()).toBe(cut.join())
    expect(part.geotransform[0]).toBe((whole.geotransform[0] ?? 0) + 11 * 90)
    expect(part.geotransform[3]).toBe((whole.geotransform[3] ?? 0) - 7 * 90)
  })

  sampleTest('radiance and temperature are those of the formulas', async () => {
    const raw = await access.openDataset(pathOf(truth), { subsystem: 'TIR' })
    const dn = await raw.readBand('10')
    if (dn.data instanceof Float32Array) throw new Error('DN expected')
    const radiance = await applyRadianceConversion(raw).readBand('10')
    const byHand = applyRadianceConversion(dn.data, { ucc: truth.ucc['10'] ?? 0 })
    expect(radiance.data.join()).toBe(byHand.join())
    const temperature = await raw.withCalibration('temperature').readBand('10')
    const expected = brightnessTemperature(new Float32Array(radiance.data), { band: 10 })
    const finite = [...expected.keys()].filter((index) => Number.isFinite(expected[index]))
    expect(finite.length).toBeGreaterThan(100)
    const differences = finite.map((index) => Math.abs((temperature.data[index] ?? 0) - (expected[index] ?? 0)))
    expect(Math.max(...differences)).toBeLessThan(0.01)
    const first = temperature.data[finite[0] ?? 0] ?? 0
    expect(first).toBeGreaterThan(230)
    expect(first).toBeLessThan(350)
  })
})

sampleTest('a band that is not there is named with those that are', async () => {
  const tirOnly = TRUTH.find(({ subsystems }) => subsystems.length === 1)
  if (tirOnly === undefined) throw new Error('the sample has no TIR-only granule')
  await expect(access.openDataset(pathOf(tirOnly), { subsystem: 'SWIR' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('has no SWIR bands; it has TIR'),
  })
  const dataset = await access.openDataset(pathOf(tirOnly))
  await expect(dataset.readBand('3N')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

sampleTest('a thousand openings leave nothing behind', async () => {
  const [first] = TRUTH
  const path = first === undefined ? '' : pathOf(first)
  const growth = async () => {
    const before = process.memoryUsage.rss()
    for (let count = 0; count < 200; count += 1) await access.describe(path)
    return process.memoryUsage.rss() - before
  }
  const growths: number[] = []
  for (let round = 0; round < 5; round += 1) growths.push(await growth())
  // What is left behind is left by each; a heap that grows once is none. A granule is 1 MB.
  expect(Math.min(...growths)).toBeLessThan(10e6)
})
