// Reads the polygons of a GeoJSON text: a geometry, a feature, or a collection of features.
import { z } from 'zod'
import { UsageError } from '../errors.js'
import { Polygon, type Position } from './polygon.js'

const Coordinate = z.array(z.number()).min(2)
const Rings = z.array(z.array(Coordinate))
const Geometry = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Polygon'), coordinates: Rings }),
  z.object({ type: z.literal('MultiPolygon'), coordinates: z.array(Rings) }),
])
const Feature = z.object({ type: z.literal('Feature'), geometry: Geometry })
const Document = z.discriminatedUnion('type', [
  ...Geometry.options,
  Feature,
  z.object({ type: z.literal('FeatureCollection'), features: z.array(Feature).min(1) }),
  z.object({ type: z.literal('GeometryCollection'), geometries: z.array(Geometry).min(1) }),
])
type Document = z.output<typeof Document>

/** All polygons of the text as one area. */
export function parsePolygon(text: string, label: string): Polygon {
  let json: unknown
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    throw new UsageError(`${label} is no JSON`, { hint: 'give a GeoJSON file', cause })
  }
  const parsed = Document.safeParse(json)
  if (!parsed.success) {
    throw new UsageError(`${label} holds no GeoJSON polygon`, {
      hint: 'a Polygon or MultiPolygon, alone, as a Feature or in a FeatureCollection',
    })
  }
  return new Polygon(outlinesOf(parsed.data))
}

function outlinesOf(document: Document): Position[][][] {
  switch (document.type) {
    case 'Polygon':
      return [document.coordinates.map((ring) => ring.map(([lon = 0, lat = 0]): Position => [lon, lat]))]
    case 'MultiPolygon':
      return document.coordinates.flatMap((coordinates) => outlinesOf({ type: 'Polygon', coordinates }))
    case 'Feature':
      return outlinesOf(document.geometry)
    case 'FeatureCollection':
      return document.features.flatMap(outlinesOf)
    case 'GeometryCollection':
      return document.geometries.flatMap(outlinesOf)
  }
}
