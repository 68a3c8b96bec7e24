// The backend `planetary_computer`: AST_L1T version 003 of 2000 to 2006, found without a login.
import { z } from 'zod'
import { DataError, NetworkError, UsageError } from '../errors.js'
import type { BoundingBox } from '../geo/bounding-box.js'
import type { CallOptions } from '../native/call.js'
import type { HttpClient, HttpResponse } from '../net/http.js'
import {
  type CatalogBackend,
  collect,
  type IterOptions,
  type LeftOut,
  passing,
  type SceneCount,
  type SearchResult,
} from './backend.js'
import { tellSkipped } from './cmr-client.js'
import { type Span, spansOf } from './filter.js'
import { mergeByTime, newestOfStream } from './newest.js'
import type { ResolvedQuery } from './query.js'
import type { Scene } from './scene.js'
import { StacItem, sceneFromStac } from './stac-item.js'

export interface PlanetaryComputerOptions {
  http: HttpClient
  /** Root of the STAC service, such as `https://planetarycomputer.microsoft.com/api/stac/v1`. */
  baseUrl: string
  /** Items in one answer; at most 1000. */
  pageSize?: number | undefined
}

const COLLECTION = 'aster-l1t'
const PRODUCT = 'AST_L1T'
const VERSION = '003'
/** Extent of the collection, which nobody adds to. */
const FIRST_DAY = '2000-03-04'
const LAST_DAY = '2006-12-31'
const HELD: Span = {
  startMs: Date.parse(`${FIRST_DAY}T00:00:00Z`),
  endMs: Date.parse(`${LAST_DAY}T23:59:59.999Z`),
}
const PAGE_SIZE = 250
const EARTHACCESS = 'use the earthaccess backend, which covers the whole mission'

const Body = z.record(z.string(), z.unknown())
type Body = z.output<typeof Body>
const Link = z.object({
  rel: z.string(),
  href: z.string(),
  method: z.string().optional(),
  body: Body.optional(),
  merge: z.boolean().optional(),
})
type Link = z.output<typeof Link>
const Page = z.object({ features: z.array(z.unknown()), links: z.array(z.unknown()).optional() })

interface Step {
  url: string
  body: Body | undefined
}

export class PlanetaryComputerBackend implements CatalogBackend {
  readonly name = 'planetary_computer'
  readonly description = 'Planetary Computer'
  readonly #options: PlanetaryComputerOptions

  constructor(options: PlanetaryComputerOptions) {
    this.#options = options
  }

  async *iter(query: ResolvedQuery, options: IterOptions = {}): AsyncGenerator<Scene, void, undefined> {
    const { leftOut } = options
    const span = heldSpan(query, leftOut)
    if (span === undefined) return
    const areas = query.boxes.length > 0 ? query.boxes : (query.polygon?.bbox.split() ?? [undefined])
    const streams = areas.map((box) =>
      passing(this.#scenes(this.#firstStep(query, span, box), options), query, leftOut),
    )
    yield* newestOfStream(mergeByTime(streams), (scene) => leftOut?.older?.(scene))
  }

  search(query: ResolvedQuery, options: CallOptions = {}): Promise<SearchResult> {
    return collect(this, query, options)
  }

  /** The service does not tell totals, so the scenes are gone through. */
  async count(query: ResolvedQuery, options: CallOptions = {}): Promise<SceneCount> {
    let count = 0
    for await (const _ of this.iter(query, options)) count += 1
    return { count, exact: true }
  }

  #firstStep({ cloudCoverMax }: ResolvedQuery, { startMs, endMs }: Span, box: BoundingBox | undefined): Step {
    const cloud = { op: '<=', args: [{ property: 'eo:cloud_cover' }, cloudCoverMax] }
    return {
      url: `${this.#options.baseUrl}/search`,
      body: {
        collections: [COLLECTION],
        datetime: [startMs, endMs].map((ms) => new Date(ms).toISOString()).join('/'),
        limit: this.#options.pageSize ?? PAGE_SIZE,
        sortby: [{ field: 'datetime', direction: 'asc' }],
        ...(box === undefined ? {} : { bbox: [box.west, box.south, box.east, box.north] }),
        ...(cloudCoverMax === undefined ? {} : { 'filter-lang': 'cql2-json', filter: cloud }),
      },
    }
  }

