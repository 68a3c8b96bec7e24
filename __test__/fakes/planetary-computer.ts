// Fake Planetary Computer: STAC search, tokens for its store, and the store.
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../src/net/clock.js'
import { SHARED } from './granules.js'
import { type Asked, json, objectReply, packed, type Reply, reply, type Service, xmlError } from './reply.js'

const COLLECTION = 'aster-l1t'
const MARK = '\uFEFF'

export interface StacItem {
  readonly id: string
  readonly bbox: readonly number[]
  readonly properties: Readonly<Record<string, unknown>>
  readonly [field: string]: unknown
}

interface Search {
  collections?: string[]
  bbox?: number[]
  datetime?: string
  limit?: number
  token?: string
  ids?: string[]
  query?: Record<string, Record<string, unknown>>
  sortby?: { field: string; direction: string }[]
  'filter-lang'?: string
  filter?: Condition
}

/** As much of CQL2 as numbers of properties need. */
interface Condition {
  op: string
  args: unknown[]
}

export function stacApi(items: readonly StacItem[], ownUrl: () => string): Service {
  return (asked) => packed(stacAnswer(items, ownUrl(), asked), asked)
}

function stacAnswer(items: readonly StacItem[], url: string, asked: Asked): Reply {
  const base = '/api/stac/v1'
  if (asked.path === `${base}/collections/${COLLECTION}`) return json(200, { id: COLLECTION, type: 'Collection' })
  const [, id] = new RegExp(`^${base}/collections/${COLLECTION}/items/(.+)$`).exec(asked.path) ?? []
  const item = items.find((candidate) => candidate.id === id)
  if (item !== undefined) return json(200, item, { 'content-type': 'application/geo+json' })
  if (asked.path !== `${base}/search`) return json(404, { code: 'NotFoundError', description: 'Not Found' })
  const search = asked.method === 'POST' ? bodyOf(asked.body) : fromQuery(asked.params)
  if (search === undefined) return reply(400, 'the body is not JSON', { 'content-type': 'text/plain' })
  const wrong = refusalOf(search)
  if (wrong !== undefined) return reply(wrong[0], wrong[1], { 'content-type': 'text/plain; charset=utf-8' })
  const { limit = 250, token } = search
  const found = items.filter((candidate) => fits(candidate, search)).sort(orderOf(search))
  const after = found.findIndex((candidate) => `next:${COLLECTION}:${candidate.id}` === token)
  const page = found.slice(after + 1, after + 1 + limit)
  const last = page.at(-1)
  const isMore = last !== undefined && last !== found.at(-1)
  const next = { rel: 'next', type: 'application/geo+json', method: 'POST', href: `${url}${base}/search` }
  const body = { ...search, limit, token: `next:${COLLECTION}:${last?.id}` }
  const previous = { rel: 'previous', method: 'POST', href: next.href, body: { ...search, token: 'prev:x:y' } }
  const links = [...(isMore ? [{ ...next, body }] : []), ...(after === -1 ? [] : [previous])]
  return json(200, { type: 'FeatureCollection', features: page, links }, { 'content-type': 'application/geo+json' })
}

function bodyOf(text: string): Search | undefined {
  try {
    return JSON.parse(text) as Search
  } catch {
    return undefined
  }
}

function fromQuery(params: URLSearchParams): Search {
  const numbers = params.get('bbox')?.split(',').map(Number)
  return {
    ...(params.has('collections') ? { collections: (params.get('collections') ?? '').split(',') } : {}),
    ...(numbers === undefined ? {} : { bbox: numbers }),
    ...(params.has('datetime') ? { datetime: params.get('datetime') ?? '' } : {}),
    ...(params.has('limit') ? { limit: Number(params.get('limit')) } : {}),
    ...(params.has('token') ? { token: params.get('token') ?? '' } : {}),
  }
}

function refusalOf(search: Search): [number, string] | undefined {
  const { collections, limit = 250, bbox, datetime, filter } = search
  if (filter !== undefined && search['filter-lang'] !== 'cql2-json') return [400, 'filter-lang must be cql2-json']
  if (filter !== undefined && !isReadable(filter)) return [400, 'filter is not valid']
  if (collections === undefined || collections.length === 0) return [422, 'collections is required']
  if (limit < 1 || limit > 1000) return [400, 'limit must be between 1 and 1000']
  if (bbox !== undefined && (bbox.length !== 4 || (bbox[1] ?? 0) > (bbox[3] ?? 0))) return [400, 'bbox is not valid']
  // What the real service does with a box across 180 degrees is not known; a client should not depend on it.
  if (bbox !== undefined && (bbox[0] ?? 0) > (bbox[2] ?? 0)) return [400, 'bbox: west is greater than east']
  if (datetime !== undefined && periodOf(datetime).some(Number.isNaN)) return [400, 'datetime is not valid']
  return undefined
}

