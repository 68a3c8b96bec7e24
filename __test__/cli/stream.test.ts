// search -> download -> run, and run --stream, through the fake services: the same cube, byte for byte.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { contentOf, type FakeGranule, hasSharedRecords, recordOf, SHARED, type UmmRecord } from '../fakes/granules.js'
import type { StacItem } from '../fakes/planetary-computer.js'
import { COGS, sampleAcquisition, sampleCogs, sampleHdf } from '../fakes/sample.js'
import { startWorld, type World } from '../fakes/world.js'
import { addonTest, SAMPLE, sampleTest } from '../native-addon.js'
import { filesIn, newFolder, sha512 } from '../unit/access/scenes.js'
import { run } from './in-process.js'

interface Place {
  world: World
  /** Words of the search. */
  search: string[]
  /** Bytes of the scene's data files. */
  dataBytes: number
}

/** A world in which a search finds one scene. */
type Service = () => Promise<Place>

const json = <T>(path: string) => JSON.parse(readFileSync(path, 'utf8')) as T

/** Version 004 as it was made for tests: a file per band; gains in the AST_L1A record. */
async function versionFour(): Promise<Place> {
  const world = await startWorld({ realTime: true })
  const granule = sampleCogs()
  const bands = Object.entries(granule.files).filter(([name]) => /_VNIR_B/.test(name))
  const dataBytes = bands.reduce((sum, [, file]) => sum + contentOf(file).length, 0)
  add(world, granule)
  world.records.push(sampleAcquisition())
  return { world, search: ['--backend', 'earthaccess', '--start', '2004-09-22', '--end', '2004-09-22'], dataBytes }
}

/** Version 003: one HDF4 file. */
async function versionThree(): Promise<Place> {
  const world = await startWorld({ realTime: true })
  const granule = sampleHdf()
  add(world, granule)
  const period = ['--start', '2001-10-17', '--end', '2001-10-17', '--product-version', '003']
  const dataBytes = contentOf(granule.files[`${granule.id}.hdf`] ?? '').length
  return { world, search: ['--backend', 'earthaccess', ...period], dataBytes }
}

/** The real record of a version 004 scene, with the made-up files in place of its own; a real AST_L1A record for gains. */
async function realRecord(): Promise<Place> {
  const world = await startWorld({ realTime: true })
  const id = 'AST_L1T_00401052001185055_20250202022956'
  const read = (name: string) =>
    readFileSync(join(SHARED, 'cmr-umm', name), 'utf8').replaceAll(
      'https://data.lpdaac.earthdatacloud.nasa.gov',
      world.url('data'),
    )
  const record = JSON.parse(read(`${id}.umm-g.json`)) as UmmRecord & {
    DataGranule: {
      ArchiveAndDistributionInformation: { Name: string; SizeInBytes: number; Checksum: { Value: string } }[]
    }
  }
  let dataBytes = 0
  for (const entry of record.DataGranule.ArchiveAndDistributionInformation) {
    const local = join(SAMPLE, COGS, entry.Name.replace(id, COGS))
    const content = existsSync(local) ? readFileSync(local) : Buffer.from('not read')
    if (/_VNIR_B/.test(entry.Name)) dataBytes += content.length
    entry.SizeInBytes = content.length
    entry.Checksum.Value = sha512(content)
    world.store.objects.set(`/lp-prod-protected/AST_L1T.004/${id}/${entry.Name}`, content)
  }
  world.store.objects.set(`/lp-prod-protected/AST_L1T.004/${id}/${id}.cmr.json`, Buffer.from(JSON.stringify(record)))
  world.records.push(record)
  const acquisition = read('AST_L1A_00405012000190040_20251203144259.umm-g.json')
    .replaceAll('00405012000190040', '00401052001185055')
    .replaceAll('2000-05-01T19:00:40.72200Z', '2001-01-05T18:50:55.27000Z')
  world.records.push(JSON.parse(acquisition) as UmmRecord)
  return { world, search: ['--backend', 'earthaccess', '--start', '2001-01-05', '--end', '2001-01-05'], dataBytes }
}

const REAL_COGS = join(SHARED, 'aster-l1t-cog', 'tests', 'data-files', 'raster_footprint', 'aster')
const REAL_XML = join(SHARED, 'aster-l1t-xml', 'tests', 'data-files')
const V003 = 'AST_L1T_00305032000040446_20150409135350'

/** A real item of Planetary Computer, the real record of another scene, and pixels on that scene's real grid. */
async function planetaryComputer(): Promise<Place> {
  // Each command line is a process of its own, with a token of its own.
  const world = await startWorld({ realTime: true, excused: { tokenCalls: 2 } })
  const name = 'AST_L1T_00301062001031157_20150414031306'
  const text = readFileSync(join(SHARED, 'stac-pc', 'items', `${name}.json`), 'utf8')
    .replaceAll('https://astersa.blob.core.windows.net', world.url('blob'))
    .replaceAll('https://planetarycomputer.microsoft.com', world.url('pcstac'))
  const item = JSON.parse(text) as StacItem & { assets: Record<string, { href?: string }> }
  const vnir = readFileSync(join(REAL_COGS, `${V003}_78838.VNIR.SIMPLIFIED.tif`))
  for (const { href = '' } of Object.values(item.assets)) {
    if (!href.startsWith(world.url('blob'))) continue
    const { pathname } = new URL(href)
    const telescope = /\.(VNIR|SWIR|TIR)\.tif$/.exec(pathname)?.[1]
    const tif = join(REAL_COGS, `${V003}_78838.${telescope}.SIMPLIFIED.tif`)
    const xml = join(REAL_XML, `${V003}_78838.hdf.xml`)
    world.blobs.blobs.set(
      pathname,
      contentOf(telescope !== undefined ? tif : pathname.endsWith('.xml') ? xml : Buffer.from('x')),
    )
  }
  world.items.push(item)
  const search = ['--backend', 'planetary_computer', '--start', '2001-01-06', '--end', '2001-01-06']
  return { world, search, dataBytes: vnir.length }
}

