// Records of NASA's catalogue as scenes.
import { describe, expect, test } from 'vitest'
import { describeFileName, parseGranuleName, productOfName, timeOfSceneKey } from '../../../src/catalog/file-name.js'
import type { Scene } from '../../../src/catalog/scene.js'
import { SceneJson } from '../../../src/catalog/scene-json.js'
import { parseGainText, sceneFromUmm, tidyTime, UmmGranule } from '../../../src/catalog/umm-g.js'
import { excerpt, realRecords } from './records.js'

function sceneOf(record: unknown): Scene {
  const scene = sceneFromUmm(UmmGranule.parse(record))
  if (typeof scene === 'string') throw new Error(scene)
  return scene
}
const rolesOf = (scene: Scene) => scene.files.map(({ name, role }) => [name.replace(`${scene.id}`, ''), role])

test('AST_L1T 004: a file for each band, pictures apart, a box for a footprint, no gains', () => {
  const scene = sceneOf(excerpt('l1t-004.umm-g.json'))
  expect(scene).toMatchObject({
    schema: 2,
    backend: 'earthaccess',
    id: 'AST_L1T_00401052001185055_20250202022956',
    product: 'AST_L1T',
    version: '004',
    sceneKey: '00401052001185055',
    processingStamp: '20250202022956',
    time: '2001-01-05T18:50:55.27Z',
    cloudCoverPercent: 18,
    dayNight: 'day',
    solarAzimuthDeg: 164.797875,
    solarElevationDeg: 27.756491,
    footprintKind: 'box',
    bbox: { west: -116.173525001617, south: 38.0632536402378, east: -115.196735772803, north: 38.747884855929 },
    subsystems: ['VNIR', 'SWIR', 'TIR'],
    bands: ['1', '3N', '4', '10'],
  })
  expect(scene.gains).toBeUndefined()
  expect(scene.path).toBeUndefined()
  expect(rolesOf(scene)).toEqual([
    ['_VNIR_B01.tif', 'band'],
    ['_VNIR_B03N.tif', 'band'],
    ['_SWIR_B04.tif', 'band'],
    ['_TIR_B10.tif', 'band'],
    ['.cmr.json', 'metadata'],
    ['.jpg', 'browse'],
    ['_QA.txt', 'quality'],
    ['_TIR.tif', 'browse'],
    ['_VNIR.tif', 'browse'],
  ])
  const [first] = scene.files
  expect(first).toMatchObject({
    band: '1',
    subsystem: 'VNIR',
    url: expect.stringMatching(/^https:\/\/data\.lpdaac\..*_VNIR_B01\.tif$/),
    bytes: expect.any(Number),
    checksum: { algorithm: 'SHA-512', value: expect.stringMatching(/^[0-9a-f]{128}$/) },
  })
  expect(scene.bytes).toBe(scene.files.slice(0, 4).reduce((sum, { bytes = 0 }) => sum + bytes, 0))
})

test('AST_L1A 004: gains, a tilted outline, counter-clockwise and closed', () => {
  const scene = sceneOf(excerpt('l1a-004.umm-g.json'))
  expect(scene.gains).toMatchObject({ '1': 'HGH', '2': 'HGH', '3N': 'NOR', '3B': 'NOR', '9': 'NOR' })
  expect([scene.footprintKind, scene.footprint.length]).toEqual(['polygon', 5])
  expect(scene.footprint[0]).toEqual(scene.footprint[4])
  expect(scene).toMatchObject({ subsystems: ['VNIR', 'SWIR', 'TIR'], bands: [], bytes: 116_887_220 })
  expect(scene.time).toBe('2000-05-01T19:00:40.722Z')
})

test('AST14DEM 004: cloud cover is not known', () => {
  const scene = sceneOf(excerpt('dem-004.umm-g.json'))
  expect('cloudCoverPercent' in scene).toBe(false)
  expect(scene).toMatchObject({ product: 'AST14DEM', bands: ['DEM'], subsystems: ['VNIR'], bytes: 8_255_866 })
})

test('version 003: other names of attributes, an open clockwise outline, a name beside the identifier', () => {
  const scene = sceneOf(excerpt('l1t-003.umm-g.json'))
  expect(scene).toMatchObject({
    id: 'AST_L1T_00304122000183005_20150409110105_78507',
    version: '003',
    cloudCoverPercent: 0,
    dayNight: 'day',
    solarAzimuthDeg: 151.045408,
    solarElevationDeg: 59.97508,
    subsystems: ['VNIR', 'SWIR', 'TIR'],
    footprintKind: 'polygon',
  })
  expect(scene.gains).toMatchObject({ '1': 'NOR', '9': 'NOR' })
  expect(scene.footprint.map(({ lon }) => lon)).toEqual([
    -111.896130112308, -111.888557669924, -110.957837878279, -110.957478507149, -111.896130112308,
  ])
  expect(rolesOf(scene)).toEqual([
    ['.hdf', 'band'],
    ['.hdf.xml', 'metadata'],
    ['_V.tif', 'browse'],
  ])
})

