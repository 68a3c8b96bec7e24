// Regions from files of polygons: GeoJSON, Shapefile, GeoPackage, FlatGeobuf, in any CRS; the engine reads them.
import { type CallOptions, callNative, present } from '../native/call.js'
import type { RegionRequest } from '../native/contract.js'
import type { BoundingBox } from './bounding-box.js'
import { parsePolygon } from './geojson.js'
import type { Polygon } from './polygon.js'

/** A region: what `BoundingBox.fromNamedRegion` is for names of our own. */
export interface Region {
  bbox: BoundingBox
  /** Longitude and latitude, WGS 84; edges within a metre of those of the file. */
  polygon: Polygon
  /** CRS of the file, such as `EPSG:3577`. */
  crs: string
  /** Features of the file that it is made of. */
  features: number
}

/**
 * Reads the region of a name from a file of polygons: the features that have it in a column, or in any column if none
 * is named; without a name, all features. Edges are straight in the CRS of the file. Nothing is written beside it.
 */
export async function loadRegion(
  path: string,
  nameColumn?: string,
  regionName?: string,
  options: CallOptions = {},
): Promise<Region> {
  const request = present<RegionRequest>({ path, nameColumn, regionName })
  const { polygon: text, crs, features } = await callNative((addon) => addon.loadRegion(request), options)
  const polygon = parsePolygon(text, path)
  return { bbox: polygon.bbox, polygon, crs, features }
}
