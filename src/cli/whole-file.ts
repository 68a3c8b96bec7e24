// A text file that appears under its name only when it is complete.
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { OutputError } from '../errors.js'

export interface WholeFile {
  write(text: string): void
  /** Gives the file its name. */
  finish(): void
  /** Leaves nothing behind; does nothing after `finish`. */
  discard(): void
}

export function openWholeFile(path: string): WholeFile {
  const partial = `${path}.${process.pid}.partial`
  const orFail = <T>(step: () => T): T => {
    try {
      return step()
    } catch (cause) {
      throw new OutputError('OUTPUT_IO', `cannot write ${path}`, { path, cause })
    }
  }
  const file = orFail(() => openSync(partial, 'w'))
  let isOpen = true
  return {
    write: (text) => orFail(() => writeSync(file, text)),
    finish: () => {
      isOpen = false
      orFail(() => {
        closeSync(file)
        renameSync(partial, path)
      })
    },
    discard: () => {
      if (!isOpen) return
      isOpen = false
      closeSync(file)
      rmSync(partial, { force: true })
    },
  }
}
