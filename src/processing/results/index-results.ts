// Writes the index of a plan's results beside them: STAC collection, mosaics, Zarr store, map, summary; all from the records.
import { join } from 'node:path'
import { claim, claimPath } from '../../access/claim.js'
import { makeFolder, writeDurably, writeWhole } from '../../access/write-file.js'
import { OutputError } from '../../errors.js'
import { type Plan, pathOf } from '../manifest.js'
import { type PlanStatus, planStatus } from '../open-units.js'
import { mapOf } from './map.js'
import { mosaicsOf } from './mosaic.js'
import { stacDocuments } from './stac.js'
import { MEDIA_TYPES, type TileResult } from './tile-result.js'
import { zarrStoreOf } from './zarr-store.js'

export interface ResultsIndex {
  status: PlanStatus
  /** Files of the index, absolute; the summary last. */
  files: string[]
  /** Outputs of tiles, absolute, in order. */
  outputs: string[]
  /** What is not there, and why. */
  notes: string[]
  /** Why the index is not whole, such as a full disk. Tiles are not touched by that, and the next run makes it. */
  problem?: OutputError
}

/** Failures that the summary names. */
const MOST_FAILURES = 1000

export async function indexResults(plan: Plan): Promise<ResultsIndex> {
  const folder = pathOf(plan, plan.shared.outputDir)
  const tiles: TileResult[] = []
  const status = await planStatus(plan, ({ unit: { index, id, bbox, outputs }, state, record }) =>
    tiles.push({ unit: { index, id, bbox, outputs }, state, ...(record === undefined ? {} : { record }) }),
  )
  const outputs = tiles.flatMap(({ record }) => record?.outputs.map(({ name }) => join(folder, name)) ?? [])
  try {
    return { status, outputs, ...(await writeIndex(plan, folder, tiles, status)) }
  } catch (error) {
    if (!(error instanceof OutputError)) throw error
    return { status, outputs, files: [], notes: [], problem: error }
  }
}

async function writeIndex(
  plan: Plan,
  folder: string,
  tiles: readonly TileResult[],
  status: PlanStatus,
): Promise<Pick<ResultsIndex, 'files' | 'notes'>> {
  const { shared } = plan
  await makeFolder(join(folder, 'items'))
  // Several runs may end at the same time.
  const held = await claim(claimPath(folder, 'index'))
  const files: string[] = []
  const write = async (path: string, text: string) => {
    await writeWhole(join(folder, path), text)
    files.push(join(folder, path))
  }
  try {
    const { mosaics, notes: mosaicNotes } = mosaicsOf(shared, tiles)
    const { text: store, notes: storeNotes } = await zarrStoreOf(folder, plan.hash, shared, tiles)
    const notes = [...mosaicNotes, ...storeNotes]
    for (const { path, text } of mosaics) await write(path, text)
    if (store !== undefined) await write('zarr.json', store)
    await write('map.svg', mapOf(shared, tiles))
    const assets: Record<string, object> = { map: { href: './map.svg', type: 'image/svg+xml', roles: ['overview'] } }
    for (const { path } of mosaics) {
      assets[path.replace(/\.vrt$/, '')] = { href: `./${path}`, type: 'application/xml', roles: ['data'] }
    }
    if (store !== undefined) assets.store = { href: './zarr.json', type: MEDIA_TYPES.zarr, roles: ['data'] }
    for (const { path, content } of stacDocuments(shared, plan.hash, tiles, assets)) {
      if (path.startsWith('items/')) await writeWhole(join(folder, path), json(content))
      else await write(path, json(content))
    }
    const summary = join(folder, 'summary.json')
    await writeDurably(summary, json(summaryOf(plan, status, tiles, notes)))
    return { files: [...files, summary], notes }
  } finally {
    await held.release()
  }
}

function summaryOf({ hash, product, shared }: Plan, status: PlanStatus, tiles: readonly TileResult[], notes: string[]) {
  const failures = tiles.flatMap(({ unit: { index, id }, state }) => {
    if (state.kind !== 'failed') return []
    const { exitStatus, code, message } = state
    return [{ index, id, exitStatus, code, message }]
  })
  const skipped = tiles.flatMap(({ unit, record }) => record?.skipped.map((one) => ({ tile: unit.id, ...one })) ?? [])
  const { createdBy, format, tileOutput, area, tiling, counts } = shared
  return {
    schema: 1,
    ...{ plan: `plan-${hash}`, product, createdBy, format, tileOutput, area, tiling },
    scenes: counts.scenes,
    ...status,
    failures: failures.slice(0, MOST_FAILURES),
    failuresByStatus: status.failures,
    skipped: skipped.slice(0, MOST_FAILURES),
    notes,
  }
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 1)}\n`
}
