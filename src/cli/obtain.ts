// What a search found, brought onto this disk, in the words of the command line.

import type { DownloadReport, FailedFile } from '../access/download.js'
import { type StreamedScenes, streamScenes } from '../access/remote-scenes.js'
import type { LocalScene, Scene } from '../catalog/scene.js'
import type { SkippedFile } from '../native/contract.js'
import { type ObtainOptions, obtainScenes, openClients } from '../processing/obtain.js'
import type { CliContext, Talk } from './context.js'
import type { FoundScenes } from './scenes.js'

type Wanted = Omit<ObtainOptions, 'env' | 'signal' | 'onNote' | 'onWarning'>

/** Fetches the files of scenes that are not on disk, and says what is worth saying. */
export function obtain(
  { env, signal }: CliContext,
  scenes: readonly Scene[],
  options: Wanted,
  talk: Talk,
): Promise<DownloadReport<Scene>> {
  return obtainScenes(scenes, { ...options, env, signal, onNote: talk.detail, onWarning: talk.warn })
}

export interface StreamFoundOptions extends Omit<Wanted, 'onEvent' | 'include' | 'offline'> {
  streamCache?: string | undefined
  streamCacheBytes?: number | undefined
}

/** What a search found as scenes whose data are read where they are hosted; records that cannot be fetched skip them. */
export async function streamFound(
  { env, signal }: CliContext,
  found: FoundScenes,
  { connections, ...options }: StreamFoundOptions,
  talk: Talk,
): Promise<FoundScenes & StreamedScenes<Scene> & { scenes: LocalScene[] }> {
  const voices = { onNote: talk.detail, onWarning: talk.warn }
  const { http, records } = openClients({ env, connections, ...voices })
  const wanted = { ...options, concurrency: connections, records, signal, ...voices }
  const streamed = await streamScenes(found.scenes, wanted, { http, env })
  for (const warning of streamed.warnings) talk.warn(warning)
  return { ...found, ...streamed, skipped: [...found.skipped, ...streamed.failed.map(asSkipped)] }
}

function asSkipped({ id, error }: FailedFile): SkippedFile {
  const { code, message, retryable, hint } = error
  return { path: id, error: { code, message, retryable, ...(hint === undefined ? {} : { hint }) } }
}

/** What a search found as scenes on disk; files that could not be fetched count as skipped granules. */
export async function obtainFound(
  ctx: CliContext,
  found: FoundScenes,
  options: Wanted,
  talk: Talk,
): Promise<FoundScenes & { scenes: LocalScene[] }> {
  const report = await obtain(ctx, found.scenes, options, talk)
  for (const warning of report.warnings) talk.warn(warning)
  return { ...found, scenes: report.scenes, skipped: [...found.skipped, ...report.failed.map(asSkipped)] }
}
