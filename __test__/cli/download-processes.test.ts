// Downloads as processes: killed at any moment, and side by side on one cache.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Scene } from '../../src/catalog/scene.js'
import { l1tGranule } from '../fakes/granules.js'
import { startWorld, type World } from '../fakes/world.js'
import { ROOT } from '../native-addon.js'
import { bytesSentFor, filesIn, newFolder, sceneOf, sha512 } from '../unit/access/scenes.js'

const FILES = 20
const FILE_BYTES = 2_000_000
const BANDS_EACH = 5
/** Four granules of five files. */
const granules = Array.from({ length: FILES / BANDS_EACH }, (_, day) =>
  l1tGranule({ time: `2001-03-0${day + 1}T18:50:55.270000Z`, fileBytes: FILE_BYTES }),
)

interface Job {
  scenes: Scene[]
  /** Files by name, with the folder each has in a cache. */
  files: { name: string; folder: string; content: Uint8Array }[]
  scenesFile: string
}

function jobOf(world: World): Job {
  const scenes = granules.map((granule) => {
    const scene = sceneOf(world, granule)
    return { ...scene, files: scene.files.filter(({ role }) => role === 'band').slice(0, BANDS_EACH) }
  })
  const files = granules.flatMap((granule, index) =>
    (scenes[index]?.files ?? []).map(({ name }) => ({
      name,
      folder: join('AST_L1T', granule.id),
      content: granule.files[name] as Uint8Array,
    })),
  )
  const scenesFile = join(newFolder(), 'scenes.json')
  writeFileSync(scenesFile, JSON.stringify(scenes))
  return { scenes, files, scenesFile }
}

function start(world: World, { scenesFile }: Job, cacheDir: string) {
  const argv = ['download', '--scenes', scenesFile, '--cache-dir', cacheDir, '--progress', 'json']
  const child = spawn(process.execPath, [join(ROOT, 'bin', 'aster-timeseries.js'), ...argv], {
    env: { PATH: process.env.PATH ?? '', ...world.env, EARTHDATA_TOKEN: world.token },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (text) => {
      texts[name] += text
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, texts, ended }
}

function expectAll(cacheDir: string, { files }: Job) {
  for (const { folder, name, content } of files) {
    expect(sha512(readFileSync(join(cacheDir, folder, name)))).toBe(sha512(content))
  }
  const whole = [
    ...files.map(({ folder, name }) => join(folder, name)),
    ...granules.map(({ id }) => join('AST_L1T', id, 'granule.json')),
  ]
  expect(filesIn(cacheDir)).toEqual(whole.sort())
}

const until = async (isSo: () => boolean) => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2))
}
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setTimeout(resolve, 20))
}
const sizeOf = (path: string) => (existsSync(path) ? statSync(path).size : 0)

test('killed at ten random moments, the next run completes without fetching anything twice', {
  timeout: 240_000,
}, async () => {
  // AST_L1A records are asked for by every run: there are none here.
  const world = await startWorld({ granules, excused: { repeats: true } })
  const job = jobOf(world)
  let interrupted = 0
  for (let round = 0; round < 10; round += 1) {
    const cacheDir = newFolder()
    world.log.length = 0
    const first = start(world, job, cacheDir)
    // By what was begun, not by the clock, whose pace is another on a busy machine.
    const begun = 1 + Math.floor((round / 10 + Math.random() / 10) * FILES)
    await until(() => world.requests('signed').length >= begun || first.child.exitCode !== null)
    const moment = Math.random() * 20
    await new Promise((resolve) => setTimeout(resolve, moment))
    first.child.kill('SIGKILL')
    await first.ended
    // What it had sent before it died is heard by the services in the next turns of this process.
    await turns(5)
    const there = job.files.map(({ folder, name }) => ({
      name,
      done: existsSync(join(cacheDir, folder, name)),
      part: sizeOf(join(cacheDir, folder, `.${name}.part`)),
    }))
    const bytesThere = there.reduce((sum, { done, part }) => sum + (done ? FILE_BYTES : part), 0)
    if (bytesThere > 0 && bytesThere < FILES * FILE_BYTES) interrupted += 1
    world.log.length = 0
    const second = start(world, job, cacheDir)
    const status = await second.ended
    expect({ status, begun, moment, said: second.texts.stderr }).toMatchObject({ status: 0 })
    expectAll(cacheDir, job)
    for (const { name, done, part } of there) {
      expect([name, part, bytesSentFor(world, name)]).toEqual([name, part, done ? 0 : FILE_BYTES - part])
    }
    world.heard(second.texts.stdout + second.texts.stderr)
  }
  // Otherwise the moments were badly chosen, and nothing was tested.
  expect(interrupted).toBeGreaterThanOrEqual(5)
})

test('two processes on one cache fetch every file once', { timeout: 120_000 }, async () => {
  const world = await startWorld({ granules, excused: { repeats: true } })
  const job = jobOf(world)
  const cacheDir = newFolder()
  const runs = [start(world, job, cacheDir), start(world, job, cacheDir)]
  expect(await Promise.all(runs.map(({ ended }) => ended))).toEqual([0, 0])
  expectAll(cacheDir, job)
  const sent = job.files.map(({ name }) => [
    name,
    world.requests('signed').filter(({ path }) => path.endsWith(`/${name}`)).length,
    bytesSentFor(world, name),
  ])
  expect(sent).toEqual(job.files.map(({ name }) => [name, 1, FILE_BYTES]))
  const fetched = runs.map(({ texts }) =>
    JSON.parse(
      texts.stderr
        .trim()
        .split('\n')
        .findLast((line) => line.includes('"finished"')) ?? '{}',
    ),
  )
  expect(fetched.reduce((sum, { bytesFetched }) => sum + bytesFetched, 0)).toBe(FILES * FILE_BYTES)
  expect(runs[0]?.texts.stdout).toBe(runs[1]?.texts.stdout)
  for (const { texts } of runs) world.heard(texts.stdout + texts.stderr)
})

test('a process that is killed while another waits for it is succeeded', { timeout: 120_000 }, async () => {
  const world = await startWorld({ granules, excused: { repeats: true } })
  const job = jobOf(world)
  const cacheDir = newFolder()
  world.script(
    'signed',
    Array.from({ length: 6 }, () => ({ kind: 'stall', after: 1_500_000 })),
  )
  const first = start(world, job, cacheDir)
  await until(() => world.requests('signed').length === 6)
  const second = start(world, job, cacheDir)
  await until(() => second.texts.stderr.includes('waiting for process'))
  first.child.kill('SIGKILL')
  expect(await second.ended).toBe(0)
  expectAll(cacheDir, job)
  // Six parts were begun; nothing of what was written of them came again.
  const all = job.files.reduce((sum, { name }) => sum + bytesSentFor(world, name), 0)
  expect(all).toBeLessThan(FILES * FILE_BYTES + 6 * 1_500_000)
})
