// Units of a plan that fetch their scenes themselves, from the fake services: each file once, and nothing when offline.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, vi } from 'vitest'
import { ASTERCatalog, ASTERDataAccess, GlobalASTERProcessor } from '../../src/index.js'
import { sampleAcquisition, sampleCogs } from '../fakes/sample.js'
import { startWorld, type World } from '../fakes/world.js'
import { ROOT, sampleTest } from '../native-addon.js'
import { filesIn, newFolder } from '../unit/access/scenes.js'
import { run } from './in-process.js'

const DAY = '2004-09-22'
const AREA = { west: 138, south: -31.12, east: 138.03, north: -31.11 }
const BANDS = /_VNIR_B(02|03N)\.tif$/

/** A world with the version 004 granule of the repository, which all tiles of the area lie in. */
function worldOfSample(): Promise<World> {
  // Every unit is a process of its own, and asks for gains that it does not have.
  return startWorld({ granules: [sampleCogs()], records: [sampleAcquisition()], realTime: true })
}

/** A plan of three tiles; nothing is fetched for it. */
async function planIn(world: World, cacheDir: string): Promise<string> {
  const out = join(newFolder(), 'run')
  const { west, south, east, north } = AREA
  const what = ['--backend', 'earthaccess', '--start', DAY, '--end', DAY, '--index', 'ndvi', '--cache-dir', cacheDir]
  const where = ['--bbox', ...[west, south, east, north].map(String), '--tile-size', '0.01', '--out', out]
  const { status, stderr } = await run(['plan', ...what, ...where, '--quiet'], { env: world.env })
  expect([status, stderr]).toEqual([0, ''])
  return out
}

interface Told {
  status: number | null
  /** What it printed, read. */
  told: { state: string; outputs?: { bytes: number }[]; error?: Record<string, unknown> }
}

function startUnit(world: World, out: string, index: number, ...further: string[]): Promise<Told> {
  const argv = ['run-unit', '--manifest', out, '--index', String(index), '--json', ...further]
  const child: ChildProcess = spawn(process.execPath, [join(ROOT, 'bin', 'aster-timeseries.js'), ...argv], {
    env: { PATH: process.env.PATH ?? '', HOME: out, ...world.env, EARTHDATA_TOKEN: world.token },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const heard = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (text) => {
      heard[name] += text
    })
  }
  return new Promise((resolve) =>
    child.on('close', (status) => {
      world.heard(heard.stdout + heard.stderr)
      resolve({ status, told: JSON.parse(heard.stdout || 'null') })
    }),
  )
}

const delivered = (world: World) =>
  world
    .requests('signed')
    .filter(({ status }) => status === 200)
    .map(({ path }) => path.split('/').at(-1) ?? '')

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5))
}

sampleTest('two units that need the same scene at once fetch it once; a third one needs no network', async () => {
  const world = await worldOfSample()
  const out = await planIn(world, newFolder())
  expect(world.requests('data')).toEqual([])
  // The first one is kept waiting with a file, until both are at it.
  world.script('signed', [{ kind: 'status', status: 503, headers: { 'retry-after': '8' } }])
  const both = [startUnit(world, out, 0), startUnit(world, out, 1)]
  await until(() => [0, 1].every((slot) => existsSync(join(out, `.fetch-${slot}.claim`))))
  expect(delivered(world).filter((name) => BANDS.test(name)).length).toBeLessThan(2)
  for (const { status, told } of await Promise.all(both)) {
    expect([status, told]).toMatchObject([0, { state: 'done' }])
    expect(told.outputs?.[0]?.bytes).toBeGreaterThan(1000)
  }
  const bands = delivered(world).filter((name) => name.endsWith('.tif'))
  expect(bands.filter((name) => BANDS.test(name))).toHaveLength(2)
  expect(new Set(bands).size).toBe(bands.length)
  expect(filesIn(out).filter((name) => /claim/.test(name))).toEqual([])

  world.log.length = 0
  expect(await startUnit(world, out, 2, '--offline')).toMatchObject({ status: 0, told: { state: 'done' } })
  expect(world.log).toEqual([])
})

sampleTest('offline and with nothing in the cache, a unit says what to do, and asks nobody', async () => {
  const world = await worldOfSample()
  const out = await planIn(world, newFolder())
  world.log.length = 0
  const { status, told } = await startUnit(world, out, 0, '--offline')
  expect(status).toBe(75)
  expect(told.error).toMatchObject({ code: 'NOT_FOUND', hint: expect.stringContaining('`aster-timeseries download`') })
  expect(told.error?.message).toMatch(/^\d files are not in the cache .*; the first: .*_VNIR_B0/)
  expect(world.log).toEqual([])
})

sampleTest('tiles of GlobalASTERProcessor fetch with the credentials of its access object', async () => {
  const world = await worldOfSample()
  const folder = newFolder()
  // Nobody's own login.
  for (const name of ['EARTHDATA_TOKEN', 'EARTHDATA_USERNAME', 'EARTHDATA_PASSWORD', 'NETRC']) vi.stubEnv(name, '')
  vi.stubEnv('HOME', folder)
  onTestFinished(() => void vi.unstubAllEnvs())
  const { endpoints } = world
  const catalog = new ASTERCatalog({ backend: 'earthaccess', endpoints, http: world.client() })
  const request = { startDate: DAY, endDate: DAY, bbox: AREA, indices: ['ndvi'] }
  const runWith = (access: ASTERDataAccess, outputDir: string) =>
    new GlobalASTERProcessor({ catalog, access, cacheDir: join(folder, 'cache'), tileSizeDeg: 0.03, nWorkers: 1 }).run({
      ...request,
      outputDir,
    })
  const withNone = runWith(new ASTERDataAccess({ endpoints }), join(folder, 'none'))
  await expect(withNone).rejects.toMatchObject({ code: 'AUTH_MISSING' })

  const { name: username, password } = world.account
  const access = new ASTERDataAccess({ endpoints, credentials: { username, password } })
  const paths = await runWith(access, join(folder, 'tiles'))
  expect(paths).toHaveLength(1)
  expect(delivered(world).filter((name) => BANDS.test(name))).toHaveLength(2)
  for (const name of filesIn(join(folder, 'tiles'))) {
    if (!name.endsWith('.nc')) world.heard(readFileSync(join(folder, 'tiles', name), 'utf8'))
  }

  const ownClient = new ASTERDataAccess({ http: world.client() })
  await expect(runWith(ownClient, join(folder, 'none'))).rejects.toMatchObject({ code: 'USAGE' })
})