/** The open bucket: a real item, and files with the bands of a telescope each. */
async function openBucket(): Promise<Place> {
  const stem = (telescope: string) => `${telescope}/32648/128/049/20000503/${V003}_78838_${telescope}`
  const item = json<Record<string, unknown>>(join(SHARED, 'aster-l1t-xml', 'examples', `${V003}_78838.json`))
  const files = ['VNIR', 'SWIR', 'TIR'].flatMap((telescope): [string, Uint8Array][] => [
    [`${stem(telescope)}.tif`, readFileSync(join(REAL_COGS, `${V003}_78838.${telescope}.SIMPLIFIED.tif`))],
    [`${stem(telescope)}_stac.json`, Buffer.from(JSON.stringify(item))],
  ])
  const world = await startWorld({ realTime: true, bucket: Object.fromEntries(files) })
  const area = ['--start', '2000-05-03', '--end', '2000-05-03', '--bbox', '102', '15', '104', '16']
  return { world, search: ['--backend', 'aws', ...area], dataBytes: files[0]?.[1].length ?? 0 }
}

function add(world: World, granule: FakeGranule): void {
  world.records.push(recordOf(granule, world.url('data')))
  for (const [name, file] of Object.entries(granule.files)) {
    world.store.objects.set(new URL(world.fileUrl(granule, name)).pathname, contentOf(file))
  }
}

/** All files of a Zarr store, without the time of writing and what was typed; without paths where they may differ. */
function storeOf(path: string, withRequest: boolean): Record<string, string> {
  const entries = filesIn(path).map((name): [string, string] => {
    const bytes = readFileSync(join(path, name))
    if (!name.endsWith('.json')) return [name, bytes.toString('base64')]
    const plain = bytes
      .toString('utf8')
      .replace(/20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ(?=[^"]*")/g, (time) =>
        time.startsWith(new Date().toISOString().slice(0, 4)) ? 'NOW' : time,
      )
    const untyped = plain.replace(/(\\?"history\\?": ?\\?").*?(\\?"[,}])/g, '$1$2')
    return [name, withRequest ? untyped : untyped.replace(/\\"granules\\":\[[^\]]*\]/g, 'GRANULES')]
  })
  return Object.fromEntries(entries)
}

async function threeWays(service: Service) {
  const { world, search, dataBytes } = await service()
  const cache = newFolder()
  const folder = newFolder()
  const output = join(folder, 'cube.zarr')
  const env = { ...world.env, EARTHDATA_TOKEN: world.token, ASTER_CACHE_DIR: cache }
  const call = async (...argv: string[]) => {
    const result = await run(argv, { env })
    world.heard(result.stdout)
    world.heard(result.stderr)
    expect(result.stderr).not.toMatch(/^error/m)
    expect(result.status, result.stderr).toBe(0)
    return result.stdout
  }
  const into = ['--output', output, '--overwrite', '--gains', 'ALL=HGH', '--n-workers', '1', '--json']
  const found = join(folder, 'scenes.json')
  writeFileSync(found, await call('search', ...search))
  const bands = ['--bands', '1,2,3N']
  const streamed = JSON.parse(await call('run', '--scenes', found, '--stream', ...bands, ...into))
  const there = filesIn(cache)
  const byStream = storeOf(output, true)
  const byStreamApart = storeOf(output, false)
  rmSync(output, { recursive: true })
  await call('download', '--scenes', found, ...bands)
  const downloaded = JSON.parse(await call('run', '--scenes', found, ...bands, ...into))
  const byDownload = storeOf(output, true)
  rmSync(output, { recursive: true })
  await call('run', '--backend', 'local', '--archive', cache, ...bands, ...into)
  const byLocal = storeOf(output, false)
  return { world, dataBytes, streamed, there, byStream, byStreamApart, downloaded, byDownload, byLocal }
}

async function compare(service: Service) {
  const ways = await threeWays(service)
  expect(Object.keys(ways.byStream).filter((name) => /\/c\//.test(name)).length).toBeGreaterThan(2)
  expect(ways.byStream).toEqual(ways.byDownload)
  expect(ways.byStreamApart).toEqual(ways.byLocal)
  // Records may be there; no data.
  expect(ways.there.filter((name) => /\.(tif|hdf)$|\.part/.test(name))).toEqual([])
  const { stream, scenes } = ways.streamed
  expect(scenes).toHaveLength(1)
  expect(stream.scenes).toHaveLength(1)
  expect(stream.requests).toBeGreaterThan(0)
  expect(ways.downloaded.stream).toBeUndefined()
  expect(stream.bytesFetched).toBeGreaterThan(0)
  return ways
}

describe('the same cube by stream, by download and from disk', () => {
  sampleTest('version 004, a file per band', async () => {
    const { streamed, dataBytes } = await compare(versionFour)
    expect(streamed.stream.bytesFetched).toBeLessThan(1.3 * dataBytes)
  })
  sampleTest('version 003, HDF4', async () => {
    const { streamed, dataBytes } = await compare(versionThree)
    // Three of fourteen bands, the headers, and what lies between.
    expect(streamed.stream.bytesFetched).toBeLessThan(0.95 * dataBytes)
  })
  const realTest = hasSharedRecords ? sampleTest : addonTest.skip
  realTest('the real record of version 004', () => compare(realRecord))
  realTest('Planetary Computer', () => compare(planetaryComputer))
  realTest('AWS', () => compare(openBucket))
})
