// What an index of results tells of a tile.
import type { PlanDocument, Unit } from '../manifest.js'
import type { DoneRecord, UnitState } from '../unit-state.js'

export interface TileResult {
  unit: Pick<Unit, 'index' | 'id' | 'bbox' | 'outputs'>
  state: UnitState
  /** Of a tile that is done, with output or without. */
  record?: DoneRecord
}

/** Tiles with an output. */
export function withOutput(tiles: readonly TileResult[]) {
  return tiles.flatMap(({ unit, record }) => {
    const [output] = record?.outputs ?? []
    const result = record?.result
    return output === undefined || result === undefined ? [] : [{ unit, output, result }]
  })
}

/** What a file of a format is, by the registry of media types where that has one. */
export const MEDIA_TYPES: Readonly<Record<PlanDocument['format'], string>> = {
  netcdf: 'application/x-netcdf',
  zarr: 'application/vnd+zarr',
  cog: 'image/tiff; application=geotiff; profile=cloud-optimized',
  geotiff: 'image/tiff; application=geotiff',
  csv: 'text/csv',
}
