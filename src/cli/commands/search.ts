// `search`: the scenes of an archive or of a remote catalogue that pass the filters, as JSON, a table and other forms.
import type { Command } from 'commander'
import type { LeftOut } from '../../catalog/backend.js'
import { UsageError } from '../../errors.js'
import { checkOutputPath } from '../../series/output-path.js'
import { type CliContext, type Talk, talkTo } from '../context.js'
import { DONE, type ExitStatus, FAILED } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { JSON_SCHEMA, plural, skippedText, toJson } from '../output.js'
import type { Finish } from '../program.js'
import { withRegion } from '../region.js'
import { formatScenes, linesOf, type SceneLines } from '../scene-formats.js'
import { areaOf, findScenes, openSearch, SCENE_OPTIONS, sayWhatWasLeftOut } from '../scenes.js'
import { openWholeFile } from '../whole-file.js'

const NAMES = [
  ...SCENE_OPTIONS,
  'limit',
  'count',
  'output',
  'overwrite',
  'failOnEmpty',
  'format',
  'json',
  'quiet',
  'verbose',
] as const

export type SearchCommandOptions = OptionValues<(typeof NAMES)[number]>

/** Scenes of a remote search that names no limit: enough to look at, and a handful of requests. */
const REMOTE_LIMIT = 2000

export function registerSearch(program: Command, ctx: CliContext, finish: Finish): void {
  const command = program
    .command('search')
    .description('find scenes; prints a JSON array')
    .argument('[granules...]', 'granules to choose from, beside those of --archive')
  addOptions(command, NAMES).action((paths: string[]) => finish(runSearch(ctx, paths, readOptions(command, NAMES))))
}

export async function runSearch(
  ctx: CliContext,
  paths: readonly string[],
  given: SearchCommandOptions,
): Promise<ExitStatus> {
  const { output, overwrite, json = false } = given
  if (output !== undefined) checkOutputPath(output, { overwrite })
  const options = await withRegion(ctx, given)
  const talk = talkTo(ctx, options)
  if (options.count) return printCount(ctx, paths, options, talk)
  if (areaOf(options)?.crossesAntimeridian) talk.note('west lies east of east: the area crosses the antimeridian')
  if (json && options.format === 'csv') {
    throw new UsageError('--json and --format csv exclude each other', { hint: 'leave one of them out' })
  }
  const format = json && options.format === 'table' ? 'json' : (options.format ?? 'json')
  const lines = linesOf(format)
  const file = output === undefined ? undefined : openWholeFile(output)
  const write = (text: string) => (file ?? ctx.stdout).write(text)
  try {
    let count = 0
    if (lines === undefined) {
      const found = await findScenes(ctx, paths, options, limitOf(options))
      sayWhatWasLeftOut(talk, found)
      write(formatScenes(format, found.scenes))
      count = found.scenes.length
    } else {
      count = await writeLines(ctx, paths, options, lines, write, talk)
    }
    file?.finish()
    if (count === limitOf(options)) talk.note(`stopped at ${plural(count, 'scene')}; --limit sets another bound`)
    if (output !== undefined) talk.note(`wrote ${output}: ${plural(count, 'scene')}`)
    return count === 0 && options.failOnEmpty ? FAILED : DONE
  } finally {
    file?.discard()
  }
}

function limitOf({ backend = 'local', limit }: SearchCommandOptions): number | undefined {
  if (limit === undefined) return backend === 'local' ? undefined : REMOTE_LIMIT
  return Number.isFinite(limit) ? limit : undefined
}

/** Writes scenes as they come, so that memory does not grow with their number. */
async function writeLines(
  ctx: CliContext,
  paths: readonly string[],
  options: SearchCommandOptions,
  { head, line }: SceneLines,
  write: (text: string) => void,
  talk: Talk,
): Promise<number> {
  const { catalog, query } = openSearch(ctx, paths, options)
  let count = 0
  let older = 0
  const leftOut: LeftOut = {
    older: (scene) => {
      older += 1
      talk.detail(`left out ${scene.path ?? scene.id}`)
    },
    skipped: ({ path, error }) => talk.warn(skippedText(path, error)),
    note: (text) => talk.note(text),
  }
  write(head)
  for await (const scene of catalog.iterScenes({ ...query, limit: limitOf(options), leftOut })) {
    write(line(scene))
    count += 1
  }
  if (older > 0) talk.note(`${plural(older, 'older version')} of the same acquisitions left out`)
  return count
}

async function printCount(
  ctx: CliContext,
  paths: readonly string[],
  options: SearchCommandOptions,
  talk: Talk,
): Promise<ExitStatus> {
  const { catalog, query } = openSearch(ctx, paths, options)
  const { count, exact } = await catalog.count(query)
  if (!exact) talk.note('counted by the service, with older processings of the same acquisitions')
  ctx.stdout.write(options.json ? toJson({ schema: JSON_SCHEMA, count, exact }) : `${count}\n`)
  return count === 0 && options.failOnEmpty ? FAILED : DONE
}
