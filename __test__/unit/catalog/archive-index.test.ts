// The index of an archive: the same answers as without it, after whatever happens to the files.
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect } from 'vitest'
import { type IndexOptions, listArchive } from '../../../src/catalog/archive-index.js'
import { INDEX_NAME } from '../../../src/catalog/index-file.js'
import { LocalBackend } from '../../../src/catalog/local.js'
import { resolveQuery } from '../../../src/catalog/query.js'
import { loadAddon, useNative } from '../../../src/native/load.js'
import { ROOT, SAMPLE, sampleTest } from '../../native-addon.js'

const FORMS = join(ROOT, 'fixtures', 'forms')
let folder: string
let archive: string
/** Calls that read granules, since the last look. */
let calls: string[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aster-'))
  archive = join(folder, 'archive')
  cpSync(SAMPLE, archive, { recursive: true })
  for (const form of ['aws', 'planetary_computer', 'hdf'])
    cpSync(join(FORMS, form), join(archive, form), { recursive: true })
  const addon = loadAddon(process.env)
  useNative({
    ...addon,
    scanArchive: (path, product) => {
      calls.push(`scan ${path.slice(archive.length)}`)
      return addon.scanArchive(path, product)
    },
    describeGranule: (path) => {
      calls.push(`describe ${path.slice(archive.length)}`)
      return addon.describeGranule(path)
    },
  })
})
afterEach(() => {
  useNative(undefined)
  rmSync(folder, { recursive: true })
})

const OPTIONS = (): IndexOptions => ({ minGranules: 1, settleMs: 0, env: { XDG_CACHE_HOME: join(folder, 'cache') } })

/** Lists with the index and without; both have to say the same. Gives what had to be read for the first. */
async function sameAsWithout(product?: string, options: IndexOptions = OPTIONS()): Promise<string[]> {
  // What changed within the last tick of the clock is not kept.
  await sleep(30)
  calls = []
  const listing = await listArchive(archive, product, options)
  const read = [...calls]
  const { filesSeen: _, ...expected } = await listArchive(archive, product, { archiveIndex: 'none' })
  expect(listing).toMatchObject(expected)
  expect(listing.granules).toEqual(expected.granules)
  expect(listing.skipped).toEqual(expected.skipped)
  return read
}

const granuleFiles = () => readdirSync(archive).filter((name) => name.endsWith('.hdf'))

