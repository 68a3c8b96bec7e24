// The program on real files: search, info, dry run, run, and Ctrl-C.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect } from 'vitest'
import { pathOf, TRUTH } from '../native/sample.js'
import { GRANULES, granuleTest, ROOT, SAMPLE, sampleTest } from '../native-addon.js'

const BIN = join(ROOT, 'bin', 'aster-timeseries.js')
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aster-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function run(...argv: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...argv], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

sampleTest('search gives the scenes as JSON', () => {
  const { status, stdout, stderr } = run('search', '--archive', SAMPLE, '--start', '2002-01-01', '--end', '2005-12-31')
  const scenes: { time: string; product: string }[] = JSON.parse(stdout)
  const expected = TRUTH.filter(({ time }) => time >= '2002' && time < '2006')
  expect([status, stderr, scenes.length]).toEqual([0, '', expected.length])
  expect(scenes.every(({ product }) => product === 'AST_L1T')).toBe(true)
  expect(run('search', '--archive', SAMPLE, '--bbox', '10', '10', '11', '11')).toEqual({
    status: 0,
    stdout: '[]\n',
    stderr: '',
  })
})

sampleTest('info describes every granule of the sample', () => {
  for (const truth of TRUTH) {
    const { status, stdout } = run('info', pathOf(truth), '--json')
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ schema: 1, product: 'AST_L1T', epsg: truth.epsg })
    expect(run('info', pathOf(truth)).stdout).toMatch(/ImageData10 +TIR/)
  }
})

sampleTest('a dry run tells what a run will take, and the run keeps to it', () => {
  const output = join(folder, 'ndvi.nc')
  const argv = ['run', '--archive', SAMPLE, '--end', '2003-12-31', '--index', 'ndvi', '--output', output, '--json']
  const dry = run(...argv, '--dry-run')
  expect([dry.status, dry.stderr, readdirSync(folder)]).toEqual([0, '', []])
  const plan = JSON.parse(dry.stdout)
  const wet = run(...argv)
  expect([wet.status, wet.stderr]).toEqual([0, ''])
  const report = JSON.parse(wet.stdout)
  expect(report).toMatchObject({ schema: 1, outputs: [output], variables: ['ndvi'], skipped: [], grid: plan.grid })
  expect(report.scenes).toHaveLength(3)
  expect(plan.scenes).toHaveLength(3)
  expect(readFileSync(output).subarray(1, 4).toString()).toBe('HDF')
  expect(readdirSync(folder)).toEqual(['ndvi.nc'])
})

sampleTest.each([
  ['ndvi.nc', []],
  ['ndvi.csv', []],
  ['ndvi.tif', ['--reduce', 'mean']],
])('what is said to be written to %s is what lies there', (name, further) => {
  const picture = join(folder, 'picture.png')
  const output = join(folder, name)
  const argv = ['run', '--archive', SAMPLE, '--index', 'ndvi', '--output', output, '--quicklook', picture, '--json']
  const { status, stdout } = run(...argv, ...further)
  expect(status).toBe(0)
  expect(JSON.parse(stdout).bytesWritten).toBe(statSync(output).size + statSync(picture).size)
})

sampleTest('a dry run in words', () => {
  const output = join(folder, 'a.nc')
  const { status, stdout } = run('run', pathOf(TRUTH[0] ?? ({} as never)), '--dry-run', '--output', output)
  expect(readdirSync(folder)).toEqual([])
  expect(run('run', pathOf(TRUTH[0] ?? ({} as never)), '--dry-run').status).toBe(0)
  expect(status).toBe(0)
  for (const fact of ['scenes:', 'grid:', 'to read:', 'to write:', 'peak memory:', 'free disk:']) {
    expect(stdout).toContain(fact)
  }
})

sampleTest('what search finds goes through a pipe, and a plan is run again', () => {
  const output = join(folder, 'a.nc')
  const found = run('search', '--archive', SAMPLE, '--end', '2004-12-31', '--format', 'ndjson')
  const argv = ['run', '--scenes', '-', '--index', 'ndvi', '--resample', 'YE', '--output', output]
  const planned = spawnSync(process.execPath, [BIN, ...argv, '--dry-run', '--json'], {
    encoding: 'utf8',
    input: found.stdout,
  })
  expect([planned.status, planned.stderr, readdirSync(folder)]).toEqual([0, '', []])
  const plan = JSON.parse(planned.stdout)
  expect(plan.variables).toEqual(['ndvi_mean', 'ndvi_count'])
  const file = join(folder, 'plan.json')
  writeFileSync(file, planned.stdout)
  const { status, stdout } = run('run', '--plan', file, '--json')
  const report = JSON.parse(stdout)
  expect([status, readdirSync(folder)]).toEqual([0, ['a.nc', 'plan.json']])
  expect(report.steps.map(({ validPixels: _, ...step }: { validPixels: object }) => step)).toEqual(plan.steps)
  expect(report.steps[0].validPixels.ndvi_mean).toBeGreaterThan(1000)
  const again = run('run', '--plan', file, '--output', join(folder, 'b.nc'))
  expect(again.status).toBe(0)
  expect(again.stdout).toMatch(/\n {2}time steps: +4 periods of 4 looks\n/)
  expect(again.stdout).toMatch(/\n {2}valid: +\d+ to \d+ % of the pixels\n/)
})

granuleTest('five scenes and a named index in one command', () => {
  const output = join(folder, 'ndvi.nc')
  const { status, stdout, stderr } = run(
    'run',
    '--archive',
    GRANULES,
    '--bbox',
    '119.85,14.9,120.1,15.1',
    '--index',
    'ndvi',
    '--output',
    output,
  )
  expect(stderr).toBe('')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^wrote .*ndvi.nc\n {2}scenes: +5 \(2001-01-03 to 2002-09-06\)\n/)
  expect(stdout).toMatch(/\n {2}variables: +ndvi\n/)
})

describe('signals', () => {
  const exited = (child: ChildProcess) =>
    new Promise<number | null>((resolve) => child.on('close', (status) => resolve(status)))

  sampleTest.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends a run soon and leaves nothing', async (signal, status) => {
    const output = join(folder, 'big.nc')
    const argv = ['run', '--archive', SAMPLE, '--subsystem', 'VNIR', '--resolution', '1', '--progress', 'json']
    const child = spawn(process.execPath, [BIN, ...argv, '--output', output])
    const ending = exited(child)
    let stderr = ''
    let asked = 0
    child.stderr.on('data', (text) => {
      stderr += text
      if (asked > 0 || !/"kind":"(progress|scene)"/.test(stderr)) return
      asked = performance.now()
      child.kill(signal)
    })
    expect(await ending).toBe(status)
    expect(asked).toBeGreaterThan(0)
    // A second, unless the machine has others to serve.
    expect(performance.now() - asked).toBeLessThan(5000)
    expect(stderr).toContain(`error: stopped by ${signal}; no output was written\n`)
    expect(readdirSync(folder)).toEqual([])
  })
})

sampleTest('a run goes on when nobody listens to stderr any more', () => {
  const output = join(folder, 'ndvi.nc')
  const argv = ['run', '--archive', SAMPLE, '--index', 'ndvi', '--output', output, '--progress', 'json']
  const child = spawnSync('bash', ['-c', '"$@" 2> >(head -1 >&2)', 'bash', process.execPath, BIN, ...argv])
  expect([child.status, readdirSync(folder)]).toEqual([0, ['ndvi.nc']])
})
