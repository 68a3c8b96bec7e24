// What a source of scenes has to be able to do, and how a stream of scenes becomes a search result.
import type { CallOptions } from '../native/call.js'
import type { Area, SkippedFile } from '../native/contract.js'
import type { FilterName } from './filter.js'
import { passesUnknownCloud, rejectingFilter } from './filter.js'
import type { ResolvedQuery } from './query.js'
import type { Scene } from './scene.js'

/** What a source holds, whatever was asked for; of a remote source, what it answered with. */
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
  rejected: Record<FilterName, number>
  /** Files that look like granules, or records that look like scenes, and could not be read. */
  skipped: SkippedFile[]
  /** What the source holds of the product asked for. */
  coverage: Coverage
  /** What the caller should know of the source: dates it does not hold, filters it cannot apply. */
  notes: string[]
}

/** Told of everything a stream leaves out, as it happens. */
export interface LeftOut {
  /** An older version or processing of a scene that was given out. */
  older?(scene: Scene): void
  rejected?(filter: FilterName, scene: Scene): void
  /** A file or record that cannot be read. */
  skipped?(file: SkippedFile): void
  note?(text: string): void
}

export interface IterOptions extends CallOptions {
  leftOut?: LeftOut | undefined
}

/** How many scenes answer a query. */
export interface SceneCount {
  count: number
  /** `false` where the source counts records, in which older processings are counted too. */
  exact: boolean
}

export interface CatalogBackend {
  readonly name: string
  /** Says in words where it looks, for messages. */
  readonly description: string
  /** Scenes in order of acquisition, one per acquisition; a remote source holds one page of them at a time. */
  iter(query: ResolvedQuery, options?: IterOptions): AsyncIterable<Scene>
  search(query: ResolvedQuery, options?: CallOptions): Promise<SearchResult>
  count(query: ResolvedQuery, options?: CallOptions): Promise<SceneCount>
}

/** Counts nothing yet. */
export function noneRejected(): Record<FilterName, number> {
  return { product: 0, dates: 0, area: 0, cloudCover: 0, dayNight: 0 }
}

/** Everything a stream gives, and what it leaves out. */
export async function collect(
  backend: Pick<CatalogBackend, 'iter'>,
  query: ResolvedQuery,
  { signal }: CallOptions = {},
): Promise<SearchResult> {
  const result: SearchResult = {
    scenes: [],
    duplicates: [],
    cloudUnknown: 0,
    rejected: noneRejected(),
    skipped: [],
    coverage: { scenes: 0 },
    notes: [],
  }
  const leftOut: LeftOut = {
    older: (scene) => result.duplicates.push(scene),
    rejected: (filter) => {
      result.rejected[filter] += 1
    },
    skipped: (file) => result.skipped.push(file),
    note: (text) => result.notes.push(text),
  }
  for await (const scene of backend.iter(query, { signal, leftOut })) {
    result.scenes.push(scene)
    if (passesUnknownCloud(scene, query)) result.cloudUnknown += 1
  }
  result.coverage = coverageOf(result.scenes)
  return result
}

/** Extent in space and time of scenes in order of acquisition. */
export function coverageOf(scenes: readonly Scene[]): Coverage {
  const [first] = scenes
  const last = scenes.at(-1)
  if (first === undefined || last === undefined) return { scenes: 0 }
  const bbox = scenes.map((scene) => scene.bbox).reduce(union)
  return { scenes: scenes.length, bbox, firstTime: first.time, lastTime: last.time }
}

function union(left: Area, right: Area): Area {
  return {
    west: Math.min(left.west, right.west),
    south: Math.min(left.south, right.south),
    east: Math.max(left.east, right.east),
    north: Math.max(left.north, right.north),
  }
}

/** The scenes that pass a query's filters; the others are told. */
export async function* passing(
  scenes: AsyncIterable<Scene>,
  query: ResolvedQuery,
  leftOut: LeftOut | undefined,
): AsyncGenerator<Scene, void, undefined> {
  for await (const scene of scenes) {
    const filter = rejectingFilter(scene, query)
    if (filter === undefined) yield scene
    else leftOut?.rejected?.(filter, scene)
  }
}
