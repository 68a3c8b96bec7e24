// `global-run` over granules that are spread over forty tiles, as a process of its own, and what came of it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'
import { ROOT } from '../native-addon.js'
import { hasDask, PYTHON } from './dask-cluster.js'

export const TILES = 40
const AREA = ['137.8', '-31.2', '138.2', '-30.95']
const CLI = join(ROOT, 'bin', 'aster-timeseries.js')

/** Whether this is the night, and what these tests need is here. */
export const isForTheNight = process.env.ASTER_NIGHTLY === '1' && hasDask

/** A folder that outlives a test; call `remove` in the end. */
export function lastingFolder(): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'aster-forty-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Three tiny granules in each of forty tiles, none in two. ASTER_SPREAD names a folder that has them already. */
export function spreadGranules(folder: string): void {
  const made = process.env.ASTER_SPREAD
  if (made !== undefined && existsSync(made)) {
    spawnSync('cp', ['-r', `${made}/.`, folder])
    return
  }
  const { status, stderr } = spawnSync(PYTHON, [join(ROOT, 'fixtures', 'make_sample.py'), '--spread', folder])
  expect(status, String(stderr)).toBe(0)
}

export function argumentsOf(archive: string, runFolder: string, outputDir = join(runFolder, 'tiles')): string[] {
  const what = ['--archive', archive, '--archive-index', 'none', '--product', 'AST_L1T', '--index', 'ndvi']
  const where = ['--bbox', ...AREA, '--tile-size', '0.05', '--out', runFolder, '--output-dir', outputDir]
  return ['global-run', ...what, ...where, '--unit-threads', '1', '--unit-memory', '600MiB']
}

export interface Finished {
  status: number | null
  stdout: string
  stderr: string
}

/** A command of ours; `onEvent` is told the kind of each event. */
export function start(argv: readonly string[], onEvent: (kind: string) => void = () => {}) {
  const child: ChildProcess = spawn(process.execPath, [CLI, ...argv, '--progress', 'json', '--json'], { stdio: 'pipe' })
  const heard = { stdout: '', stderr: '' }
  child.stdout?.on('data', (text) => {
    heard.stdout += text
  })
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      heard.stderr = `${heard.stderr}${line}\n`.slice(-20_000)
      const kind = /^\{"kind":"(\w+)"/.exec(line)?.[1]
      if (kind !== undefined) onEvent(kind)
    })
  }
  const finished = new Promise<Finished>((resolve) => child.on('close', (status) => resolve({ status, ...heard })))
  return { child, finished }
}

/** Counts of a plan by state, from files. */
export function countsOf(runFolder: string): Record<string, number> {
  const { stdout, stderr } = spawnSync(process.execPath, [CLI, 'plan-status', runFolder, '--json'], {
    encoding: 'utf8',
  })
  const read: unknown = JSON.parse(stdout || `{"error": ${JSON.stringify(stderr)}}`)
  const numbers = Object.entries(read ?? {}).filter(([, value]) => typeof value === 'number')
  return Object.fromEntries(numbers)
}

export function tilesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.nc') && !name.startsWith('.'))
    .sort()
}

/** What is neither a tile, nor its record, nor of the index of results. */
export function debrisIn(folder: string): string[] {
  const expected = /^(AST_L1T_[\d._-]+\.nc(\.done\.json)?|collection\.json|summary\.json|items|map\.svg|\w+\.vrt)$/
  return readdirSync(folder).filter((name) => !expected.test(name))
}

/** Differences between files of one name in several folders; times of the run do not count. */
export function differences(folders: readonly string[], names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const paths = folders.map((folder) => join(folder, basename(name)))
    const same = join(ROOT, 'oracle', 'same.py')
    const { status, stdout, stderr } = spawnSync(PYTHON, [same, '--chunks', ...paths], { encoding: 'utf8' })
    return status === 0 ? [] : [`${name}: ${stdout}${stderr}`]
  })
}
