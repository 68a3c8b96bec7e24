// `granule.json`: what is known of a granule in the cache, and which of its files are there and were verified.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type ClaimOptions, claim, claimPath } from './claim.js'
import { writeWhole } from './write-file.js'

export const RECORD_NAME = 'granule.json'

const RecordedFile = z.object({
  name: z.string(),
  bytes: z.number().int().nonnegative(),
  checksum: z.object({ algorithm: z.string(), value: z.string() }),
  /** Who told what the checksum should be; `nothing`: it was computed here, and shows later damage only. */
  checkedAgainst: z.enum(['catalogue', 'service', 'nothing']),
  /** ISO 8601. */
  verifiedAt: z.string(),
  /** Address it came from, without signature. */
  url: z.string().nullable(),
})
export type RecordedFile = z.output<typeof RecordedFile>

const GranuleRecord = z.object({
  schema: z.literal(1),
  id: z.string(),
  product: z.string(),
  /** Backend that it was found by. */
  source: z.string(),
  /** The scene as the search told it. */
  scene: z.record(z.string(), z.unknown()),
  /** Complete files, by name. A file that is not listed counts as absent until it is verified. */
  files: z.array(RecordedFile),
})
export type GranuleRecord = z.output<typeof GranuleRecord>

/** The record of a folder; `undefined` where there is none or it is damaged. */
export async function readRecord(folder: string): Promise<GranuleRecord | undefined> {
  try {
    return GranuleRecord.safeParse(JSON.parse(await readFile(join(folder, RECORD_NAME), 'utf8'))).data
  } catch {
    return undefined
  }
}

/** Changes of one folder's record, one after the other in this process; a claim keeps other processes apart. */
export class RecordKeeper {
  #tail: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly folder: string,
    private readonly facts: Omit<GranuleRecord, 'schema' | 'files'>,
    private readonly claims: Omit<ClaimOptions, 'onWait'> = {},
  ) {}

  /** Adds a verified file, or renews what is known of it. */
  add(file: RecordedFile): Promise<void> {
    return this.#change((files) => [...files.filter(({ name }) => name !== file.name), file])
  }

  /** Takes files out that turned out to be damaged or gone. */
  remove(names: ReadonlySet<string>): Promise<void> {
    return this.#change((files) => files.filter(({ name }) => !names.has(name)))
  }

  #change(next: (files: readonly RecordedFile[]) => RecordedFile[]): Promise<void> {
    const change = this.#tail.then(async () => {
      // Not stopped by a signal: the file is there, and noting it takes a moment.
      const held = await claim(claimPath(this.folder, RECORD_NAME), { ...this.claims, signal: undefined })
      try {
        const before = await readRecord(this.folder)
        const files = next(before?.files ?? []).sort((left, right) => (left.name < right.name ? -1 : 1))
        const record: GranuleRecord = { schema: 1, ...this.facts, files }
        await writeWhole(join(this.folder, RECORD_NAME), `${JSON.stringify(record, null, 2)}\n`)
      } finally {
        await held.release()
      }
    })
    this.#tail = change.catch(() => {})
    return change
  }
}
