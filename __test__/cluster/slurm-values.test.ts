// What users give for Slurm: taken if Slurm would take it, refused if it could become something else.
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SlurmEngine } from '../../src/cluster/slurm/engine.js'
import { arrayChunks, chunkSize, compressIndices, expandIndices } from '../../src/cluster/slurm/index-list.js'
import { resolveSettings } from '../../src/cluster/slurm/settings.js'
import {
  checkConstraint,
  checkExtra,
  checkLine,
  checkLogFolder,
  checkName,
  formatTimeLimit,
  parseMemoryMiB,
  parseTimeLimit,
} from '../../src/cluster/slurm/values.js'
import { run } from '../cli/in-process.js'

const READERS: Record<string, (flag: string, text: string) => unknown> = {
  '--slurm-account': checkName,
  '--slurm-partition': checkName,
  '--slurm-qos': checkName,
  '--slurm-constraint': checkConstraint,
  '--slurm-time': parseTimeLimit,
  '--slurm-memory': parseMemoryMiB,
  '--slurm-extra': checkExtra,
}
const GOOD: Record<string, string> = {
  '--slurm-account': 'geo-lab',
  '--slurm-partition': 'hpc',
  '--slurm-qos': 'normal',
  '--slurm-constraint': 'hpc&cloud',
  '--slurm-time': '02:00:00',
  '--slurm-memory': '16G',
  '--slurm-extra': '--nice=100',
}
const HOSTILE = ['\n', '\ntouch PWNED\n', '\r', '\0', '\u2028', '\x1b[2J', '\x7f']
/** In a free text these are harmless, since it is quoted; in a name they are not. */
const NOT_IN_NAMES = [' ', ' x', '#', '$(id)', '`id`', ';id', '"', "'", '\\', '/', '|x y', '<', '%j', 'ü']

describe.each(Object.keys(READERS))('%s', (flag) => {
  const read = READERS[flag] ?? checkName
  const good = GOOD[flag] ?? ''

  test('takes what Slurm takes', () => {
    expect(() => read(flag, good)).not.toThrow()
  })

  test.each(HOSTILE.map((text) => JSON.stringify(text)))('refuses %s anywhere in it', (quoted) => {
    const bad: string = JSON.parse(quoted)
    for (const text of [`${bad}${good}`, `${good}${bad}`, `${good.slice(0, 2)}${bad}${good.slice(2)}`]) {
      expect(() => read(flag, text), JSON.stringify(text)).toThrow(expect.objectContaining({ code: 'USAGE' }))
    }
  })

  test('does not print what it refuses as it is', () => {
    try {
      read(flag, `${good}\n\x1b[2J`)
      expect.unreachable()
    } catch (error) {
      expect(String(error)).toContain(flag)
      for (const control of ['\n', '\u001b']) expect(String(error)).not.toContain(control)
    }
  })

  test.skipIf(flag === '--slurm-extra').each(NOT_IN_NAMES)('refuses %j', (bad) => {
    if (flag === '--slurm-constraint' && bad === '|x y') return
    expect(() => read(flag, `${good}${bad}`)).toThrow(expect.objectContaining({ code: 'USAGE' }))
    expect(() => read(flag, '')).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })
})

test.each([
  ['30', 1800],
  ['90:30', 5430],
  ['02:00:00', 7200],
  ['2-3', 183_600],
  ['1-00:30', 88_200],
  ['3-00:00:01', 259_201],
  ['0', Number.POSITIVE_INFINITY],
  ['UNLIMITED', Number.POSITIVE_INFINITY],
])('a time limit of %s is %d s', (text, seconds) => {
  expect(parseTimeLimit('--slurm-time', text)).toBe(seconds)
})

test.each(['bogus', '1:2:3:4', '1-', '-1', '1h', '2.5', '1-2-3', '99999-0'])('%s is no time limit', (text) => {
  expect(() => parseTimeLimit('--slurm-time', text)).toThrow(/--slurm-time cannot be/)
})

test.each([
  [5430, '01:30:30'],
  [86_400, '1-00:00:00'],
  [Number.POSITIVE_INFINITY, 'UNLIMITED'],
])('%d s are written %s, and read back', (seconds, text) => {
  expect(formatTimeLimit(seconds)).toBe(text)
  expect(parseTimeLimit('', text)).toBe(seconds)
})

