// A token kept on disk, only where the user names a file for it: for their eyes only, and never half-written.
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { OutputError } from '../errors.js'

const kept = z.object({ service: z.string(), username: z.string(), token: z.string() })

export type KeptToken = z.output<typeof kept>

/** The token in a file; `undefined` if there is none, if others can read it, or if it is something else. */
export async function readTokenFile(path: string): Promise<KeptToken | undefined> {
  try {
    const { mode } = await stat(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) return undefined
    const given: unknown = JSON.parse(await readFile(path, 'utf8'))
    return kept.safeParse(given).data
  } catch {
    return undefined
  }
}

/** Writes the file with mode 0600, whole or not at all. */
export async function writeTokenFile(path: string, token: KeptToken): Promise<void> {
  const partial = `${path}.${randomUUID()}.part`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(partial, JSON.stringify(token), { mode: 0o600, flag: 'wx' })
    await rename(partial, path)
  } catch (cause) {
    await rm(partial, { force: true })
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new OutputError('OUTPUT_IO', `cannot keep the token in ${path} (${code})`, { path, cause })
  }
}
