// Reads the polygons of a GeoJSON text: a geometry, a feature, or a collection of features.
// Without a schema library, which would cost every start more than the reading of a polygon.
import { UsageError } from '../errors.js'
import { Polygon, type Position } from './polygon.js'

type Outline = Position[][]

/** All polygons of the text as one area. */
export function parsePolygon(text: string, label: string): Polygon {
  let json: unknown
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    throw new UsageError(`${label} is no JSON`, { hint: 'give a GeoJSON file', cause })
  }
  const outlines = outlinesOfDocument(json)
  if (outlines === undefined) {
    throw new UsageError(`${label} holds no GeoJSON polygon`, {
      hint: 'a Polygon or MultiPolygon, alone, as a Feature or in a FeatureCollection',
    })
  }
  try {
    return new Polygon(outlines)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    throw new UsageError(`${label}: ${error.message}`, { hint: error.hint, cause: error })
  }
}

/** Undefined where a member is missing, of another type, or anything else than polygons. */
function outlinesOfDocument(json: unknown): Outline[] | undefined {
  switch (member(json, 'type')) {
    case 'Feature':
      return outlinesOfGeometry(member(json, 'geometry'))
    case 'FeatureCollection':
      return filled(eachOf(member(json, 'features'), outlinesOfFeature))
    case 'GeometryCollection':
      return filled(eachOf(member(json, 'geometries'), outlinesOfGeometry))
    default:
      return outlinesOfGeometry(json)
  }
}

function outlinesOfFeature(json: unknown): Outline[] | undefined {
  return member(json, 'type') === 'Feature' ? outlinesOfGeometry(member(json, 'geometry')) : undefined
}

function outlinesOfGeometry(json: unknown): Outline[] | undefined {
  const coordinates = member(json, 'coordinates')
  switch (member(json, 'type')) {
    case 'Polygon': {
      const outline = outlineOf(coordinates)
      return outline === undefined ? undefined : [outline]
    }
    case 'MultiPolygon':
      return eachOf(coordinates, (rings) => {
        const outline = outlineOf(rings)
        return outline === undefined ? undefined : [outline]
      })
    default:
      return undefined
  }
}

function outlineOf(rings: unknown): Outline | undefined {
  return eachOf(rings, (ring) => {
    const positions = eachOf(ring, positionOf)
    return positions === undefined ? undefined : [positions]
  })
}

/** Longitude and latitude; a height is left out. */
function positionOf(json: unknown): Position[] | undefined {
  if (!Array.isArray(json) || !json.every((number) => typeof number === 'number')) return undefined
  const [lon, lat] = json
  return lon === undefined || lat === undefined ? undefined : [[lon, lat]]
}

/** What `read` makes of every item, one after another; undefined when one of them cannot be read. */
function eachOf<T>(items: unknown, read: (item: unknown) => T[] | undefined): T[] | undefined {
  if (!Array.isArray(items)) return undefined
  const all: T[] = []
  for (const item of items) {
    const some = read(item)
    if (some === undefined) return undefined
    for (const one of some) all.push(one)
  }
  return all
}

function filled<T>(items: T[] | undefined): T[] | undefined {
  return items?.length === 0 ? undefined : items
}

function member(json: unknown, name: string): unknown {
  return typeof json === 'object' && json !== null && Object.hasOwn(json, name) ? Reflect.get(json, name) : undefined
}