describe('after a first look', () => {
  beforeEach(async () => {
    if (!existsSync(SAMPLE)) return
    expect(await sameAsWithout()).toEqual(['scan '])
  })

  sampleTest('nothing is read again', async () => {
    expect(await sameAsWithout()).toEqual([])
    expect(await sameAsWithout('AST_L1T')).toEqual(['scan '])
    expect(await sameAsWithout('AST_L1T')).toEqual([])
    expect(await sameAsWithout()).toEqual([])
  })

  sampleTest('a new HDF file is the only one read', async () => {
    const [first = ''] = granuleFiles()
    const name = 'AST_L1T_00301202005132104_20150511015626_23975.hdf'
    cpSync(join(archive, first), join(archive, name))
    expect(await sameAsWithout()).toEqual([`describe /${name}`])
    expect(await sameAsWithout()).toEqual([])
  })

  sampleTest('a damaged one is skipped with the same words, and found again when it is whole', async () => {
    const [first = ''] = granuleFiles()
    const path = join(archive, first)
    const whole = readFileSync(path)
    truncateSync(path, 500)
    expect(await sameAsWithout()).toEqual([`describe /${first}`])
    writeFileSync(path, whole)
    expect(await sameAsWithout()).toEqual([`describe /${first}`])
  })

  sampleTest('deleted and moved ones', async () => {
    const [first = '', second = ''] = granuleFiles()
    rmSync(join(archive, first))
    expect(await sameAsWithout()).toEqual([])
    mkdirSync(join(archive, 'deeper', 'still'), { recursive: true })
    renameSync(join(archive, second), join(archive, 'deeper', 'still', second))
    expect(await sameAsWithout()).toEqual(['scan /deeper/still'])
    rmSync(join(archive, 'aws'), { recursive: true })
    expect(await sameAsWithout()).toEqual([])
  })

  sampleTest('another file of the same size and time', async () => {
    const [first = '', second = ''] = granuleFiles()
    const path = join(archive, first)
    const before = readFileSync(path)
    const other = Buffer.alloc(before.length)
    readFileSync(join(archive, second)).copy(other)
    const then = new Date('2020-01-01T00:00:00Z')
    utimesSync(path, then, then)
    await sameAsWithout()
    writeFileSync(path, other)
    utimesSync(path, then, then)
    expect(await sameAsWithout()).toEqual([`describe /${first}`])
  })

  sampleTest('a GeoTIFF or a record of a granule in several files', async () => {
    const [cog = ''] = readdirSync(archive).filter((name) => name.startsWith('AST_L1T_004'))
    const [tiff = ''] = readdirSync(join(archive, cog)).filter((name) => name.endsWith('.tif'))
    rmSync(join(archive, cog, tiff))
    expect(await sameAsWithout()).toEqual([`scan /${cog}`])
    writeFileSync(join(archive, cog, `${cog}.cmr.json`), JSON.stringify({ GranuleUR: cog, CloudCover: 77 }))
    expect(await sameAsWithout()).toEqual([`scan /${cog}`])
    const xml = readdirSync(join(archive, 'planetary_computer')).find((name) => name.endsWith('.xml')) ?? ''
    rmSync(join(archive, 'planetary_computer', xml))
    expect(await sameAsWithout()).toEqual(['scan /planetary_computer'])
  })

  sampleTest('the AST_L1A record in the folder above', async () => {
    const record = readdirSync(archive).find((name) => name.startsWith('AST_L1A_')) ?? ''
    rmSync(join(archive, record))
    expect((await sameAsWithout()).length).toBeGreaterThan(0)
    expect(await sameAsWithout()).toEqual([])
  })

  sampleTest('a second granule beside one that had its folder for itself', async () => {
    for (const name of readdirSync(join(archive, 'aws'))) {
      const other = name.replace('00310172001005817', '00310172002005817')
      cpSync(join(archive, 'aws', name), join(archive, 'aws', other))
    }
    expect(await sameAsWithout()).toEqual(['scan /aws'])
  })

  sampleTest('names that are not quite names, for one product and for all', async () => {
    await sameAsWithout('AST_L1T')
    const [first = ''] = granuleFiles()
    const names = ['readme.hdf', 'AST_08_00301202005132104_2015.hdf', 'AST_08_00313402005132104_2015.hdf', 'AST_08.HDF']
    for (const name of [...names, 'AST_L1T_00301202005132104.hdf', 'AST14DEM_00301202005132104_x.hdf']) {
      cpSync(join(archive, first), join(archive, name))
    }
    expect((await sameAsWithout('AST_L1T')).some((call) => call.startsWith('describe'))).toBe(true)
    await sameAsWithout()
  })

  sampleTest('links, and links in circles', async () => {
    mkdirSync(join(folder, 'elsewhere'))
    const [first = ''] = granuleFiles()
    const name = 'AST_L1T_00301202006132104_20150511015626_1.hdf'
    cpSync(join(archive, first), join(folder, 'elsewhere', name))
    symlinkSync(join(folder, 'elsewhere'), join(archive, 'linked'))
    symlinkSync(archive, join(archive, 'hdf', 'around'))
    symlinkSync(archive, join(folder, 'elsewhere', 'back'))
    symlinkSync(join(folder, 'nowhere'), join(archive, 'broken.hdf'))
    expect(await sameAsWithout()).toEqual(['scan /linked'])
    expect(await sameAsWithout()).toEqual([])
  })

  sampleTest.each([
    ['cut short', (path: string) => truncateSync(path, 3000)],
    [
      'without its last line',
      (path: string) => writeFileSync(path, readFileSync(path, 'utf8').replace(/[^\n]*\n$/, '')),
    ],
    [
      'with a number that is text',
      (path: string) => writeFileSync(path, readFileSync(path, 'utf8').replace('"bytes":', '"bytes":"x",":')),
    ],
    ['with more at its end', (path: string) => appendFileSync(path, '{}\n')],
    ['empty', (path: string) => writeFileSync(path, '')],
    [
      'of another engine',
      (path: string) => writeFileSync(path, readFileSync(path, 'utf8').replace('"engine":"', '"engine":"x')),
    ],
  ])('an index %s is made anew', async (_, damage) => {
    damage(join(archive, INDEX_NAME))
    expect(await sameAsWithout()).toEqual(['scan '])
    expect(await sameAsWithout()).toEqual([])
  })

  sampleTest('it is made anew when asked to, and for a folder that was moved', async () => {
    expect(await sameAsWithout(undefined, { ...OPTIONS(), archiveIndex: 'rebuild' })).toEqual(['scan '])
    renameSync(join(folder, 'archive'), join(folder, 'moved'))
    archive = join(folder, 'moved')
    expect((await sameAsWithout()).length).toBeGreaterThan(0)
  })

  sampleTest('writers at the same time leave one whole index and nothing else', async () => {
    await Promise.all(
      Array.from({ length: 6 }, () => listArchive(archive, undefined, { ...OPTIONS(), archiveIndex: 'rebuild' })),
    )
    expect(await sameAsWithout()).toEqual([])
    expect(readdirSync(archive).filter((name) => name.includes('partial'))).toEqual([])
  })
})

sampleTest('in one flat folder, only the new file is read', async () => {
  const [first = '', second = ''] = granuleFiles()
  const flat = join(folder, 'flat')
  mkdirSync(flat)
  cpSync(join(archive, first), join(flat, first))
  archive = flat
  expect(await sameAsWithout()).toEqual(['scan '])
  cpSync(join(folder, 'archive', second), join(flat, second))
  expect(await sameAsWithout()).toEqual([`describe /${second}`])
})

sampleTest('lies in the cache folder of the user where the archive takes no file', async () => {
  chmodSync(archive, 0o555)
  const isRoot = process.getuid?.() === 0
  await sameAsWithout()
  chmodSync(archive, 0o755)
  if (isRoot) return
  expect(readdirSync(archive)).not.toContain(INDEX_NAME)
  expect(readdirSync(join(folder, 'cache', 'aster-timeseries', 'index'))).toHaveLength(1)
  expect(await sameAsWithout()).toEqual([])
})

sampleTest('small archives get none, and files of this moment are not kept', async () => {
  await sameAsWithout(undefined, { settleMs: 0 })
  expect(readdirSync(archive)).not.toContain(INDEX_NAME)
  await sameAsWithout(undefined, { minGranules: 1, settleMs: 60_000 })
  expect(readdirSync(archive)).not.toContain(INDEX_NAME)
})

sampleTest('searches find the same scenes with and without it', async () => {
  for (const query of [
    {},
    { product: 'AST_L1T' },
    { cloudCoverMax: 10 },
    { bbox: { west: 137.9, south: -31.1, east: 138, north: -31 } },
  ]) {
    await listArchive(archive, query.product, OPTIONS())
    const asked = resolveQuery(query)
    const [plain, indexed] = await Promise.all(
      (['none', 'use'] as const).map((archiveIndex) => new LocalBackend({ archive, archiveIndex }).search(asked)),
    )
    expect(JSON.parse(JSON.stringify(indexed))).toEqual(JSON.parse(JSON.stringify(plain)))
  }
})
