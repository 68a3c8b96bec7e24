// Reads the file of --region-file before a command begins; from then on it is a polygon like that of --polygon.
import { AsterError, NotFoundError, UsageError } from '../errors.js'
import type { Polygon } from '../geo/polygon.js'
import { loadRegion } from '../geo/region-file.js'
import type { CliContext } from './context.js'
import type { OptionValues } from './options.js'

export const REGION_OPTIONS = ['regionFile', 'nameColumn', 'regionName'] as const

type RegionOptions = OptionValues<(typeof REGION_OPTIONS)[number] | 'region' | 'polygon'>

/** The options with the region of the file as their polygon. */
export async function withRegion<T extends RegionOptions>(ctx: CliContext, options: T): Promise<T> {
  const { regionFile, nameColumn, regionName } = options
  if (regionFile === undefined) {
    const stray = [nameColumn !== undefined && '--name-column', regionName !== undefined && '--region-name']
    const [flag] = stray.filter((name) => name !== false)
    if (flag === undefined) return options
    throw new UsageError(`${flag} is about a file of regions, and there is none`, { hint: 'add --region-file FILE' })
  }
  if (options.polygon !== undefined) throw new UsageError('--region-file and --polygon exclude each other')
  if (options.region !== undefined) {
    throw new UsageError('--region-file and --region exclude each other', {
      hint: 'to name a region of the file, use --region-name',
    })
  }
  return { ...options, polygon: await polygonOf(ctx, regionFile, nameColumn, regionName) }
}

async function polygonOf(ctx: CliContext, path: string, column?: string, name?: string): Promise<Polygon> {
  try {
    return (await loadRegion(path, column, name, { signal: ctx.signal })).polygon
  } catch (error) {
    if (error instanceof NotFoundError) {
      const hint = 'name a file of polygons, such as states.shp'
      throw new NotFoundError(`--region-file: ${error.message}`, { hint, path: error.path, cause: error })
    }
    if (error instanceof AsterError && error.code === 'USAGE') {
      throw new UsageError(`--region-file ${error.message}`, { hint: error.hint, path: error.path, cause: error })
    }
    throw error
  }
}
