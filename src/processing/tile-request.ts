// The request that all tiles of a plan share, checked before anything is searched for.
import { UsageError } from '../errors.js'
import type { Polygon } from '../geo/polygon.js'
import { METRES_PER_DEGREE } from '../geo/tiles.js'
import { present } from '../native/call.js'
import type { CubeOutput, CubeRequest } from '../native/contract.js'
import { type FileFormat, formatOf } from '../series/output-path.js'
import { buildRequest, type ClipRule, checkRequest, resolveSelection, type SeriesOptions } from '../series/request.js'
import { tilePixelSize } from './tile-grid.js'
import type { TileOutput } from './tile-output.js'

/** What a composite holds unless statistics are named. */
const COMPOSITE = ['median', 'count']

/** What a tile holds; area and polygon are not in it, since each tile has its own. */
export interface TileContent extends Omit<SeriesOptions, 'bbox' | 'clip' | 'nWorkers' | 'maxMemoryBytes' | 'strict'> {
  /** Default: `composite` where statistics or periods are named, else `stack`. */
  tileOutput?: TileOutput | undefined
  /** Default `netcdf`. */
  format?: FileFormat | undefined
  compressionLevel?: number | undefined
  pack?: 'int16' | undefined
  roundBits?: number | undefined
  chunkFor?: 'map' | 'time' | undefined
  clipRule?: ClipRule | undefined
  polygon?: Polygon | undefined
}

export interface TileRequest {
  request: CubeRequest
  format: FileFormat
  tileOutput: TileOutput
  clipRule: ClipRule
  /** How far outside of a polygon the centre of a pixel may lie that is in it. */
  roomMetres: number
  /** Whether a tile holds one time step, and is one file in every format. */
  isOneStep: boolean
}

/** The side of a pixel, or more: the coarsest one where none is stated, and no pixel is smaller than a metre. */
function pixelMetres({ resolution = 90 }: CubeRequest): number {
  return resolution < 1 ? resolution * METRES_PER_DEGREE : resolution
}

/** @throws UsageError for words that are unknown, that exclude each other, or that tiles cannot keep */
export function tileRequest(content: TileContent): TileRequest {
  const { compressionLevel, pack, roundBits, chunkFor, clipRule = 'centre', reduce, resample } = content
  const isReduced = reduce !== undefined || resample !== undefined
  const tileOutput = content.tileOutput ?? (isReduced ? 'composite' : 'stack')
  if (tileOutput === 'stack' && isReduced) {
    throw new UsageError('a stack keeps all scenes, and statistics or periods make composites of them', {
      hint: 'leave out --tile-output stack, or --reduce and --resample',
    })
  }
  const settings: SeriesOptions = {
    ...content,
    reduce: tileOutput === 'composite' && !isReduced ? COMPOSITE : reduce,
    ...{ bbox: undefined, clip: undefined, nWorkers: undefined, maxMemoryBytes: undefined, strict: undefined },
  }
  const format = formatOf('tile', content.format)
  const output = present<CubeOutput>({ format, compressionLevel, pack, roundBits, chunkFor })
  const stated = buildRequest([], resolveSelection(settings), settings, output)
  const request = present<CubeRequest>({ ...stated, resolution: tilePixelSize(stated) })
  checkRequest(request)
  const roomMetres = clipRule === 'touch' ? pixelMetres(request) : 0
  return {
    request,
    format,
    tileOutput,
    clipRule,
    roomMetres,
    isOneStep: tileOutput === 'composite' && resample === undefined,
  }
}
