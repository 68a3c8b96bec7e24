// The polygon of a tile: parts of all tiles add up to the polygon, holes and antimeridian included.
import { expect, test } from 'vitest'
import { Polygon, type Position, signedArea } from '../../../src/geo/polygon.js'
import { tiles } from '../../../src/geo/tiles.js'
import { tileClip } from '../../../src/processing/tile-clip.js'

/** What a clip encloses: outer rings less their holes. */
function areaOf(clip: string | undefined): number {
  if (clip === undefined) return 0
  const { type, coordinates } = JSON.parse(clip)
  const outlines: Position[][][] = type === 'Polygon' ? [coordinates] : coordinates
  return outlines
    .map(([outer = [], ...holes]) =>
      holes.reduce((left, hole) => left - Math.abs(signedArea(hole)), Math.abs(signedArea(outer))),
    )
    .reduce((sum, one) => sum + one / 2, 0)
}

const square = (x: number, y: number, half: number): Position[] => [
  [x - half, y - half],
  [x + half, y - half],
  [x + half, y + half],
  [x - half, y + half],
]

test('without a polygon it is the tile', () => {
  expect(JSON.parse(tileClip([1, 2, 3, 4]) ?? '')).toEqual({
    type: 'Polygon',
    coordinates: [
      [
        [1, 2],
        [3, 2],
        [3, 4],
        [1, 4],
        [1, 2],
      ],
    ],
  })
})

test.each<[string, Polygon, number]>([
  ['a square with a hole', new Polygon([[square(0.3, 0.2, 1.6), square(0.1, 0.3, 0.7)]]), 3.2 ** 2 - 1.4 ** 2],
  ['two outlines', new Polygon([[square(-3, 0, 1)], [square(3, 0.5, 0.5)]]), 5],
  ['one across the antimeridian', new Polygon([[square(180, 10, 1.3)]]), 2.6 ** 2],
  [
    'one with a bay that a tile cuts in two',
    new Polygon([
      [
        [
          [0, 0],
          [3, 0],
          [3, 3],
          [2, 3],
          [2, 1],
          [1, 1],
          [1, 3],
          [0, 3],
        ],
      ],
    ]),
    7,
  ],
])('parts of %s add up', (_, polygon, whole) => {
  const parts = [...tiles(polygon.bbox, { degrees: 0.7 })].map(({ bbox }) => areaOf(tileClip(bbox, polygon)))
  expect(parts.reduce((sum, one) => sum + one, 0)).toBeCloseTo(whole, 6)
})

test('a tile that the polygon only touches holds nothing of it', () => {
  const polygon = new Polygon([[square(0, 0, 1)]])
  expect(tileClip([1, -1, 2, 1], polygon)).toBe(undefined)
  expect(tileClip([1, 1, 2, 2], polygon)).toBe(undefined)
  expect(areaOf(tileClip([0, 0, 2, 2], polygon))).toBeCloseTo(1)
})

test('neighbours cut a slanting side at the same place', () => {
  const polygon = new Polygon([
    [
      [
        [0.1, 0.2],
        [2.3, 1.7],
        [0.4, 2.9],
      ],
    ],
  ])
  const cornersAt = (clip: string | undefined) =>
    JSON.parse(clip ?? '')
      .coordinates.flat(2)
      .filter(([lon]: Position) => lon === 1)
      .map(String)
  const west = new Set(cornersAt(tileClip([0, 0, 1, 3], polygon)))
  expect(west.size).toBe(2)
  expect(new Set(cornersAt(tileClip([1, 0, 3, 3], polygon)))).toEqual(west)
})
