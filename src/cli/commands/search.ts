// `search`: the scenes of an archive that pass the filters, as JSON or a table.
import { renameSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Scene } from '../../catalog/scene.js'
import { OutputError } from '../../errors.js'
import { checkOutputPath } from '../../series/output-path.js'
import { type CliContext, talkTo } from '../context.js'
import { DONE, type ExitStatus, FAILED } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { formatDegrees, formatTable, plural, toJson } from '../output.js'
import type { Finish } from '../program.js'
import { areaOf, findScenes, SCENE_OPTIONS, sayWhatWasLeftOut } from '../scenes.js'

const NAMES = [...SCENE_OPTIONS, 'output', 'overwrite', 'failOnEmpty', 'format', 'json', 'quiet', 'verbose'] as const

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
  options: OptionValues<(typeof NAMES)[number]>,
): Promise<ExitStatus> {
  const { output, overwrite, format = 'json', json = false } = options
  if (output !== undefined) checkOutputPath(output, { overwrite })
  const found = await findScenes(ctx, paths, options)
  const talk = talkTo(ctx, options)
  if (areaOf(options)?.crossesAntimeridian) talk.note('west lies east of east: the area crosses the antimeridian')
  sayWhatWasLeftOut(talk, found)
  const asTable = format === 'table' && !json
  const text = asTable ? sceneTable(found.scenes) : toJson(found.scenes)
  if (output === undefined) {
    ctx.stdout.write(text)
  } else {
    writeWhole(output, text)
    talk.note(`wrote ${output}: ${plural(found.scenes.length, 'scene')}`)
  }
  return found.scenes.length === 0 && options.failOnEmpty ? FAILED : DONE
}

function sceneTable(scenes: readonly Scene[]): string {
  const rows = scenes.map(({ time, product, cloudCoverPercent, subsystems, bbox, path }) => [
    time.slice(0, 19),
    product,
    cloudCoverPercent === undefined ? '-' : String(Math.round(cloudCoverPercent)),
    subsystems.join(','),
    [bbox.west, bbox.south, bbox.east, bbox.north].map(formatDegrees).join(' '),
    path,
  ])
  return formatTable(['time', 'product', 'cloud %', 'subsystems', 'west south east north', 'path'], rows)
}

/** Writes a file that is either whole or absent. */
function writeWhole(path: string, text: string): void {
  const partial = `${path}.partial`
  try {
    writeFileSync(partial, text)
    renameSync(partial, path)
  } catch (cause) {
    throw new OutputError('OUTPUT_IO', `cannot write ${path}`, { path, cause })
  }
}
