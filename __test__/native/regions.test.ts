// Region files against GDAL's own programs: every format, CRSs, holes, the antimeridian, poles, and what is wrong.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect } from 'vitest'
import type { Position } from '../../src/geo/polygon.js'
import { loadRegion, type Region } from '../../src/geo/region-file.js'
import { addonTest } from '../native-addon.js'
import { randomSource } from '../unit/geo/random.js'
import {
  areaOf,
  distanceToEdge,
  hasOgr,
  isWithin,
  makeFile,
  polygonsOf,
  type Rings,
  run,
  type Shape,
  transformed,
} from './ogr.js'

const ogrTest = hasOgr ? addonTest : addonTest.skip
const folder = mkdtempSync(join(tmpdir(), 'aster-regions-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const box = (west: number, south: number, east: number, north: number): Position[] => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
]
const reversed = (ring: Position[]) => [...ring].reverse()
const scaled = (ring: Position[], by: number) => ring.map(([x, y]): Position => [x * by, y * by])

/** Three states, one of them in two features; the first has a hole and an island in it. Units of 100 km. */
function states(by: number, [x, y]: Position): Shape[] {
  const at = (ring: Position[]) => scaled(ring, by).map(([dx, dy]): Position => [x + dx, y + dy])
  return [
    {
      name: 'South Australia',
      polygons: [[at(box(0, 0, 10, 8)), at(reversed(box(2, 2, 7, 6)))], [at(box(3, 3, 4, 4))]],
    },
    { name: 'Twin', polygons: [[at(box(11, 0, 12, 1))]] },
    {
      name: 'Victoria',
      polygons: [
        [
          at([
            [11, 2],
            [14, 2.5],
            [13, 5],
            [11, 2],
          ]),
        ],
      ],
    },
    { name: 'Twin', polygons: [[at(box(13, 0, 14, 1))]] },
  ]
}

/** Writes the region as others read it. */
function written(region: Region, name: string): string {
  const path = join(folder, `${name}.ours.geojson`)
  const geometry = { type: 'MultiPolygon', coordinates: region.polygon.outlines }
  writeFileSync(path, JSON.stringify({ type: 'Feature', properties: {}, geometry }))
  return path
}

/** Compares a region with what GDAL reads of its file: place by place, and by area, both in the CRS of the file. */
function expectSame(region: Region, source: Rings[], crs: string, name: string, places: readonly Position[]) {
  const images = transformed(places, crs)
  const doubtful = 2 / (crs === 'EPSG:4326' ? 100_000 : 1)
  let inside = 0
  let compared = 0
  for (const [index, place] of places.entries()) {
    const image = images[index] ?? [Number.NaN, Number.NaN]
    if (!Number.isFinite(image[0])) continue
    const theirs = isWithin(image, source)
    const ours = region.polygon.contains(place)
    if (ours !== theirs && distanceToEdge(image, source) < doubtful) continue
    expect([name, place, ours]).toEqual([name, place, theirs])
    inside += ours ? 1 : 0
    compared += 1
  }
  // The comparison means something.
  expect(inside).toBeGreaterThan(compared / 50)
  expect(compared - inside).toBeGreaterThan(compared / 50)
}

function placesAround({ bbox: { west, south, east, north } }: Region, count: number, seed: number): Position[] {
  const random = randomSource(seed)
  const width = west < east ? east - west : east - west + 360
  return Array.from({ length: count }, (): Position => {
    const lon = west + random(-0.05 * width, 1.05 * width)
    const lat = random(south - 0.05 * (north - south), north + 0.05 * (north - south))
    return [((((lon + 180) % 360) + 360) % 360) - 180, Math.min(90, Math.max(-90, lat))]
  })
}

const FORMATS: [ending: string, driver: string][] = [
  ['geojson', 'GeoJSON'],
  ['shp', 'ESRI Shapefile'],
  ['gpkg', 'GPKG'],
  ['fgb', 'FlatGeobuf'],
]

describe('files that ogr2ogr made', () => {
  const cases = FORMATS.flatMap(([ending, driver]) =>
    (
      [
        ['EPSG:3577', 100_000, [-200_000, -4_000_000], 1],
        ['EPSG:3857', 100_000, [14_400_000, -4_500_000], 1],
        ['EPSG:32754', 60_000, [200_000, 6_000_000], 1],
        ['EPSG:4326', 1, [129, -38.1], 1e-5],
        ['OGC:CRS84', 1, [129, -38.1], 1e-5],
        ['EPSG:4283', 1, [129, -38.1], 1e-5],
        ['EPSG:3031', 100_000, [-300_000, -200_000], 1],
      ] as [string, number, Position, number][]
    ).map(([crs, by, at, tolerance]) => [ending, driver, crs, by, at, tolerance] as const),
  )
  ogrTest.each(cases)('.%s (%s) in %s', async (ending, driver, crs, by, at, tolerance) => {
    const name = `${crs.replace(':', '-')}.${ending}`
    const shapes = states(by, at)
    const path = makeFile(folder, name, driver, crs, shapes)
    const plane = crs === 'OGC:CRS84' ? 'EPSG:4326' : crs

    const all = await loadRegion(path)
    expect(all.features).toBe(4)
    // A Shapefile's CRS has no code.
    if (ending !== 'shp' && !crs.startsWith('OGC')) expect(all.crs).toBe(crs)
    expectSame(all, polygonsOf(path), plane, name, placesAround(all, 1500, 3))

    const state = await loadRegion(path, 'STATE_NAME', 'South Australia')
    expect(state.features).toBe(1)
    const source = polygonsOf(path, '-where', "STATE_NAME = 'South Australia'")
    expectSame(state, source, plane, name, placesAround(state, 500, 5))

    // Carried back by GDAL, the area is that of the file, but for the tolerance along its edges.
    const back = polygonsOf(written(state, name), '-t_srs', plane)
    const size = areaOf(source)
    expect(size).toBeCloseTo(by * by * (80 - 20 + 1), 4)
    expect(Math.abs(areaOf(back) - size)).toBeLessThan(60 * by * tolerance)

    const twin = await loadRegion(path, 'state_name', 'twin')
    expect(twin.features).toBe(2)
    const ranked = await loadRegion(path, 'rank', '3')
    expect(ranked.polygon.outlines).toHaveLength(1)
  })
})

describe('the antimeridian', () => {
  const cut: Shape[] = [{ name: 'Fiji', polygons: [[box(177, -20, 180, -15)], [box(-180, -20, -178, -15)]] }]
  const through: Shape[] = [{ name: 'Fiji', polygons: [[box(177, -20, 182, -15)]] }]
  ogrTest.each(FORMATS)('cut or written on past 180, .%s is the same', async (ending, driver) => {
    for (const [how, shapes] of Object.entries({ cut, through })) {
      const { bbox, polygon } = await loadRegion(makeFile(folder, `fiji-${how}.${ending}`, driver, 'EPSG:4326', shapes))
      expect({ ...bbox }).toMatchObject({ west: 177, south: -20, east: -178, north: -15 })
      expect(areaOf(polygon.outlines)).toBeCloseTo(25, 9)
      expect([polygon.contains([179, -17]), polygon.contains([-179, -17]), polygon.contains([-177, -17])]).toEqual([
        true,
        true,
        false,
      ])
    }
  })

  ogrTest('is crossed by a region in metres', async () => {
    // New Zealand's own CRS, out to the Chatham Islands.
    const shapes: Shape[] = [
      {
        name: 'NZ',
        polygons: [
          [box(1_000_000, 4_800_000, 2_500_000, 6_200_000), reversed(box(2_000_000, 5_000_000, 2_300_000, 6_000_000))],
        ],
      },
    ]
    const path = makeFile(folder, 'nz.gpkg', 'GPKG', 'EPSG:2193', shapes)
    const region = await loadRegion(path)
    expect(region.bbox.crossesAntimeridian).toBe(true)
    expectSame(region, polygonsOf(path), 'EPSG:2193', 'nz', placesAround(region, 3000, 11))
  })
})

describe('poles', () => {
  const shapes: Shape[] = [
    // Around the pole, with a hole that does not hold it; with a corner at it; with a side through it; a ring.
    { name: 'around', polygons: [[box(-1e6, -1e6, 1.5e6, 2e6), reversed(box(2e5, 2e5, 8e5, 9e5))]] },
    { name: 'corner', polygons: [[box(0, 0, 1e6, 1e6)]] },
    { name: 'side', polygons: [[box(-1e6, 0, 1e6, 1e6)]] },
    { name: 'ring', polygons: [[box(-2e6, -2e6, 2e6, 2e6), reversed(box(-5e5, -6e5, 7e5, 4e5))]] },
    { name: 'beside', polygons: [[box(-3e6, 1e3, -1e6, 2e6)]] },
  ]
  for (const crs of ['EPSG:3031', 'EPSG:3413', 'EPSG:6932']) {
    ogrTest.each(shapes.map(({ name }) => name))(`${crs}: %s`, async (name) => {
      const path = join(folder, `polar-${crs.slice(5)}.gpkg`)
      try {
        readFileSync(path)
      } catch {
        makeFile(folder, `polar-${crs.slice(5)}.gpkg`, 'GPKG', crs, shapes)
      }
      const region = await loadRegion(path, 'STATE_NAME', name)
      const south = crs !== 'EPSG:3413'
      const random = randomSource(17)
      const places = Array.from({ length: 3000 }, (): Position => {
        const lat = random(60, 90)
        return [random(-180, 180), south ? -lat : lat]
      })
      const source = polygonsOf(path, '-where', `STATE_NAME = '${name}'`)
      expectSame(region, source, crs, name, places)
      const back = polygonsOf(written(region, `polar-${name}`), '-t_srs', crs)
      expect(Math.abs(areaOf(back) / areaOf(source) - 1)).toBeLessThan(1e-5)
    })
  }
})

describe('refused', () => {
  const bow: Position[] = [
    [0, 0],
    [2, 2],
    [2, 0],
    [0, 2],
    [0, 0],
  ]
  const good = { name: 'Good', polygons: [[box(5, 5, 6, 6)]] }

  ogrTest.each(FORMATS)('a bow tie in a .%s, with its feature; the others are of use', async (ending, driver) => {
    const path = makeFile(folder, `bow.${ending}`, driver, 'EPSG:4326', [good, { name: 'Bow', polygons: [[bow]] }])
    await expect(loadRegion(path)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/bow\.\w+: feature 2 \(Bow\) crosses itself at 1, 1$/),
      hint: expect.stringContaining('-makevalid'),
    })
    expect((await loadRegion(path, 'STATE_NAME', 'Good')).features).toBe(1)
  })

  ogrTest.each(FORMATS)(
    'names and columns that a .%s does not have, with those that it has',
    async (ending, driver) => {
      const path = makeFile(folder, `names.${ending}`, driver, 'EPSG:4326', states(1, [129, -38]))
      await expect(loadRegion(path, 'STATE_NAME', 'South Austraila')).rejects.toMatchObject({
        message: expect.stringContaining('no feature is called "South Austraila" in column STATE_NAME'),
        hint: 'did you mean South Australia?',
      })
      await expect(loadRegion(path, 'NAME', 'Victoria')).rejects.toMatchObject({
        message: expect.stringContaining('there is no column "NAME"'),
        hint: 'columns: STATE_NAME, rank',
      })
      await expect(loadRegion(path, 'STATE_NAME')).rejects.toMatchObject({
        hint: 'name one of its regions: South Australia, Twin, Victoria',
      })
    },
  )

  ogrTest('a Shapefile without its other files, each by its name', async () => {
    const path = makeFile(folder, 'parts.shp', 'ESRI Shapefile', 'EPSG:3577', [good])
    const parts = { shx: join(folder, 'no-shx'), prj: join(folder, 'no-prj'), dbf: join(folder, 'no-dbf') }
    for (const [left, to] of Object.entries(parts)) {
      mkdirSync(to)
      for (const ending of ['shp', 'shx', 'dbf', 'prj']) {
        if (ending !== left) copyFileSync(path.replace('.shp', `.${ending}`), join(to, `parts.${ending}`))
      }
    }
    await expect(loadRegion(join(parts.shx, 'parts.shp'))).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('its index parts.shx is missing'),
    })
    expect(readdirSync(parts.shx).sort()).toEqual(['parts.dbf', 'parts.prj', 'parts.shp'])
    await expect(loadRegion(join(parts.prj, 'parts.shp'))).rejects.toMatchObject({
      message: expect.stringContaining('its parts.prj is missing'),
      hint: expect.stringContaining('-a_srs'),
    })
    await expect(loadRegion(join(parts.dbf, 'parts.shp'), 'STATE_NAME', 'Good')).rejects.toMatchObject({
      hint: expect.stringContaining('.dbf'),
    })
    expect((await loadRegion(join(parts.dbf, 'parts.shp'))).features).toBe(1)
    await expect(loadRegion(path.replace('.shp', '.dbf'))).rejects.toMatchObject({ hint: 'name parts.shp' })
  })

  ogrTest('lines, layers without polygons, and several layers', async () => {
    const line = join(folder, 'line.geojson')
    writeFileSync(line, '{"type":"LineString","coordinates":[[0,0],[1,1]]}')
    const gpkg = join(folder, 'line.gpkg')
    run('ogr2ogr', ['-f', 'GPKG', gpkg, line])
    await expect(loadRegion(line)).rejects.toThrow(/feature 1 is a LineString, expected a polygon/)
    await expect(loadRegion(gpkg)).rejects.toThrow(/holds no polygons: line \(Line String\)/)
    const two = makeFile(folder, 'two.gpkg', 'GPKG', 'EPSG:4326', [good])
    const other = join(folder, 'other.geojson')
    writeFileSync(
      other,
      JSON.stringify({
        type: 'Feature',
        properties: { county: 'A' },
        geometry: { type: 'Polygon', coordinates: [box(1, 1, 2, 2)] },
      }),
    )
    run('ogr2ogr', ['-update', '-nln', 'counties', two, other])
    await expect(loadRegion(two)).rejects.toMatchObject({
      message: expect.stringContaining('holds several layers: states, counties'),
      hint: expect.stringContaining('ogr2ogr'),
    })
    expect({ ...(await loadRegion(two, 'county', 'A')).bbox }).toMatchObject({ west: 1, east: 2 })
  })

  addonTest('files that are not there, are none, or are of another kind', async () => {
    await expect(loadRegion(join(folder, 'nowhere.shp'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(loadRegion(folder)).rejects.toThrow(/is a folder/)
    const file = (name: string, content: string | Uint8Array) => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    }
    await expect(loadRegion(file('empty.gpkg', ''))).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('empty'),
    })
    await expect(loadRegion(file('words.txt', 'no polygons'))).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    await expect(loadRegion(file('words.gpkg', 'no polygons'))).rejects.toMatchObject({ code: 'CORRUPT' })
    await expect(loadRegion(file('list.geojson', '[1, 2]'))).rejects.toMatchObject({ code: 'CORRUPT' })
    await expect(loadRegion('/vsicurl/http://127.0.0.1:9/x.geojson')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(loadRegion('PG:dbname=x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  ogrTest('numbers that are none, and places beyond the Earth', async () => {
    const path = makeFile(folder, 'nan.shp', 'ESRI Shapefile', 'EPSG:4326', [
      good,
      { name: 'Bad', polygons: [[box(0, 0, 1, 1)]] },
    ])
    const bytes = readFileSync(path)
    // The second x of the last ring.
    bytes.writeDoubleLE(Number.NaN, bytes.length - 64)
    writeFileSync(path, bytes)
    await expect(loadRegion(path)).rejects.toThrow(/feature 2 \(Bad\) has no number at point 2 of its outline/)
    const metres = makeFile(folder, 'metres.gpkg', 'GPKG', 'EPSG:4326', [
      { name: 'Far', polygons: [[box(5e5, 6e6, 6e5, 7e6)]] },
    ])
    await expect(loadRegion(metres)).rejects.toMatchObject({
      message: expect.stringContaining(
        'feature 1 (Far) lies outside of the Earth at point 1 of its outline: 500000, 6000000',
      ),
      hint: expect.stringContaining('of another system'),
    })
  })
})

describe('damage', () => {
  ogrTest.each(FORMATS)('a .%s cut off anywhere is refused or read; nothing else happens', async (ending, driver) => {
    const path = makeFile(folder, `whole.${ending}`, driver, 'EPSG:3577', states(100_000, [0, -4_000_000]))
    const bytes = readFileSync(path)
    const cutFolder = join(folder, `cut-${ending}`)
    mkdirSync(cutFolder)
    const cut = join(cutFolder, `whole.${ending}`)
    if (ending === 'shp')
      for (const other of ['shx', 'dbf', 'prj'])
        copyFileSync(path.replace('.shp', `.${other}`), cut.replace('.shp', `.${other}`))
    let refused = 0
    for (let step = 0; step < 40; step += 1) {
      writeFileSync(cut, bytes.subarray(0, Math.floor((bytes.length * step) / 40)))
      try {
        const { features } = await loadRegion(cut)
        expect(features).toBeLessThanOrEqual(4)
      } catch (error) {
        refused += 1
        expect(error).toMatchObject({
          code: expect.stringMatching(/^(CORRUPT|USAGE|UNSUPPORTED|LIMIT)$/),
          message: expect.stringContaining(cut),
        })
      }
    }
    // A GeoPackage has free pages at its end.
    expect(refused).toBeGreaterThan(ending === 'gpkg' ? 20 : 36)
  })

  ogrTest.each(FORMATS)('random bytes in a .%s do no harm', async (ending, driver) => {
    const path = makeFile(folder, `dice.${ending}`, driver, 'EPSG:4326', states(1, [129, -38]))
    const bytes = readFileSync(path)
    const random = randomSource(23)
    for (let trial = 0; trial < 60; trial += 1) {
      const copy = Buffer.from(bytes)
      for (let dice = 0; dice < 4; dice += 1) copy[Math.floor(random(0, copy.length))] = Math.floor(random(0, 256))
      writeFileSync(path, copy)
      await loadRegion(path).catch((error: unknown) => {
        expect(error).toMatchObject({ code: expect.stringMatching(/^(CORRUPT|USAGE|UNSUPPORTED|LIMIT)$/) })
      })
    }
  })
})

describe('what is not beside the file, and what is around it', () => {
  ogrTest('nothing is written, and a folder that cannot be written to is enough', async () => {
    const shut = join(folder, 'shut')
    mkdirSync(shut)
    for (const [ending, driver] of FORMATS)
      makeFile(folder, `shut.${ending}`, driver, 'EPSG:3577', states(1e5, [0, -4e6]))
    for (const ending of ['shp', 'shx', 'dbf', 'prj', 'gpkg', 'fgb', 'geojson'])
      copyFileSync(join(folder, `shut.${ending}`), join(shut, `shut.${ending}`))
    const before = readdirSync(shut).sort()
    chmodSync(shut, 0o555)
    const environment = process.env.SHAPE_RESTORE_SHX
    process.env.SHAPE_RESTORE_SHX = 'YES'
    try {
      for (const [ending] of FORMATS) expect((await loadRegion(join(shut, `shut.${ending}`))).features).toBe(4)
    } finally {
      if (environment === undefined) delete process.env.SHAPE_RESTORE_SHX
      else process.env.SHAPE_RESTORE_SHX = environment
      chmodSync(shut, 0o755)
    }
    expect(readdirSync(shut).sort()).toEqual(before)
  })

  ogrTest('a zipped Shapefile, and names beyond ASCII', async () => {
    const path = makeFile(folder, 'zipped.shp', 'ESRI Shapefile', 'EPSG:3577', [
      { name: 'Côte d’Ivoire', polygons: [[box(0, -4e6, 1e5, -3.9e6)]] },
    ])
    const zip = join(folder, 'süd west.zip')
    const parts = ['shp', 'shx', 'dbf', 'prj', 'cpg'].map((ending) => path.replace('.shp', `.${ending}`))
    run('python3', ['-m', 'zipfile', '-c', zip, ...parts])
    expect((await loadRegion(zip, 'STATE_NAME', 'côte d’ivoire')).features).toBe(1)
  })
})
