// A scene: one acquisition in the form it was found in, with the facts needed to choose it and to fetch it.
import { UsageError } from '../errors.js'
import type { Area, GranuleInfo, LonLat } from '../native/contract.js'
import { describeFileName } from './file-name.js'

/** Every source of scenes there is a name for. */
export const BACKENDS = ['local', 'earthaccess', 'planetary_computer', 'aws'] as const
export type BackendName = (typeof BACKENDS)[number]

/** What a file of a scene is for; only `band` files hold measurements. */
export const FILE_ROLES = ['band', 'metadata', 'browse', 'quality', 'other'] as const
export type FileRole = (typeof FILE_ROLES)[number]

/** One file of a scene: on disk by its `path`, elsewhere by its `url`. */
export interface SceneFile {
  /** Name without folders. */
  name: string
  role: FileRole
  /** Band name, such as `3N`, of a file with one band. */
  band?: string
  /** `VNIR`, `SWIR` or `TIR` of a file with bands of one telescope. */
  subsystem?: string
  url?: string
  path?: string
  bytes?: number
  checksum?: { algorithm: string; value: string }
}

/** How much the footprint tells: the scene's outline, or only the box of longitudes and latitudes around it. */
export type FootprintKind = 'polygon' | 'box'

export interface Scene {
  /** Version of this record's shape. */
  schema: 2
  backend: BackendName
  id: string
  product: string
  version: string
  /** Version and acquisition stamp, 17 digits: the token that products of one acquisition share. */
  sceneKey: string
  /** Acquisition, ISO 8601 UTC. */
  time: string
  processingStamp?: string
  /** Percent; absent means not known. */
  cloudCoverPercent?: number
  /** `day`, `night`, or what else the source says, in lower case. */
  dayNight?: string
  /** Degrees clockwise from north, at the scene's centre. */
  solarAzimuthDeg?: number
  /** Degrees above the horizon, at the scene's centre. */
  solarElevationDeg?: number
  /** Gain setting by band, where the source tells. */
  gains?: Record<string, string>
  epsg?: number
  /** West lies east of east where the scene crosses the antimeridian. */
  bbox: Area
  /** Closed ring; longitudes run on past 180 where the scene crosses the antimeridian. */
  footprint: LonLat[]
  footprintKind: FootprintKind
  subsystems: string[]
  /** Band names, such as `3N`, as far as the source tells. */
  bands: string[]
  /** How the granule is stored, where that is known. */
  form?: string
  /** File or folder on disk; a remote scene has none until it is downloaded. */
  path?: string
  /** All files that hold bands, as far as their sizes are known. */
  bytes: number
  files: SceneFile[]
  warnings: string[]
  /** The full description it was made from; left out of JSON, so a scene read back has none. */
  readonly granule?: GranuleInfo
}

/** A scene that is on disk. */
export type LocalScene = Scene & { path: string }

export function isLocalScene(scene: Scene): scene is LocalScene {
  return scene.path !== undefined
}

/** Where a scene lies on disk; one that was only found by a remote search is refused. */
export function localPath(scene: Scene): string {
  if (scene.path !== undefined) return scene.path
  throw new UsageError(`${scene.id} is not on disk: it was found by the ${scene.backend} search`, {
    hint: 'download the scenes first',
  })
}

export function sceneFromGranule(granule: GranuleInfo): LocalScene {
  const gains = granule.bands.flatMap(({ name, gain }): [string, string][] =>
    gain === undefined ? [] : [[name, gain]],
  )
  const scene: LocalScene = {
    schema: 2,
    backend: 'local',
    id: granule.id,
    product: granule.product,
    version: granule.version,
    sceneKey: granule.sceneKey,
    time: granule.time,
    ...(granule.processingStamp === undefined ? {} : { processingStamp: granule.processingStamp }),
    ...(granule.cloudCoverPercent === undefined ? {} : { cloudCoverPercent: granule.cloudCoverPercent }),
    ...(granule.dayNight === undefined ? {} : { dayNight: granule.dayNight }),
    ...(granule.solarAzimuthDeg === undefined ? {} : { solarAzimuthDeg: granule.solarAzimuthDeg }),
    ...(granule.solarElevationDeg === undefined ? {} : { solarElevationDeg: granule.solarElevationDeg }),
    ...(gains.length === 0 ? {} : { gains: Object.fromEntries(gains) }),
    ...(granule.epsg === undefined ? {} : { epsg: granule.epsg }),
    bbox: granule.bbox,
    footprint: granule.footprint,
    footprintKind: 'polygon',
    subsystems: granule.subsystems,
    bands: granule.bands.map((band) => band.name),
    form: granule.form,
    path: granule.path,
    bytes: granule.bytes,
    files: granule.files.map(fileOnDisk),
    warnings: granule.warnings,
  }
  return Object.defineProperty(scene, 'granule', { value: granule, enumerable: false })
}

function fileOnDisk(path: string): SceneFile {
  return { ...describeFileName(path.split(/[\\/]/).at(-1) ?? path), path }
}

/** Orders scenes by acquisition, then by name. */
export function byTime(left: Scene, right: Scene): number {
  return Date.parse(left.time) - Date.parse(right.time) || left.id.localeCompare(right.id)
}
