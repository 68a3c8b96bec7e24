// Reads the text files that options name; `-` is what is piped in.
import { readFile } from 'node:fs/promises'
import { AbortError, systemReason, UsageError } from '../errors.js'
import type { CliContext } from './context.js'

export interface Input {
  /** What messages call it. */
  name: string
  text: string
}

export async function readInput(ctx: CliContext, flag: string, path: string): Promise<Input> {
  if (path === '-') return { name: 'stdin', text: await ctx.stdin() }
  try {
    return { name: path, text: await readFile(path, { encoding: 'utf8', signal: ctx.signal }) }
  } catch (cause) {
    if (ctx.signal.aborted) throw new AbortError(undefined, { cause })
    const hint = 'name a file that can be read, or - for what is piped in'
    throw new UsageError(`${flag}: cannot read ${path}: ${systemReason(cause)}`, { path, hint, cause })
  }
}
