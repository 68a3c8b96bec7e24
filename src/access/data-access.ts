// ASTERDataAccess: brings scenes onto this disk, and opens granules on disk as datasets of one subsystem.

import { credentialVariables, type Env, type GivenCredentials } from '../auth/credentials.js'
import { NotFoundError, UsageError } from '../errors.js'
import { type CallOptions, callNative } from '../native/call.js'
import type { GranuleInfo } from '../native/contract.js'
import { type RangeSource, withRemoteFiles } from '../native/remote.js'
import { defaultEndpoints, type Endpoints, endpointVariables } from '../net/endpoints.js'
import { createHttpClient, type HttpClient } from '../net/http.js'
import { dataClient } from './data-client.js'
import { ASTERDataset, type BandReader } from './dataset.js'
import { type DownloadOptions, type DownloadReport, type DownloadTools, downloadScenes } from './download.js'
import type { Traffic } from './remote-file.js'
import { onlyScene, type StreamOptions, type StreamTraffic, streamScenes } from './remote-scenes.js'
import type { DownloadableScene } from './selection.js'
import { resolveSubsystem, type Subsystem } from './subsystem.js'

export { resolveSubsystem, SUBSYSTEMS, type Subsystem } from './subsystem.js'

export interface OpenOptions extends CallOptions {
  /** All bands when left out. */
  subsystem?: Subsystem | undefined
}

/** What opening needs of a scene; its description is taken as it is when there is one. */
export interface OpenableScene {
  path: string
  readonly granule?: GranuleInfo
}

export interface RemoteOpenOptions<S extends DownloadableScene>
  extends Pick<
      StreamOptions<S>,
      'bands' | 'cacheDir' | 'concurrency' | 'records' | 'streamCache' | 'streamCacheBytes' | 'onWarning' | 'onNote'
    >,
    CallOptions {
  /** All bands when left out. */
  subsystem?: Subsystem | undefined
}

export interface RemoteOptions {
  /** Client for all requests, without credentials; default: one of its own. */
  http?: HttpClient | undefined
  /** Addresses of services; default: the real ones, or what the environment names instead. */
  endpoints?: Partial<Endpoints> | undefined
  /** Default: those of the environment and of netrc. */
  credentials?: GivenCredentials | undefined
}

/** ASTER's short-wave infrared detectors have saturated since this day. */
const SWIR_LOST = Date.parse('2008-04-01T00:00:00Z')

/**
 * The environment of a process that is to fetch as an access object does: with its credentials and addresses. Holds
 * secrets; no part of the public class, so that nobody prints them.
 *
 * @throws UsageError for a client of one's own, which no other process can have, and for half a login
 */
export let environmentFor: (access: ASTERDataAccess, env: Env) => Env

export class ASTERDataAccess {
  static {
    environmentFor = (access, env) => {
      const { http, endpoints = {}, credentials = {} } = access.#remote
      if (http === undefined) return { ...env, ...endpointVariables(endpoints), ...credentialVariables(credentials) }
      throw new UsageError('an access object with an HTTP client of its own cannot be used by other processes', {
        hint: 'leave `http` out; `endpoints` and `credentials` are handed on',
      })
    }
  }

  readonly #remote: RemoteOptions

  constructor(remote: RemoteOptions = {}) {
    this.#remote = remote
  }

