// Plans and their units on real granules: tiles make up the whole, nothing is done twice, whatever is killed or bad.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect } from 'vitest'
import { ROOT, SAMPLE, sampleTest } from '../native-addon.js'

const BIN = join(ROOT, 'bin', 'aster-timeseries.js')
const PYTHON = process.env.ASTER_PYTHON ?? join(process.env.HOME ?? '', '.cache/aster-timeseries/venv/bin/python')
/** Holds all of the sample; tiles of 0.05 degrees cut it in six. */
const AREA = ['137.9', '-31.2', '138.1', '-31.0']
const GRANULE = 'AST_L1T_00310172001005817_20150418073045_41207.hdf'

let folder: string
let out: string
let tilesDir: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aster-tiles-'))
  out = join(folder, 'run')
  tilesDir = join(out, 'tiles')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  status: number | null
  stdout: string
  stderr: string
}

function run(...argv: string[]): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...argv], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** As `run`, beside others; `watch` sees the process. */
function start(argv: readonly string[], watch: (child: ChildProcess) => void = () => {}): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, ...argv])
  const heard = { stdout: '', stderr: '' }
  child.stdout.on('data', (text) => {
    heard.stdout += text
  })
  child.stderr.on('data', (text) => {
    heard.stderr += text
  })
  watch(child)
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, ...heard })))
}

const STACK = ['--index', 'ndvi', '--crs', 'EPSG:32754']

function plan(...further: string[]): { units: number; manifest: string } {
  const archive = further.includes('--archive') ? [] : ['--archive', SAMPLE]
  const size = further.includes('--tile-size') ? [] : ['--tile-size', '0.05']
  const made = run('plan', ...archive, '--bbox', ...AREA, ...size, '--out', out, '--json', ...further)
  expect([made.status, made.stderr]).toEqual([0, ''])
  return JSON.parse(made.stdout)
}

const unit = (index: number, ...further: string[]) => [
  'run-unit',
  '--manifest',
  out,
  '--index',
  String(index),
  '--json',
  ...further,
]

/** Files in the folder of tiles, records left out. */
const outputs = () => readdirSync(tilesDir).filter((name) => !/\.json$/.test(name))
const failure = () => {
  const [name = ''] = readdirSync(tilesDir).filter((one) => one.endsWith('.failed.json'))
  return JSON.parse(readFileSync(join(tilesDir, name), 'utf8'))
}

/** A unit that takes seconds: the whole sample in pixels of 1.5 m. */
const slowPlan = (...further: string[]) =>
  plan('--tile-size', '1', '--subsystem', 'VNIR', '--crs', 'EPSG:32754', '--resolution', '1.5', ...further)

/** Does something to the process once it computes. */
const whenComputing = (act: (child: ChildProcess) => void) => whenTold(/"kind":"(progress|scene)"/, act)

/** Does something to the process once it has told this. */
function whenTold(told: RegExp, act: (child: ChildProcess) => void) {
  return (child: ChildProcess) => {
    let heard = ''
    let isDone = false
    child.stderr?.on('data', (text) => {
      heard += text
      if (isDone || !told.test(heard)) return
      isDone = true
      act(child)
    })
  }
}

/** The events of `--progress json`. */
function eventsOf(stderr: string): { kind: string; scenesDone: number; bytesRead: number }[] {
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'))
  return lines.map((line) => JSON.parse(line))
}

