// What is known of a unit from the files beside its output: done, failed, claimed or open. No scheduler is asked.
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { z } from 'zod'
import { claimHolder } from '../access/claim.js'
import { systemCode } from '../access/write-file.js'
import { UsageError } from '../errors.js'
import { outputsOf, type Plan, type Unit } from './manifest.js'

export type UnitState =
  | { kind: 'done'; seconds: number; peakRssBytes: number; bytes: number }
  /** Done without output: no scene had data there. */
  | { kind: 'empty' }
  | { kind: 'failed'; exitStatus: number; code: string; message: string; attempt: number }
  | { kind: 'claimed'; host: string; ageSeconds: number }
  | { kind: 'open' }

const count = z.number().nonnegative()

/** `<output>.done.json`, written last of all: the only thing that makes a unit done. */
const DoneRecordJson = z.object({
  schema: z.literal(1),
  /** As in the manifest; a record of another key is of another result. */
  key: z.string(),
  id: z.string(),
  /** Names in the folder of the first output, and their sizes; none when no scene had data. */
  outputs: z.array(z.object({ name: z.string(), bytes: count })),
  seconds: count,
  peakRssBytes: count,
  threads: count,
  host: z.string(),
  /** From 1. */
  attempt: count,
  /** ISO 8601. */
  finishedAt: z.string(),
  createdBy: z.string(),
  scenes: count,
  /** Granules that were left out, and why; only where the plan allows it. */
  skipped: z.array(z.object({ id: z.string(), code: z.string(), message: z.string() })),
  /** What an index of results tells of the output; absent without one. */
  result: z
    .object({
      crs: z.string(),
      epsg: count.exactOptional(),
      geotransform: z.array(z.number()),
      width: count,
      height: count,
      variables: z.array(z.string()),
      /** ISO 8601, of the first and the last time step. */
      firstTime: z.string().exactOptional(),
      lastTime: z.string().exactOptional(),
      steps: count,
      /** Of all variables and time steps. */
      validPixels: count,
    })
    .exactOptional(),
})
export type DoneRecord = z.output<typeof DoneRecordJson>

/** `<output>.failed.json`: why the last try ended without a result. Success removes it. */
const FailureRecordJson = z.object({
  schema: z.literal(1),
  key: z.string(),
  id: z.string(),
  exitStatus: count,
  code: z.string(),
  message: z.string(),
  hint: z.string().exactOptional(),
  /** Granule that it is about. */
  path: z.string().exactOptional(),
  retryable: z.boolean(),
  seconds: count,
  peakRssBytes: count,
  host: z.string(),
  attempt: count,
  failedAt: z.string(),
  createdBy: z.string(),
})
export type FailureRecord = z.output<typeof FailureRecordJson>

/** Files beside the first output of a unit. */
export function recordPaths(plan: Pick<Plan, 'runFolder'>, unit: Pick<Unit, 'outputs'>) {
  const [output = ''] = outputsOf(plan, unit)
  return { output, done: `${output}.done.json`, failed: `${output}.failed.json`, claim: `${output}.claim` }
}

/** What became of a unit so far. Costs a file or three; a record that is damaged counts as none. */
export async function unitState(plan: Plan, unit: Unit): Promise<UnitState> {
  return (await stateAndRecord(plan, unit)).state
}

/** As `unitState`, with the record of a unit that is done. */
export async function stateAndRecord(plan: Plan, unit: Unit): Promise<{ state: UnitState; record?: DoneRecord }> {
  const record = await readDone(plan, unit)
  if (record === undefined) return { state: await unfinishedState(plan, unit) }
  const { seconds, peakRssBytes, outputs } = record
  const bytes = outputs.reduce((sum, one) => sum + one.bytes, 0)
  return { state: outputs.length === 0 ? { kind: 'empty' } : { kind: 'done', seconds, peakRssBytes, bytes }, record }
}

async function unfinishedState(plan: Plan, unit: Unit): Promise<UnitState> {
  const holder = await claimHolder(recordPaths(plan, unit).claim)
  if (holder !== undefined) return { kind: 'claimed', host: holder.host, ageSeconds: holder.ageSeconds }
  const failure = await readFailure(plan, unit)
  if (failure === undefined) return { kind: 'open' }
  const { exitStatus, code, message, attempt } = failure
  return { kind: 'failed', exitStatus, code, message, attempt }
}

/** The record of a unit that is done, and whose output is still there with the size it had. */
export async function readDone(plan: Plan, unit: Unit): Promise<DoneRecord | undefined> {
  const record = await readRecord(recordPaths(plan, unit).done, DoneRecordJson)
  if (record?.key !== unit.key) return undefined
  for (const [place, { name, bytes }] of record.outputs.entries()) {
    const path = outputsOf(plan, unit)[place]
    if (path === undefined || basename(path) !== name) return undefined
    const there = await stat(path).catch(() => undefined)
    // Sizes of folders are not compared: counting a large store would cost more than it tells.
    if (there === undefined || (there.isFile() && there.size !== bytes)) return undefined
  }
  return record
}

/** Why the last try of a unit failed. */
export async function readFailure(plan: Plan, unit: Unit): Promise<FailureRecord | undefined> {
  const record = await readRecord(recordPaths(plan, unit).failed, FailureRecordJson)
  return record?.key === unit.key ? record : undefined
}

async function readRecord<T>(path: string, shape: z.ZodType<T>): Promise<T | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const code = systemCode(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new UsageError(`cannot read ${path} (${code || 'unknown'})`, { code: 'CONFIG', path, cause })
  }
  try {
    return shape.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
