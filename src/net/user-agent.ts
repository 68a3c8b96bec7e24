// Who we say we are: name, version and where to complain.
import { readFileSync } from 'node:fs'
import { packageFile } from '../package-file.js'

const HOME = 'https://github.com/aster-timeseries/aster-timeseries'

export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'))
  const hasVersion = typeof manifest === 'object' && manifest !== null && 'version' in manifest
  return hasVersion && typeof manifest.version === 'string' ? manifest.version : 'unknown'
}

/** Must not begin with "Mozilla": Earthdata answers browsers with login pages, programs with status codes. */
export function userAgent(): string {
  return `aster-timeseries/${packageVersion()} (+${HOME})`
}