test.each([
  ['16G', 16_384],
  ['3500', 3500],
  ['3500M', 3500],
  ['1025K', 2],
  ['2tb', 2_097_152],
  ['0', 0],
])('memory of %s is %d MiB', (text, mib) => {
  expect(parseMemoryMiB('--slurm-memory', text)).toBe(mib)
})

test.each(['1.5G', '8GiB', '8XB', '-1', '9999T'])('%s is no memory', (text) => {
  expect(() => parseMemoryMiB('--slurm-memory', text)).toThrow(/--slurm-memory cannot be/)
})

test('an extra option is one option, long, and none that the scripts set', () => {
  for (const good of [
    '--exclusive',
    '--nice=10',
    '--mail-user=a b@c',
    '--gres=gpu:1',
    '--mem-bind=local',
    '--licenses=a',
  ]) {
    expect(checkExtra('--slurm-extra', good)).toBe(good)
  }
  for (const bad of ['-p hpc', 'nice=10', '--nice 10', '--', '--=x', '--N=1']) {
    expect(() => checkExtra('--slurm-extra', bad), bad).toThrow(/one option in its long form|cannot be/)
  }
  // sbatch takes abbreviations.
  for (const own of [
    '--array=0-9',
    '--arr=0',
    '--output=x',
    '--wrap=id',
    '--mem=1',
    '--time=1',
    '--tim=1',
    '--export=ALL',
  ]) {
    expect(() => checkExtra('--slurm-extra', own), own).toThrow(/the scripts set/)
  }
})

test('paths may hold what file names hold, but no line end; logs no backslash', () => {
  const odd = `/run/g it's a "test" ü $HOME;&|<>(){}[]*?!~#%`
  expect(checkLine('--output-dir', odd)).toBe(odd)
  expect(checkLogFolder('--slurm-log-dir', odd)).toBe(odd)
  expect(() => checkLine('--output-dir', '/run/a\nb')).toThrow(/--output-dir/)
  expect(() => checkLogFolder('--slurm-log-dir', '/run/a\\b')).toThrow(/--slurm-log-dir/)
})

describe('lists of numbers', () => {
  test.each<[number[], string]>([
    [[], ''],
    [[3], '3'],
    [[3, 4], '3,4'],
    [[10, 3, 6, 11, 12, 6], '3,6,10-12'],
    [[0, 1, 2, 3, 5, 7, 8, 9], '0-3,5,7-9'],
  ])('%j is %s', (numbers, text) => {
    expect(compressIndices(numbers)).toBe(text)
    expect(expandIndices(text)).toEqual([...new Set(numbers)].sort((a, b) => a - b))
  })

  test('as squeue and sacct write them', () => {
    expect(expandIndices('[2-5%2]')).toEqual([2, 3, 4, 5])
    expect(expandIndices('[1,3,8-9]')).toEqual([1, 3, 8, 9])
    expect(expandIndices('0-10:5')).toEqual([0, 5, 10])
    expect(expandIndices('N/A')).toEqual([])
  })

  test('chunks stay below MaxArraySize, the rest is offset', () => {
    expect([chunkSize(11), chunkSize(1001), chunkSize(100_001), chunkSize(undefined), chunkSize(1)]).toEqual([
      10, 1000, 1000, 1000, 1,
    ])
    expect(arrayChunks([0, 9, 10, 24, 23], 10)).toEqual([
      { offset: 0, elements: [0, 9] },
      { offset: 10, elements: [0] },
      { offset: 20, elements: [3, 4] },
    ])
    const globe = Array.from({ length: 16_200 }, (_, index) => index)
    const chunks = arrayChunks(globe, 1000)
    expect(chunks).toHaveLength(17)
    expect(Math.max(...chunks.flatMap(({ elements }) => elements))).toBe(999)
    expect(chunks.flatMap(({ offset, elements }) => elements.map((element) => element + offset))).toEqual(globe)
  })
})

