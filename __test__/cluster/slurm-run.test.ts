// The command line on a real Slurm, with real units over the sample granules: every mode makes what this machine makes.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import type { Claim } from '../../src/access/claim.js'
import { runTag } from '../../src/cluster/slurm/job-comment.js'
import { openPlan } from '../../src/processing/manifest.js'
import { hasAddon, ROOT, SAMPLE } from '../native-addon.js'
import { hasSlurm, slurm, slurmTest, startSlurm, takeCluster, until } from './slurm-cluster.js'

const BIN = join(ROOT, 'bin', 'aster-timeseries.js')
const AREA = ['--bbox', '137.97,-31.14,138.06,-31.06', '--tile-size', '0.05', '--unit-memory', '500M']
const TILES = ['--archive', SAMPLE, ...AREA, '--index', 'ndvi']

let held: Claim | undefined
let folder = ''
beforeAll(async () => {
  if (!hasSlurm || !hasAddon) return
  held = await takeCluster()
  startSlurm()
  folder = mkdtempSync(join(tmpdir(), 'aster-slurm-'))
}, 900_000)
afterAll(async () => {
  await held?.release()
  if (folder !== '') rmSync(folder, { recursive: true, force: true })
})

const realTest = hasAddon ? slurmTest : slurmTest.skip

function run(...argv: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [BIN, ...argv], { encoding: 'utf8' })
}

async function settle(runFolder: string): Promise<void> {
  const tag = runTag(await openPlan(runFolder))
  await until(120, () => !slurm('squeue', '-h', '-o', '%k').includes(tag))
}

/** What was made of each tile, without what differs between two runs of the same. */
function results(out: string): Record<string, unknown> {
  const names = readdirSync(out).filter((name) => name.endsWith('.done.json'))
  return Object.fromEntries(
    names.sort().map((name) => {
      const { id, key, outputs, scenes, skipped, result } = JSON.parse(readFileSync(join(out, name), 'utf8'))
      // The history of a file is as long as the command that made it.
      return [id, { key, files: outputs.map((file: { name: string }) => file.name), scenes, skipped, result }]
    }),
  )
}

realTest(
  'array, per-tile and packed jobs make what this machine makes, and each again does nothing',
  async () => {
    const made: Record<string, Record<string, unknown>> = {}
    const local = run('global-run', ...TILES, '--output-dir', join(folder, 'local'), '--json')
    expect([local.status, local.stderr]).toEqual([0, ''])
    made.local = results(join(folder, 'local'))
    expect(Object.keys(made.local)).toHaveLength(4)
    for (const mode of ['array', 'per-tile', 'pack']) {
      const out = join(folder, mode)
      const jobs = join(folder, `jobs of ${mode}`)
      const slurmWords = [
        '--slurm-script-dir',
        jobs,
        '--slurm-mode',
        mode,
        '--slurm-time',
        '10',
        '--slurm-partition',
        'hpc',
      ]
      const words = [...TILES, '--output-dir', out, '--execution-backend', 'slurm', ...slurmWords]
      const written = run('global-run', ...words, '--json')
      expect([written.status, JSON.parse(written.stdout).outcome.handedOver]).toEqual([0, 4])
      expect(existsSync(join(out, 'run', 'slurm', 'jobs.jsonl'))).toBe(false)
      const first = run('global-run', ...words, '--slurm-submit', '--json')
      expect([first.status, JSON.parse(first.stdout).outcome]).toEqual([
        0,
        { done: 0, failed: 0, retry: 0, handedOver: 4 },
      ])
      await settle(join(out, 'run'))
      made[mode] = results(out)
      const names = readdirSync(join(jobs, 'logs')).sort()
      expect(names).toEqual(
        Object.keys(made.local)
          .map((id) => `${id}.log`)
          .sort(),
      )
      const again = run('global-run', ...words, '--slurm-submit', '--json')
      expect([again.status, JSON.parse(again.stdout)]).toMatchObject([
        0,
        { done: 4, open: 0, outcome: { handedOver: 0 } },
      ])
    }
    for (const mode of ['array', 'per-tile', 'pack']) expect(made[mode], mode).toEqual(made.local)
  },
  300_000,
)

realTest(
  'a unit that is killed is told with its reason, and only its tile is made again',
  async () => {
    const out = join(folder, 'killed')
    const big = [...TILES.slice(0, -2), '--subsystem', 'VNIR', '--resolution', '2']
    const words = [...big, '--output-dir', out, '--execution-backend', 'slurm', '--slurm-submit', '--slurm-time', '10']
    expect(run('global-run', ...words, '--slurm-array-throttle', '1').status).toBe(0)
    const runFolder = join(out, 'run')
    const pidOf = () => {
      const job = slurm('squeue', '-h', '-r', '-t', 'R', '-o', '%A').trim().split('\n')[0] ?? ''
      const listed = job === '' ? '' : spawnSync('scontrol', ['listpids', job], { encoding: 'utf8' }).stdout
      const pids = listed.split('\n').flatMap((line) => /^(\d+)/.exec(line)?.[1] ?? [])
      return pids.find((pid) =>
        spawnSync('cat', [`/proc/${pid}/cmdline`], { encoding: 'utf8' }).stdout.includes(`\0run-unit\0`),
      )
    }
    await until(120, () => pidOf() !== undefined)
    process.kill(Number(pidOf()), 'SIGKILL')
    await settle(runFolder)
    const before = results(out)
    expect(Object.keys(before)).toHaveLength(3)
    const status = JSON.parse(run('plan-status', runFolder, '--json').stdout)
    expect(status).toMatchObject({ units: 4, done: 3, open: 1 })
    expect(status.told).toMatchObject([
      { queue: { state: 'memory', reason: expect.stringMatching(/killed.*FAILED 137:0/) } },
    ])
    expect(run('plan-status', runFolder).stdout).toMatch(
      /\[memory: killed, most likely out of memory, job \d+_\d: FAILED 137:0\]/,
    )
    const again = run('global-run', ...words, '--json')
    expect(JSON.parse(again.stdout).outcome).toEqual({ done: 0, failed: 0, retry: 0, handedOver: 1 })
    expect(JSON.parse(run('plan-status', runFolder, '--json').stdout).told[0].queue.state).toMatch(/queued|running/)
    await settle(runFolder)
    const after = results(out)
    expect(Object.keys(after)).toHaveLength(4)
    expect(after).toMatchObject(before)
  },
  300_000,
)

realTest('what the command line refuses', () => {
  const words = [...TILES, '--output-dir', join(folder, 'refused'), '--execution-backend', 'slurm']
  const cases: [string[], RegExp][] = [
    [['--slurm-account', 'a\nb'], /error: --slurm-account cannot be "a\\nb"\n {2}hint: it takes letters/],
    [['--slurm-extra', '--array=0-9'], /error: --slurm-extra "--array=0-9": the scripts set --array themselves/],
    [['--slurm-mode', 'packed'], /error: .*--slurm-mode/],
    [['--slurm-partition', 'hcp'], /no partition hcp\n {2}hint: did you mean hpc/],
    [['--slurm-memory', '1.5G'], /--slurm-memory cannot be "1.5G"/],
  ]
  for (const [more, message] of cases) {
    const { status, stderr } = run('global-run', ...words, ...more)
    expect(stderr).toMatch(message)
    expect(status).toBe(2)
  }
})
