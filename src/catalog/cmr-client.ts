// Asks NASA's Common Metadata Repository (CMR) for records of granules, page by page; no login is needed.
import { z } from 'zod'
import { NetworkError } from '../errors.js'
import type { CallOptions } from '../native/call.js'
import type { HttpClient, HttpResponse } from '../net/http.js'
import { packageVersion } from '../net/user-agent.js'
import type { IterOptions, LeftOut } from './backend.js'
import { LONGEST_QUERY, type Parameters } from './cmr-parameters.js'
import type { CollectionOptions } from './collections.js'
import { UmmGranule } from './umm-g.js'

export interface CmrOptions extends CollectionOptions {
  http: HttpClient
  /** Root of the search service, such as `https://cmr.earthdata.nasa.gov/search`. */
  baseUrl: string
  /** Records in one answer; one of AST_L1T is about 25 kB. */
  pageSize?: number | undefined
  /** The present, in milliseconds since 1970; ends open periods of months. */
  now?: (() => number) | undefined
}

const PAGE_SIZE = 100
const ACCEPT = 'application/vnd.nasa.cmr.umm_results+json;version=1.6.6'
const FORM = 'application/x-www-form-urlencoded'

const Page = z.object({ hits: z.number(), items: z.array(z.unknown()) })
const Item = z.object({
  meta: z.object({ 'concept-id': z.string().optional() }).optional(),
  umm: UmmGranule,
})
const Complaint = z.object({ errors: z.array(z.unknown()) })

/** One record, checked, with the text it was read from. */
export interface CmrRecord {
  granule: UmmGranule
  /** As the catalogue holds it, for keeping beside a granule. */
  json: unknown
}

/** Asks the service: pages of records, and how many there are. */
export class CmrClient {
  readonly #options: CmrOptions

  constructor(options: CmrOptions) {
    this.#options = options
  }

  get collectionOptions(): CollectionOptions {
    return this.#options
  }

  /**
   * All records that answer, page by page. Pages may be short in the middle; the end is an answer without the header
   * to go on with, or an empty one. Records that are no granules are told to `skipped`.
   */
  async *records(
    parameters: Parameters,
    { signal, leftOut, pageSize }: IterOptions & { pageSize?: number } = {},
  ): AsyncGenerator<CmrRecord, void, undefined> {
    const sized: Parameters = [...parameters, ['page_size', String(pageSize ?? this.#options.pageSize ?? PAGE_SIZE)]]
    let after: string | undefined
    for (;;) {
      const response = await this.#send(sized, after, signal)
      const { items } = await pageOf(response)
      for (const json of items) {
        const item = Item.safeParse(json)
        if (item.success) yield { granule: item.data.umm, json: ummOf(json) }
        else tellSkipped(leftOut, nameOf(json), z.prettifyError(item.error).replace(/\s*\n\s*/g, ', '))
      }
      const next = response.headers.get('cmr-search-after') ?? undefined
      if (next === undefined || items.length === 0) return
      if (next === after) {
        throw new NetworkError('SERVICE', 'search in CMR: it led back to the page it came from', {
          hint: 'try again later; if it stays, report it to NASA Earthdata support',
        })
      }
      after = next
    }
  }

  /** How many records answer, without any of them. */
  async hits(parameters: Parameters, { signal }: CallOptions = {}): Promise<number> {
    return (await pageOf(await this.#send([...parameters, ['page_size', '0']], undefined, signal))).hits
  }

  async #send(
    parameters: Parameters,
    after: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<HttpResponse> {
    const url = `${this.#options.baseUrl}/granules.umm_json`
    const query = new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value])).toString()
    const isLong = query.length > LONGEST_QUERY
    const headers: Record<string, string> = { Accept: ACCEPT, 'Client-Id': `aster-timeseries/${packageVersion()}` }
    if (after !== undefined) headers['CMR-Search-After'] = after
    if (isLong) headers['Content-Type'] = FORM
    const response = await this.#options.http.send({
      url: isLong ? url : `${url}?${query}`,
      method: isLong ? 'POST' : 'GET',
      body: isLong ? query : undefined,
      headers,
      accept: [400],
      what: 'search in CMR',
      signal,
    })
    if (response.status === 400) throw await refused(response)
    return response
  }
}

async function pageOf(response: HttpResponse): Promise<z.output<typeof Page>> {
  const page = Page.safeParse(await response.json())
  if (page.success) return page.data
  throw new NetworkError('SERVICE', 'search in CMR: the answer holds no list of records', {
    hint: 'the service may have changed; look for a newer version of aster-timeseries',
  })
}

/** What the service did not like about the search, in its own words. */
async function refused(response: HttpResponse): Promise<NetworkError> {
  const text = await response.text(64 * 1024)
  let said = text.slice(0, 300)
  try {
    said = Complaint.parse(JSON.parse(text)).errors.map(String).join('; ')
  } catch {
    // Not in the form it documents; its beginning is told as it is.
  }
  const hint = /collection|concept/i.test(said)
    ? 'the collection may have been replaced: name another with --product-version'
    : 'check the filters; if they are right, please report it with this text'
  return new NetworkError('SERVICE', `CMR refused the search: ${said}`, { hint })
}

function ummOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'umm' in item ? item.umm : undefined
}

function nameOf(item: unknown): string {
  const umm = ummOf(item)
  const name = typeof umm === 'object' && umm !== null && 'GranuleUR' in umm ? umm.GranuleUR : undefined
  return typeof name === 'string' ? name : 'a record without a name'
}

export function tellSkipped(leftOut: LeftOut | undefined, name: string, reason: string): void {
  const message = `the record of ${name} cannot be used: ${reason}`
  leftOut?.skipped?.({ path: name, error: { code: 'MISSING_METADATA', message, retryable: false } })
}