const REAL = realRecords('cmr-umm', '.umm-g.json')
test.skipIf(REAL.length === 0)('every real record becomes a scene that survives being written and read', () => {
  const scenes = REAL.map(([, record]) => sceneOf(record))
  for (const scene of scenes) {
    expect(SceneJson.parse(JSON.parse(JSON.stringify(scene)))).toEqual(scene)
    expect(scene.files.filter(({ role }) => role === 'band').every(({ bytes, checksum }) => bytes && checksum)).toBe(
      true,
    )
  }
  const l1t = scenes.find(({ product }) => product === 'AST_L1T')
  expect(l1t?.bands).toEqual(['1', '2', '3N', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14'])
})

describe('records that lack something', () => {
  const base = () => structuredClone(excerpt('l1t-004.umm-g.json')) as Record<string, unknown>
  const reason = (record: unknown) => sceneFromUmm(UmmGranule.parse(record))

  test('say what it is', () => {
    expect(reason({ ...base(), SpatialExtent: undefined })).toBe('it carries no position')
    expect(reason({ ...base(), TemporalExtent: undefined })).toBe('it carries no time')
    expect(reason({ ...base(), GranuleUR: 'SC:1', DataGranule: {} })).toBe('it carries no granule name')
  })

  test('a box of coordinates is taken where there is no outline, also across 180 degrees', () => {
    const box = { WestBoundingCoordinate: 179.5, SouthBoundingCoordinate: -17, EastBoundingCoordinate: -179.9 }
    const Geometry = { BoundingRectangles: [{ ...box, NorthBoundingCoordinate: -16 }] }
    const scene = sceneOf({ ...base(), SpatialExtent: { HorizontalSpatialDomain: { Geometry } } })
    expect(scene).toMatchObject({ footprintKind: 'box' })
    expect(scene.bbox.west).toBe(179.5)
    expect(scene.bbox.east).toBeCloseTo(-179.9, 9)
    expect(Math.max(...scene.footprint.map(({ lon }) => lon))).toBeCloseTo(180.1, 9)
  })

  test('impossible cloud cover is not known', () => {
    expect(sceneOf({ ...base(), CloudCover: -99 }).cloudCoverPercent).toBeUndefined()
  })
})

describe('names', () => {
  test.each([
    ['AST_L1T_00401052001185055_20250202022956_VNIR_B03N.tif', 'band', '3N', 'VNIR'],
    ['AST_07XT_00401052001185055_20250202022956_SRF_SWIR_B04.tif', 'band', '4', 'SWIR'],
    ['AST_05_00401052001185055_20250202022956_SRE_TIR_B14.tif', 'band', '14', 'TIR'],
    ['AST_08_00401112022082945_20250918131235_SKT.tif', 'band', 'SKT', 'TIR'],
    ['AST_08_00401112022082945_20250918131235_SKT_QA_DataPlane2.tif', 'quality', undefined, undefined],
    ['AST_L1T_00401052001185055_20250202022956_TIR.tif', 'browse', undefined, undefined],
    ['AST_L1T_00301062001031139_20150414031232_83940.TIR.tif', 'band', undefined, 'TIR'],
    ['AST_L1T_00301012008054749_20170730074450_36729_SWIR.tif', 'band', undefined, 'SWIR'],
    ['AST_L1T_00305032000040446_20150409135350_78838_T.tif', 'browse', undefined, undefined],
    ['AST_L1T_00305032000040446_20150409135350_78838.hdf.xml', 'metadata', undefined, undefined],
    ['AST_L1B_00401052001185055_20250202022956.hdf', 'band', undefined, undefined],
    ['readme', 'other', undefined, undefined],
  ])('%s is %s', (name, role, band, subsystem) => {
    const found = describeFileName(name)
    expect([found.role, found.band, found.subsystem]).toEqual([role, band, subsystem])
  })

  test('of granules', () => {
    expect(parseGranuleName('AST14DEM_00405012000190040_20251203144820.tif')).toMatchObject({
      id: 'AST14DEM_00405012000190040_20251203144820',
      product: 'AST14DEM',
    })
    expect(parseGranuleName('SC:AST_L1T.003:400707')).toBeUndefined()
    expect(timeOfSceneKey('00402302001185055')).toBeUndefined()
    expect(productOfName('AST_L1T_00402302001185055_x.hdf')).toBeUndefined()
  })

  test('gains and times as they are written', () => {
    expect(parseGainText('01 HGH, 3B LO1, 10 OFF')).toEqual({ '1': 'HGH', '3B': 'LO1', '10': 'OFF' })
    expect(parseGainText('N/A')).toBeUndefined()
    expect(tidyTime('2001-01-05T18:50:55.000000Z')).toBe('2001-01-05T18:50:55Z')
    expect(tidyTime('soon')).toBeUndefined()
  })
})
