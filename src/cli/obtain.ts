// Brings the scenes of a search onto this disk: through the cache, with the records that their gains are in.

import { dataClient } from '../access/data-client.js'
import type { AcquisitionRecordSource, DownloadReport } from '../access/download.js'
import { downloadScenes } from '../access/download.js'
import type { DownloadEvent } from '../access/download-events.js'
import type { SelectionOptions } from '../access/selection.js'
import { ASTERCatalog } from '../catalog/catalog.js'
import type { LocalScene, Scene } from '../catalog/scene.js'
import { callNow } from '../native/call.js'
import type { SkippedFile } from '../native/contract.js'
import { endpointsFrom } from '../net/endpoints.js'
import { createHttpClient } from '../net/http.js'
import { resolveIndex } from '../series/request.js'
import type { CliContext, Talk } from './context.js'
import type { FoundScenes } from './scenes.js'

export interface ObtainOptions extends SelectionOptions {
  cacheDir?: string | undefined
  /** Files of one host at a time. */
  connections?: number | undefined
  onEvent?: ((event: DownloadEvent) => void) | undefined
}

/** Fetches the files of scenes that are not on disk. Credentials are looked for when a host wants them. */
export async function obtainScenes(
  ctx: CliContext,
  scenes: readonly Scene[],
  { connections, ...options }: ObtainOptions,
  talk: Talk,
): Promise<DownloadReport<Scene>> {
  const { env, signal } = ctx
  const endpoints = endpointsFrom(env)
  const client = { env, endpoints, onNote: (text: string) => talk.detail(text) }
  const records: AcquisitionRecordSource<Scene> = new ASTERCatalog({
    ...{ backend: 'earthaccess', endpoints },
    http: createHttpClient(client),
  })
  const manners = connections === undefined ? undefined : { concurrency: connections }
  const onWarning = (text: string) => talk.warn(text)
  const http = dataClient(createHttpClient({ ...client, manners }), { endpoints, env, onWarning })
  return downloadScenes(scenes, { ...options, concurrency: connections, records, signal }, { http, env })
}

/** What a search found as scenes on disk; files that could not be fetched count as skipped granules. */
export async function obtainFound(
  ctx: CliContext,
  found: FoundScenes,
  options: ObtainOptions,
  talk: Talk,
): Promise<FoundScenes & { scenes: LocalScene[] }> {
  const report = await obtainScenes(ctx, found.scenes, options, talk)
  for (const warning of report.warnings) talk.warn(warning)
  const skipped = report.failed.map(({ id, error }): SkippedFile => {
    const { code, message, retryable, hint } = error
    return { path: id, error: { code, message, retryable, ...(hint === undefined ? {} : { hint }) } }
  })
  return { ...found, scenes: report.scenes, skipped: [...found.skipped, ...skipped] }
}

/** The bands that a stack needs, for fetching no others: those asked for, those of its indices, else VNIR. */
export function neededBands(options: {
  bands?: readonly string[] | undefined
  index?: readonly string[] | undefined
  subsystem?: readonly string[] | undefined
}): SelectionOptions {
  const { bands = [], index = [], subsystem = [] } = options
  const known = index.length === 0 ? [] : callNow((addon) => addon.indices())
  const names = index.map(resolveIndex)
  const ofIndices = known.filter(({ name }) => names.includes(name)).flatMap((one) => one.bands)
  const isDefault = bands.length === 0 && index.length === 0 && subsystem.length === 0
  return { bands: [...new Set([...bands, ...ofIndices])], subsystems: isDefault ? ['VNIR'] : subsystem }
}
