// Parameters of fake CMR's granule search: read and refused as the real one does, in its words.

export interface GranuleSearch {
  readonly shortNames: readonly string[]
  readonly versions: readonly string[]
  readonly providers: readonly string[]
  readonly collections: readonly string[]
  readonly boxes: readonly Box[]
  readonly anyBox: boolean
  readonly polygons: readonly Box[]
  readonly times: readonly [number, number][]
  readonly cloudCover: readonly [number, number] | undefined
  readonly dayNight: string | undefined
  readonly names: readonly string[]
  readonly namesArePatterns: boolean
  readonly descending: boolean
  readonly pageSize: number
  readonly conceptIds: readonly string[]
}

export interface Box {
  readonly west: number
  readonly south: number
  readonly east: number
  readonly north: number
}

const KNOWN = new Set([
  ...['short_name', 'version', 'provider', 'collection_concept_id', 'concept_id', 'bounding_box', 'polygon', 'point'],
  ...['temporal', 'cloud_cover', 'day_night_flag', 'day_night', 'attribute', 'readable_granule_name', 'granule_ur'],
  ...['producer_granule_id', 'sort_key', 'page_size', 'page_num', 'offset', 'options', 'updated_since', 'online_only'],
  ...['echo_collection_id', 'circle', 'line', 'pretty'],
])
const NUMBER = /^[-+]?\d+(\.\d*)?$|^[-+]?\.\d+$/

/** The search that parameters ask for, or the errors that they get. */
export function readSearch(params: URLSearchParams, hasCursor: boolean): GranuleSearch | { errors: string[] } {
  const errors: string[] = []
  for (const name of new Set(params.keys())) {
    if (!KNOWN.has(name.replace(/\[.*$/, '')))
      errors.push(`Parameter [${name.replace(/\[.*$/, '')}] was not recognized.`)
  }
  const all = (name: string) => [...params.getAll(name), ...params.getAll(`${name}[]`)]
  const one = (name: string) => all(name)[0]
  const search: GranuleSearch = {
    shortNames: all('short_name'),
    versions: all('version'),
    providers: all('provider'),
    collections: [...all('collection_concept_id'), ...all('echo_collection_id')],
    boxes: all('bounding_box').flatMap((text) => readBox(text, errors)),
    anyBox: params.get('options[bounding_box][or]') === 'true',
    polygons: all('polygon').flatMap((text) => readPolygon(text, errors)),
    times: all('temporal').flatMap((text) => readPeriod(text, errors)),
    cloudCover: readRange(one('cloud_cover'), errors),
    dayNight: one('day_night_flag') ?? one('day_night'),
    names: [...all('readable_granule_name'), ...all('granule_ur'), ...all('producer_granule_id')],
    namesArePatterns: [...params].some(([name, value]) => name.endsWith('[pattern]') && value === 'true'),
    descending: all('sort_key').some((key) => key.startsWith('-start_date')),
    pageSize: readPageSize(one('page_size'), errors),
    conceptIds: all('concept_id'),
  }
  const { collections, shortNames, providers, conceptIds } = search
  if ([collections, shortNames, providers, conceptIds].every((given) => given.length === 0)) {
    errors.push(
      'The CMR does not allow querying across granules in all collections. You should limit your query using conditions that identify one or more collections, such as provider, concept_id, short_name, or entry_title.',
    )
  }
  if (hasCursor && ['page_num', 'offset', 'scroll'].some((name) => params.has(name))) {
    errors.push('search-after is not allowed with page_num, offset or scroll')
  }
  return errors.length > 0 ? { errors } : search
}

function readPageSize(text: string | undefined, errors: string[]): number {
  if (text === undefined) return 10
  if (/^\d+$/.test(text) && Number(text) <= 2000) return Number(text)
  errors.push('page_size must be a number between 0 and 2000')
  return 0
}

function readBox(text: string, errors: string[]): Box[] {
  const parts = text.split(',')
  if (parts.length !== 4 || !parts.every((part) => NUMBER.test(part))) {
    errors.push(`[${text}] is not a valid URL encoded bounding_box`)
    return []
  }
  const [west = 0, south = 0, east = 0, north = 0] = parts.map(Number)
  for (const lon of [west, east]) checkWithin('longitude', lon, 180, errors)
  for (const lat of [south, north]) checkWithin('latitude', lat, 90, errors)
  if (south > north) {
    errors.push(`The bounding rectangle north value [${north}] was less than the south value [${south}]`)
  }
  return [{ west, south, east, north }]
}

function checkWithin(what: string, value: number, bound: number, errors: string[]): void {
  if (Math.abs(value) <= bound) return
  errors.push(`Point ${what} [${value}] must be within -${bound}.0 and ${bound}.0`)
}

/** The box around a polygon, which is all that the fake compares. */
function readPolygon(text: string, errors: string[]): Box[] {
  const parts = text.split(',')
  const numbers = parts.map(Number)
  if (!parts.every((part) => NUMBER.test(part)) || parts.length % 2 !== 0 || parts.length < 8) {
    errors.push(`[${text}] is not a valid URL encoded polygon`)
    return []
  }
  const points = Array.from(
    { length: parts.length / 2 },
    (_, at) => [numbers[2 * at] ?? 0, numbers[2 * at + 1] ?? 0] as const,
  )
  const [first, last] = [points[0], points.at(-1)]
  if (first?.[0] !== last?.[0] || first?.[1] !== last?.[1]) {
    errors.push(`Polygon boundary was not closed. The first and last points [${first}] and [${last}] must be equal.`)
    return []
  }
  const twiceArea = points.slice(1).reduce((sum, [x, y], at) => {
    const [beforeX, beforeY] = points[at] ?? [x, y]
    return sum + beforeX * y - x * beforeY
  }, 0)
  if (twiceArea < 0) {
    errors.push(
      'The polygon boundary points are listed in clockwise order. Points must be provided in counter-clockwise order.',
    )
  }
  return [boxAround(points)]
}

export function boxAround(points: readonly (readonly [number, number])[]): Box {
  const lons = points.map(([lon]) => lon)
  const lats = points.map(([, lat]) => lat)
  return { west: Math.min(...lons), south: Math.min(...lats), east: Math.max(...lons), north: Math.max(...lats) }
}

/** A period in ms; a date alone is its midnight, as CMR reads it, also at the end. */
function readPeriod(text: string, errors: string[]): [number, number][] {
  const [from = '', to = ''] = text.split(',')
  const instant = (part: string, open: number) => {
    if (part === '') return open
    const isIso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z?)?$/.test(part)
    if (!isIso) errors.push(`temporal datetime is invalid: [${part}] is not a valid datetime.`)
    return Date.parse(part.length === 10 ? `${part}T00:00:00Z` : part.replace(/(\.\d{3})\d*/, '$1'))
  }
  return [[instant(from, Number.NEGATIVE_INFINITY), instant(to, Number.POSITIVE_INFINITY)]]
}

function readRange(text: string | undefined, errors: string[]): [number, number] | undefined {
  if (text === undefined) return undefined
  const [from = '', to = ''] = text.split(',')
  if (text.split(',').length > 2 || ![from, to].every((part) => part === '' || NUMBER.test(part))) {
    errors.push(`cloud_cover [${text}] is not a valid range`)
    return undefined
  }
  return [from === '' ? Number.NEGATIVE_INFINITY : Number(from), to === '' ? Number.POSITIVE_INFINITY : Number(to)]
}
