// What only the AST_L1A record of an acquisition knows: gains, the scene's outline, cloud cover of elevation models.
import type { CallOptions } from '../native/call.js'
import type { CmrClient } from './cmr-client.js'
import { collectionParameters } from './collections.js'
import type { Scene } from './scene.js'
import { sceneFromUmm } from './umm-g.js'

/** The AST_L1A record of one acquisition. */
export interface AcquisitionRecord {
  /** Name under which it belongs beside a granule, for its gains to be found there: `AST_L1A_….cmr.json`. */
  fileName: string
  /** The record itself, JSON. */
  text: string
  /** What it says, as a scene of AST_L1A. */
  scene: Scene
}

/** Acquisitions that are asked for together. */
const BATCH = 50
/** Records kept in memory; one is about 5 kB. */
const MAX_KEPT = 2000
const PRODUCT = 'AST_L1A'

/** Finds AST_L1A records by acquisition, many at a time, each once. */
export class AcquisitionRecords {
  readonly #client: CmrClient
  /** By scene key; `undefined` where the catalogue has none. */
  readonly #kept = new Map<string, AcquisitionRecord | undefined>()

  constructor(client: CmrClient) {
    this.#client = client
  }

  /** The record of a scene's acquisition in the scene's own version, if there is one. */
  async find(scene: Pick<Scene, 'sceneKey'>, options: CallOptions = {}): Promise<AcquisitionRecord | undefined> {
    return (await this.findAll([scene], options)).get(scene.sceneKey)
  }

  /** As `find`, for many scenes; by scene key. */
  async findAll(
    scenes: readonly Pick<Scene, 'sceneKey'>[],
    options: CallOptions = {},
  ): Promise<Map<string, AcquisitionRecord>> {
    const keys = [...new Set(scenes.map((scene) => scene.sceneKey))]
    const found = new Map<string, AcquisitionRecord>()
    const unknown: string[] = []
    for (const key of keys) {
      const record = this.#kept.get(key)
      if (record !== undefined) found.set(key, record)
      else if (!this.#kept.has(key)) unknown.push(key)
    }
    for (let start = 0; start < unknown.length; start += BATCH) {
      const batch = unknown.slice(start, start + BATCH)
      const records = await this.#ask(batch, options)
      for (const key of batch) {
        const record = records.get(key)
        if (record !== undefined) found.set(key, record)
        this.#keep(key, record)
      }
    }
    return found
  }

  /** The same scenes with what their own records lack; holds one batch of them. */
  async *complete(scenes: AsyncIterable<Scene>, options: CallOptions = {}): AsyncGenerator<Scene, void, undefined> {
    let batch: Scene[] = []
    for await (const scene of scenes) {
      batch.push(scene)
      if (batch.length < BATCH) continue
      yield* await this.#completed(batch, options)
      batch = []
    }
    yield* await this.#completed(batch, options)
  }

  async #completed(scenes: readonly Scene[], options: CallOptions): Promise<Scene[]> {
    const records = await this.findAll(scenes, options)
    return scenes.map((scene) => {
      const record = records.get(scene.sceneKey)
      return record === undefined ? scene : completed(scene, record.scene)
    })
  }

  /** One request for a batch; versions are separate collections, and in practice a batch has one. */
  async #ask(keys: readonly string[], options: CallOptions): Promise<Map<string, AcquisitionRecord>> {
    const found = new Map<string, AcquisitionRecord>()
    for (const version of new Set(keys.map((key) => key.slice(0, 3)))) {
      const names = keys.filter((key) => key.startsWith(version))
      const parameters: [string, string][] = [
        ...collectionParameters(PRODUCT, version, this.#client.collectionOptions),
        ...names.map((key): [string, string] => ['readable_granule_name[]', `${PRODUCT}_${key}_*`]),
        ['options[readable_granule_name][pattern]', 'true'],
        ['sort_key', 'start_date'],
      ]
      for await (const { granule, json } of this.#client.records(parameters, { signal: options.signal })) {
        const scene = sceneFromUmm(granule)
        if (typeof scene === 'string') continue
        const rival = found.get(scene.sceneKey)?.scene
        if (rival !== undefined && (rival.processingStamp ?? '') >= (scene.processingStamp ?? '')) continue
        found.set(scene.sceneKey, { fileName: `${scene.id}.cmr.json`, text: JSON.stringify(json), scene })
      }
    }
    return found
  }

  #keep(key: string, record: AcquisitionRecord | undefined): void {
    this.#kept.set(key, record)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break
      this.#kept.delete(oldest)
    }
  }
}

/** A scene with gains, cloud cover and outline of its acquisition, where it has none of its own. */
function completed(scene: Scene, acquisition: Scene): Scene {
  const { gains, cloudCoverPercent, footprint, footprintKind } = acquisition
  const isBetter = scene.footprintKind === 'box' && footprintKind === 'polygon'
  return {
    ...scene,
    ...(scene.gains === undefined && gains !== undefined ? { gains } : {}),
    ...(scene.cloudCoverPercent === undefined && cloudCoverPercent !== undefined ? { cloudCoverPercent } : {}),
    ...(isBetter ? { footprint, footprintKind } : {}),
  }
}