sampleTest.each([
  [[]],
  // That of version 004: most of the sample has the other.
  [['--lattice', 'corner']],
])('tiles make up the stack of one run, value by value, as other software reads them; %j', (lattice) => {
  const { units } = plan(...STACK, ...lattice)
  expect(units).toBe(6)
  for (let index = 0; index < units; index += 1) expect(run(...unit(index)).status).toBe(0)
  if (!existsSync(PYTHON)) {
    process.stderr.write(`skipped: tiles against the whole, no Python in ${PYTHON} (ASTER_PYTHON)\n`)
    return
  }
  const [west, south, east, north] = AREA.map(Number)
  const ring = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ]
  const polygon = join(folder, 'area.json')
  writeFileSync(polygon, JSON.stringify({ type: 'Polygon', coordinates: [ring] }))
  const whole = join(folder, 'whole.nc')
  const stack = [...STACK, ...lattice, '--polygon', polygon]
  const one = run('run', '--archive', SAMPLE, '--product', 'AST_L1T', ...stack, '--output', whole)
  expect(one.status).toBe(0)
  const tiles = outputs().map((name) => join(tilesDir, name))
  const said = execFileSync(PYTHON, [join(ROOT, 'oracle', 'tiles.py'), whole, ...tiles, '--names'], {
    encoding: 'utf8',
  })
  expect(said).toMatch(/\n8 passed, 0 failed, 0 skipped\n$/)
})

sampleTest.each<[string, string[], string[]]>([
  ['degrees', ['--tile-size', '0.02'], []],
  ['degrees, coarse pixels', ['--tile-size', '0.02'], ['--resolution', '450']],
  ['squares', ['--tile-size', '3000m'], []],
  // Sides of squares run through pixels.
  ['squares, coarse pixels', ['--tile-size', '3000m'], ['--resolution', '430']],
  ['squares of a zone, coarse pixels', ['--tile-size', '3000m'], ['--resolution', '430']],
])('tiles of %s that a polygon touches make up the stack of one run', (name, tiling, resolution) => {
  const box = (west: number, south: number, east: number, north: number) => [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ]
  const coordinates = [
    // Sides of all, beyond which there are no tiles of degrees; the first is in another zone.
    [box(137.985, -31.125, 137.995, -31.112)],
    [box(138.045, -31.122, 138.05, -31.116)],
    // Ends 3 m before a tile of degrees (138.025), which holds nothing else.
    [box(138.018, -31.0768, 138.02497, -31.0743)],
    // Ends 8 m before a square (216,000 m in the zone), which holds nothing else.
    [
      [
        [138.0125, -31.1018],
        [138.0224977, -31.1018168],
        [138.0229758, -31.0864983],
        [138.0125, -31.0865],
        [138.0125, -31.1018],
      ],
    ],
  ]
  const ofZones = name.startsWith('squares of a zone')
  const polygon = join(folder, 'area.json')
  writeFileSync(polygon, JSON.stringify({ type: 'MultiPolygon', coordinates: coordinates.slice(ofZones ? 1 : 0) }))
  const touched = ['--index', 'ndvi', '--polygon', polygon, '--clip-rule', 'touch', ...resolution]
  const planned = [...touched, ...(ofZones ? [] : ['--crs', 'EPSG:32754']), ...tiling]
  const made = run('plan', '--archive', SAMPLE, ...planned, '--out', out, '--json')
  expect([made.status, made.stderr]).toEqual([0, ''])
  const { units } = JSON.parse(made.stdout)
  expect(units).toBeGreaterThan(3)
  for (let index = 0; index < units; index += 1) expect(run(...unit(index)).status).toBe(0)
  if (!existsSync(PYTHON)) return
  const whole = join(folder, 'whole.nc')
  const one = ['--archive', SAMPLE, '--product', 'AST_L1T', ...touched, '--crs', 'EPSG:32754', '--output', whole]
  expect(run('run', ...one).status).toBe(0)
  const tiles = outputs().map((name) => join(tilesDir, name))
  const said = execFileSync(PYTHON, [join(ROOT, 'oracle', 'tiles.py'), whole, ...tiles], { encoding: 'utf8' })
  expect(said).toMatch(/\n7 passed, 0 failed, 0 skipped\n$/)
})

