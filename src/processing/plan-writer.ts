// Writes a plan: scenes as they come, then units; each file gets its name when it is whole, `current` last.
import { createHash, type Hash } from 'node:crypto'
import { open, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { claim, claimPath } from '../access/claim.js'
import { makeFolder, renameDurably, writeDurably, writeFailure } from '../access/write-file.js'
import type { Scene } from '../catalog/scene.js'
import { packageVersion } from '../net/user-agent.js'
import {
  currentPath,
  keptPath,
  LINES_PER_OFFSET,
  openPlan,
  PLAN_SCHEMA,
  type Plan,
  type PlanDocument,
  planPaths,
  type Unit,
  withPaths,
} from './manifest.js'

/** Text that is handed to the system at once. */
const BATCH_CHARS = 1 << 20

/** What a plan is told beside its units and scenes. */
export type SharedFacts = Omit<PlanDocument, 'schema' | 'createdBy' | 'createdAt' | 'counts' | 'lineOffsets'>

/** Where a scene lies in the file of scenes. */
export type ScenePlace = readonly [offset: number, length: number]

/** A plan being written; one at a time in a run folder. */
export class PlanWriter {
  readonly #runFolder: string
  readonly #scenes: Lines
  readonly #units: Lines
  readonly #release: () => Promise<void>
  readonly #hash = createHash('sha256')
  readonly #lineOffsets: number[] = []
  #unitCount = 0
  #sceneCount = 0
  #scenesOfUnits = 0

  private constructor(runFolder: string, scenes: Lines, units: Lines, release: () => Promise<void>) {
    this.#runFolder = resolve(runFolder)
    this.#scenes = scenes
    this.#units = units
    this.#release = release
  }

  /** Waits for any other plan of this folder to be finished. */
  static async open(runFolder: string, signal?: AbortSignal): Promise<PlanWriter> {
    await makeFolder(runFolder)
    const held = await claim(claimPath(runFolder, 'plan'), { signal })
    try {
      const scenes = await Lines.open(join(runFolder, '.plan.scenes.jsonl.new'))
      const units = await Lines.open(join(runFolder, '.plan.jsonl.new'))
      return new PlanWriter(runFolder, scenes, units, () => held.release())
    } catch (error) {
      await held.release()
      throw error
    }
  }

  /** Units so far. */
  get unitCount(): number {
    return this.#unitCount
  }

  /** Stores a scene, as `search` prints it, and says where. */
  async addScene(scene: Scene): Promise<ScenePlace> {
    this.#sceneCount += 1
    return this.#scenes.add(JSON.stringify(withPaths(scene, (path) => keptPath(this.#runFolder, path))))
  }

  /** Stores the next unit; it gets the number of its line. */
  async addUnit(unit: Omit<Unit, 'schema' | 'index'>): Promise<void> {
    if (this.#unitCount % LINES_PER_OFFSET === 0) this.#lineOffsets.push(this.#units.length)
    const { id, bbox, ...rest } = unit
    const text = JSON.stringify({ schema: PLAN_SCHEMA, index: this.#unitCount, id, bbox, ...rest } satisfies Unit)
    this.#unitCount += 1
    this.#scenesOfUnits += unit.scenes.length
    this.#hash.update(text)
    await this.#units.add(text)
  }

  /** Gives the files their names. The same content makes the same names, and what is there is left as it is. */
  async finish(shared: SharedFacts): Promise<Plan> {
    await this.#scenes.seal()
    await this.#units.seal()
    const stated = {
      schema: PLAN_SCHEMA,
      createdBy: `aster-timeseries ${packageVersion()}`,
      ...shared,
      counts: {
        units: this.#unitCount,
        scenes: this.#sceneCount,
        scenesOfUnits: this.#scenesOfUnits,
      },
      lineOffsets: this.#lineOffsets,
    } satisfies Omit<PlanDocument, 'createdAt'>
    const hash = hashOf(this.#hash, this.#scenes.hash, stated)
    const paths = planPaths(this.#runFolder, hash)
    await this.#scenes.publish(paths.scenes)
    await this.#units.publish(paths.manifest)
    if (!(await isThere(paths.shared))) {
      const { schema, createdBy, ...rest } = stated
      const document: PlanDocument = { schema, createdBy, createdAt: new Date().toISOString(), ...rest }
      await writeDurably(paths.shared, `${JSON.stringify(document, null, 1)}\n`)
    }
    await writeDurably(currentPath(this.#runFolder), `plan-${hash}\n`)
    return openPlan(paths.manifest)
  }

  /** Removes what is unfinished; to be called in any case. */
  async close(): Promise<void> {
    await this.#scenes.discard()
    await this.#units.discard()
    await this.#release()
  }
}

/** Twelve digits of everything that the plan says, but for when it was made. */
function hashOf(units: Hash, scenes: Hash, stated: object): string {
  return units.update(scenes.digest()).update(JSON.stringify(stated)).digest('hex').slice(0, 12)
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** A text file of lines that is written in batches and knows how long it is. */
class Lines {
  readonly hash = createHash('sha256')
  #bytes = 0
  #batch: string[] = []
  #chars = 0

  private constructor(
    private readonly file: Awaited<ReturnType<typeof open>>,
    private readonly path: string,
  ) {}

  static async open(path: string): Promise<Lines> {
    try {
      return new Lines(await open(path, 'w'), path)
    } catch (cause) {
      throw await writeFailure(cause, path)
    }
  }

  /** Bytes so far. */
  get length(): number {
    return this.#bytes
  }

  async add(line: string): Promise<ScenePlace> {
    const offset = this.#bytes
    const length = Buffer.byteLength(line)
    this.#bytes += length + 1
    this.#batch.push(line, '\n')
    this.#chars += line.length
    if (this.#chars >= BATCH_CHARS) await this.#flush()
    return [offset, length]
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#batch.join(''))
    this.#batch = []
    this.#chars = 0
    this.hash.update(bytes)
    try {
      await this.file.writeFile(bytes)
    } catch (cause) {
      throw await writeFailure(cause, this.path)
    }
  }

  /** Brings all to the disk; nothing is added after that. */
  async seal(): Promise<void> {
    await this.#flush()
    try {
      await this.file.sync()
      await this.file.close()
    } catch (cause) {
      throw await writeFailure(cause, this.path)
    }
  }

  /** Gives the file its name, unless a file of that name is there: it has the same content then. */
  async publish(path: string): Promise<void> {
    if (!(await isThere(path))) await renameDurably(this.path, path)
  }

  async discard(): Promise<void> {
    await this.file.close().catch(() => {})
    await rm(this.path, { force: true }).catch(() => {})
  }
}
