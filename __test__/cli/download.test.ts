// `download` and `cache` on the command line: what is printed, where it goes, and the status.
import { spawn } from 'node:child_process'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hasOpenssl } from '../fakes/certificate.js'
import { l1aGranule, l1tGranule } from '../fakes/granules.js'
import { startWorld, type World, type WorldOptions } from '../fakes/world.js'
import { ROOT } from '../native-addon.js'
import { filesIn, newFolder, sceneOf } from '../unit/access/scenes.js'
import { run } from './in-process.js'

const granule = l1tGranule({ fileBytes: 20_000 })
const other = l1tGranule({ time: '2001-02-06T18:50:55.270000Z', fileBytes: 20_000 })
const pathOf = (cacheDir: string, { id } = granule) => join(cacheDir, 'AST_L1T', id)

async function setUp(options: WorldOptions = {}) {
  const world = await startWorld({ granules: [granule, other, l1aGranule(granule), l1aGranule(other)], ...options })
  const cacheDir = newFolder()
  const env: Record<string, string> = { ...world.env, EARTHDATA_TOKEN: world.token, ASTER_CACHE_DIR: cacheDir }
  const stdin = JSON.stringify([sceneOf(world, granule), sceneOf(world, other)])
  const aster = async (
    argv: string,
    more: { isTTY?: boolean; stdin?: string; signal?: AbortSignal; env?: Record<string, string> } = {},
  ) => {
    const result = await run(argv.split(' '), { env, stdin, ...more })
    world.heard(result.stdout + result.stderr)
    return result
  }
  return { world, cacheDir, env, stdin, aster }
}

test('prints where the granules lie, and nothing else on stdout', async () => {
  const { world, cacheDir, aster } = await setUp()
  const { status, stdout, stderr } = await aster('download --scenes - --bands 1,2')
  expect([status, stdout]).toEqual([0, `${pathOf(cacheDir)}\n${pathOf(cacheDir, other)}\n`])
  expect(stderr).toBe(`2 granules in ${cacheDir}; fetched 80 kB\n`)
  expect(filesIn(pathOf(cacheDir))).toContain(`${l1aGranule(granule).id}.cmr.json`)
  const again = await aster('download --scenes - --bands 1,2')
  expect([again.status, again.stdout]).toEqual([0, stdout])
  expect(again.stderr).toBe(`2 granules in ${cacheDir}; fetched 0 B, 6 of 6 files were there\n`)
  expect(world.requests('data')).toHaveLength(6)
})

test('reads lines of JSON from a file, and names another cache', async () => {
  const { world, aster } = await setUp()
  const [folder, cacheDir] = [newFolder(), newFolder()]
  writeFileSync(join(folder, 'scenes.ndjson'), `${JSON.stringify(sceneOf(world, granule))}\n`)
  const { status, stdout } = await aster(
    `download --scenes ${folder}/scenes.ndjson --subsystem TIR --cache-dir ${cacheDir} -q`,
  )
  expect([status, stdout]).toEqual([0, `${pathOf(cacheDir)}\n`])
})

test('a dry run counts, and neither fetches nor writes', async () => {
  const { world, cacheDir, aster } = await setUp()
  const { status, stdout } = await aster('download --scenes - --bands 1 --dry-run')
  expect([status, stdout]).toEqual([0, expect.stringContaining(`dry run for ${cacheDir}: nothing is fetched\n`)])
  expect(stdout).toMatch(
    /granules: +2\n +files: +4, 0 of them in the cache\n +size: +40 kB\n +to fetch: +40 kB, and 2 files of unknown size\n/,
  )
  const json = JSON.parse((await aster('download --scenes - --bands 1 --dry-run --json')).stdout)
  expect(json).toMatchObject({
    schema: 1,
    files: 4,
    bytesToFetch: 40_000,
    granules: [{ id: granule.id }, { id: other.id }],
  })
  expect([world.log, filesIn(cacheDir)]).toEqual([[], []])
})

