// The index of tiles against the slow way: every scene with every tile, across the antimeridian and near the poles.
import { expect, test } from 'vitest'
import { Polygon, type Position } from '../../../src/geo/polygon.js'
import { type Tile, tiles } from '../../../src/geo/tiles.js'
import { type Placed, TileIndex } from '../../../src/processing/tile-index.js'

/** A fixed sequence of numbers from 0 to 1. */
function sequence(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** A turned square around a place; longitudes run on past 180. */
function sceneAt(lon: number, lat: number, halfDeg: number, turn: number): Placed {
  const narrow = Math.cos((lat * Math.PI) / 180)
  const corner = (x: number, y: number) => ({
    lon: lon + (halfDeg * (x * Math.cos(turn) - y * Math.sin(turn))) / narrow,
    lat: lat + halfDeg * (x * Math.sin(turn) + y * Math.cos(turn)),
  })
  const footprint = [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1), corner(-1, -1)]
  const [lons, lats] = [footprint.map((one) => one.lon), footprint.map((one) => one.lat)]
  const wrapped = (value: number) => ((((value + 180) % 360) + 360) % 360) - 180
  const bbox = {
    west: wrapped(Math.min(...lons)),
    south: Math.min(...lats),
    east: wrapped(Math.max(...lons)),
    north: Math.max(...lats),
  }
  return { bbox, footprint, footprintKind: 'polygon' }
}

/** As polygons, without any margin. */
function shares({ bbox: [west, south, east, north] }: Tile, { footprint }: Placed): boolean {
  const box: Position[] = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
  ]
  return new Polygon([[box]]).intersects(footprint.map(({ lon, lat }) => [lon, lat]))
}

const GLOBE = { west: -180, south: -90, east: 180, north: 90 }

test.each([
  ['large tiles', GLOBE, 10],
  ['tiles of a region that crosses the antimeridian', { west: 176, south: -20, east: -176, north: -10 }, 1.7],
  ['tiles smaller than a scene', { west: 128, south: -33, east: 131, north: -30 }, 0.2],
  ['tiles in the far north', { west: -180, south: 78, east: 180, north: 84 }, 3],
])('%s: no tile is missed, and few are added', (_, area, degrees) => {
  const all = [...tiles(area, { degrees })]
  const index = new TileIndex(all)
  const random = sequence(7)
  const width = (area.east < area.west ? area.east + 360 : area.east) - area.west
  let found = 0
  let needed = 0
  for (let round = 0; round < 300; round += 1) {
    const lon = area.west + random() * width
    const lat = Math.max(-83, Math.min(83, area.south + random() * (area.north - area.south)))
    const scene = sceneAt(lon > 180 ? lon - 360 : lon, lat, 0.3, (random() - 0.5) * 0.6)
    const got = new Set(index.tilesOf(scene))
    for (const [number, tile] of all.entries()) {
      if (!shares(tile, scene)) continue
      needed += 1
      expect(got, `tile ${tile.id} of a scene at ${lon} ${lat}`).toContain(number)
    }
    found += got.size
  }
  expect(needed).toBeGreaterThan(100)
  expect(found).toBeLessThan(needed * 1.25)
})

test('of a scene that is only known by its box, all tiles of the box are taken', () => {
  const all = [...tiles({ west: 0, south: 0, east: 4, north: 4 }, { degrees: 1 })]
  const scene = { ...sceneAt(2, 2, 0.9, Math.PI / 4), footprintKind: 'box' as const }
  expect(new TileIndex(all).tilesOf(scene)).toHaveLength(16)
  expect(new TileIndex(all).tilesOf({ ...scene, footprintKind: 'polygon' }).length).toBeLessThan(16)
})

test('what lies elsewhere touches no tile', () => {
  const index = new TileIndex([...tiles({ west: 0, south: 0, east: 4, north: 4 }, { degrees: 1 })])
  expect(index.tilesOf(sceneAt(-179.9, 2, 0.3, 0))).toEqual([])
  expect(index.tilesOf(sceneAt(2, -2, 0.3, 0))).toEqual([])
})
