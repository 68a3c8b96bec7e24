// The backend `earthaccess`: scenes in NASA's catalogue, which every current product is in.
import type { CallOptions } from '../native/call.js'
import { isLoopback } from '../net/endpoints.js'
import { AcquisitionRecords } from './acquisition-records.js'
import {
  type CatalogBackend,
  collect,
  type IterOptions,
  passing,
  type SceneCount,
  type SearchResult,
} from './backend.js'
import { CmrClient, type CmrOptions, tellSkipped } from './cmr-client.js'
import { type Parameters, searchParameters } from './cmr-parameters.js'
import { DEFAULT_PRODUCT, DEFAULT_VERSION, WITHOUT_CLOUD_COVER } from './collections.js'
import { newestOfStream } from './newest.js'
import type { ResolvedQuery } from './query.js'
import type { Scene } from './scene.js'
import { sceneFromUmm } from './umm-g.js'

export class CmrBackend implements CatalogBackend {
  readonly name = 'earthaccess'
  readonly description = "NASA's catalogue (CMR)"
  readonly client: CmrClient
  /** Records of AST_L1A, which know gains, outlines and cloud cover that other products lack. */
  readonly acquisitions: AcquisitionRecords
  readonly #now: () => number
  readonly #mayFetch: (url: string) => boolean

  constructor(options: CmrOptions) {
    this.client = new CmrClient(options)
    this.acquisitions = new AcquisitionRecords(this.client)
    this.#now = options.now ?? Date.now
    // A catalogue on this very machine may name files on it; NASA's may not.
    const isHere = isLoopback(new URL(options.baseUrl))
    this.#mayFetch = (url) => isHere && URL.canParse(url) && /^http:/.test(url) && isLoopback(new URL(url))
  }

  async *iter(query: ResolvedQuery, options: IterOptions = {}): AsyncGenerator<Scene, void, undefined> {
    const parameters = this.#parameters(query)
    if (parameters === undefined) return
    const { leftOut } = options
    const found = this.#scenes(parameters, options)
    const { product = DEFAULT_PRODUCT, cloudCoverMax } = query
    const needsCloud = cloudCoverMax !== undefined && WITHOUT_CLOUD_COVER.has(product)
    const known = needsCloud ? this.acquisitions.complete(found, options) : found
    yield* newestOfStream(passing(known, query, leftOut), (scene) => leftOut?.older?.(scene))
  }

  search(query: ResolvedQuery, options: CallOptions = {}): Promise<SearchResult> {
    return collect(this, query, options)
  }

  async count(query: ResolvedQuery, options: CallOptions = {}): Promise<SceneCount> {
    const { product = DEFAULT_PRODUCT, cloudCoverMax, polygon } = query
    const filtersHere = polygon !== undefined || (cloudCoverMax !== undefined && WITHOUT_CLOUD_COVER.has(product))
    if (filtersHere) {
      let count = 0
      for await (const _ of this.iter(query, options)) count += 1
      return { count, exact: true }
    }
    const parameters = this.#parameters(query)
    return { count: parameters === undefined ? 0 : await this.client.hits(parameters, options), exact: false }
  }

  #parameters(query: ResolvedQuery): Parameters | undefined {
    const { product = DEFAULT_PRODUCT, productVersion: version = DEFAULT_VERSION } = query
    return searchParameters(query, { ...this.client.collectionOptions, product, version, nowMs: this.#now() })
  }

  async *#scenes(parameters: Parameters, options: IterOptions): AsyncGenerator<Scene, void, undefined> {
    for await (const { granule } of this.client.records(parameters, options)) {
      const scene = sceneFromUmm(granule, this.#mayFetch)
      if (typeof scene === 'string') tellSkipped(options.leftOut, granule.GranuleUR, scene)
      else yield scene
    }
  }
}
