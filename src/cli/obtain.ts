// What a search found, brought onto this disk, in the words of the command line.

import type { DownloadReport } from '../access/download.js'
import type { LocalScene, Scene } from '../catalog/scene.js'
import type { SkippedFile } from '../native/contract.js'
import { type ObtainOptions, obtainScenes } from '../processing/obtain.js'
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

/** What a search found as scenes on disk; files that could not be fetched count as skipped granules. */
export async function obtainFound(
  ctx: CliContext,
  found: FoundScenes,
  options: Wanted,
  talk: Talk,
): Promise<FoundScenes & { scenes: LocalScene[] }> {
  const report = await obtain(ctx, found.scenes, options, talk)
  for (const warning of report.warnings) talk.warn(warning)
  const skipped = report.failed.map(({ id, error }): SkippedFile => {
    const { code, message, retryable, hint } = error
    return { path: id, error: { code, message, retryable, ...(hint === undefined ? {} : { hint }) } }
  })
  return { ...found, scenes: report.scenes, skipped: [...found.skipped, ...skipped] }
}
