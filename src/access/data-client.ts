// The client that data are fetched with: credentials for NASA's download hosts, signatures for Planetary Computer.
import { authorized } from '../auth/authorized.js'
import type { Env, GivenCredentials } from '../auth/credentials.js'
import { EarthdataCredentials } from '../auth/earthdata.js'
import { BlobSigner, signing } from '../auth/planetary-computer.js'
import type { Clock } from '../net/clock.js'
import type { Endpoints } from '../net/endpoints.js'
import type { HttpClient } from '../net/http.js'

export interface DataClientOptions {
  endpoints: Endpoints
  env: Env
  /** Credentials that come before those of the environment. */
  credentials?: GivenCredentials | undefined
  onWarning?: ((text: string) => void) | undefined
  clock?: Clock | undefined
}

/** Each host gets what is meant for it and nothing else; nobody is asked for credentials before a host wants them. */
export function dataClient(http: HttpClient, options: DataClientOptions): HttpClient {
  const { endpoints, env, credentials: given, onWarning, clock } = options
  const tokenFile = env.ASTER_TOKEN_FILE === '' ? undefined : env.ASTER_TOKEN_FILE
  const earthdata = new EarthdataCredentials({ http, endpoints, env, given, tokenFile, onWarning, clock })
  return signing(authorized(http, earthdata), new BlobSigner({ http, endpoints, env, clock }))
}
