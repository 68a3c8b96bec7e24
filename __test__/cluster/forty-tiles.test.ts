// Forty tiles on every engine: the same forty files but for times, and nothing is made again by the same command. For the night.
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Claim } from '../../src/access/claim.js'
import { daskCluster, PYTHON } from './dask-cluster.js'
import {
  argumentsOf,
  countsOf,
  debrisIn,
  differences,
  isForTheNight,
  lastingFolder,
  spreadGranules,
  start,
  TILES,
  tilesIn,
} from './global-run.js'
import { hasSlurm, startSlurm, takeCluster } from './slurm-cluster.js'

const MINUTE = 60_000
const nightTest = isForTheNight ? test : test.skip
const slurmNightTest = isForTheNight && hasSlurm ? test : test.skip

describe('forty tiles', () => {
  const { folder, remove } = lastingFolder()
  const granules = join(folder, 'granules')
  const runFolder = (way: string) => join(folder, `run ${way}`)
  const tiles = (way: string) => join(runFolder(way), 'tiles')

  beforeAll(async () => {
    if (!isForTheNight) return
    mkdirSync(granules)
    spreadGranules(granules)
    const { status, stderr } = await start([...argumentsOf(granules, runFolder('local')), '--n-workers', '2']).finished
    expect([status, stderr.includes('"kind":"failed"')]).toEqual([0, false])
  }, 20 * MINUTE)
  afterAll(remove)

  /** The files are those of the local run, and the same command makes none of them again. */
  async function expectTheSame(way: string, again: () => Promise<void>): Promise<void> {
    const names = tilesIn(tiles('local'))
    expect(names).toHaveLength(TILES)
    expect(tilesIn(tiles(way))).toEqual(names)
    expect(debrisIn(tiles(way))).toEqual([])
    if (way !== 'local') expect(differences([tiles('local'), tiles(way)], names)).toEqual([])
    const writings = () =>
      names.map((name) => statSync(join(tiles(way), name))).map(({ ino, mtimeMs }) => [ino, mtimeMs])
    const before = writings()
    await again()
    expect(writings()).toEqual(before)
  }

  nightTest('on this machine', { timeout: 10 * MINUTE }, async () => {
    await expectTheSame('local', async () => {
      const { status, stdout } = await start(argumentsOf(granules, runFolder('local'))).finished
      expect(status).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ done: TILES, outcome: { done: 0, failed: 0, retry: 0 } })
    })
  })

  nightTest('on Dask, with a worker killed', { timeout: 30 * MINUTE }, async () => {
    const cluster = await daskCluster({ workers: 2, workerOptions: ['--nthreads', '1'] })
    onTestFinished(() => cluster.stop())
    const dask = ['--execution-backend', 'dask', '--dask-scheduler', cluster.address, '--dask-python', PYTHON]
    const argv = [...argumentsOf(granules, runFolder('dask')), ...dask]
    let done = 0
    const onEvent = (kind: string) => {
      if (kind === 'done') done += 1
      if (done === 5) cluster.workers[0]?.kill('SIGKILL')
    }
    expect((await start(argv, onEvent).finished).status).toBe(0)
    expect(cluster.workers[0]?.signalCode).toBe('SIGKILL')
    await expectTheSame('dask', async () => {
      const { status, stdout } = await start(argv).finished
      expect(status).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ done: TILES, outcome: { done: 0, failed: 0, retry: 0 } })
    })
  })

  describe('on Slurm', () => {
    let held: Claim | undefined
    beforeAll(async () => {
      if (!isForTheNight || !hasSlurm) return
      held = await takeCluster()
      startSlurm()
    }, 20 * MINUTE)
    afterAll(() => held?.release())

    slurmNightTest.each(['array', 'per-tile', 'pack'])('%s', { timeout: 30 * MINUTE }, async (mode) => {
      const slurm = ['--execution-backend', 'slurm', '--slurm-submit', '--slurm-mode', mode, '--slurm-time', '20']
      const argv = [...argumentsOf(granules, runFolder(mode)), ...slurm]
      const { status, stderr } = await start(argv).finished
      expect(status, stderr).toBe(0)
      for (const deadline = Date.now() + 25 * MINUTE; Date.now() < deadline; ) {
        if (countsOf(runFolder(mode)).done === TILES) break
        await new Promise((resolve) => setTimeout(resolve, 3000))
      }
      expect(countsOf(runFolder(mode))).toMatchObject({ done: TILES, failed: 0, claimed: 0 })
      await expectTheSame(mode, async () => {
        const second = await start(argv).finished
        expect(second.status, second.stderr).toBe(0)
        expect(JSON.parse(second.stdout)).toMatchObject({ done: TILES, outcome: { done: 0, handedOver: 0 } })
      })
    })
  })
})
