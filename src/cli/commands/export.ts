// `export`: a plan as a script for an engine that this program does not drive itself.
import type { Command } from 'commander'
import { EXPORTS, type ExportName, exportPlan } from '../../cluster/export/export.js'
import { packageVersion } from '../../net/user-agent.js'
import { iterUnits, openPlan } from '../../processing/manifest.js'
import { ownCommand } from '../../processing/own-command.js'
import { type CliContext, talkTo } from '../context.js'
import { DONE, type ExitStatus } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { plural } from '../output.js'
import { parseChoice } from '../parse.js'
import type { Finish } from '../program.js'
import { openWholeFile } from '../whole-file.js'

const NAMES = ['output', 'atOnce', 'image', 'volumeClaim', 'jobQueue', 'fileSystem', 'quiet', 'verbose'] as const

type Options = OptionValues<(typeof NAMES)[number]>

/** As many units at a time as a shared cluster hardly minds. */
const AT_ONCE = 20

export function registerExport(program: Command, ctx: CliContext, finish: Finish): void {
  const engines = Object.entries(EXPORTS).map(([name, { title }]) => `  ${name.padEnd(10)} ${title}`)
  const command = program
    .command('export')
    .description('write a plan out as a script for another engine')
    .argument('<engine>', Object.keys(EXPORTS).join(', '))
    .argument('<run>', 'run folder of `plan`, or its plan-....jsonl')
    .addHelpText('after', `\nEngines:\n${engines.join('\n')}`)
  addOptions(command, NAMES).action((engine: string, run: string) =>
    finish(runExport(ctx, engine, run, readOptions(command, NAMES))),
  )
}

export async function runExport(ctx: CliContext, engine: string, run: string, options: Options): Promise<ExitStatus> {
  const name = parseChoice('engine', engine, Object.keys(EXPORTS) as ExportName[])
  const plan = await openPlan(run)
  let [threads, memoryMiB] = [1, 1]
  for await (const unit of iterUnits(plan)) {
    threads = Math.max(threads, unit.threads)
    memoryMiB = Math.max(memoryMiB, unit.memoryMiB)
  }
  const { runFolder, manifestPath: manifest, hash, unitCount } = plan
  const { atOnce = AT_ONCE, image, volumeClaim, jobQueue, fileSystem } = options
  const given = { atOnce, image, volumeClaim, jobQueue, fileSystem }
  const command = ownCommand()
  const text = exportPlan(name, {
    ...given,
    ...{ runFolder, manifest, hash, unitCount, threads, memoryMiB, command },
    version: packageVersion(),
  })
  if (options.output === undefined) {
    ctx.stdout.write(text)
    return DONE
  }
  const file = openWholeFile(options.output)
  try {
    file.write(text)
    file.finish()
  } finally {
    file.discard()
  }
  talkTo(ctx, options).note(`wrote ${options.output}: ${EXPORTS[name].title}, ${plural(unitCount, 'unit')}`)
  return DONE
}
