// Brings the scenes of a search onto this disk: through the cache, with the records that their gains are in.

import { dataClient } from '../access/data-client.js'
import type { AcquisitionRecordSource, DownloadReport } from '../access/download.js'
import { downloadScenes, planScenes } from '../access/download.js'
import type { DownloadEvent } from '../access/download-events.js'
import type { SelectionOptions } from '../access/selection.js'
import { ASTERCatalog } from '../catalog/catalog.js'
import type { Scene } from '../catalog/scene.js'
import { NotFoundError } from '../errors.js'
import { callNow } from '../native/call.js'
import { endpointsFrom } from '../net/endpoints.js'
import { createHttpClient, type HttpClient } from '../net/http.js'
import { resolveIndex } from '../series/request.js'

/** What clients are made from. */
export interface ClientOptions {
  /** Files of one host at a time. */
  connections?: number | undefined
  env: Readonly<Record<string, string | undefined>>
  onNote?: ((text: string) => void) | undefined
  onWarning?: ((text: string) => void) | undefined
}

export interface Clients {
  http: HttpClient
  records: AcquisitionRecordSource<Scene>
}

export interface ObtainOptions extends SelectionOptions, ClientOptions {
  cacheDir?: string | undefined
  /** Take what is on disk, and ask nobody. */
  offline?: boolean | undefined
  signal?: AbortSignal | undefined
  onEvent?: ((event: DownloadEvent) => void) | undefined
}

/** Fetches the files of scenes that are not on disk. Credentials are looked for when a host wants them. */
export async function obtainScenes(scenes: readonly Scene[], options: ObtainOptions): Promise<DownloadReport<Scene>> {
  const { connections, offline = false, env, onNote: _note, onWarning: _warning, ...selection } = options
  if (offline) return cachedScenes(scenes, options)
  const { http, records } = openClients(options)
  return downloadScenes(scenes, { ...selection, concurrency: connections, records }, { http, env })
}

/** The client that data are fetched with, and the catalogue that knows gains. */
export function openClients({ env, connections, onNote, onWarning }: ClientOptions): Clients {
  const endpoints = endpointsFrom(env)
  const client = { env, endpoints, onNote }
  const records = new ASTERCatalog({ backend: 'earthaccess', endpoints, http: createHttpClient(client) })
  const manners = connections === undefined ? undefined : { concurrency: connections }
  return { http: dataClient(createHttpClient({ ...client, manners }), { endpoints, env, onWarning }), records }
}

/** Scenes whose files are all in the cache; the first one that is not ends it. */
async function cachedScenes(scenes: readonly Scene[], options: ObtainOptions): Promise<DownloadReport<Scene>> {
  const { env, ...selection } = options
  const plan = await planScenes(scenes, selection, env)
  const missing = plan.granules.flatMap(({ files }) => files.filter(({ isCached }) => !isCached))
  const [first] = missing
  if (first !== undefined) {
    throw new NotFoundError(`${missing.length} files are not in the cache ${plan.cacheDir}; the first: ${first.name}`, {
      hint: 'fetch them where there is a network: `aster-timeseries download`, or run without --offline',
    })
  }
  return downloadScenes(scenes, selection, { http: NO_NETWORK, env })
}

const NO_NETWORK: HttpClient = {
  send: ({ what }) => Promise.reject(new NotFoundError(`${what} needs the network, and --offline was asked for`)),
}

/** The bands that a stack needs, for fetching no others: those asked for, those of its indices, else the default. */
export function neededBands(options: {
  product?: string | undefined
  bands?: readonly string[] | undefined
  index?: readonly string[] | undefined
  subsystem?: readonly string[] | undefined
}): SelectionOptions {
  const { bands = [], index = [], subsystem = [] } = options
  const known = index.length === 0 ? [] : callNow((addon) => addon.indices())
  const names = index.map(resolveIndex)
  const ofIndices = known.filter(({ name }) => names.includes(name)).flatMap((one) => one.bands)
  const isDefault = bands.length === 0 && index.length === 0 && subsystem.length === 0
  // Products of level 2 hold what they are named after, and all of it is stacked.
  const byDefault = /^AST(_L1|14OTH)/.test(options.product ?? 'AST_L1T') ? ['VNIR'] : []
  return { bands: [...new Set([...bands, ...ofIndices])], subsystems: isDefault ? byDefault : subsystem }
}
