// Remote files across the border: the engine asks for ranges, somebody here fetches them, errors keep their codes.
import { setMaxListeners } from 'node:events'
import { AsterError, errorFromCode } from '../errors.js'
import { callNow, present } from './call.js'
import type { NativeError, RangeRequest, SuppliedRanges, WantedFileRanges } from './contract.js'

/** Files whose bytes are fetched when the engine asks for them. */
export interface RangeSource {
  /** Paths by which the engine knows them; whatever lies there on disk is not read. */
  readonly paths: readonly string[]
  /** The ranges of each file, in order. The first range asked of a file may reach beyond its end. */
  answer(files: readonly WantedFileRanges[], signal?: AbortSignal): Promise<SuppliedRanges[]>
}

/** An open `RangeSource`, as the addon's calls take it. */
export type OpenRangeSource = ReturnType<typeof openSource>

function openSource(paths: string[], onRequest: (request: RangeRequest) => void) {
  return callNow((addon) => new addon.RemoteFiles(paths, onRequest))
}

/** Answers the engine's questions for as long as `use` takes. */
export async function withRemoteFiles<T>(
  source: RangeSource,
  signal: AbortSignal | undefined,
  use: (remote: OpenRangeSource) => Promise<T>,
): Promise<T> {
  const stop = new AbortController()
  const either = AbortSignal.any([stop.signal, ...(signal === undefined ? [] : [signal])])
  // As many as there are questions listen to it.
  setMaxListeners(0, either)
  const answer = async ({ id, files }: RangeRequest) => {
    try {
      remote.supply(id, await source.answer(files, either))
    } catch (error) {
      remote.fail(id, asData(error))
    }
  }
  const remote = openSource([...source.paths], (request) => void answer(request))
  try {
    return await use(remote)
  } finally {
    stop.abort()
    remote.close()
  }
}

/** Whatever was thrown, as the addon takes it. */
function asData(thrown: unknown): NativeError {
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  const error =
    thrown instanceof AsterError
      ? thrown
      : errorFromCode(thrown instanceof Error && thrown.name === 'AbortError' ? 'CANCELLED' : 'INTERNAL', text)
  const { code, message, hint, path, retryable } = error
  return present<NativeError>({ code, message, hint, path, retryable })
}
