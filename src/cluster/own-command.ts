// How this machine starts this program again: by absolute paths, since compute nodes have another PATH and often no network.
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../bin/aster-timeseries.js', import.meta.url))

export function ownCommand(): [node: string, program: string] {
  return [process.execPath, PROGRAM]
}
