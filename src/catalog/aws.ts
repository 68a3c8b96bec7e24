// The backend `aws`: the bucket `aster-l1t` of AWS Open Data, AST_L1T version 003, listed without a login.
//
// The bucket has no index: objects lie at {telescope}/{epsg}/{path}/{row}/{yyyymmdd}/{granule}_{telescope}.tif with an
// item ..._stac.json beside each. A search lists the UTM zones of its area, leaves other dates out by key, and reads
// the item of each scene that is left. That is slow, so the number of such scenes has a bound.
import { UsageError } from '../errors.js'
import type { BoundingBox } from '../geo/bounding-box.js'
import type { CallOptions } from '../native/call.js'
import type { HttpClient } from '../net/http.js'
import {
  type CatalogBackend,
  collect,
  type IterOptions,
  passing,
  type SceneCount,
  type SearchResult,
} from './backend.js'
import { tellSkipped } from './cmr-client.js'
import { describeFileName, parseGranuleName, timeOfSceneKey } from './file-name.js'
import { newestOfStream } from './newest.js'
import type { ResolvedQuery } from './query.js'
import { listObjects } from './s3-listing.js'
import type { Scene, SceneFile } from './scene.js'
import { BANDS_OF_TELESCOPE, StacItem, sceneFromStac, TELESCOPES } from './stac-item.js'
import { bandBytes } from './umm-g.js'

export interface AwsOptions {
  http: HttpClient
  /** Address of the bucket, such as `https://aster-l1t.s3.us-west-2.amazonaws.com`. */
  baseUrl: string
  /** Scenes whose items are read in one search at most. */
  maxCandidates?: number | undefined
}

const PRODUCT = 'AST_L1T'
const VERSION = '003'
const MAX_CANDIDATES = 3000
/** Items read at the same time. */
const ITEMS_AT_ONCE = 6
const KEY = /^(?:VNIR|SWIR|TIR)\/(\d{5})\/\d+\/\d+\/\d{8}\/([^/]+?)_(?:VNIR|SWIR|TIR)(\.tif|_stac\.json)$/

/** A granule as its keys tell. */
interface Candidate {
  id: string
  time: string
  epsg: number
  itemKey: string | undefined
  files: SceneFile[]
}

export class AwsBackend implements CatalogBackend {
  readonly name = 'aws'
  readonly description = 'AWS Open Data'
  readonly #options: AwsOptions

  constructor(options: AwsOptions) {
    this.#options = options
  }

