// `products` and `indices`: what can be asked for, from the engine's own tables.
import type { Command } from 'commander'
import { callNow } from '../../native/call.js'
import type { CliContext } from '../context.js'
import { DONE, type ExitStatus } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { formatTable, JSON_SCHEMA, toJson } from '../output.js'
import type { Finish } from '../program.js'

type ListOptions = OptionValues<'json'>

export function registerProducts(program: Command, ctx: CliContext, finish: Finish): void {
  const products = program.command('products').description('list the products that can be read')
  addOptions(products, ['json']).action(() => finish(runProducts(ctx, readOptions(products, ['json']))))
  const indices = program.command('indices').description('list the spectral indices that can be computed')
  addOptions(indices, ['json']).action(() => finish(runIndices(ctx, readOptions(indices, ['json']))))
}

export function runProducts(ctx: CliContext, { json }: ListOptions): ExitStatus {
  const products = callNow((addon) => addon.products())
  if (json) {
    ctx.stdout.write(toJson({ schema: JSON_SCHEMA, products }))
    return DONE
  }
  const rows = products.map(({ name, level, subsystems, pixelSizesM, units, title }) => [
    name,
    level,
    subsystems.join(',') || '-',
    pixelSizesM.join(','),
    units,
    title,
  ])
  ctx.stdout.write(formatTable(['name', 'level', 'subsystems', 'pixel m', 'units', 'title'], rows))
  return DONE
}

export function runIndices(ctx: CliContext, { json }: ListOptions): ExitStatus {
  const indices = callNow((addon) => addon.indices())
  if (json) {
    ctx.stdout.write(toJson({ schema: JSON_SCHEMA, indices }))
    return DONE
  }
  const rows = indices.map(({ name, bands, computedFrom, formula, title }) => [
    name,
    bands.join(','),
    computedFrom,
    formula,
    title,
  ])
  ctx.stdout.write(formatTable(['name', 'bands', 'computed from', 'formula', 'title'], rows))
  return DONE
}
