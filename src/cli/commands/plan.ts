// `plan`: searches once, cuts the area into tiles, and writes what every tile needs; nothing is computed.
import type { Command } from 'commander'
import { type CliContext, talkTo } from '../context.js'
import type { ExitStatus } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { formatBytes, formatFacts, JSON_SCHEMA, plural, toJson } from '../output.js'
import { PLAN_OPTIONS, type PlannedTiles, planningStatus, planTiles } from '../planning.js'
import type { Finish } from '../program.js'

const NAMES = [...PLAN_OPTIONS, 'json', 'quiet', 'verbose'] as const
export type PlanCommandOptions = OptionValues<(typeof NAMES)[number]>

export function registerPlan(program: Command, ctx: CliContext, finish: Finish): void {
  const command = program.command('plan').description('cut an area into tiles and write a plan of units to run')
  addOptions(command, NAMES).action(() => finish(runPlan(ctx, readOptions(command, NAMES))))
}

export async function runPlan(ctx: CliContext, options: PlanCommandOptions): Promise<ExitStatus> {
  const talk = talkTo(ctx, { quiet: options.quiet || options.json, verbose: options.verbose })
  const made = await planTiles(ctx, options, talk)
  ctx.stdout.write(options.json ? planJson(made) : formatMade(made))
  return planningStatus(made, options)
}

function planJson({ plan, tiles, found, fetchBytes, skipped }: PlannedTiles): string {
  const { manifestPath: manifest, hash, product, shared } = plan
  const { units, scenes, scenesOfUnits } = shared.counts
  const counts = { tiles, units, found, scenes, scenesOfUnits, fetchBytes }
  return toJson({ schema: JSON_SCHEMA, manifest, hash, product, ...counts, skipped })
}

function formatMade({ plan, tiles, found, fetchBytes }: PlannedTiles): string {
  const { counts, outputDir, cacheDir, format, tileOutput } = plan.shared
  const { units, scenes, scenesOfUnits } = counts
  const toFetch = fetchBytes > 0 ? `; ${formatBytes(fetchBytes)} of files` : ''
  const facts: [string, string][] = [
    ['units', `${units}, one for each of ${plural(tiles, 'tile')} with scenes`],
    ['scenes', `${scenes} of ${found} found, used ${scenesOfUnits} times${toFetch}`],
    ['output', `${format}, ${tileOutput}, in ${outputDir}`],
    ['cache', cacheDir],
  ]
  return `wrote ${plan.manifestPath}\n${formatFacts(facts)}`
}