describe('global-run', () => {
  const globalRun = (...further: string[]) => [
    ...['global-run', '--archive', SAMPLE, '--bbox', ...AREA, '--tile-size', '0.05', ...STACK],
    ...['--output-dir', tilesDir, '--n-workers', '2', '--json', ...further],
  ]

  sampleTest('makes all tiles and an index of them; once more, and nothing is made', () => {
    const first = run(...globalRun())
    expect([first.status, first.stderr]).toEqual([0, ''])
    const report = JSON.parse(first.stdout)
    expect(report).toMatchObject({ units: 6, done: 6, failed: 0, open: 0, outcome: { done: 6, failed: 0, retry: 0 } })
    expect(report.index.map((path: string) => basename(path))).toEqual(['map.svg', 'collection.json', 'summary.json'])
    const tiles = () => outputs().filter((name) => name.endsWith('.nc'))
    const inodes = () => tiles().map((name) => [name, statSync(join(tilesDir, name)).ino])
    const before = inodes()
    const again = run(...globalRun())
    expect([again.status, JSON.parse(again.stdout).outcome]).toEqual([
      0,
      { done: 0, failed: 0, retry: 0, handedOver: 0 },
    ])
    expect(inodes()).toEqual(before)
    // One that is lost is made again, alone; also where the index cannot be written.
    rmSync(join(tilesDir, tiles()[0] ?? ''))
    rmSync(join(tilesDir, 'items'), { recursive: true })
    writeFileSync(join(tilesDir, 'items'), '')
    const blocked = run(...globalRun())
    const indexProblem = { code: 'OUTPUT_IO', message: expect.stringContaining(join(tilesDir, 'items')) }
    expect(JSON.parse(blocked.stdout)).toMatchObject({ done: 6, outcome: { done: 1 }, index: [], indexProblem })
    expect(blocked.status).toBe(75)
    rmSync(join(tilesDir, 'items'))
    expect(run(...globalRun()).status).toBe(0)
    const status = run('plan-status', join(tilesDir, 'run'), '--json')
    expect(JSON.parse(status.stdout)).toMatchObject({ units: 6, done: 6, told: [] })
    expect(run('plan-status', join(tilesDir, 'run')).stdout).toMatch(/\n {2}done: +6 of 6 units \(100 %\)\n/)
  })

  sampleTest('two at a time share the work', async () => {
    const [left, right] = await Promise.all([start(globalRun()), start(globalRun())])
    expect([left.status, right.status]).toEqual([0, 0])
    expect(readdirSync(tilesDir).filter((name) => /^\.|claim/.test(name))).toEqual([])
    expect(outputs().filter((name) => name.endsWith('.nc'))).toHaveLength(6)
  })

  sampleTest('granules that cannot be read are told when planning, and remembered in the exit code', () => {
    const archive = join(folder, 'archive')
    cpSync(SAMPLE, archive, { recursive: true })
    const bad = join(archive, GRANULE)
    truncateSync(bad, 1000)
    const argv = globalRun().map((word) => (word === SAMPLE ? archive : word))
    const { status, stdout, stderr } = run(...argv)
    expect([status, JSON.parse(stdout)]).toEqual([3, expect.objectContaining({ done: 6, failed: 0 })])
    expect([stderr, JSON.parse(stdout).skipped]).toEqual(['', [expect.objectContaining({ path: bad })]])
    const planned = run('plan', '--archive', archive, '--bbox', ...AREA, '--out', out)
    expect([planned.status, planned.stderr]).toEqual([3, expect.stringMatching(/^warning: skipped [^\n]*\n$/)])
    expect(planned.stderr.split(bad)).toHaveLength(2)
    expect(run(...argv, '--allow-skipped').status).toBe(0)
    copyFileSync(join(SAMPLE, GRANULE), bad)
    expect(run(...argv).status).toBe(0)
  })

  sampleTest('a damaged granule is one named failure; mended, the same command finishes', () => {
    const archive = join(folder, 'archive')
    cpSync(SAMPLE, archive, { recursive: true })
    const argv = globalRun().map((word) => (word === SAMPLE ? archive : word))
    const granule = join(archive, GRANULE)
    truncateSync(granule, statSync(granule).size - 300_000)
    const scenes = join(folder, 'scenes.ndjson')
    writeFileSync(scenes, run('search', '--archive', SAMPLE, '--format', 'ndjson').stdout.replaceAll(SAMPLE, archive))
    const given = [...argv.filter((word) => word !== '--archive' && word !== archive), '--scenes', scenes]
    const bad = run(...given)
    expect(bad.status).toBe(65)
    const report = JSON.parse(bad.stdout)
    expect(report.failed).toBeGreaterThan(0)
    expect(report.failures).toEqual({ 65: report.failed })
    expect(report.done + report.failed).toBe(6)
    expect(failure()).toMatchObject({ exitStatus: 65, code: 'CORRUPT', path: granule, attempt: 1, retryable: false })
    expect(run('plan-status', join(tilesDir, 'run')).stdout).toContain(GRANULE)
    // Nothing is tried while nothing has changed.
    expect(JSON.parse(run(...given).stdout).outcome).toMatchObject({ done: 0, failed: 0 })
    copyFileSync(join(SAMPLE, GRANULE), granule)
    const good = run(...given)
    expect([good.status, JSON.parse(good.stdout).failed]).toEqual([0, 0])
    expect(readdirSync(tilesDir).filter((name) => name.endsWith('.failed.json'))).toEqual([])
  })
})

