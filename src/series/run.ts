// Plans and runs requests, whether they were made from a series just now or read back from a file.
import { UsageError } from '../errors.js'
import { type CallOptions, callNative, callNow, type JobOptions, runCube, unwrap } from '../native/call.js'
import type { CubePlan, CubeReport, CubeRequest } from '../native/contract.js'
import { type RangeSource, withRemoteFiles } from '../native/remote.js'
import { checkOutput } from './output-path.js'

/** Files of the request's granules that are fetched in parts while it runs. */
export interface Remote {
  remote?: RangeSource | undefined
}

export type RunReport = Omit<CubeReport, 'arrays'>

/** What a run would read, need and write; reads headers, no pixels. */
export async function planRequest(request: CubeRequest, options: CallOptions & Remote = {}): Promise<CubePlan> {
  const { signal, remote: source } = options
  if (source === undefined) return callNative((addon) => addon.planCube(request), { signal })
  return withRemoteFiles(source, signal, (remote) =>
    callNative((addon) => addon.planRemoteCube(request, remote), { signal }),
  )
}

/** Runs a request whose result is a file; its outputs are looked at first. */
export async function writeRequest(request: CubeRequest, options: JobOptions & Remote = {}): Promise<RunReport> {
  checkOutput(request.output, request.granules)
  const { arrays: _, ...report } = await computeRequest(request, options)
  return report
}

/** Runs a request to its end, whatever its result is. */
export async function computeRequest(request: CubeRequest, options: JobOptions & Remote = {}): Promise<CubeReport> {
  const { signal, onEvent, remote: source } = options
  if (source === undefined) return runCube(request, { signal, onEvent })
  return withRemoteFiles(source, signal, (remote) => runCube(request, { signal, onEvent }, remote))
}

/**
 * The request in a JSON text: a request itself, such as the `aster_request` of an output, or a plan or report that
 * holds one.
 */
export function readRequest(text: string, label: string): CubeRequest {
  let json: unknown
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    throw new UsageError(`${label} is no JSON`, { hint: 'give what `run --dry-run --json` prints', cause })
  }
  const request = typeof json === 'object' && json !== null && 'request' in json ? json.request : json
  return unwrap(callNow((addon) => addon.readRequest(JSON.stringify(withPolygon(request)))))
}

/** Plans and reports hold the polygon as text, as the addon takes it; outputs hold it as GeoJSON, which is read back. */
function withPolygon(request: unknown): unknown {
  if (typeof request !== 'object' || request === null || !('clip' in request)) return request
  const { clip } = request
  if (typeof clip !== 'object' || clip === null || !('polygon' in clip) || typeof clip.polygon !== 'string')
    return request
  try {
    return { ...request, clip: { ...clip, polygon: JSON.parse(clip.polygon) } }
  } catch {
    return request
  }
}
