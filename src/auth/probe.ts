// Asks the services whether credentials work, all the way to the first byte of a granule.
import { z } from 'zod'
import { NetworkError } from '../errors.js'
import type { Endpoints } from '../net/endpoints.js'
import type { HttpClient } from '../net/http.js'
import { userAgent } from '../net/user-agent.js'
import { authorized } from './authorized.js'
import type { EarthdataCredentials } from './earthdata.js'
import { readWebToken } from './web-token.js'

const found = z.object({
  items: z.array(
    z.object({ umm: z.object({ RelatedUrls: z.array(z.object({ URL: z.string(), Type: z.string() })) }) }),
  ),
})

export interface ProbeResult {
  readonly user: string | undefined
  readonly expires: string | undefined
  /** The file whose first byte was read, without query. */
  readonly file: string
}

/**
 * Logs in if that is needed, finds one granule, and reads one byte of it: the token, the terms of use and the way
 * through the redirects in one go.
 * @throws the errors of logging in and of downloading, each with its hint
 */
export async function probeEarthdata(
  http: HttpClient,
  credentials: EarthdataCredentials,
  { cmr }: Endpoints,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  await credentials.token(signal)
  const query = 'short_name=AST_L1T&version=004&provider=LPCLOUD&page_size=1&sort_key=-start_date'
  const search = await http.send({
    url: `${cmr}/granules.umm_json?${query}`,
    headers: { 'client-id': userAgent().split(' ')[0] ?? '' },
    what: 'search for a granule to try',
    signal,
  })
  const answer: unknown = await search.json()
  const { data } = found.safeParse(answer)
  const urls = data?.items.flatMap(({ umm }) => umm.RelatedUrls) ?? []
  const file = urls.find(({ URL: url, Type: type }) => type === 'GET DATA' && /^https?:/.test(url))?.URL
  if (file === undefined) throw new NetworkError('SERVICE', 'search for a granule to try: found none to download')
  const client = authorized(http, credentials)
  const read = await client.send({ url: file, headers: { range: 'bytes=0-0' }, what: 'download of one byte', signal })
  await read.cancel()
  const claims = readWebToken(await credentials.token(signal))
  const expires = claims?.expiresAt === undefined ? undefined : new Date(claims.expiresAt).toISOString()
  const { origin, pathname } = new URL(file)
  return { user: claims?.user, expires, file: `${origin}${pathname}` }
}
