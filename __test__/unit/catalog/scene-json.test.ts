// Scenes as text and back, and in the forms of other programs.
import { describe, expect, test } from 'vitest'
import { featureOf, stacItemOf } from '../../../src/catalog/geojson-output.js'
import { isLocalScene, localPath, type Scene, sceneFromGranule } from '../../../src/catalog/scene.js'
import { parseScenes } from '../../../src/catalog/scene-json.js'
import { sceneFromUmm, UmmGranule } from '../../../src/catalog/umm-g.js'
import { formatScenes, SCENE_FORMATS } from '../../../src/cli/scene-formats.js'
import { ARCHIVE } from '../../fake-native.js'
import { excerpt } from './records.js'

const LOCAL = ARCHIVE.map(sceneFromGranule)
const REMOTE = ['l1t-004', 'l1a-004', 'dem-004'].map((name) => {
  const scene = sceneFromUmm(UmmGranule.parse(excerpt(`${name}.umm-g.json`)))
  if (typeof scene === 'string') throw new Error(scene)
  return scene
})

describe('reading back', () => {
  test.each(['json', 'ndjson'] as const)('what was printed as %s', (format) => {
    const scenes: Scene[] = [...LOCAL, ...REMOTE]
    expect(parseScenes(formatScenes(format, scenes), 'scenes')).toEqual(JSON.parse(JSON.stringify(scenes)))
    expect(parseScenes(formatScenes(format, []), 'scenes')).toEqual([])
  })

  test('scenes of version 0.1', () => {
    const { backend: _, files: __, footprintKind: ___, ...old } = JSON.parse(JSON.stringify(LOCAL[0]))
    const [scene] = parseScenes(JSON.stringify([{ ...old, schema: 1 }]), 'old.json')
    expect(scene).toMatchObject({ schema: 2, backend: 'local', path: LOCAL[0]?.path, footprintKind: 'polygon' })
    expect(scene?.files).toMatchObject([{ role: 'band', path: LOCAL[0]?.path }])
  })

  test.each([
    ['{"schema":2', /^a.json, line 1 is no JSON/],
    ['[{"schema":3}]', /^scene 1 of a.json is no scene/],
    ['[{"schema":2,"id":"x"}]', /^scene 1 of a.json is no scene: .*\(/],
    [JSON.stringify([{ ...REMOTE[0], time: 'soon' }]), /must be a time \(time\)/],
    ['{"type":"FeatureCollection"}', /^line 1 of a.json is no scene/],
  ])('refuses %s', (text, message) => expect(() => parseScenes(text, 'a.json')).toThrow(message))
})

test('a scene that is not on disk cannot be stacked', () => {
  expect(REMOTE.some(isLocalScene)).toBe(false)
  expect(() => localPath(REMOTE[0] as Scene)).toThrow(/is not on disk: it was found by the earthaccess search/)
})

describe('other forms', () => {
  test('all of them take no scene at all', () => {
    for (const format of SCENE_FORMATS) expect(() => formatScenes(format, [])).not.toThrow()
  })

  test('CSV has a line for each scene, and as many cells as its head', () => {
    const lines = formatScenes('csv', REMOTE).trimEnd().split('\n')
    expect(lines).toHaveLength(4)
    expect(new Set(lines.map((line) => line.split(',').length)).size).toBe(1)
    expect(lines[1]).toContain('AST_L1T_00401052001185055_20250202022956,AST_L1T,004,2001-01-05T18:50:55.27Z,18,day')
  })

  test('GeoJSON features carry outline and facts', () => {
    const feature = featureOf(REMOTE[1] as Scene)
    expect(feature.geometry.type).toBe('Polygon')
    expect(feature.properties).toMatchObject({ id: feature.id, product: 'AST_L1A' })
    expect(feature.properties).not.toHaveProperty('footprint')
  })

  test('STAC items name each file once, with size and multihash', () => {
    const item = stacItemOf(REMOTE[0] as Scene)
    expect(Object.keys(item.assets)).toEqual([
      ...['VNIR_B01', 'VNIR_B03N', 'SWIR_B04', 'TIR_B10', 'cmr.json', 'jpg', 'QA', 'TIR', 'VNIR'],
    ])
    expect(item.assets.VNIR_B01).toMatchObject({
      roles: ['data'],
      'eo:bands': [{ name: '1' }],
      'file:size': expect.any(Number),
      'file:checksum': expect.stringMatching(/^1340[0-9a-f]{128}$/),
    })
  })
})
