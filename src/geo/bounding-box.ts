// A validated box of longitudes and latitudes.
import { UsageError } from '../errors.js'
import type { Area } from '../native/contract.js'
import { REGIONS, type RegionName, resolveRegionName } from './regions.js'

type Side = keyof Area
const SIDES: readonly Side[] = ['west', 'south', 'east', 'north']

/**
 * West, south, east, north in degrees, WGS 84. A box whose west lies east of its east crosses the antimeridian:
 * it can be searched, but not made into a cube.
 */
export class BoundingBox implements Area {
  readonly west: number
  readonly south: number
  readonly east: number
  readonly north: number

  constructor({ west, south, east, north }: Area) {
    checkDegrees('west', west, 180)
    checkDegrees('south', south, 90)
    checkDegrees('east', east, 180)
    checkDegrees('north', north, 90)
    if (south >= north) {
      throw new UsageError(`south (${south}) must be less than north (${north})`, {
        hint: 'the order is west, south, east, north',
      })
    }
    if (west === east) throw new UsageError(`west and east are both ${west}: the box has no width`)
    this.west = west
    this.south = south
    this.east = east
    this.north = north
  }

  /** One of the nine named regions, such as `south_australia`. */
  static fromNamedRegion(name: RegionName | (string & {})): BoundingBox {
    const [west, south, east, north] = REGIONS[resolveRegionName(name)]
    return new BoundingBox({ west, south, east, north })
  }

  /** From text such as `129,-38.1,141,-26`. */
  static parse(text: string): BoundingBox {
    const parts = text.split(/[\s,]+/).filter((part) => part !== '')
    if (parts.length !== 4) {
      throw new UsageError(`expected four numbers (west, south, east, north), got ${parts.length}: "${text}"`)
    }
    const [west, south, east, north] = parts.map((part, index) => parseDegrees(SIDES[index] ?? 'west', part))
    return new BoundingBox({ west: west ?? 0, south: south ?? 0, east: east ?? 0, north: north ?? 0 })
  }

  get crossesAntimeridian(): boolean {
    return this.west > this.east
  }

  /** The one or two boxes with west less than east that make up this one. */
  split(): BoundingBox[] {
    if (!this.crossesAntimeridian) return [this]
    const { west, south, east, north } = this
    const halves: BoundingBox[] = []
    if (west < 180) halves.push(new BoundingBox({ west, south, east: 180, north }))
    if (east > -180) halves.push(new BoundingBox({ west: -180, south, east, north }))
    return halves
  }

  /** Whether the two areas share a point; either may cross the antimeridian. */
  intersects(other: Area): boolean {
    return areasIntersect(this, other)
  }

  toArea(): Area {
    return { west: this.west, south: this.south, east: this.east, north: this.north }
  }

  toString(): string {
    return `BoundingBox(west=${this.west}, south=${this.south}, east=${this.east}, north=${this.north})`
  }
}

/** Whether two areas share a point; west lying east of east means across the antimeridian. */
export function areasIntersect(left: Area, right: Area): boolean {
  if (left.south > right.north || right.south > left.north) return false
  const spans = longitudeSpans(right)
  return longitudeSpans(left).some(([west, east]) => spans.some((span) => west <= span[1] && span[0] <= east))
}

function longitudeSpans({ west, east }: Area): [number, number][] {
  if (west <= east) return [[west, east]]
  return [
    [west, 180],
    [-180, east],
  ]
}

function checkDegrees(side: Side, value: number, limit: number): void {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new UsageError(`${side} must be a number of degrees, got ${String(value)}`)
  }
  if (Math.abs(value) > limit) {
    throw new UsageError(`${side} must lie between -${limit} and ${limit} degrees, got ${value}`, {
      hint: 'the order is west, south, east, north',
    })
  }
}

function parseDegrees(side: Side, text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value)) throw new UsageError(`${side} must be a number of degrees, got "${text}"`)
  return value
}
