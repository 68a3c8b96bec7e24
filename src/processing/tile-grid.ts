// One pixel size and one lattice for all tiles of a plan: what a single run takes from its scenes, tiles must be told.
import { resolveProduct } from '../catalog/query.js'
import { UsageError } from '../errors.js'
import { callNow } from '../native/call.js'
import type { CubeRequest } from '../native/contract.js'

/**
 * The pixel size to state in the request of every tile, in metres of its UTM zone; nothing where every scene leads to
 * the same. Without it a tile that happens to hold thermal scenes only would come out coarser than its neighbour.
 *
 * @throws UsageError when bands of several sizes meet in a CRS whose units are not known here
 */
export function tilePixelSize(request: CubeRequest): number | undefined {
  const { crs, resolution } = request
  if (resolution !== undefined) return resolution
  const [finest, ...coarser] = [...new Set(pixelSizes(request))].sort((left, right) => left - right)
  if (finest === undefined || coarser.length === 0) return undefined
  if (isUtm(crs)) return finest
  throw new UsageError(`the bands have pixels of ${[finest, ...coarser].join(', ')} m, and --resolution is missing`, {
    hint: `name the pixel size in units of ${crs}, so that all tiles have the same`,
  })
}

/**
 * The lattice to state in the request of every tile: that of the version which most scenes have, as in a single run over
 * all of them. Nothing where scenes have no say: in other sizes than their own, and in other CRS.
 *
 * @param scenesOf number of scenes of each version, in the order they were met
 */
export function tileLattice(request: CubeRequest, scenesOf: ReadonlyMap<string, number>): string | undefined {
  const { lattice, crs, resolution, product = 'AST_L1T' } = request
  if (lattice !== undefined) return lattice
  const isNative = callNow((addon) => addon.bands()).some(({ pixelSizeM }) => pixelSizeM === (resolution ?? pixelSizeM))
  if (product !== 'AST_L1T' || !isUtm(crs) || !isNative) return undefined
  const [most] = [...scenesOf].sort(([, left], [, right]) => right - left)
  return most === undefined ? undefined : callNow((addon) => addon.latticeOfVersion(most[0]))
}

/** Whether it is a UTM zone, as it is where none is stated. */
function isUtm(crs: string | undefined): boolean {
  return crs === undefined || /^EPSG:32[67]\d\d$/i.test(crs)
}

function pixelSizes({ product = 'AST_L1T', bands = [], indices = [], subsystems = [] }: CubeRequest): number[] {
  const known = callNow((addon) => addon.bands())
  const ofIndices = callNow((addon) => addon.indices()).filter(({ name }) => indices.includes(name))
  const names = new Set([...bands, ...ofIndices.flatMap((index) => index.bands)])
  const wanted = known.filter(({ name, subsystem }) => names.has(name) || subsystems.includes(subsystem))
  if (wanted.length > 0) return wanted.map(({ pixelSizeM }) => pixelSizeM)
  if (/^AST(_L1|14OTH)/.test(product)) return []
  const name = resolveProduct(product)
  return callNow((addon) => addon.products()).find((one) => one.name === name)?.pixelSizesM ?? []
}
