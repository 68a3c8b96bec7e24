// Writes the job scripts and `submit.sh`: each whole, only when it changed, with the folder of logs beside them.
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { writeFailure } from '../../access/write-file.js'
import { arrayChunks, compressIndices } from './index-list.js'
import { jobComment, type RunPlace } from './job-comment.js'
import { packList, writeList } from './pack-list.js'
import { shellWord } from './quote.js'
import { arrayScript, packScript, type ScriptContext, type ScriptUnit, stopPath, tileScript } from './script.js'
import type { SlurmSettings } from './settings.js'
import { writeIfDifferent } from './write-if-different.js'

export const ARRAY_SCRIPT = 'tiles.array.sbatch'
export const PACK_SCRIPT = 'tiles.pack.sbatch'
const SUBMIT_SCRIPT = 'submit.sh'

/** What an earlier command wrote, so that scripts of tiles that are gone can go too, and nobody else's. */
const IndexJson = z.object({ schema: z.literal(1), scriptDir: z.string(), scripts: z.array(z.string()) })

export interface WrittenScripts {
  readonly tiles: number
  /** Of all files, how many are new or changed. */
  readonly changed: number
  readonly removed: number
}

export async function writeScripts(
  context: ScriptContext,
  settings: SlurmSettings,
  units: AsyncIterable<ScriptUnit>,
  chunk: number,
): Promise<WrittenScripts> {
  const { scriptDir, logDir } = settings
  const records = join(context.runFolder, 'slurm')
  // Slurm fails a job whose log has no folder, and leaves no word of why.
  for (const folder of [scriptDir, logDir, records]) await makeFolder(folder)
  const names: string[] = []
  const indices: number[] = []
  let changed = 0
  const put = async (name: string, text: string, mode: number) => {
    if (await writeIfDifferent(join(scriptDir, name), text, mode)) changed += 1
  }
  for await (const unit of units) {
    names.push(tileScriptName(unit))
    indices.push(unit.index)
    await put(tileScriptName(unit), tileScript(context, settings, unit), 0o644)
  }
  await put(ARRAY_SCRIPT, arrayScript(context, settings), 0o644)
  await put(PACK_SCRIPT, packScript(context, settings), 0o644)
  const list = packList(indices, settings.tilesPerJob)
  const listPath = await writeList(context.runFolder, list)
  await put(SUBMIT_SCRIPT, submitScript(context, settings, indices, list.length, listPath, chunk), 0o755)
  const removed = await removeStale(context.runFolder, scriptDir, names)
  return { tiles: names.length, changed, removed }
}

export function tileScriptName({ id }: Pick<ScriptUnit, 'id'>): string {
  return `${id}.sbatch`
}

/** The commands that submit everything, for those who want to see or to change them. */
export function submitScript(
  run: ScriptContext,
  { scriptDir, arrayThrottle, mode }: SlurmSettings,
  indices: readonly number[],
  packedJobs: number,
  listPath: string,
  chunk: number,
): string {
  const arrays = arrayChunks(indices, chunk).map(({ offset, elements }) => {
    const list = `${compressIndices(elements)}%${arrayThrottle}`
    return `    sbatch --array=${list} --comment=${jobComment(run, 'array', offset)} ${ARRAY_SCRIPT} ${offset} ;;`
  })
  const packs = Array.from({ length: Math.ceil(packedJobs / chunk) }, (_, place) => {
    const last = Math.min(packedJobs, (place + 1) * chunk) - 1
    const list = `${place * chunk}-${last}%${arrayThrottle}`
    return `    sbatch --array=${list} --comment=${packComment(run, listPath)} ${PACK_SCRIPT} ${shellWord(listPath)} ;;`
  })
  const oneCase = (lines: readonly string[]) => lines.join('\n').replaceAll(' ;;\n', '\n')
  return `#!/bin/bash
# Submits every tile of plan ${run.hash}; tiles that are done end at once. \`global-run --slurm-submit\` submits only what is
# open, and tries again when Slurm does not answer.
# usage: submit.sh [array | per-tile | pack]
set -eu
cd ${shellWord(scriptDir)}
# These would end up in the accounting database, or overrule the scripts.
unset EARTHDATA_TOKEN EARTHDATA_USERNAME EARTHDATA_PASSWORD PC_SDK_SUBSCRIPTION_KEY \${!SBATCH_@}
rm -f ${shellWord(stopPath(run.runFolder))}
case \${1:-${mode}} in
  array)
${oneCase(arrays)}
  per-tile)
    for script in *.sbatch; do
      case $script in tiles.*) ;; *) sbatch "$script" ;; esac
    done ;;
  pack)
${oneCase(packs)}
  *) sed -n '4s/^# //p' "$0" >&2; exit 2 ;;
esac
`
}

export function packComment(run: RunPlace, listPath: string): string {
  return jobComment(run, 'pack', /([0-9a-f]+)\.txt$/.exec(listPath)?.[1] ?? '')
}

async function removeStale(runFolder: string, scriptDir: string, names: readonly string[]): Promise<number> {
  const path = join(runFolder, 'slurm', 'index.json')
  const before = await readFile(path, 'utf8').then(parseIndex, () => undefined)
  const kept = new Set(names)
  const stale = before?.scriptDir === scriptDir ? before.scripts.filter((name) => !kept.has(name)) : []
  for (const name of stale) {
    if (/^[\w.+-]+\.sbatch$/.test(name)) await rm(join(scriptDir, name), { force: true }).catch(() => {})
  }
  const index = { schema: 1, scriptDir, scripts: [...names] } satisfies z.input<typeof IndexJson>
  await writeIfDifferent(path, `${JSON.stringify(index)}\n`, 0o644)
  return stale.length
}

function parseIndex(text: string): z.output<typeof IndexJson> | undefined {
  try {
    return IndexJson.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (cause) {
    throw await writeFailure(cause, path)
  }
}
