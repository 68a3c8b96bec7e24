// A text file that appears under its name only when it is complete.
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { systemCode } from '../access/write-file.js'
import { OutputError, systemReason } from '../errors.js'

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
      throw failure(cause, path)
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

function failure(cause: unknown, path: string): OutputError {
  const code = systemCode(cause)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const hint = 'free some space or choose another --output; nothing was left behind'
    return new OutputError('DISK_FULL', `no space left while writing ${path}`, { path, hint, cause })
  }
  const hint = 'check the folder and its permissions, or choose another --output'
  return new OutputError('OUTPUT_IO', `cannot write ${path}: ${systemReason(cause)}`, { path, hint, cause })
}