  async *iter(query: ResolvedQuery, options: IterOptions = {}): AsyncGenerator<Scene, void, undefined> {
    const { leftOut } = options
    if (query.dayNight !== undefined) leftOut?.note?.('AWS does not say which scenes are of day or night')
    const candidates = await this.#candidates(query, options)
    const scenes = passing(this.#described(candidates, options), query, leftOut)
    yield* newestOfStream(scenes, (scene) => leftOut?.older?.(scene))
  }

  search(query: ResolvedQuery, options: CallOptions = {}): Promise<SearchResult> {
    return collect(this, query, options)
  }

  async count(query: ResolvedQuery, options: CallOptions = {}): Promise<SceneCount> {
    let count = 0
    for await (const _ of this.iter(query, options)) count += 1
    return { count, exact: true }
  }

  /** Granules of the area's zones and of the period, in order of time. */
  async #candidates(query: ResolvedQuery, options: IterOptions): Promise<Candidate[]> {
    const prefixes = prefixesOf(query)
    const failed = new AbortController()
    const signal = AbortSignal.any([failed.signal, ...(options.signal === undefined ? [] : [options.signal])])
    const found = new Map<string, Candidate>()
    const limit = this.#options.maxCandidates ?? MAX_CANDIDATES
    const list = async (prefix: string) => {
      for await (const { key, bytes } of listObjects(prefix, { ...this.#options, signal })) {
        const [, epsg = '', id = '', ending] = KEY.exec(key) ?? []
        const time = timeOfSceneKey(parseGranuleName(id)?.sceneKey ?? '')
        if (time === undefined || !isInPeriod(time, query)) continue
        const known = found.get(id)
        const candidate = known ?? { id, time, epsg: Number(epsg), itemKey: undefined, files: [] }
        if (known === undefined) found.set(id, candidate)
        if (found.size > limit) throw tooMany(limit)
        const url = `${this.#options.baseUrl}/${key}`
        if (ending !== '.tif') candidate.itemKey = key
        candidate.files.push({ ...describeFileName(key.split('/').at(-1) ?? ''), url, bytes })
      }
    }
    try {
      await Promise.all(prefixes.map(list))
    } finally {
      failed.abort()
    }
    return [...found.values()].sort(
      (left, right) => left.time.localeCompare(right.time) || (left.id < right.id ? -1 : 1),
    )
  }

  async *#described(candidates: readonly Candidate[], options: IterOptions): AsyncGenerator<Scene, void, undefined> {
    for (let start = 0; start < candidates.length; start += ITEMS_AT_ONCE) {
      const batch = candidates.slice(start, start + ITEMS_AT_ONCE)
      const scenes = await Promise.all(batch.map((candidate) => this.#describe(candidate, options)))
      for (const [index, scene] of scenes.entries()) {
        if (typeof scene !== 'string') yield scene
        else tellSkipped(options.leftOut, batch[index]?.id ?? '', scene)
      }
    }
  }

  async #describe({ id, epsg, itemKey, files }: Candidate, { signal }: IterOptions): Promise<Scene | string> {
    if (itemKey === undefined) return 'it has no item beside it'
    const url = `${this.#options.baseUrl}/${itemKey}`
    const response = await this.#options.http.send({ url, what: `item of ${id} on AWS`, signal })
    const item = StacItem.safeParse(await response.json())
    const scene = item.success ? sceneFromStac({ ...item.data, id }, 'aws') : 'its item is not in a form that is known'
    if (typeof scene === 'string') return scene
    const bands = files.filter(({ role }) => role === 'band')
    const subsystems = TELESCOPES.filter((telescope) => bands.some(({ subsystem }) => subsystem === telescope))
    return {
      ...scene,
      epsg,
      subsystems,
      bands: subsystems.flatMap((telescope) => BANDS_OF_TELESCOPE[telescope]),
      bytes: bandBytes(files),
      files: files.sort((left, right) => (left.name < right.name ? -1 : 1)),
    }
  }
}

function isInPeriod(time: string, { startMs, endMs, months }: ResolvedQuery): boolean {
  const instant = Date.parse(time)
  // The stamp is cut to the second.
  if (instant + 999 < startMs || instant > endMs) return false
  return months.length === 0 || months.includes(new Date(instant).getUTCMonth() + 1)
}

function prefixesOf(query: ResolvedQuery): string[] {
  const { product = PRODUCT, productVersion = VERSION } = query
  const hint = 'use the earthaccess backend'
  if (product !== PRODUCT || productVersion !== VERSION) {
    const asked = product === PRODUCT ? `version ${productVersion} of ${product}` : product
    throw new UsageError(`AWS has no ${asked}: only ${PRODUCT} version ${VERSION}`, {
      code: 'UNSUPPORTED',
      exitCode: 2,
      hint,
    })
  }
  const boxes = query.boxes.length > 0 ? query.boxes : (query.polygon?.bbox.split() ?? [])
  if (boxes.length === 0) {
    throw new UsageError('a search on AWS needs an area: the bucket can only be listed by UTM zone', {
      hint: `name one, or ${hint}`,
    })
  }
  const zones = [...new Set(boxes.flatMap(zonesOf))].sort()
  return zones.flatMap((epsg) => TELESCOPES.map((telescope) => `${telescope}/${epsg}/`))
}

/** EPSG codes of the UTM zones that scenes in a box can be in; a scene goes by its centre, half a scene away. */
function zonesOf({ west, south, east, north }: BoundingBox): number[] {
  const farthest = Math.min(80, Math.max(Math.abs(south), Math.abs(north)))
  // Norway and Svalbard have zones of other widths.
  const marginDeg = farthest > 55 ? 6 : 0.5 / Math.cos((farthest * Math.PI) / 180)
  const zones = new Set<number>()
  for (let lon = west - marginDeg; lon < east + marginDeg + 6; lon += 6) {
    const edge = Math.min(lon, east + marginDeg)
    zones.add(((Math.floor((edge + 180) / 6) + 60) % 60) + 1)
  }
  return [...zones].flatMap((zone) => [
    ...(north > -0.5 ? [32_600 + zone] : []),
    ...(south < 0.5 ? [32_700 + zone] : []),
  ])
}

function tooMany(limit: number): UsageError {
  return new UsageError(`more than ${limit} scenes of this period lie in the UTM zones of the area`, {
    hint: 'AWS has no index, so each would have to be looked at: choose a shorter period, or the earthaccess backend',
  })
}