  /**
   * Fetches scenes of a remote search into the cache; what is there is not fetched again. The scenes of the report have
   * paths: they can be opened with `openScenes`, or made a series of. Scenes that are on disk pass as they are.
   *
   * @throws AsterError for what concerns every file: credentials, a full disk, an abort; see `failed` for the rest
   */
  async download<S extends DownloadableScene>(
    scenes: readonly S[],
    options: DownloadOptions<S> = {},
  ): Promise<DownloadReport<S>> {
    return downloadScenes(scenes, options, this.#tools(options.concurrency))
  }

  /**
   * Opens a scene of a remote search where it is hosted: headers and the windows that are read are fetched, and small
   * records whole. Files that the cache holds are read there; a scene on disk is opened on disk.
   *
   * @throws AsterError for what cannot be fetched; NotFoundError for a subsystem that the scene does not hold
   */
  async openRemote<S extends DownloadableScene>(scene: S, options: RemoteOpenOptions<S> = {}): Promise<RemoteDataset> {
    const { subsystem, signal, ...others } = options
    const wanted = subsystem === undefined ? undefined : resolveSubsystem(subsystem)
    const subsystems = wanted === undefined ? undefined : [wanted]
    const streamed = await streamScenes(
      [scene],
      { ...others, subsystems, signal, onWarning: others.onWarning ?? warn },
      this.#tools(options.concurrency),
    )
    const { path } = onlyScene(streamed)
    for (const warning of streamed.warnings) (others.onWarning ?? warn)(warning)
    const { remote } = streamed
    const granule = await (remote === undefined
      ? this.describe(path, { signal })
      : describeRemote(path, remote, signal))
    if (wanted !== undefined && !granule.subsystems.includes(wanted)) throw missingSubsystem(granule, wanted)
    return new RemoteDataset(granule, wanted, remote, streamed.traffic)
  }

  #tools(concurrency: number | undefined): DownloadTools {
    const { credentials } = this.#remote
    const { env } = process
    const endpoints = { ...defaultEndpoints(), ...this.#remote.endpoints }
    const manners = concurrency === undefined ? undefined : { concurrency }
    const http = this.#remote.http ?? createHttpClient({ env, endpoints, manners })
    return { http: dataClient(http, { endpoints, env, credentials, onWarning: warn }), env }
  }

  /** Describes a granule, file or folder, without reading pixels. */
  async describe(path: string, { signal }: CallOptions = {}): Promise<GranuleInfo> {
    return callNative((addon) => addon.describeGranule(path), { signal })
  }

  /** Opens a granule. Asking for a subsystem that it does not hold is an error that says what it does hold. */
  async openDataset(path: string, { subsystem, signal }: OpenOptions = {}): Promise<ASTERDataset> {
    const wanted = subsystem === undefined ? undefined : resolveSubsystem(subsystem)
    const granule = await this.describe(path, { signal })
    if (wanted !== undefined && !granule.subsystems.includes(wanted)) throw missingSubsystem(granule, wanted)
    return new ASTERDataset(granule, wanted)
  }

  /** Opens scenes. One without the subsystem gives a dataset of no bands: absence is normal in a series. */
  async openScenes(scenes: readonly OpenableScene[], { subsystem, signal }: OpenOptions = {}): Promise<ASTERDataset[]> {
    const wanted = subsystem === undefined ? undefined : resolveSubsystem(subsystem)
    const datasets: ASTERDataset[] = []
    for (const scene of scenes) {
      const granule = scene.granule ?? (await this.describe(scene.path, { signal }))
      datasets.push(new ASTERDataset(granule, wanted))
    }
    return datasets
  }
}

/** A dataset whose bands are read where they are hosted. */
export class RemoteDataset extends ASTERDataset {
  readonly #traffic: () => StreamTraffic

  constructor(
    info: GranuleInfo,
    subsystem: string | undefined,
    remote: RangeSource | undefined,
    traffic: () => StreamTraffic,
  ) {
    super(info, subsystem, 'dn', remote && readerOf(remote))
    this.#traffic = traffic
  }

  /** Bytes fetched and requests sent until now, with those of opening. */
  get traffic(): Traffic {
    const { bytesFetched, requests } = this.#traffic()
    return { bytesFetched, requests }
  }
}

function readerOf(source: RangeSource): BandReader {
  return (request, { signal }) =>
    withRemoteFiles(source, signal, (remote) =>
      callNative((addon) => addon.readRemoteBand(request, remote), { signal }),
    )
}

function describeRemote(path: string, source: RangeSource, signal: AbortSignal | undefined): Promise<GranuleInfo> {
  return withRemoteFiles(source, signal, (remote) =>
    callNative((addon) => addon.describeRemoteGranule(path, remote), { signal }),
  )
}

function warn(text: string): void {
  process.emitWarning(text, 'AsterTimeseriesWarning')
}

function missingSubsystem(granule: GranuleInfo, wanted: Subsystem): NotFoundError {
  const held = granule.subsystems.join(', ') || 'none'
  const lost = wanted === 'SWIR' && Date.parse(granule.time) >= SWIR_LOST
  return new NotFoundError(`${granule.id} has no ${wanted} bands; it has ${held}`, {
    path: granule.path,
    hint: lost
      ? 'SWIR data ended in April 2008: choose an earlier scene'
      : `choose one of its subsystems (${held}) or another scene`,
  })
}