function isReadable({ op, args }: Condition): boolean {
  if (op === 'and') return args.every((each) => isReadable(each as Condition))
  return ['<=', '<', '>='].includes(op) && args.length === 2
}

/** A period in ms. A date alone is its midnight, at both ends. */
function periodOf(datetime: string): [number, number] {
  const [from = '', to = from] = datetime.split('/')
  const instant = (text: string, open: number) =>
    text === '..' || text === '' ? open : Date.parse(text.length === 10 ? `${text}T00:00:00Z` : text)
  return [instant(from, Number.NEGATIVE_INFINITY), instant(to, Number.POSITIVE_INFINITY)]
}

function fits(item: StacItem, { collections = [], bbox, datetime, query, ids, filter }: Search): boolean {
  const time = Date.parse(String(item.properties.datetime))
  const [from, to] = periodOf(datetime ?? '../..')
  const [west = 0, south = 0, east = 0, north = 0] = item.bbox
  const [w = -180, s = -90, e = 180, n = 90] = bbox ?? []
  const isNamed = ids === undefined || ids.includes(item.id)
  const isThere = west <= e && east >= w && south <= n && north >= s
  const isMeant = collections.includes(COLLECTION) && isNamed && time >= from && time <= to && isThere
  return isMeant && passes(item, query) && (filter === undefined || holds(item, filter))
}

/** A comparison of a property with a number, or several that hold together; none for an item without the property. */
function holds(item: StacItem, { op, args }: Condition): boolean {
  if (op === 'and') return args.every((each) => holds(item, each as Condition))
  const [left, right] = args
  const value = item.properties[(left as { property: string }).property]
  if (typeof value !== 'number' || typeof right !== 'number') return false
  return (op === '<=' && value <= right) || (op === '<' && value < right) || (op === '>=' && value >= right)
}

function passes({ properties }: StacItem, query: Search['query'] = {}): boolean {
  return Object.entries(query).every(([name, tests]) => {
    const value = properties[name]
    if (typeof value !== 'number') return false
    return Object.entries(tests).every(([operator, bound]) => {
      const limit = Number(bound)
      if (operator === 'lte') return value <= limit
      if (operator === 'lt') return value < limit
      if (operator === 'gte') return value >= limit
      return operator === 'gt' ? value > limit : value === limit
    })
  })
}

/** The order asked for, by one property; the newest first otherwise. */
function orderOf({ sortby }: Search): (a: StacItem, b: StacItem) => number {
  const [by] = sortby ?? []
  if (by === undefined) return newestFirst
  const sign = by.direction === 'desc' ? -1 : 1
  const text = ({ properties }: StacItem) => String(properties[by.field.replace(/^properties\./, '')])
  return (a, b) => sign * (text(a).localeCompare(text(b)) || a.id.localeCompare(b.id))
}

function newestFirst(a: StacItem, b: StacItem): number {
  return String(b.properties.datetime).localeCompare(String(a.properties.datetime)) || b.id.localeCompare(a.id)
}

/** Azure's store, and the service that hands out its tokens. */
export class BlobStore {
  readonly blobs = new Map<string, Uint8Array>()
  readonly signatures: string[] = []
  /** Tokens handed out, by container. */
  readonly handedOut: string[] = []
  readonly #key = randomBytes(16)

  constructor(
    private readonly clock: Clock,
    public lifeMs: number,
  ) {}

  readonly signer: Service = ({ path, headers, params }) => {
    const own = { date: new Date(this.clock.now()).toUTCString() }
    const [, place = ''] = /^\/api\/sas\/v1\/token\/([\w-]+(?:\/[\w-]+)?)$/.exec(path) ?? []
    const isOurs = place === COLLECTION || place === 'astersa/aster'
    if (path === '/api/sas/v1/sign') {
      const { token, expiry } = this.#token()
      return json(200, { 'msft:expiry': expiry, href: `${params.get('href') ?? ''}?${token}` }, own)
    }
    if (!isOurs) return json(404, { detail: 'No SAS token available for this place' }, own)
    if (headers['ocp-apim-subscription-key'] === 'wrong-key')
      return json(401, { message: 'Access denied due to invalid subscription key' })
    this.handedOut.push('aster')
    const { token, expiry } = this.#token()
    return json(200, { 'msft:expiry': expiry, token }, own)
  }

