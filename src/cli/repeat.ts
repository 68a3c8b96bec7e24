// Runs again what a plan, a report or an output holds: reads the request, and takes what may differ from the options.
import { extname } from 'node:path'
import { UsageError } from '../errors.js'
import { present } from '../native/call.js'
import type { CubeOutput, CubeRequest } from '../native/contract.js'
import { checkpointsBeside, formatOf, isFileFormat } from '../series/output-path.js'
import { readRequest } from '../series/run.js'
import type { CliContext } from './context.js'
import { readInput } from './input.js'
import { longFlag, OPTIONS, type OptionName, type OptionValues } from './options.js'

/** Options that say where the result goes and how the work is done; all others are in the request. */
const FREE = [
  'request',
  'plan',
  'output',
  'fileFormat',
  'checkpoints',
  'quicklook',
  'overwrite',
  'nWorkers',
  'maxMemory',
  'strict',
  'dryRun',
  'json',
  'quiet',
  'verbose',
  'progress',
] as const satisfies OptionName[]

export type RepeatOptions = OptionValues<(typeof FREE)[number]>

/** Throws when an option or a granule is named that the request already decides about. */
export function checkFree(paths: readonly string[], names: readonly OptionName[], options: RepeatOptions): void {
  if (options.request !== undefined && options.plan !== undefined) {
    throw new UsageError('--request and --plan exclude each other')
  }
  const flag = options.plan === undefined ? '--request' : '--plan'
  const free: readonly OptionName[] = FREE
  const decided = names.find((name) => !free.includes(name) && name in options)
  const other = paths.length > 0 ? 'granules' : decided && longFlag(OPTIONS[decided].flags)
  if (other === undefined) return
  throw new UsageError(`${flag} already decides about ${other}`, {
    hint: `leave it out; beside ${flag} there are --output, --overwrite, --quicklook, --n-workers and --max-memory`,
  })
}

/** The request that the options name, as it is to be run now. */
export async function repeatedRequest(ctx: CliContext, options: RepeatOptions): Promise<CubeRequest> {
  const flag = options.plan === undefined ? '--request' : '--plan'
  const { name, text } = await readInput(ctx, flag, options.plan ?? options.request ?? '-')
  const before = readRequest(text, name)
  return present<CubeRequest>({
    ...before,
    output: repeatedOutput(before.output, options),
    nWorkers: options.nWorkers ?? before.nWorkers,
    maxMemoryBytes: options.maxMemory ?? before.maxMemoryBytes,
    strict: options.strict ?? before.strict,
    history: options.dryRun ? undefined : ctx.commandLine,
  })
}

/** Whether something may be replaced or is kept is said anew each time, and a picture belongs to its output. */
function repeatedOutput(before: CubeOutput, options: RepeatOptions): CubeOutput {
  const { output, quicklook, overwrite, fileFormat, checkpoints } = options
  const path = output ?? before.path
  if (path === undefined && options.dryRun) return { format: 'statistics' }
  if (path === undefined) {
    throw new UsageError('the request names no output', { hint: 'name the file to write: --output series.nc' })
  }
  const keepsFormat = isFileFormat(before.format) && extname(path) === extname(before.path ?? path)
  return present<CubeOutput>({
    ...before,
    format: formatOf(path, fileFormat ?? (keepsFormat ? before.format : undefined)),
    path,
    checkpoints: checkpoints ? checkpointsBeside(path) : undefined,
    quicklook: quicklook ?? (output === undefined ? before.quicklook : undefined),
    overwrite,
  })
}
