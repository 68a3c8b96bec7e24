import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/errors.js'
import { BoundingBox } from '../../src/geo/bounding-box.js'
import { REGIONS } from '../../src/geo/regions.js'

const box = (west: number, south: number, east: number, north: number) => new BoundingBox({ west, south, east, north })

describe('a box', () => {
  test.each([
    [[129, -26, 141, -38.1], /south \(-26\) must be less than north \(-38.1\)/],
    [[181, 0, 1, 1], /west must lie between -180 and 180 degrees, got 181/],
    [[0, 0, -200, 1], /east must lie between -180 and 180/],
    [[0, -91, 1, 1], /south must lie between -90 and 90/],
    [[0, 0, 1, 90.5], /north must lie between -90 and 90 degrees, got 90.5/],
    [[0, 0, 0, 1], /no width/],
    [[Number.NaN, 0, 1, 1], /west must be a number of degrees, got NaN/],
  ])('%j is refused', ([west = 0, south = 0, east = 0, north = 0], message) => {
    expect(() => box(west, south, east, north)).toThrow(UsageError)
    expect(() => box(west, south, east, north)).toThrow(message)
  })

  test('reads text', () => {
    expect(BoundingBox.parse('129,-38.1, 141 -26').toArea()).toEqual(box(129, -38.1, 141, -26).toArea())
    expect(() => BoundingBox.parse('1,2,3')).toThrow(/four numbers/)
    expect(() => BoundingBox.parse('1,x,3,4')).toThrow(/south must be a number of degrees, got "x"/)
  })

  test('says itself', () => {
    expect(String(box(129, -38.1, 141, -26))).toBe('BoundingBox(west=129, south=-38.1, east=141, north=-26)')
    expect(JSON.parse(JSON.stringify(box(1, 2, 3, 4)))).toEqual({ west: 1, south: 2, east: 3, north: 4 })
  })

  test('intersects what it touches', () => {
    const south = box(129, -38.1, 141, -26)
    expect(south.intersects({ west: 141, south: -30, east: 142, north: -29 })).toBe(true)
    expect(south.intersects({ west: 141.1, south: -30, east: 142, north: -29 })).toBe(false)
    expect(south.intersects({ west: 130, south: -25, east: 131, north: -24 })).toBe(false)
  })

  test('crosses the antimeridian when west lies east of east', () => {
    const pacific = box(170, -20, -170, 20)
    expect(pacific.crossesAntimeridian).toBe(true)
    expect(pacific.split().map(String)).toEqual([String(box(170, -20, 180, 20)), String(box(-180, -20, -170, 20))])
    expect(box(180, 0, -170, 1).split().map(String)).toEqual([String(box(-180, 0, -170, 1))])
    expect(pacific.intersects({ west: -175, south: 0, east: -174, north: 1 })).toBe(true)
    expect(pacific.intersects({ west: 0, south: 0, east: 1, north: 1 })).toBe(false)
    expect(box(-180, 0, -179, 1).intersects({ west: 179, south: 0, east: -179.5, north: 1 })).toBe(true)
  })
})

describe('named regions', () => {
  test('there are nine, all valid', () => {
    expect(Object.keys(REGIONS)).toHaveLength(9)
    for (const name of Object.keys(REGIONS)) expect(BoundingBox.fromNamedRegion(name)).toBeInstanceOf(BoundingBox)
    expect(BoundingBox.fromNamedRegion('asia').toArea()).toEqual({ west: 25, south: -10, east: 145, north: 55 })
  })

  test('letter case, blanks and hyphens do not matter', () => {
    expect(BoundingBox.fromNamedRegion('South-Australia').west).toBe(129)
  })

  test('a misspelt one is answered with the near ones', () => {
    expect(() => BoundingBox.fromNamedRegion('austalia')).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: 'unknown region "austalia"',
        hint: 'did you mean australia?',
      }),
    )
    expect(() => BoundingBox.fromNamedRegion('zzzzzz')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('regions: south_australia, australia') }),
    )
  })
})
