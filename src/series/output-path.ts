// Looks at an output path before any work is done for it.
import { accessSync, constants, existsSync, realpathSync, type Stats, statSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { OutputError, UsageError } from '../errors.js'

const OTHER_FORMATS: Record<string, string> = {
  '.tif': 'GeoTIFF',
  '.tiff': 'GeoTIFF',
  '.csv': 'CSV',
  '.zarr': 'Zarr',
  '.json': 'JSON',
  '.hdf': 'HDF4',
}

/** Throws when a file cannot be written at `path`: it exists, or its folder does not. */
export function checkOutputPath(path: string, { overwrite = false }: { overwrite?: boolean | undefined } = {}): void {
  const existing = stat(path)
  if (existing?.isDirectory()) throw new OutputError('OUTPUT_IO', `the output ${path} is a folder`, { path })
  if (existing !== undefined && !overwrite) {
    throw new OutputError('OUTPUT_EXISTS', `the output ${path} exists`, {
      path,
      hint: 'choose another name, or overwrite it with --overwrite (overwrite: true)',
    })
  }
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

/** Throws when the name says that another format is expected than the one that is written. */
export function checkNetcdfName(path: string): void {
  const other = OTHER_FORMATS[extname(path).toLowerCase()]
  if (other === undefined) return
  throw new UsageError(`the output ${path} is named as ${other}, but NetCDF is written`, {
    path,
    hint: 'give the output a name that ends in .nc',
  })
}

/** Throws when a picture is given a name that is not one of a PNG file. */
export function checkPictureName(path: string): void {
  if (extname(path).toLowerCase() === '.png') return
  throw new UsageError(`the picture ${path} is written as PNG`, { path, hint: 'give it a name that ends in .png' })
}

/** Throws when an output would replace an input, or another output. */
export function checkDistinct(outputs: readonly string[], inputs: readonly string[]): void {
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