describe('a unit', () => {
  sampleTest('of two processes is done by one of them', async () => {
    const { units } = plan(...STACK)
    const indices = Array.from({ length: units }, (_, index) => index)
    for (const index of indices) {
      const pair = await Promise.all([start(unit(index)), start(unit(index))])
      expect(pair.map(({ status }) => status)).toEqual([0, 0])
      expect(pair.map(({ stdout }) => JSON.parse(stdout).wasDone).sort()).toEqual([false, true])
    }
    expect(outputs()).toHaveLength(units)
  })

  sampleTest.each<[string, NodeJS.Signals, string[]]>([
    ['netcdf', 'SIGKILL', []],
    ['netcdf', 'SIGTERM', []],
    ['netcdf on a disk of another machine', 'SIGKILL', ['--scratch']],
    ['zarr', 'SIGKILL', []],
  ])('as %s that ends at %s goes on in the next, and reads no scene again', async (format, signal, [flag]) => {
    slowPlan('--format', format.split(' ')[0] ?? '')
    const argvOf = (machine: string) => {
      const scratch = flag === undefined ? [] : [flag, join(folder, machine)]
      return unit(0, '--progress', 'json', ...scratch)
    }
    const undisturbed = await start(argvOf('one'))
    const name: string = JSON.parse(undisturbed.stdout).outputs[0].name
    const path = join(tilesDir, name)
    renameSync(path, join(folder, 'undisturbed'))
    rmSync(`${path}.done.json`)
    const ended = await start(
      argvOf('one'),
      whenTold(/("kind":"scene"[\s\S]*){3}/, (child) => child.kill(signal)),
    )
    expect(ended.status).toBe(signal === 'SIGKILL' ? null : 75)
    const left = readdirSync(tilesDir)
    expect(left.filter((file) => file.endsWith('.claim')).length > 0).toBe(signal === 'SIGKILL')
    const own = name.endsWith('.zarr') ? `.${name}.partial` : `.${name}.checkpoints`
    expect(left).toContain(own)
    expect(left).not.toContain(name)
    if (flag !== undefined) {
      // What was on a disk of the first machine is of no use to the second, and what the engine there left would bind it.
      rmSync(join(folder, 'one'), { recursive: true })
      const claim = join(tilesDir, `${own}.claim`)
      const { process: engine, ...rest } = JSON.parse(readFileSync(claim, 'utf8'))
      writeFileSync(claim, JSON.stringify({ process: { ...engine, machine: 'elsewhere-1' }, ...rest }))
      writeFileSync(join(tilesDir, `.${name}.partial-elsewhere-1-99`), '')
    }
    const next = await start(argvOf('two'))
    expect([next.status, JSON.parse(next.stdout)]).toMatchObject([0, { state: 'done', wasDone: false }])
    expect(readdirSync(tilesDir).sort()).toEqual([name, `${name}.done.json`])
    const [all, rest] = [undisturbed, next].map(({ stderr }) => eventsOf(stderr))
    expect(rest?.at(-1)?.scenesDone).toBe(all?.at(-1)?.scenesDone)
    const readFor = (scenes: number) =>
      all?.find(({ kind, scenesDone }) => kind === 'scene' && scenesDone === scenes)?.bytesRead ?? 0
    const saved = (all?.at(-1)?.bytesRead ?? 0) - (rest?.at(-1)?.bytesRead ?? 0)
    expect(readFor(3)).toBeGreaterThan(0)
    expect(saved).toBeGreaterThanOrEqual(readFor(3))
    if (name.endsWith('.zarr')) return
    const [before, after] = [join(folder, 'undisturbed'), path].map((file) => readFileSync(file))
    expect(after?.length).toBe(before?.length)
    // The time of writing, and the name of the other disk.
    const differing = before?.reduce((sum, byte, at) => sum + (byte === after?.[at] ? 0 : 1), 0)
    expect(differing).toBeLessThan(60)
  })

  sampleTest('that was killed goes on from nothing that a bad granule has part in', async () => {
    const archive = join(folder, 'archive')
    cpSync(SAMPLE, archive, { recursive: true })
    slowPlan('--archive', archive)
    const argv = unit(0, '--progress', 'json')
    const told = /"kind":"scene"/
    expect(
      (
        await start(
          argv,
          whenTold(told, (child) => child.kill('SIGKILL')),
        )
      ).status,
    ).toBe(null)
    const kept = () => readdirSync(tilesDir).filter((name) => name.endsWith('.checkpoints'))
    expect(kept()).toHaveLength(1)
    const granule = join(archive, GRANULE)
    truncateSync(granule, statSync(granule).size - 300_000)
    const bad = await start(argv)
    expect([bad.status, failure().code]).toEqual([65, 'CORRUPT'])
    expect(readdirSync(tilesDir).filter((name) => !name.endsWith('.failed.json'))).toEqual([])
    copyFileSync(join(SAMPLE, GRANULE), granule)
    expect((await start(argv)).status).toBe(0)
    expect(readdirSync(tilesDir).filter((name) => !/^AST.*\.nc(\.done\.json)?$/.test(name))).toEqual([])
  })

  sampleTest.each<[string, (child: ChildProcess) => void]>([
    ['the end of stdin', (child) => child.stdin?.end()],
    ['SIGTERM', (child) => child.kill('SIGTERM')],
    ['SIGUSR2', (child) => child.kill('SIGUSR2')],
  ])('stops at %s with 75, says so, and goes on later', async (_, act) => {
    slowPlan()
    const argv = unit(0, '--progress', 'json', '--stop-with-stdin')
    const stopped = await start(argv, whenComputing(act))
    expect(stopped.status).toBe(75)
    expect(JSON.parse(stopped.stdout)).toMatchObject({ state: 'failed', exitStatus: 75, error: { code: 'CANCELLED' } })
    expect(failure()).toMatchObject({ exitStatus: 75, code: 'CANCELLED', retryable: true })
    const others = readdirSync(tilesDir).filter((name) => !name.endsWith('.failed.json'))
    expect(others.filter((name) => !name.endsWith('.nc.checkpoints'))).toEqual([])
    expect((await start(unit(0))).status).toBe(0)
    expect(readdirSync(tilesDir).filter((name) => !/^AST.*\.nc(\.done\.json)?$/.test(name))).toEqual([])
  })

  sampleTest('does not replace a file that no unit made', () => {
    plan('--tile-size', '1', ...STACK)
    const { stdout } = run(...unit(0))
    const { outputs: made } = JSON.parse(stdout)
    const path = join(tilesDir, made[0].name)
    rmSync(`${path}.done.json`)
    const refused = run(...unit(0))
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([65, 'OUTPUT_EXISTS'])
    rmSync(`${path}.failed.json`)
    plan('--tile-size', '1', ...STACK, '--overwrite')
    expect(run(...unit(0)).status).toBe(0)
  })

  sampleTest('whose record finds no room is done again', (context) => {
    mkdirSync(tilesDir, { recursive: true })
    // The folder, the claim and the output; no fourth file.
    const mount = (options: string) => spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', tilesDir]).status
    if (mount('nr_inodes=3') !== 0) return context.skip('needs the right to mount')
    try {
      plan('--tile-size', '1', ...STACK, '--tile-output', 'composite')
      const full = run(...unit(0))
      expect([full.status, JSON.parse(full.stdout).error.code]).toEqual([75, 'DISK_FULL'])
      mount('remount,nr_inodes=9')
      expect(run(...unit(0)).status).toBe(0)
      expect(outputs()).toHaveLength(1)
    } finally {
      spawnSync('umount', [tilesDir])
    }
  })

  sampleTest('is written on another disk first, if one is named', () => {
    plan('--tile-size', '1', ...STACK)
    const scratch = join(folder, 'scratch')
    expect(run(...unit(0, '--scratch', scratch)).status).toBe(0)
    expect(outputs()).toHaveLength(1)
    expect(readdirSync(scratch, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())).toEqual([])
  })

  sampleTest('leaves bad granules out where the plan allows it, and records them', () => {
    const archive = join(folder, 'archive')
    cpSync(SAMPLE, archive, { recursive: true })
    plan('--tile-size', '1', '--archive', archive, '--allow-skipped', ...STACK)
    truncateSync(join(archive, GRANULE), statSync(join(archive, GRANULE)).size - 300_000)
    const { status, stdout } = run(...unit(0))
    expect(status).toBe(0)
    const record = JSON.parse(readFileSync(join(tilesDir, `${JSON.parse(stdout).outputs[0].name}.done.json`), 'utf8'))
    expect(record.skipped).toMatchObject([{ id: GRANULE, code: 'CORRUPT' }])
  })

  sampleTest('whose granules are gone is to be tried later', () => {
    const archive = join(folder, 'archive')
    cpSync(SAMPLE, archive, { recursive: true })
    plan('--tile-size', '1', '--archive', archive, ...STACK)
    rmSync(archive, { recursive: true })
    const { status, stdout } = run(...unit(0))
    expect([status, JSON.parse(stdout).error]).toEqual([
      75,
      expect.objectContaining({ code: 'NOT_FOUND', message: expect.stringMatching(/cannot be found \(ENOENT\)$/) }),
    ])
  })

  sampleTest('has an index from --index, or from the array that it is an element of', () => {
    const { units, manifest } = plan(...STACK)
    const element = (env: Record<string, string>, ...further: string[]) =>
      spawnSync(process.execPath, [BIN, 'run-unit', '--manifest', manifest, '--json', ...further], {
        encoding: 'utf8',
        env: { ...process.env, ...env },
      })
    expect(JSON.parse(element({ SLURM_ARRAY_TASK_ID: '1' }).stdout).index).toBe(1)
    expect(JSON.parse(element({ SLURM_ARRAY_TASK_ID: '1' }, '--index-offset', '2').stdout).index).toBe(3)
    expect(JSON.parse(element({ SGE_TASK_ID: '1' }).stdout).index).toBe(0)
    const none = element({})
    expect([none.status, JSON.parse(none.stderr).error.message]).toEqual([2, 'which unit to run is not said'])
    const beyond = element({ SLURM_ARRAY_TASK_ID: String(units) })
    expect(beyond.status).toBe(2)
  })
})
