// Reads the text files that options name; `-` is what is piped in.
import { readFile } from 'node:fs/promises'
import { UsageError } from '../errors.js'
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
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UsageError(`${flag}: cannot read ${path}`, { path, hint: reason, cause })
  }
}
