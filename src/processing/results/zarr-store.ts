// Zarr tiles as one store: a group over the output folder whose children are the tiles, with the metadata of all of them.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { PlanDocument } from '../manifest.js'
import { type TileResult, withOutput } from './tile-result.js'

export interface ZarrStore {
  /** `zarr.json` of the output folder; absent where tiles are no stores, or none is done. */
  text?: string
  notes: string[]
}

/** Tiles whose metadata are told at once, some 20 KB each; of more, a reader lists the folder. */
const MOST_CONSOLIDATED = 1000
/** Tiles whose metadata are read together. */
const AT_ONCE = 16

const TileGroup = z.looseObject({
  attributes: z.record(z.string(), z.unknown()),
  consolidated_metadata: z.looseObject({ metadata: z.record(z.string(), z.unknown()) }),
})
type Metadata = Record<string, unknown>

/** The group over all tiles that are there. Grids and times differ from tile to tile, so they stay children of it. */
export async function zarrStoreOf(
  folder: string,
  hash: string,
  shared: PlanDocument,
  tiles: readonly TileResult[],
): Promise<ZarrStore> {
  const names = withOutput(tiles).map(({ output }) => output.name)
  if (shared.format !== 'zarr' || names.length === 0) return { notes: [] }
  const attributes = { title: `${shared.product}, ${shared.tileOutput} of each tile`, aster_plan: `plan-${hash}` }
  const root = { zarr_format: 3, node_type: 'group', attributes }
  if (names.length > MOST_CONSOLIDATED) {
    const note = `the Zarr store of all tiles has no consolidated metadata: more than ${MOST_CONSOLIDATED} tiles`
    return { text: textOf(root), notes: [note] }
  }
  const metadata: Metadata = {}
  const notes: string[] = []
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const some = names.slice(from, from + AT_ONCE)
    const found = await Promise.all(some.map((name) => metadataOf(folder, name)))
    for (const [index, entries] of found.entries()) {
      if (entries === undefined) notes.push(`${some[index]} is not in the Zarr store: its zarr.json cannot be read`)
      Object.assign(metadata, entries)
    }
  }
  return { text: textOf({ ...root, consolidated_metadata: inline(metadata) }), notes }
}

/** A tile and its arrays, by their places in the store; nothing where somebody damaged the tile. */
async function metadataOf(folder: string, name: string): Promise<Metadata | undefined> {
  let tile: z.output<typeof TileGroup>
  try {
    tile = TileGroup.parse(JSON.parse(await readFile(join(folder, name, 'zarr.json'), 'utf8')))
  } catch {
    return undefined
  }
  const arrays = Object.entries(tile.consolidated_metadata.metadata)
  return {
    [name]: { zarr_format: 3, node_type: 'group', attributes: tile.attributes, consolidated_metadata: inline({}) },
    ...Object.fromEntries(arrays.map(([array, one]) => [`${name}/${array}`, one])),
  }
}

function inline(metadata: Metadata) {
  return { kind: 'inline', must_understand: false, metadata }
}

function textOf(group: object): string {
  return `${JSON.stringify(group)}\n`
}