describe('settings', () => {
  const NEEDS = { threads: 2, memoryMiB: 3000, unitCount: 5 }
  const settled = async (options: Parameters<typeof resolveSettings>[0], unitCount = 5) =>
    resolveSettings(options, '/run', { ...NEEDS, unitCount })

  test('follow the plan where nothing is said', async () => {
    expect(await settled({})).toMatchObject({
      ...{ scriptDir: '/run/slurm', logDir: '/run/slurm/logs', mode: 'array', timeSeconds: 7200, cpusPerTask: 2 },
      ...{ memory: { perJobMiB: 3000 }, arrayThrottle: 20, maxRetries: 2, retryMemory: 2, retryTime: 2 },
    })
    expect((await settled({}, 1)).mode).toBe('per-tile')
    expect(await settled({ tilesPerJob: 4, tilesAtOnce: 2 })).toMatchObject({
      ...{ mode: 'pack', tilesPerJob: 4, cpusPerTask: 4, memory: { perJobMiB: 6000 } },
    })
  })

  test('memory is of a job, of a processor, or of the site', async () => {
    expect((await settled({ memory: '16G' })).memory).toEqual({ perJobMiB: 16_384 })
    expect((await settled({ memPerCpu: '2G' })).memory).toEqual({ perCpuMiB: 2048 })
    expect((await settled({ memory: 'none' })).memory).toEqual({})
    await expect(settled({ memory: '1G', memPerCpu: '2G' })).rejects.toThrow(/exclude each other/)
  })

  test('contradictions and hostile values are refused', async () => {
    await expect(settled({ mode: 'array', tilesPerJob: 3 })).rejects.toThrow(/packed jobs/)
    await expect(settled({ retryMemory: 0.5 })).rejects.toThrow(/--retry-memory/)
    await expect(settled({ account: 'aster\ntouch PWNED\n' })).rejects.toThrow(/--slurm-account/)
    await expect(settled({ scriptDir: '/jobs\n' })).rejects.toThrow(/--slurm-script-dir/)
    expect(() => resolveSettings({}, '/run\n', NEEDS)).toThrow(/--slurm-script-dir|--output-dir/)
  })

  test.each([
    ['--slurm-memory', '8GiB'],
    ['--slurm-mem-per-cpu', '1.5G'],
    ['--slurm-time', '1 hour'],
    ['--slurm-account', 'a\nb'],
    ['--slurm-extra', '--array=0-9'],
    ['--slurm-prelude', '/nowhere/prelude.sh'],
    ['--slurm-log-dir', 'a\\b'],
    ['--retry-memory', '17'],
    ['--output-dir', 'out\nput'],
  ])('%s %j is refused before anything is planned', async (flag, value) => {
    const folder = mkdtempSync(join(tmpdir(), 'aster-'))
    const out = join(folder, 'out')
    // A plan would say that there is no such archive.
    const what = ['--archive', join(folder, 'nowhere'), '--bbox', '138', '-31', '139', '-30', '--output-dir', out]
    const { status, stderr } = await run(['global-run', ...what, '--execution-backend', 'slurm', flag, value])
    expect(stderr).toMatch(new RegExp(`^error: ${flag}`))
    expect([status, existsSync(out)]).toEqual([2, false])
  })

  test.each([
    ['--slurm-submit', 'slurm', 'local', []],
    ['--retry-memory', 'slurm', 'local', ['2']],
    ['--dask-retries', 'dask', 'local', ['2']],
    ['--slurm-partition', 'slurm', 'dask', ['htc']],
    ['--dask-scheduler', 'dask', 'slurm', ['tcp://10.0.0.4']],
  ])('%s is for %s and refused for %s', async (flag, owner, chosen, value) => {
    const what = ['--archive', '/nowhere', '--execution-backend', chosen]
    const { status, stdout, stderr } = await run(['global-run', ...what, flag, ...value])
    expect(stderr).toBe(
      `error: ${flag} is for --execution-backend ${owner}, not for ${chosen}\n` +
        `  hint: add --execution-backend ${owner}, or leave it out\n`,
    )
    expect([status, stdout]).toEqual([2, ''])
  })

  test('wrong values are refused by the engine when it is made', () => {
    expect(() => new SlurmEngine({ memory: '8GiB' })).toThrow(/--slurm-memory/)
  })

  test('a prelude is lines for bash', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aster-'))
    const prelude = (text: string) => {
      const path = join(folder, 'prelude.sh')
      writeFileSync(path, text)
      return settled({ prelude: path })
    }
    expect((await prelude('module load nodejs\n\n')).prelude).toBe('module load nodejs')
    await expect(prelude('module load a\r\n')).rejects.toThrow(/DOS line breaks/)
    await expect(prelude('#SBATCH --mem=1G\n')).rejects.toThrow(/#SBATCH/)
    await expect(settled({ prelude: join(folder, 'nowhere') })).rejects.toThrow(/cannot read/)
  })
})