test('the report as JSON; notes are in it, not beside it', async () => {
  const { world, cacheDir, aster } = await setUp({ granules: [granule, other] })
  const { status, stdout, stderr } = await aster('download --scenes - --bands 1 --json')
  expect([status, stderr]).toEqual([0, ''])
  const report = JSON.parse(stdout)
  expect(report).toMatchObject({ schema: 1, cacheDir, failed: [], empty: [], files: 4, bytesFetched: 40_004 })
  expect(report.scenes.map((scene: { path: string }) => scene.path)).toEqual([
    pathOf(cacheDir),
    pathOf(cacheDir, other),
  ])
  expect(report.warnings).toHaveLength(2)
  expect(world.requests('data')).toHaveLength(4)
})

test('events go to stderr as lines of JSON', async () => {
  const { aster } = await setUp()
  const { stderr } = await aster('download --scenes - --bands 1 --json --progress json')
  const events = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(events[0]).toMatchObject({ kind: 'planned', filesTotal: 4 })
  expect(events.at(-1)).toMatchObject({ kind: 'finished', filesDone: 4, bytesFetched: 40_004 })
})

test('the bar is for terminals', async () => {
  const { aster } = await setUp()
  const shown = await aster('download --scenes - --bands 1', { isTTY: true })
  expect(shown.stderr).toContain('\r\u001b[Kfiles 0/4 [----')
  expect(shown.stderr).toMatch(/2 granules in/)
})

test('some that fail are status 3, and the others are printed', async () => {
  const route = new RegExp(granule.id)
  const { cacheDir, aster } = await setUp({
    faults: [{ host: 'data', route, steps: [{ kind: 'status', status: 404 }] }],
  })
  const { status, stdout, stderr } = await aster('download --scenes - --bands 1')
  expect([status, stdout]).toEqual([3, `${pathOf(cacheDir, other)}\n`])
  expect(stderr).toMatch(/^warning: download of AST_L1T_\S+: .* answered 404/)
  expect(stderr).toMatch(/warning: 1 granule incomplete; the same command goes on from there\n$/)
})

test.each<[number, string, WorldOptions]>([
  [
    75,
    'all that fail for now',
    {
      faults: [
        { host: 'data', steps: [{ kind: 'status', status: 429, headers: { 'retry-after': '86400' } }], always: true },
      ],
    },
  ],
  [77, 'terms that were not accepted', { account: { hasAcceptedTerms: false } }],
  [65, 'all that come damaged', { faults: [{ host: 'signed', steps: [{ kind: 'truncate', to: 100 }], always: true }] }],
])('%i for %s', async (expected, _, options) => {
  const { aster } = await setUp(options)
  const { status, stdout, stderr } = await aster('download --scenes - --bands 1 --connections 1')
  expect([status, stdout]).toEqual([expected, ''])
  expect(stderr).toMatch(/error: download of AST_L1T_\S+/)
  if (expected === 77)
    expect(stderr).toMatch(/hint: accept the terms at https:\/\/urs\.earthdata\.nasa\.gov\/approve_app/)
})

test('without credentials the status is 77, and the hint says where to get some', async () => {
  const { world, env, aster } = await setUp()
  const { status, stderr } = await aster('download --scenes - --bands 1', {
    env: { ...env, EARTHDATA_TOKEN: '', HOME: newFolder() },
  })
  expect(status).toBe(77)
  expect(stderr).toMatch(/error: .*no credentials for Earthdata Login: looked in EARTHDATA_TOKEN/)
  expect(world.requests('data')).toEqual([])
})

test('a signal leaves parts, says so, and is the status', async () => {
  const { cacheDir, aster } = await setUp({
    faults: [
      {
        host: 'signed',
        steps: [
          { kind: 'stall', after: 9000 },
          { kind: 'stall', after: 9000 },
        ],
      },
    ],
  })
  const stop = new AbortController()
  setTimeout(() => stop.abort('SIGINT'), 400)
  const { status, stdout, stderr } = await aster('download --scenes - --bands 1 --connections 2', {
    signal: stop.signal,
  })
  expect([status, stdout]).toEqual([130, ''])
  expect(stderr).toMatch(/what was fetched is kept; the same command goes on from there\n/)
  expect(filesIn(cacheDir).filter((name) => name.endsWith('.part')).length).toBeGreaterThan(0)
})

