// A scene: one acquisition in the form it was found in, with the facts needed to choose it.
import { areasIntersect } from '../geo/bounding-box.js'
import type { Area, GranuleInfo, LonLat } from '../native/contract.js'

export interface Scene {
  /** Version of this record's shape. */
  schema: 1
  id: string
  product: string
  version: string
  /** Version and acquisition stamp, 17 digits. */
  sceneKey: string
  /** Acquisition, ISO 8601 UTC. */
  time: string
  processingStamp?: string
  cloudCoverPercent?: number
  dayNight?: string
  epsg?: number
  bbox: Area
  footprint: LonLat[]
  subsystems: string[]
  /** Band names, such as `3N`. */
  bands: string[]
  form: string
  path: string
  bytes: number
  warnings: string[]
  /** The full description it was made from; left out of JSON, so a scene read back has none. */
  readonly granule?: GranuleInfo
}

export function sceneFromGranule(granule: GranuleInfo): Scene {
  const scene: Scene = {
    schema: 1,
    id: granule.id,
    product: granule.product,
    version: granule.version,
    sceneKey: granule.sceneKey,
    time: granule.time,
    ...(granule.processingStamp === undefined ? {} : { processingStamp: granule.processingStamp }),
    ...(granule.cloudCoverPercent === undefined ? {} : { cloudCoverPercent: granule.cloudCoverPercent }),
    ...(granule.dayNight === undefined ? {} : { dayNight: granule.dayNight }),
    ...(granule.epsg === undefined ? {} : { epsg: granule.epsg }),
    bbox: granule.bbox,
    footprint: granule.footprint,
    subsystems: granule.subsystems,
    bands: granule.bands.map((band) => band.name),
    form: granule.form,
    path: granule.path,
    bytes: granule.bytes,
    warnings: granule.warnings,
  }
  return Object.defineProperty(scene, 'granule', { value: granule, enumerable: false })
}

/** Orders scenes by acquisition, then by name. */
export function byTime(left: Scene, right: Scene): number {
  return Date.parse(left.time) - Date.parse(right.time) || left.id.localeCompare(right.id)
}

/** What scenes of one acquisition have in common, whatever their version: product and acquisition stamp. */
export function acquisitionOf(scene: Scene): string {
  return `${scene.product} ${scene.sceneKey.slice(3)}`
}

/** Keeps one scene of each acquisition and place: the newest version of it, then the newest processing. */
export function newestOfEachAcquisition(scenes: readonly Scene[]): { kept: Scene[]; older: Scene[] } {
  const newest = new Map<string, Scene[]>()
  const older: Scene[] = []
  for (const scene of scenes) {
    const acquisition = acquisitionOf(scene)
    const others = newest.get(acquisition) ?? []
    const rival = others.find((other) => areasIntersect(other.bbox, scene.bbox))
    if (rival === undefined) {
      newest.set(acquisition, [...others, scene])
    } else if (isNewer(scene, rival)) {
      older.push(rival)
      newest.set(acquisition, [...others.filter((other) => other !== rival), scene])
    } else {
      older.push(scene)
    }
  }
  return { kept: [...newest.values()].flat().sort(byTime), older: older.sort(byTime) }
}

function isNewer(scene: Scene, rival: Scene): boolean {
  const difference = versionRank(scene.sceneKey) - versionRank(rival.sceneKey)
  if (difference !== 0) return difference > 0
  return (scene.processingStamp ?? '') > (rival.processingStamp ?? '')
}

/** Version digits as a number: `003` is 3.0, `031` is 3.1, `004` is 4.0. */
function versionRank(sceneKey: string): number {
  const [, middle = '0', last = '0'] = sceneKey.slice(0, 3)
  return middle === '0' ? Number(last) : Number(middle) + Number(last) / 10
}
