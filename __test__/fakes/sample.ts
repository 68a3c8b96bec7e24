// Granules of the repository as the fake services offer them.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SAMPLE } from '../native-addon.js'
import type { FakeGranule, UmmRecord } from './granules.js'

export const COGS = 'AST_L1T_00409222004005803_20250811093417'
const HDF = 'AST_L1T_00310172001005817_20150418073045_41207'

/** Version 004: a file per band. Its gains are in `sampleAcquisition`. */
export function sampleCogs(): FakeGranule {
  const names = readdirSync(join(SAMPLE, COGS)).filter((name) => name.endsWith('.tif'))
  return granuleOf(COGS, '004', Object.fromEntries(names.map((name) => [name, join(SAMPLE, COGS, name)])))
}

/** Version 003: one HDF4 file. */
export function sampleHdf(): FakeGranule {
  return granuleOf(HDF, '003', { [`${HDF}.hdf`]: join(SAMPLE, `${HDF}.hdf`) })
}

/** The AST_L1A record of the acquisition of `sampleCogs`. */
export function sampleAcquisition(): UmmRecord {
  const name = readdirSync(SAMPLE).find((one) => one.startsWith('AST_L1A')) ?? ''
  return JSON.parse(readFileSync(join(SAMPLE, name), 'utf8')) as UmmRecord
}

function granuleOf(id: string, version: string, files: Record<string, string>): FakeGranule {
  const [, month, day, year, hour, minute, second] = /_\d{3}(..)(..)(....)(..)(..)(..)_/.exec(id) ?? []
  const time = `${year}-${month}-${day}T${hour}:${minute}:${second}.000000Z`
  const ring = [
    [137.9, -31.2],
    [138.1, -31.2],
    [138.1, -31],
    [137.9, -31],
    [137.9, -31.2],
  ].map(([lon = 0, lat = 0]) => [lon, lat] as const)
  return { product: 'AST_L1T', id, version, time, ring, files, cloudCover: 3 }
}