test.each([
  ['download', /nothing says which scenes/],
  ['download --product AST_L1T', /nothing says which scenes/],
  ['download --backend local --start 2001-01-01', /on disk already/],
  ['download --scenes - --start 2001-01-01', /--scenes and --start exclude each other/],
  ['download --scenes /nowhere/scenes.json', /--scenes: cannot read \/nowhere\/scenes\.json/],
  ['download --scenes - --include maps', /--include/],
  ['download --scenes - --bands 99', /unknown band "99"/],
  ['cache prune', /--max-size is missing/],
  ['cache prune --max-size lots', /--max-size must be a size/],
])('%s is refused', async (line, message) => {
  const { world, aster } = await setUp()
  const { status, stdout, stderr } = await aster(line)
  expect([status, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)])
  expect(world.log).toEqual([])
})

test('no scenes are nothing to do', async () => {
  const { aster } = await setUp()
  expect(await aster('download --scenes -', { stdin: '[]' })).toMatchObject({ status: 0, stdout: '' })
  expect(await aster('download --scenes - --fail-on-empty', { stdin: '[]' })).toMatchObject({ status: 1 })
})

test('the cache is listed, verified and pruned', async () => {
  const { cacheDir, aster } = await setUp()
  expect(await aster('cache list')).toEqual({ status: 0, stdout: '', stderr: `0 granules, 0 B in ${cacheDir}\n` })
  await aster('download --scenes - --bands 1')
  const list = await aster('cache list')
  expect(list.stdout.split('\n')[0]).toMatch(/^product +state +files +size +used +path$/)
  expect(list.stdout).toContain(pathOf(cacheDir))
  expect(JSON.parse((await aster('cache list --json')).stdout).granules).toHaveLength(2)
  expect(await aster('cache verify')).toMatchObject({ status: 0, stdout: '', stderr: '4 files of 2 granules read\n' })
  const file = join(pathOf(cacheDir), `${granule.id}_VNIR_B01.tif`)
  truncateSync(file, 5)
  const damaged = await aster('cache verify')
  expect([damaged.status, damaged.stdout]).toEqual([65, `${file}: it has 5 bytes, it had 20000\n`])
  const dry = await aster('cache prune --max-size 1 --dry-run')
  expect(dry.stdout.trim().split('\n')).toHaveLength(2)
  expect(JSON.parse((await aster('cache prune --max-size 1 --json')).stdout).removed).toHaveLength(2)
  expect(filesIn(cacheDir)).toEqual([])
})

/** The program as a process. */
function start(world: World, argv: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [join(ROOT, 'bin', 'aster-timeseries.js'), ...argv], {
    env: { PATH: process.env.PATH ?? '', ...world.env, EARTHDATA_TOKEN: world.token, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (text) => {
      texts[name] += text
      world.heard(String(text))
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, texts, ended }
}

test.skipIf(!hasOpenssl)('searches, joins and downloads in one command, over TLS', async () => {
  const world = await startWorld({ granules: [granule, l1aGranule(granule)], tls: true })
  const [cacheDir, folder] = [newFolder(), newFolder()]
  writeFileSync(join(folder, 'ca.pem'), world.ca ?? '')
  const argv = 'download --start 2001-01-01 --end 2001-12-31 --bands 1,3N --json'.split(' ')
  const { ended, texts } = start(world, argv, {
    ASTER_CACHE_DIR: cacheDir,
    NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
  })
  expect([await ended, texts.stderr]).toEqual([0, ''])
  expect(JSON.parse(texts.stdout)).toMatchObject({ files: 3, failed: [], warnings: [] })
  expect(readFileSync(join(pathOf(cacheDir), `${granule.id}_VNIR_B03N.tif`))).toEqual(
    Buffer.from(granule.files[`${granule.id}_VNIR_B03N.tif`] as Uint8Array),
  )
  expect(filesIn(pathOf(cacheDir))).toContain(`${l1aGranule(granule).id}.cmr.json`)
})
