// What the names of granules and of their files say.
import type { SceneFile } from './scene.js'

/** What a granule's name says. */
export interface GranuleName {
  /** Without folder, extension and layer suffix. */
  id: string
  product: string
  version: string
  /** Version and acquisition stamp, 17 digits. */
  sceneKey: string
  /** US Central local time, `YYYYMMDDHHMMSS`. */
  processingStamp: string
}

const GRANULE = /^(AST(?:_[0-9A-Z]+|14[A-Z]+))_((\d{3})\d{14})_(\d{14})(?:_\d+)?(?![0-9A-Za-z])/

/** Reads a granule's name, or that of one of its files; anything else gives nothing. */
export function parseGranuleName(name: string): GranuleName | undefined {
  const [id, product, sceneKey, version, processingStamp] = GRANULE.exec(name) ?? []
  if (id === undefined || product === undefined || sceneKey === undefined) return undefined
  if (version === undefined || processingStamp === undefined) return undefined
  return { id, product, version, sceneKey, processingStamp }
}

/** Acquisition of a scene key, ISO 8601 UTC, truncated to the second; nothing for an impossible date. */
export function timeOfSceneKey(sceneKey: string): string | undefined {
  const stamp = /^\d{3}(\d\d)(\d\d)(\d{4})(\d\d)(\d\d)(\d\d)$/.exec(sceneKey)
  if (stamp === null) return undefined
  const [, month, day, year, hour, minute, second] = stamp
  const time = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`
  const instant = Date.parse(time)
  return !Number.isNaN(instant) && new Date(instant).getUTCDate() === Number(day) ? time : undefined
}

/** The product that the engine reads from a file's name when it leaves other products out; as `granule_name.rs`. */
export function productOfName(fileName: string): string | undefined {
  const [, product, sceneKey = ''] = /^(AST_[^_.]*|AST14[^_.]*)_(\d{17})(?=[_.]|$)/.exec(fileName) ?? []
  const year = Number(timeOfSceneKey(sceneKey)?.slice(0, 4))
  return year >= 1999 && year <= 2100 ? product : undefined
}

/** The last part of an address, without its query. */
export function fileNameOf(url: string): string {
  const end = url.indexOf('?')
  const path = end === -1 ? url : url.slice(0, end)
  const name = path.slice(path.lastIndexOf('/') + 1)
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

const BAND_FILE = /_(VNIR|SWIR|TIR)_B0?(\d{1,2}[NB]?)\.tiff?$/i
const TELESCOPE_FILE = /[._](VNIR|SWIR|TIR)\.tiff?$/i

/**
 * What a file is for, by its name alone. Version 004 has a file for each band; its files named after a telescope are
 * pictures. Version 003, as Planetary Computer and AWS serve it, has the bands themselves in such files.
 */
export function describeFileName(name: string): Pick<SceneFile, 'name' | 'role' | 'band' | 'subsystem'> {
  const [, subsystem = '', band = ''] = BAND_FILE.exec(name) ?? []
  if (band !== '') return { name, role: 'band', band: band.toUpperCase(), subsystem: subsystem.toUpperCase() }
  if (/_QA_DataPlane2?\.tiff?$/i.test(name) || /_QA\.txt$/i.test(name)) return { name, role: 'quality' }
  if (/\.(json|xml|met)$/i.test(name)) return { name, role: 'metadata' }
  if (/\.(jpe?g|png)$/i.test(name) || /_[VT]\.tiff?$/i.test(name) || /_BR\.hdf$/i.test(name)) {
    return { name, role: 'browse' }
  }
  const telescope = TELESCOPE_FILE.exec(name)?.[1]?.toUpperCase()
  if (telescope !== undefined) {
    const isComposite = /_004\d{14}_\d{14}_/.test(name)
    return isComposite ? { name, role: 'browse' } : { name, role: 'band', subsystem: telescope }
  }
  if (/_SKT\.tiff?$/i.test(name)) return { name, role: 'band', band: 'SKT', subsystem: 'TIR' }
  if (/^AST14DEM_.*\.tiff?$/i.test(name)) return { name, role: 'band', band: 'DEM', subsystem: 'VNIR' }
  if (/\.(hdf|tiff?)$/i.test(name)) return { name, role: 'band' }
  return { name, role: 'other' }
}
