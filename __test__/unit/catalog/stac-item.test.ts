// Items of Planetary Computer as scenes.
import { expect, test } from 'vitest'
import { SceneJson } from '../../../src/catalog/scene-json.js'
import { StacItem, sceneFromStac } from '../../../src/catalog/stac-item.js'
import { excerpt, realRecords } from './records.js'

const sceneOf = (item: unknown) => sceneFromStac(StacItem.parse(item), 'planetary_computer')

test('one file per telescope, the processing number back in the name', () => {
  expect(sceneOf(excerpt('l1t-003.stac.json'))).toMatchObject({
    schema: 2,
    backend: 'planetary_computer',
    id: 'AST_L1T_00301062001031139_20150414031232_83940',
    sceneKey: '00301062001031139',
    version: '003',
    time: '2001-01-06T03:11:39.833Z',
    cloudCoverPercent: 30,
    solarElevationDeg: 47.852381,
    epsg: 32650,
    footprintKind: 'polygon',
    subsystems: ['VNIR', 'SWIR', 'TIR'],
    bands: ['1', '2', '3N', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14'],
    form: 'multi-band-cog',
    files: [
      { role: 'band', subsystem: 'SWIR' },
      { role: 'band', subsystem: 'TIR' },
      { role: 'band', subsystem: 'VNIR' },
      { role: 'browse' },
      { role: 'browse' },
      { role: 'metadata', name: 'AST_L1T_00301062001031139_20150414031232_83940.hdf.xml' },
    ],
  })
})

test('a telescope that was off has no asset, a null address is none, and signatures are dropped', () => {
  const item = structuredClone(excerpt('l1t-003.stac.json')) as { assets: Record<string, { href: string | null }> }
  delete item.assets.SWIR
  item.assets['qa-txt'] = { href: null }
  item.assets.TIR = { href: `${item.assets.TIR?.href}?sig=secret&se=2026` }
  const scene = sceneOf(item)
  expect(scene).toMatchObject({ subsystems: ['VNIR', 'TIR'] })
  expect(JSON.stringify(scene)).not.toContain('sig=')
})

const REAL = realRecords('stac-pc/items', '.json')
test.skipIf(REAL.length === 0)('every real item becomes a scene that survives being written and read', () => {
  for (const [, item] of REAL) {
    const scene = sceneOf(item)
    expect(SceneJson.parse(JSON.parse(JSON.stringify(scene)))).toEqual(scene)
  }
})
