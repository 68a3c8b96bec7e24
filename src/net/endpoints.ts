// The one table of service addresses: the real ones, the variables that replace them, and where redirects may lead.
import { UsageError } from '../errors.js'
import type { MayFollow } from './redirect.js'

/** Base addresses, without a slash at the end. */
export interface Endpoints {
  /** NASA's Common Metadata Repository, search root. */
  readonly cmr: string
  /** Earthdata Login. */
  readonly edl: string
  /** Download host of LP DAAC. */
  readonly lpdaac: string
  /** Where LP DAAC sends an authorized request on to; real hosts go by `SIGNED_HOSTS`. */
  readonly signed: string
  readonly pcStac: string
  /** Planetary Computer's signing service. */
  readonly pcSas: string
  readonly pcBlob: string
  /** Bucket of the AWS open data set. */
  readonly aws: string
}

export type EndpointName = keyof Endpoints

const TABLE: Readonly<Record<EndpointName, { url: string; variable: string }>> = {
  cmr: { url: 'https://cmr.earthdata.nasa.gov/search', variable: 'ASTER_CMR_URL' },
  edl: { url: 'https://urs.earthdata.nasa.gov', variable: 'ASTER_EDL_URL' },
  lpdaac: { url: 'https://data.lpdaac.earthdatacloud.nasa.gov', variable: 'ASTER_LPDAAC_URL' },
  signed: { url: 'https://d1nklfio7vscoe.cloudfront.net', variable: 'ASTER_SIGNED_URL' },
  pcStac: { url: 'https://planetarycomputer.microsoft.com/api/stac/v1', variable: 'ASTER_PC_STAC_URL' },
  pcSas: { url: 'https://planetarycomputer.microsoft.com/api/sas/v1', variable: 'ASTER_PC_SAS_URL' },
  pcBlob: { url: 'https://astersa.blob.core.windows.net', variable: 'ASTER_PC_BLOB_URL' },
  aws: { url: 'https://aster-l1t.s3.us-west-2.amazonaws.com', variable: 'ASTER_AWS_URL' },
}

/** Hosts that serve signed addresses; LP DAAC's redirects end at one of them. */
const SIGNED_HOSTS = [/\.cloudfront\.net$/, /\.s3\.us-west-2\.amazonaws\.com$/, /\.s3\.amazonaws\.com$/]
/** NASA's own hosts that take part in a login or a download. */
const EARTHDATA_HOSTS = [
  /^urs\.earthdata\.nasa\.gov$/,
  /(^|\.)earthdatacloud\.nasa\.gov$/,
  /^cmr\.earthdata\.nasa\.gov$/,
]

/** Variable that replaces a service's address, for messages and tests. */
export function endpointVariable(name: EndpointName): string {
  return TABLE[name].variable
}

/** The addresses to use: the real ones, unless a variable names another. */
export function endpointsFrom(env: Readonly<Record<string, string | undefined>> = {}): Endpoints {
  const address = (name: EndpointName) => {
    const { url, variable } = TABLE[name]
    const given = env[variable]?.trim()
    return given === undefined || given === '' ? url : checkedAddress(variable, given)
  }
  return {
    cmr: address('cmr'),
    edl: address('edl'),
    lpdaac: address('lpdaac'),
    signed: address('signed'),
    pcStac: address('pcStac'),
    pcSas: address('pcSas'),
    pcBlob: address('pcBlob'),
    aws: address('aws'),
  }
}

/** Addresses as the variables that another process takes them from. */
export function endpointVariables(endpoints: Partial<Endpoints>): Record<string, string> {
  const names = Object.keys(TABLE) as EndpointName[]
  return Object.fromEntries(
    names.flatMap((name) => {
      const address = endpoints[name]
      return address === undefined ? [] : [[TABLE[name].variable, address]]
    }),
  )
}

/** The addresses of this process. */
export function defaultEndpoints(): Endpoints {
  return endpointsFrom(process.env)
}

export function isLoopback(url: URL): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname)
}

/** Redirects may go among NASA's own hosts and on to the stores that they sign addresses of; nowhere else. */
export function redirectsWithin(endpoints: Endpoints): MayFollow {
  const isEarthdata = (url: URL) =>
    [endpoints.cmr, endpoints.edl, endpoints.lpdaac].some((own) => new URL(own).origin === url.origin) ||
    (url.protocol === 'https:' && EARTHDATA_HOSTS.some((host) => host.test(url.hostname)))
  const isSigned = (url: URL) =>
    new URL(endpoints.signed).origin === url.origin ||
    (url.protocol === 'https:' && SIGNED_HOSTS.some((host) => host.test(url.hostname)))
  return (from, to) => {
    if (isEarthdata(from)) return isEarthdata(to) || isSigned(to)
    if (isSigned(from)) return isSigned(to)
    return false
  }
}

function checkedAddress(variable: string, given: string): string {
  let url: URL
  try {
    url = new URL(given)
  } catch {
    throw new UsageError(`${variable} is no address`, { code: 'CONFIG', hint: 'give it as https://host/path' })
  }
  const isSecure = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
  if (!isSecure || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new UsageError(`${variable} must be a plain https address`, {
      code: 'CONFIG',
      hint: 'without user, query or fragment; http only for this machine itself',
    })
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}
