// Every export of the addon, and the tables it answers from.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { native } from '../../src/native/load.js'
import { packageVersion } from '../../src/net/user-agent.js'
import { addonTest, ROOT } from '../native-addon.js'

addonTest('exports what the contract declares', () => {
  const contract = readFileSync(join(ROOT, 'index.d.ts'), 'utf8')
  const declared = [...contract.matchAll(/^export declare (?:function|class) (\w+)/gm)].map(([, name = '']) => name)
  expect(declared.length).toBeGreaterThan(12)
  const exported = Object.keys(native())
  expect([...new Set(declared)].sort()).toEqual(exported.sort())
})

addonTest('is of the version of the package', () => {
  const { version, hdf5 } = native().buildInfo()
  expect(version).toBe(packageVersion())
  expect(hdf5).toMatch(/^1\.\d+/)
})

addonTest('knows the products, bands and indices of the first release', () => {
  const names = (items: { name: string }[]) => items.map((item) => item.name)
  expect(names(native().products())).toEqual(
    expect.arrayContaining(['AST_L1T', 'AST_07', 'AST_08', 'AST_09', 'AST_09T', 'AST_09XT', 'AST14DEM']),
  )
  const bands = ['1', '2', '3N', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14']
  expect(names(native().bands())).toEqual(expect.arrayContaining(bands))
  expect(names(native().indices())).toEqual(expect.arrayContaining(['ndvi', 'ratio_4_6', 'ratio_5_7', 'ratio_6_8']))
  for (const index of native().indices()) {
    expect(index.citation.length, index.name).toBeGreaterThan(5)
    for (const band of index.bands) expect(names(native().bands()), index.name).toContain(band)
  }
})

addonTest('suggests near names', () => {
  expect(native().suggest('product', 'AST_L1X')[0]).toMatch(/^AST_L1/)
  expect(native().suggest('index', 'ndvii')).toContain('ndvi')
  expect(native().suggest('band', 'ImageData3M')).toContain('ImageData3N')
  expect(native().suggest('index', 'zzzzzzzz')).toEqual([])
})

addonTest('converts arrays in memory', () => {
  const radiance = native().radianceFromDn(Uint8Array.of(0, 1, 2, 255), 0.5)
  expect([...radiance]).toEqual([Number.NaN, 0, 0.5, 127])
  expect([...native().radianceFromDn(Uint16Array.of(1000), 0.5, 1)]).toEqual([501])

  // A black body of 300 K at the middle of band 10 (8.291 um) radiates 9.29 W m-2 sr-1 um-1.
  const { value } = native().brightnessTemperature(Float32Array.of(9.29, Number.NaN, -1), '10')
  expect(value?.[0]).toBeGreaterThan(299)
  expect(value?.[0]).toBeLessThan(301)
  expect([value?.[1], value?.[2]]).toEqual([Number.NaN, Number.NaN])
  expect(native().brightnessTemperature(Float32Array.of(9), '2').error?.code).toBeDefined()
})

addonTest('computes indices of arrays, whatever their order', () => {
  const red = Float32Array.of(0.1, 0.2, 0)
  const infrared = Float32Array.of(0.3, Number.NaN, 0)
  const { value } = native().computeIndex('ndvi', ['3N', '2'], [infrared, red])
  expect(value?.[0]).toBeCloseTo(0.5, 6)
  expect([value?.[1], value?.[2]]).toEqual([Number.NaN, Number.NaN])
  expect(native().computeIndex('ndvi', ['2'], [red]).error?.code).toBe('USAGE')
  expect(native().computeIndex('ndvi', ['2', '3N'], [red, Float32Array.of(1)]).error?.code).toBe('USAGE')
  expect(native().computeIndex('ndvy', [], []).error?.code).toBe('USAGE')
})
