// `regions`: the named regions and their boxes.
import type { Command } from 'commander'
import { REGIONS } from '../../geo/regions.js'
import type { CliContext } from '../context.js'
import { DONE, type ExitStatus } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { formatTable, JSON_SCHEMA, toJson } from '../output.js'
import type { Finish } from '../program.js'

export function registerRegions(program: Command, ctx: CliContext, finish: Finish): void {
  const command = program.command('regions').description('list the named regions')
  addOptions(command, ['json']).action(() => finish(runRegions(ctx, readOptions(command, ['json']))))
}

export function runRegions(ctx: CliContext, { json }: OptionValues<'json'>): ExitStatus {
  const regions = Object.entries(REGIONS)
  if (json) {
    const listed = regions.map(([name, bbox]) => ({ name, bbox }))
    ctx.stdout.write(toJson({ schema: JSON_SCHEMA, regions: listed }))
  } else {
    const rows = regions.map(([name, bbox]) => [name, ...bbox.map(String)])
    ctx.stdout.write(formatTable(['name', 'west', 'south', 'east', 'north'], rows))
  }
  return DONE
}