  readonly service: Service = (asked) => {
    const told = { 'x-ms-request-id': randomUUID(), server: 'Windows-Azure-Blob/1.0', 'x-ms-blob-type': 'BlockBlob' }
    const answer = this.#answer(asked)
    return { ...answer, headers: { ...told, ...answer.headers } }
  }

  #answer(asked: Asked): Reply {
    const given = asked.params.get('sig')
    if (asked.headers.authorization !== undefined) return xmlError(400, 'InvalidAuthenticationInfo', 'not here', MARK)
    if (given === null)
      return xmlError(409, 'PublicAccessNotPermitted', 'Public access is not permitted on this storage account.', MARK)
    const until = Date.parse(asked.params.get('se') ?? '')
    const text =
      'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.'
    if (given !== this.#signature(until)) return xmlError(403, 'AuthenticationFailed', text, MARK)
    if (this.clock.now() >= until) {
      return xmlError(403, 'AuthenticationFailed', `${text} Signature not valid in the specified time frame`, MARK)
    }
    const blob = this.blobs.get(asked.path)
    return blob === undefined
      ? xmlError(404, 'BlobNotFound', 'The specified blob does not exist.', MARK)
      : objectReply(asked, blob)
  }

  #token(): { token: string; expiry: string } {
    const nowMs = this.clock.now()
    const instant = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`
    const expiry = instant(nowMs + this.lifeMs)
    const signature = this.#signature(Date.parse(expiry))
    this.signatures.push(signature, encodeURIComponent(signature))
    const time = (text: string) => encodeURIComponent(text)
    const began = time(instant(nowMs - 86_400_000))
    const token = `st=${began}&se=${time(expiry)}&sp=rl&sv=2024-05-04&sr=c&sig=${encodeURIComponent(signature)}`
    return { token, expiry }
  }

  #signature(untilMs: number): string {
    return createHmac('sha256', this.#key).update(String(untilMs)).digest('base64')
  }
}

export interface ItemChoices {
  readonly id?: string
  readonly time?: string
  readonly bbox?: readonly [number, number, number, number]
  readonly cloudCover?: number
  /** Asset keys and the blob's file name. */
  readonly assets?: Readonly<Record<string, string>>
}

/** An item of the collection in the form of the real ones, with its files at `blobUrl`. */
export function stacItem(blobUrl: string, choices: ItemChoices = {}): StacItem {
  const { id = 'AST_L1T_00301062001031139_20150414031232', time = '2001-01-06T03:11:39.804000Z' } = choices
  const { bbox = [114.8, 15.1, 115.6, 15.8], cloudCover = 12 } = choices
  const day = time.slice(0, 10).replaceAll('-', '/')
  const file = (ending: string) => `${blobUrl}/aster/images/L1T/${day}/${id}_83940${ending}`
  const { assets = { VNIR: '.VNIR.tif', SWIR: '.SWIR.tif', TIR: '.TIR.tif', xml: '.hdf.xml' } } = choices
  const [west, south, east, north] = bbox
  return {
    type: 'Feature',
    stac_version: '1.0.0',
    ...{ id, bbox, collection: COLLECTION },
    geometry: {
      type: 'Polygon',
      coordinates: [
        [
          [west, south],
          [east, south],
          [east, north],
          [west, north],
          [west, south],
        ],
      ],
    },
    links: [],
    assets: Object.fromEntries(Object.entries(assets).map(([key, ending]) => [key, { href: file(ending) }])),
    properties: {
      datetime: time,
      platform: 'terra',
      instruments: ['aster'],
      'eo:cloud_cover': cloudCover,
      'aster:processing_number': '83940',
    },
  }
}

/** The five real items, with the addresses of the fake world. Empty where the files are not at hand. */
export function realItems(blobUrl: string, computerUrl: string): StacItem[] {
  const folder = join(SHARED, 'stac-pc', 'items')
  if (!existsSync(folder)) return []
  return readdirSync(folder).map((name) => {
    const text = readFileSync(join(folder, name), 'utf8')
      .replaceAll('https://astersa.blob.core.windows.net', blobUrl)
      .replaceAll('https://planetarycomputer.microsoft.com', computerUrl)
    return JSON.parse(text) as StacItem
  })
}
