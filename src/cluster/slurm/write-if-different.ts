// Writes a small file that others may be reading: whole, and not at all when it says the same already.
import { randomBytes } from 'node:crypto'
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { writeFailure } from '../../access/write-file.js'

/** Whether the file had to be written. Under a name of its own first, since two commands may write the same. */
export async function writeIfDifferent(path: string, text: string, mode: number): Promise<boolean> {
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return false
  const draft = `${path}.${randomBytes(4).toString('hex')}.new`
  try {
    await writeFile(draft, text, { mode })
    await chmod(draft, mode)
    await rename(draft, path)
    return true
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => {})
    throw await writeFailure(cause, path)
  }
}
