// Looks at an output before any work is done for it: its format, its name, and what is there already.
import { accessSync, constants, existsSync, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { OutputError, UsageError } from '../errors.js'
import type { CubeOutput } from '../native/contract.js'
import { nearNames, nearNamesHint } from '../near-names.js'

/** What a file of each format is called, and how its name ends; the first ending is the usual one. */
const FORMATS = {
  netcdf: { title: 'NetCDF', endings: ['.nc', '.nc4', '.cdf', '.h5'] },
  zarr: { title: 'Zarr', endings: ['.zarr'] },
  cog: { title: 'GeoTIFF', endings: ['.tif', '.tiff'] },
  geotiff: { title: 'GeoTIFF', endings: ['.tif', '.tiff'] },
  csv: { title: 'CSV', endings: ['.csv'] },
} as const satisfies Record<string, { title: string; endings: readonly string[] }>
export type FileFormat = keyof typeof FORMATS
export const FILE_FORMATS = Object.keys(FORMATS).filter(isFileFormat)

/** Endings of files that are written by nobody here. */
const STRANGERS: Readonly<Record<string, string>> = { '.json': 'JSON', '.hdf': 'HDF4' }

export function isFileFormat(name: string): name is FileFormat {
  return Object.hasOwn(FORMATS, name)
}

/** The format of an output: the one asked for, or else the one that its name ends like, or else NetCDF. */
export function formatOf(path: string, asked?: string): FileFormat {
  if (asked !== undefined && !isFileFormat(asked)) {
    throw new UsageError(`unknown format "${asked}"`, {
      hint: nearNamesHint(nearNames(asked, FILE_FORMATS), FILE_FORMATS, 'formats'),
    })
  }
  const ending = extname(path).toLowerCase()
  const named = FILE_FORMATS.find((format) => endsLike(format, ending))
  const format = asked ?? named ?? 'netcdf'
  const title = named === undefined ? STRANGERS[ending] : FORMATS[named].title
  const isOther = title !== undefined && !endsLike(format, ending)
  if (!isOther) return format
  throw new UsageError(`the output ${path} is named as ${title}, but ${FORMATS[format].title} is written`, {
    path,
    hint: `give the output a name that ends in ${FORMATS[format].endings[0]}`,
  })
}

function endsLike(format: FileFormat, ending: string): boolean {
  const endings: readonly string[] = FORMATS[format].endings
  return endings.includes(ending)
}

/** A hidden name beside an output, for what belongs to it until it is complete. */
export function besideOutput(path: string, kind: string): string {
  return join(dirname(path), `.${basename(path)}.${kind}`)
}

/** Where an output keeps its checkpoints. */
export function checkpointsBeside(path: string): string {
  return besideOutput(path, 'checkpoints')
}

/** Throws when an output cannot be written: its name, what is there already, or its folder is in the way. */
export function checkOutput(output: CubeOutput, inputs: readonly string[]): void {
  const { path, quicklook, overwrite } = output
  const outputs = [path, quicklook].filter((name) => name !== undefined)
  if (path !== undefined) checkOutputPath(path, { overwrite, kind: kindOf(path, formatOf(path, output.format)) })
  if (quicklook !== undefined) {
    checkPictureName(quicklook)
    checkOutputPath(quicklook, { overwrite })
  }
  checkDistinct(outputs, inputs)
}

/** One file; one folder that is written whole; or a folder that may be there already and gets files. */
type OutputKind = 'file' | 'store' | 'folder'

function kindOf(path: string, format: FileFormat): OutputKind {
  if (format === 'zarr') return 'store'
  const isOneFile = endsLike(format, extname(path).toLowerCase())
  return FORMATS[format].title === 'GeoTIFF' && !isOneFile ? 'folder' : 'file'
}

/** Throws when nothing can be written at `path`: something is there, or its folder is not. */
export function checkOutputPath(
  path: string,
  { overwrite = false, kind = 'file' }: { overwrite?: boolean | undefined; kind?: OutputKind } = {},
): void {
  const existing = stat(path)
  if (kind === 'folder' && existing?.isDirectory()) return
  if (kind === 'folder' && existing !== undefined) {
    throw new OutputError('OUTPUT_EXISTS', `the output ${path} is no folder`, {
      path,
      hint: 'name another folder, or one file that ends in .tif',
    })
  }
  if (kind === 'file' && existing?.isDirectory()) {
    throw new OutputError('OUTPUT_IO', `the output ${path} is a folder`, { path })
  }
  if (existing !== undefined && !overwrite) {
    throw new OutputError('OUTPUT_EXISTS', `the output ${path} exists`, {
      path,
      hint: 'choose another name, or overwrite it with --overwrite (overwrite: true)',
    })
  }
  checkFolderOf(path)
}

function checkFolderOf(path: string): void {
  const folder = dirname(resolve(path))
  const parent = stat(folder)
  if (parent === undefined) {
    throw new OutputError('OUTPUT_IO', `the output folder ${dirname(path)} does not exist`, {
      path,
      hint: `make it first: mkdir -p ${dirname(path)}`,
    })
  }
  if (!parent.isDirectory()) throw new OutputError('OUTPUT_IO', `${dirname(path)} is not a folder`, { path })
  try {
    accessSync(folder, constants.W_OK)
  } catch (cause) {
    throw new OutputError('OUTPUT_IO', `the output folder ${dirname(path)} cannot be written to`, { path, cause })
  }
}

/** A picture is given the name of a PNG file. */
function checkPictureName(path: string): void {
  if (extname(path).toLowerCase() === '.png') return
  throw new UsageError(`the picture ${path} is written as PNG`, { path, hint: 'give it a name that ends in .png' })
}

/** Throws when an output would replace an input, or another output. */
function checkDistinct(outputs: readonly string[], inputs: readonly string[]): void {
  const taken = new Map(inputs.map((path) => [canonical(path), 'an input']))
  for (const path of outputs) {
    const key = canonical(path)
    const clash = taken.get(key)
    if (clash !== undefined) throw new UsageError(`the output ${path} is also ${clash}`, { path })
    taken.set(key, 'another output')
  }
}

function stat(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function canonical(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  const folder = dirname(resolve(path))
  return join(existsSync(folder) ? realpathSync(folder) : folder, basename(path))
}
