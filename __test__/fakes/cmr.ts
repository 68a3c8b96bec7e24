// Fake Common Metadata Repository: granule and collection search over the records of the world.
import { randomUUID } from 'node:crypto'
import { type Box, boxAround, type GranuleSearch, readSearch } from './cmr-parameters.js'
import { COLLECTIONS, collectionOf, type UmmRecord } from './granules.js'
import { type Asked, html, json, packed, type Reply, type Service } from './reply.js'

interface Row {
  readonly record: UmmRecord
  /** Number of the concept, part of its id and of the cursor. */
  readonly number: number
  readonly startMs: number
}

const FIRST_CONCEPT = 3_400_000_001

/** The records may grow and shrink while the service runs. */
export function commonMetadataRepository(records: readonly UmmRecord[]): Service {
  const numbers = new Map<UmmRecord, number>()
  const rowOf = (record: UmmRecord): Row => {
    const number = numbers.get(record) ?? FIRST_CONCEPT + numbers.size
    numbers.set(record, number)
    return { record, number, startMs: startOf(record) }
  }
  return (asked) => {
    const answer = answerOf(records.map(rowOf), asked)
    const id = asked.headers['x-request-id'] ?? randomUUID()
    const told = { 'cmr-request-id': id, 'x-request-id': id, 'x-cache': 'Miss from cloudfront', ...answer.headers }
    return packed({ ...answer, headers: told }, asked)
  }
}

function answerOf(rows: readonly Row[], asked: Asked): Reply {
  const params = asked.method === 'POST' ? new URLSearchParams(asked.body) : asked.params
  if (asked.query.length + asked.path.length > 8000) return json(414, { errors: ['Request URI too long'] })
  if (/\/search\/collections\.(umm_json|json)/.test(asked.path)) return collections(params)
  const isGranules = /^\/search\/granules\.umm_json(_v1_6_6)?$/.test(asked.path)
  if (!isGranules) return html(404, 'no such page')
  const cursor = asked.headers['cmr-search-after']
  const search = readSearch(params, cursor !== undefined)
  if ('errors' in search) return json(400, search)
  return page(rows, search, cursor)
}

function page(rows: readonly Row[], search: GranuleSearch, cursor: string | undefined): Reply {
  const sign = search.descending ? -1 : 1
  const found = rows
    .filter((row) => matches(row, search))
    .sort((a, b) => sign * (a.startMs - b.startMs) || a.number - b.number)
  let from = 0
  if (cursor !== undefined) {
    const last = found.findIndex((row) => cursorOf(row) === cursor)
    if (last === -1) return json(400, { errors: ['search-after is not a value that was given out for this search'] })
    from = last + 1
  }
  const part = found.slice(from, from + search.pageSize)
  const last = part.at(-1)
  const items = part.map(itemOf)
  return json(
    200,
    { hits: found.length, took: 12, items },
    {
      'content-type': 'application/vnd.nasa.cmr.umm_results+json;version=1.6.6; charset=utf-8',
      'cmr-hits': String(found.length),
      'cmr-took': '12',
      ...(last === undefined ? {} : { 'cmr-search-after': cursorOf(last) }),
    },
  )
}

function cursorOf({ startMs, number }: Row): string {
  return JSON.stringify(['lpcloud', startMs, number])
}

function itemOf({ record, number }: Row) {
  const { ShortName } = record.CollectionReference
  const meta = {
    'concept-type': 'granule',
    'concept-id': `G${number}-LPCLOUD`,
    'revision-id': 1,
    'native-id': record.GranuleUR,
    'collection-concept-id': COLLECTIONS[ShortName] ?? 'C1-LPCLOUD',
    'provider-id': 'LPCLOUD',
    format: 'application/vnd.nasa.cmr.umm+json',
    'revision-date': '2025-12-03T21:00:00.000Z',
  }
  return { meta, umm: record }
}

function matches({ record, number, startMs }: Row, search: GranuleSearch): boolean {
  const { ShortName, Version } = record.CollectionReference
  const { shortNames, versions, providers, collections, conceptIds, times, cloudCover, dayNight } = search
  const among = (list: readonly string[], value: string) =>
    list.length === 0 || list.some((wanted) => wanted.toLowerCase() === value.toLowerCase())
  const area = areaOf(record)
  const meets = (box: Box) => area !== undefined && overlaps(box, area)
  const boxesFit = search.boxes.length === 0 || (search.anyBox ? search.boxes.some(meets) : search.boxes.every(meets))
  const cloud = record.CloudCover
  return (
    among(shortNames, ShortName) &&
    among(versions, Version) &&
    among(providers, 'LPCLOUD') &&
    among(collections, collectionOf(ShortName, Version)) &&
    among(conceptIds, `G${number}-LPCLOUD`) &&
    boxesFit &&
    search.polygons.every(meets) &&
    // Several periods are alternatives.
    (times.length === 0 || times.some(([from, to]) => startMs >= from && startMs <= to)) &&
    (cloudCover === undefined || (cloud !== undefined && cloud >= cloudCover[0] && cloud <= cloudCover[1])) &&
    (dayNight === undefined || dayNightOf(record) === dayNight.toLowerCase()) &&
    (search.names.length === 0 ||
      search.names.some((name) => isCalled(record.GranuleUR, name, search.namesArePatterns)))
  )
}

function isCalled(name: string, wanted: string, isPattern: boolean): boolean {
  if (!isPattern) return name.toLowerCase() === wanted.toLowerCase()
  const escaped = wanted
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${escaped}$`, 'i').test(name)
}

/** Whether two boxes share area; the one asked for may cross 180 degrees. */
function overlaps(asked: Box, area: Box): boolean {
  const parts =
    asked.west <= asked.east
      ? [asked]
      : [
          { ...asked, east: 180 },
          { ...asked, west: -180 },
        ]
  return parts.some(
    ({ west, south, east, north }) =>
      area.west <= east && area.east >= west && area.south <= north && area.north >= south,
  )
}

function at(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (typeof inner !== 'object' || inner === null) return undefined
    return new Map<string, unknown>(Object.entries(inner)).get(String(key))
  }, value)
}

function areaOf(record: UmmRecord): Box | undefined {
  const points = at(
    record,
    'SpatialExtent',
    'HorizontalSpatialDomain',
    'Geometry',
    'GPolygons',
    0,
    'Boundary',
    'Points',
  )
  if (!Array.isArray(points)) return undefined
  return boxAround(points.map((point) => [Number(at(point, 'Longitude')), Number(at(point, 'Latitude'))] as const))
}

function startOf(record: UmmRecord): number {
  const single = at(record, 'TemporalExtent', 'SingleDateTime')
  const text = String(single ?? at(record, 'TemporalExtent', 'RangeDateTime', 'BeginningDateTime'))
  return Date.parse(text.replace(/(\.\d{3})\d*/, '$1'))
}

function dayNightOf(record: UmmRecord): string {
  return String(at(record, 'DataGranule', 'DayNightFlag') ?? 'unspecified').toLowerCase()
}

function collections(params: URLSearchParams): Reply {
  const wanted = [...params.getAll('short_name'), ...params.getAll('short_name[]')]
  const items = Object.entries(COLLECTIONS)
    .filter(([name]) => wanted.length === 0 || wanted.includes(name))
    .map(([name, id]) => ({
      meta: { 'concept-id': id, 'provider-id': 'LPCLOUD', 'revision-id': 1 },
      umm: { ShortName: name, Version: '004' },
    }))
  return json(200, { hits: items.length, took: 3, items }, { 'cmr-hits': String(items.length) })
}
