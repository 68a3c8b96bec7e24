// How this machine starts this program again: by absolute paths, since compute nodes have another PATH and often no network.
import { packageFile } from '../package-file.js'

const PROGRAM = packageFile('bin/aster-timeseries.js')

export function ownCommand(): [node: string, program: string] {
  return [process.execPath, PROGRAM]
}
