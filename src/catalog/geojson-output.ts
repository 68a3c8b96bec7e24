// Scenes as GeoJSON features and as STAC items, for maps and for other programs.
import { resolve } from 'node:path'
import { splitAtAntimeridian } from '../geo/antimeridian.js'
import { type Position, signedArea, unwrapped } from '../geo/polygon.js'
import type { Scene, SceneFile } from './scene.js'

/** Footprint as RFC 7946 wants it: counter-clockwise, and in two parts where it crosses the antimeridian. */
export function geometryOf({ footprint }: Pick<Scene, 'footprint'>) {
  const ring = unwrapped(footprint.map(({ lon, lat }): Position => [lon, lat]))
  const parts = splitAtAntimeridian(signedArea(ring) < 0 ? ring.reverse() : ring)
  const [only = []] = parts
  if (parts.length === 1) return { type: 'Polygon', coordinates: [only] } as const
  return { type: 'MultiPolygon', coordinates: parts.map((part) => [part]) } as const
}

export function featureOf(scene: Scene) {
  const { id, bbox, footprint: _, ...properties } = scene
  return {
    type: 'Feature',
    id,
    bbox: boxOf(scene),
    geometry: geometryOf(scene),
    properties: { id, ...properties },
  } as const
}

function boxOf({ bbox: { west, south, east, north } }: Scene): [number, number, number, number] {
  return [west, south, east, north]
}

const EXTENSIONS = {
  eo: 'https://stac-extensions.github.io/eo/v1.1.0/schema.json',
  view: 'https://stac-extensions.github.io/view/v1.0.0/schema.json',
  projection: 'https://stac-extensions.github.io/projection/v1.1.0/schema.json',
  file: 'https://stac-extensions.github.io/file/v2.1.0/schema.json',
} as const

/** STAC 1.0.0 item; files on disk are named by their whole paths. */
export function stacItemOf(scene: Scene) {
  const { id, time, cloudCoverPercent, solarAzimuthDeg, solarElevationDeg, epsg, gains, dayNight } = scene
  const keys = new Set<string>()
  const assets = scene.files.map((file) => [uniqueKey(assetKey(scene, file), keys), assetOf(file)] as const)
  return {
    type: 'Feature',
    stac_version: '1.0.0',
    stac_extensions: Object.values(EXTENSIONS),
    id,
    geometry: geometryOf(scene),
    bbox: boxOf(scene),
    properties: {
      datetime: time,
      platform: 'terra',
      instruments: ['aster'],
      ...(cloudCoverPercent === undefined ? {} : { 'eo:cloud_cover': cloudCoverPercent }),
      ...(solarAzimuthDeg === undefined ? {} : { 'view:sun_azimuth': ((solarAzimuthDeg % 360) + 360) % 360 }),
      ...(solarElevationDeg === undefined ? {} : { 'view:sun_elevation': solarElevationDeg }),
      ...(epsg === undefined ? {} : { 'proj:epsg': epsg }),
      'aster:product': scene.product,
      'aster:version': scene.version,
      'aster:scene_key': scene.sceneKey,
      ...(dayNight === undefined ? {} : { 'aster:day_night': dayNight }),
      ...(gains === undefined ? {} : { 'aster:gains': gains }),
      'aster:footprint_kind': scene.footprintKind,
    },
    links: [],
    assets: Object.fromEntries(assets),
  } as const
}

/** What a file's name adds to the granule's, such as `VNIR_B01`. */
function assetKey({ id }: Scene, { name }: SceneFile): string {
  const rest = name.startsWith(id) ? name.slice(id.length) : name
  return rest.replace(/^[._]/, '').replace(/\.(tiff?|txt|jpg)$/i, '')
}

function uniqueKey(key: string, taken: Set<string>): string {
  let unique = key
  for (let number = 2; taken.has(unique); number += 1) unique = `${key}-${number}`
  taken.add(unique)
  return unique
}

const ROLES = {
  band: 'data',
  metadata: 'metadata',
  browse: 'overview',
  quality: 'metadata',
  other: 'metadata',
} as const
const TYPES: readonly (readonly [RegExp, string])[] = [
  [/\.tiff?$/i, 'image/tiff; application=geotiff'],
  [/\.hdf$/i, 'application/x-hdf'],
  [/\.json$/i, 'application/json'],
  [/\.xml$/i, 'application/xml'],
  [/\.txt$/i, 'text/plain'],
  [/\.jpe?g$/i, 'image/jpeg'],
]

function assetOf({ name, role, band, url, path, bytes, checksum }: SceneFile) {
  const type = TYPES.find(([ending]) => ending.test(name))?.[1]
  const hash = checksum === undefined ? undefined : multihash(checksum)
  return {
    href: url ?? resolve(path ?? name),
    title: name,
    roles: [ROLES[role]],
    ...(type === undefined ? {} : { type }),
    ...(band === undefined ? {} : { 'eo:bands': [{ name: band }] }),
    ...(bytes === undefined ? {} : { 'file:size': bytes }),
    ...(hash === undefined ? {} : { 'file:checksum': hash }),
  }
}

/** Codes and lengths of the multihash table, hexadecimal. */
const MULTIHASH: Readonly<Record<string, string>> = { 'SHA-512': '1340', 'SHA-256': '1220', MD5: 'd50110' }

function multihash({ algorithm, value }: NonNullable<SceneFile['checksum']>): string | undefined {
  const prefix = MULTIHASH[algorithm.toUpperCase()]
  return prefix === undefined ? undefined : `${prefix}${value}`
}
