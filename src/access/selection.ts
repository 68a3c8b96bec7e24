// Which files of a scene are wanted: those of the bands asked for, and metadata; pictures and quality only if asked for.
import { UsageError } from '../errors.js'
import { callNow } from '../native/call.js'
import { nearNamesHint } from '../near-names.js'
import { resolveSubsystem } from './subsystem.js'
import type { Checksum } from './verify.js'

/** What downloading needs of a file; a catalogue's scenes have it. */
export interface DownloadableFile {
  name: string
  /** `band`, `metadata`, `browse`, `quality` or `other`. */
  role: string
  band?: string
  subsystem?: string
  url?: string
  path?: string
  bytes?: number
  checksum?: Checksum
}

/** What downloading needs of a scene; a catalogue's scenes have it. */
export interface DownloadableScene {
  id: string
  product: string
  version: string
  /** Version and acquisition stamp, 17 digits. */
  sceneKey: string
  backend: string
  files: DownloadableFile[]
  /** File or folder on disk, of a scene that is there already. */
  path?: string
}

export const EXTRA_FILES = ['browse', 'quality', 'other'] as const
export type ExtraFiles = (typeof EXTRA_FILES)[number]

export interface SelectionOptions {
  /** Band names, such as `3N` or `ImageData3N`; all bands when left out. */
  bands?: readonly string[] | undefined
  /** `VNIR`, `SWIR`, `TIR`; beside `bands`, not instead of them. */
  subsystems?: readonly string[] | undefined
  /** Files beside bands and metadata: pictures, quality planes, everything else. */
  include?: readonly ExtraFiles[] | undefined
}

export interface Selection {
  readonly bands: ReadonlySet<string>
  readonly subsystems: ReadonlySet<string>
  readonly include: ReadonlySet<string>
  /** Telescope of each band. */
  readonly telescopes: ReadonlyMap<string, string>
}

export function resolveSelection({ bands = [], subsystems = [], include = [] }: SelectionOptions): Selection {
  const known = bands.length === 0 ? [] : callNow((addon) => addon.bands())
  const telescopes = new Map(known.map(({ name, subsystem }) => [name, subsystem]))
  const names = bands.map((given) => {
    const wanted = bareBandName(given)
    const found = known.find(({ name, variable }) => [name, variable].some((text) => bareBandName(text) === wanted))
    if (found !== undefined) return found.name
    const near = callNow((addon) => addon.suggest('band', given))
    throw new UsageError(`unknown band "${given}"`, { hint: nearNamesHint(near, [...telescopes.keys()], 'bands') })
  })
  return {
    bands: new Set(names),
    subsystems: new Set(subsystems.map(resolveSubsystem)),
    include: new Set(include),
    telescopes,
  }
}

/** A band name without what may stand in front of its number: `3N` for `b03n`, `3` and `ImageData3N`. */
export function bareBandName(name: string): string {
  const bare = name
    .trim()
    .toUpperCase()
    .replace(/^(?:IMAGEDATA|BAND|B)?0*(?=\d)/, '')
  return bare === '3' ? '3N' : bare
}

/** Files of a scene that have to be fetched, in the scene's order. */
export function wantedFiles(scene: DownloadableScene, selection: Selection): DownloadableFile[] {
  return scene.files.filter((file) => file.url !== undefined && isWanted(file, selection))
}

/** Whether a selection takes a file, wherever it lies. */
export function isWanted(file: DownloadableFile, selection: Selection): boolean {
  if (file.role === 'band') return isWantedBand(file, selection)
  return file.role === 'metadata' || selection.include.has(file.role)
}

function isWantedBand({ band, subsystem }: DownloadableFile, selection: Selection): boolean {
  const { bands, subsystems, telescopes } = selection
  if (bands.size === 0 && subsystems.size === 0) return true
  if (subsystem !== undefined && subsystems.has(subsystem)) return true
  // A whole granule in one file, and layers that are no spectral bands, are taken for any bands.
  if (band === undefined && subsystem === undefined) return true
  if (band !== undefined && !/^\d/.test(band)) return true
  if (band !== undefined) return bands.has(bareBandName(band))
  return [...bands].some((name) => telescopes.get(name) === subsystem)
}

/** Whether gains will be looked for in the AST_L1A record of the acquisition: version 004 of AST_L1T has none. */
export function needsAcquisitionRecord(scene: DownloadableScene, files: readonly DownloadableFile[]): boolean {
  if (scene.product !== 'AST_L1T' || !scene.sceneKey.startsWith('004')) return false
  return files.some(({ role, subsystem }) => role === 'band' && subsystem !== 'TIR')
}
