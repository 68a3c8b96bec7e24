// `cache`: what the cache holds, whether it is still whole, and making room in it.
import type { Command } from 'commander'
import { listCache, pruneCache, verifyCache } from '../../access/cache.js'
import { cacheDirOf } from '../../access/cache-folder.js'
import { UsageError } from '../../errors.js'
import { type CliContext, talkTo } from '../context.js'
import { DONE, type ExitStatus } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { formatBytes, formatTable, JSON_SCHEMA, plural, toJson } from '../output.js'
import type { Finish } from '../program.js'

const NAMES = ['cacheDir', 'json', 'quiet', 'verbose'] as const
const PRUNE_NAMES = ['maxSize', 'dryRun', ...NAMES] as const

type Options = OptionValues<(typeof NAMES)[number]>

/** The status of damaged data. */
const DAMAGED: ExitStatus = 65

export function registerCache(program: Command, ctx: CliContext, finish: Finish): void {
  const cache = program.command('cache').description('granules that were downloaded')
  const list = cache.command('list').description('print what the cache holds')
  addOptions(list, NAMES).action(() => finish(runCacheList(ctx, readOptions(list, NAMES))))
  const verify = cache
    .command('verify')
    .description('read every file and compare sizes and checksums; print damaged ones')
  addOptions(verify, NAMES).action(() => finish(runCacheVerify(ctx, readOptions(verify, NAMES))))
  const prune = cache.command('prune').description('remove granules, those unused for longest first; print what went')
  addOptions(prune, PRUNE_NAMES, { dryRun: 'print what would go; remove nothing' }).action(() =>
    finish(runCachePrune(ctx, readOptions(prune, PRUNE_NAMES))),
  )
}

export async function runCacheList(ctx: CliContext, options: Options): Promise<ExitStatus> {
  const cacheDir = cacheDirOf(options.cacheDir, ctx.env)
  const granules = await listCache(cacheDir)
  const bytes = granules.reduce((sum, granule) => sum + granule.bytes, 0)
  if (options.json) {
    ctx.stdout.write(toJson({ schema: JSON_SCHEMA, cacheDir, bytes, granules }))
    return DONE
  }
  const rows = granules.map((granule) => [
    granule.product,
    granule.state,
    String(granule.files),
    formatBytes(granule.bytes),
    granule.usedAt.slice(0, 10),
    granule.path,
  ])
  if (rows.length > 0) ctx.stdout.write(formatTable(['product', 'state', 'files', 'size', 'used', 'path'], rows))
  talkTo(ctx, options).note(`${plural(granules.length, 'granule')}, ${formatBytes(bytes)} in ${cacheDir}`)
  return DONE
}

export async function runCacheVerify(ctx: CliContext, options: Options): Promise<ExitStatus> {
  const talk = talkTo(ctx, { quiet: options.quiet || options.json, verbose: options.verbose })
  const cacheDir = cacheDirOf(options.cacheDir, ctx.env)
  const onFile = (path: string) => talk.detail(path)
  const report = await verifyCache(cacheDir, { signal: ctx.signal, onFile })
  if (options.json) ctx.stdout.write(toJson({ schema: JSON_SCHEMA, cacheDir, ...report }))
  else ctx.stdout.write(report.damaged.map(({ path, reason }) => `${path}: ${reason}\n`).join(''))
  const unknown = report.unknown === 0 ? '' : `; ${plural(report.unknown, 'file')} without a record`
  talk.note(`${plural(report.files, 'file')} of ${plural(report.granules, 'granule')} read${unknown}`)
  if (report.damaged.length === 0) return DONE
  talk.warn(`${plural(report.damaged.length, 'file')} damaged; the next download brings them anew`)
  return DAMAGED
}

export async function runCachePrune(
  ctx: CliContext,
  options: OptionValues<(typeof PRUNE_NAMES)[number]>,
): Promise<ExitStatus> {
  const { maxSize, dryRun } = options
  if (maxSize === undefined)
    throw new UsageError('--max-size is missing', { hint: 'say what may stay: --max-size 500G' })
  const talk = talkTo(ctx, { quiet: options.quiet || options.json, verbose: options.verbose })
  const cacheDir = cacheDirOf(options.cacheDir, ctx.env)
  const report = await pruneCache(cacheDir, maxSize, { dryRun })
  if (options.json) ctx.stdout.write(toJson({ schema: JSON_SCHEMA, cacheDir, ...report }))
  else ctx.stdout.write(report.removed.map(({ path }) => `${path}\n`).join(''))
  for (const { path } of report.claimed) talk.note(`kept ${path}: somebody works on it`)
  const { bytesBefore, bytesAfter } = report
  const verb = dryRun ? 'would remove' : 'removed'
  talk.note(
    `${verb} ${plural(report.removed.length, 'granule')}: ${formatBytes(bytesBefore)} before, ${formatBytes(bytesAfter)} after`,
  )
  return DONE
}
