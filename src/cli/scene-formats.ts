// The forms in which `search` prints scenes; some can be written while scenes still come.
import { featureOf, stacItemOf } from '../catalog/geojson-output.js'
import type { Scene } from '../catalog/scene.js'
import { formatDegrees, formatTable, toJson } from './output.js'

export const SCENE_FORMATS = ['json', 'table', 'geojson', 'ndjson', 'csv', 'stac'] as const
export type SceneFormat = (typeof SCENE_FORMATS)[number]

/** A form as text before the scenes, for each scene, and after them. */
export interface SceneLines {
  head: string
  line(scene: Scene): string
}

/** Forms of one line per scene. */
export function linesOf(format: SceneFormat): SceneLines | undefined {
  if (format === 'ndjson') return { head: '', line: (scene) => `${JSON.stringify(scene)}\n` }
  if (format === 'csv') return { head: csvLine(Object.keys(CSV)), line: (scene) => csvLine(csvCells(scene)) }
  return undefined
}

export function formatScenes(format: SceneFormat, scenes: readonly Scene[]): string {
  const lines = linesOf(format)
  if (lines !== undefined) return lines.head + scenes.map(lines.line).join('')
  if (format === 'table') return sceneTable(scenes)
  if (format === 'geojson') return toJson({ type: 'FeatureCollection', features: scenes.map(featureOf) })
  if (format === 'stac') return toJson({ type: 'FeatureCollection', features: scenes.map(stacItemOf) })
  return toJson(scenes)
}

function sceneTable(scenes: readonly Scene[]): string {
  const rows = scenes.map(({ time, product, cloudCoverPercent, subsystems, bbox, path, id }) => [
    time.slice(0, 19),
    product,
    cloudCoverPercent === undefined ? '-' : String(Math.round(cloudCoverPercent)),
    subsystems.join(','),
    [bbox.west, bbox.south, bbox.east, bbox.north].map(formatDegrees).join(' '),
    path ?? id,
  ])
  const isLocal = scenes.every((scene) => scene.path !== undefined)
  const head = ['time', 'product', 'cloud %', 'subsystems', 'west south east north', isLocal ? 'path' : 'granule']
  return formatTable(head, rows)
}

const CSV: Readonly<Record<string, (scene: Scene) => string | number | undefined>> = {
  id: (scene) => scene.id,
  product: (scene) => scene.product,
  version: (scene) => scene.version,
  time: (scene) => scene.time,
  cloud_cover_percent: (scene) => scene.cloudCoverPercent,
  day_night: (scene) => scene.dayNight,
  solar_elevation_deg: (scene) => scene.solarElevationDeg,
  west: (scene) => scene.bbox.west,
  south: (scene) => scene.bbox.south,
  east: (scene) => scene.bbox.east,
  north: (scene) => scene.bbox.north,
  footprint_kind: (scene) => scene.footprintKind,
  subsystems: (scene) => scene.subsystems.join(' '),
  bytes: (scene) => scene.bytes,
  backend: (scene) => scene.backend,
  path: (scene) => scene.path,
}

function csvCells(scene: Scene): string[] {
  return Object.values(CSV).map((cell) => String(cell(scene) ?? ''))
}

/** RFC 4180, but for the line ends. */
function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join()}\n`
}
