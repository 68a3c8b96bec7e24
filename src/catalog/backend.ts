// What a source of scenes has to be able to do.
import type { CallOptions } from '../native/call.js'
import type { Area, SkippedFile } from '../native/contract.js'
import type { ResolvedQuery } from './query.js'
import type { Scene } from './scene.js'

/** What a source holds, whatever was asked for. */
export interface Coverage {
  scenes: number
  bbox?: Area
  /** ISO 8601, of the first and the last scene. */
  firstTime?: string
  lastTime?: string
}

export interface SearchResult {
  /** In order of acquisition, one per acquisition. */
  scenes: Scene[]
  /** Older versions and processings of scenes that were found. */
  duplicates: Scene[]
  /** Scenes that passed `cloudCoverMax` only because their cloud cover is not known. */
  cloudUnknown: number
  /** How many scenes each filter turned away; a scene counts once, at the first that did. */
  rejected: { product: number; dates: number; area: number; cloudCover: number }
  /** Files that look like granules and could not be read. */
  skipped: SkippedFile[]
  /** What the source holds of the product asked for. */
  coverage: Coverage
}

export interface CatalogBackend {
  readonly name: string
  /** Says in words where it looks, for messages. */
  readonly description: string
  search(query: ResolvedQuery, options?: CallOptions): Promise<SearchResult>
}