  async *#scenes(first: Step, { signal, leftOut }: IterOptions): AsyncGenerator<Scene, void, undefined> {
    for (let step: Step | undefined = first; step !== undefined; ) {
      const { features, links = [] }: z.output<typeof Page> = await pageOf(await this.#send(step, signal))
      for (const feature of features) {
        const item = StacItem.safeParse(feature)
        const scene = item.success ? sceneFromStac(item.data, 'planetary_computer') : 'it is no item of this collection'
        if (typeof scene !== 'string') yield scene
        else tellSkipped(leftOut, idOf(feature), scene)
      }
      step = nextStep(step, links)
    }
  }

  #send({ url, body }: Step, signal: AbortSignal | undefined): Promise<HttpResponse> {
    const isPost = body !== undefined
    return this.#options.http.send({
      url,
      method: isPost ? 'POST' : 'GET',
      headers: { Accept: 'application/geo+json', ...(isPost ? { 'Content-Type': 'application/json' } : {}) },
      body: isPost ? JSON.stringify(body) : undefined,
      what: 'search in Planetary Computer',
      signal,
    })
  }
}

/** The part of the period that the collection holds; refuses what it cannot hold, and notes what it holds in part. */
function heldSpan(query: ResolvedQuery, leftOut: LeftOut | undefined): Span | undefined {
  const { product = PRODUCT, productVersion = VERSION, startMs, endMs } = query
  if (product !== PRODUCT || productVersion !== VERSION) {
    const asked = product === PRODUCT ? `version ${productVersion} of ${product}` : product
    throw new UsageError(`Planetary Computer has no ${asked}: only ${PRODUCT} version ${VERSION}`, {
      code: 'UNSUPPORTED',
      exitCode: 2,
      hint: EARTHACCESS,
    })
  }
  if (startMs > HELD.endMs || endMs < HELD.startMs) {
    throw new DataError('NO_DATA', `Planetary Computer holds scenes from ${FIRST_DAY} to ${LAST_DAY} only`, {
      hint: EARTHACCESS,
    })
  }
  if (query.dayNight !== undefined) leftOut?.note?.('Planetary Computer does not say which scenes are of day or night')
  if (startMs < HELD.startMs || endMs > HELD.endMs) {
    leftOut?.note?.(`Planetary Computer holds scenes from ${FIRST_DAY} to ${LAST_DAY} only; for others, ${EARTHACCESS}`)
  }
  const spans = spansOf(
    { ...query, startMs: Math.max(startMs, HELD.startMs), endMs: Math.min(endMs, HELD.endMs) },
    HELD.endMs,
  )
  const first = spans[0]
  const last = spans.at(-1)
  return first === undefined || last === undefined ? undefined : { startMs: first.startMs, endMs: last.endMs }
}

async function pageOf(response: HttpResponse): Promise<z.output<typeof Page>> {
  const page = Page.safeParse(await response.json())
  if (page.success) return page.data
  throw new NetworkError('SERVICE', 'search in Planetary Computer: the answer holds no list of items')
}

/** The request that leads on, if a link tells one; it stays on the service and never asks the same again. */
function nextStep(before: Step, links: readonly unknown[]): Step | undefined {
  const next = links.map((link) => Link.safeParse(link)).find(({ data }) => data?.rel === 'next')?.data
  if (next === undefined) return undefined
  const step = stepOf(before, next)
  if (new URL(step.url).origin !== new URL(before.url).origin) {
    throw new NetworkError('SERVICE', 'search in Planetary Computer: its next page lies on another host')
  }
  if (JSON.stringify(step) === JSON.stringify(before)) {
    throw new NetworkError('SERVICE', 'search in Planetary Computer: it led back to the page it came from')
  }
  return step
}

function stepOf(before: Step, { href, method, body, merge }: Link): Step {
  const url = new URL(href, before.url).href
  if (method?.toUpperCase() !== 'POST') return { url, body: undefined }
  return { url, body: merge ? { ...before.body, ...body } : (body ?? before.body) }
}

function idOf(feature: unknown): string {
  const id = typeof feature === 'object' && feature !== null && 'id' in feature ? feature.id : undefined
  return typeof id === 'string' ? id : 'an item without an id'
}
