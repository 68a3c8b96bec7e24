// Plans written out for other engines: compared with kept texts, read by the tools they are for, and run where that can be.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EXPORTS, type ExportName, exportPlan } from '../../src/cluster/export/export.js'
import type { ExportJob } from '../../src/cluster/export/export-job.js'
import { ownCommand } from '../../src/processing/own-command.js'
import { run } from '../cli/in-process.js'
import { hasAddon, hasSample } from '../native-addon.js'
import { newFolder, planOf } from '../unit/processing/plans.js'
import { planTiles, statesOf, unitsOf, writingOf } from './tiles.js'

const HOSTILE = `/data/it's a "run" $HOME \`id\` ü \\ %; #x`
const JOB: ExportJob = {
  runFolder: '/data/run',
  manifest: '/data/run/plan-3f9c2a10b7de.jsonl',
  hash: '3f9c2a10b7de',
  unitCount: 40,
  threads: 2,
  memoryMiB: 3000,
  command: ['/usr/bin/node', '/opt/aster-timeseries/bin/aster-timeseries.js'],
  version: '0.1.0',
  atOnce: 20,
  image: 'registry.example/aster-timeseries:0.1.0',
  volumeClaim: 'aster-data',
  jobQueue: 'spot',
  fileSystem: 'fs-0123456789abcdef0',
}
const HOSTILE_JOB = { ...JOB, runFolder: HOSTILE, manifest: `${HOSTILE}/plan-3f9c2a10b7de.jsonl` }
const MANY = { ...JOB, unitCount: 250_001 }
const NAMES = Object.keys(EXPORTS) as ExportName[]
const ENDINGS = { dask: 'py', parallel: 'sh', k8s: 'yaml', nextflow: 'nf', 'aws-batch': 'sh', pbs: 'sh', lsf: 'sh' }
const PYTHON = process.env.ASTER_PYTHON ?? 'python3'

/** A test that needs a program; says what is skipped when it is not here. */
function testWith(program: string, ...argv: string[]) {
  if (spawnSync(program, argv, { stdio: 'ignore' }).status === 0) return test
  process.stderr.write(`skipped: exports read by ${[program, ...argv].join(' ')}, which is not here\n`)
  return test.skip
}

function fileWith(text: string, name: string): string {
  const path = join(newFolder(), name)
  writeFileSync(path, text)
  return path
}

function shell(program: string, argv: string[], input?: string) {
  const { status, stdout, stderr } = spawnSync(program, argv, { encoding: 'utf8', input })
  return { status, stdout, stderr }
}

describe('texts', () => {
  test.each(NAMES)('%s is as it was kept', async (name) => {
    // What runs on workers stands in the driver.
    const text = exportPlan(name, JOB).replace(
      /^# Workers do not have[\s\S]*?^(?=def run_units)/m,
      '# (for workers)\n\n\n',
    )
    await expect(text).toMatchFileSnapshot(`kept/export-${name}.${ENDINGS[name]}`)
  })

  test.each(NAMES)('%s has lines that people can read', (name) => {
    const lines = exportPlan(name, JOB).split('\n')
    expect(lines.filter((line) => line.length > 140 && !line.includes('{"'))).toEqual([])
  })

  test('many units are split where an engine takes no more', () => {
    const jobs = exportPlan('k8s', MANY)
    expect([...jobs.matchAll(/completions: (\d+)/g)].map(([, count]) => count)).toEqual(['100000', '100000', '50001'])
    expect([...jobs.matchAll(/"--index-offset"\n +- "(\d+)"/g)].map(([, first]) => first)).toEqual(['100000', '200000'])
    const calls = exportPlan('aws-batch', MANY).split('aws batch submit-job').slice(1)
    expect(calls).toHaveLength(26)
    expect(calls.at(0)).toMatch(/size=10000\n/)
    expect(calls.at(-1)).toMatch(/"--index","250000"\]/)
    expect(calls.at(-1)).not.toMatch(/array-properties/)
    expect(exportPlan('pbs', MANY)).toMatch(/# {3}qsub -v ASTER_INDEX=250000 FILE\n#PBS/)
    expect(exportPlan('lsf', MANY)).toMatch(/ASTER_OFFSET=249000 bsub -J "aster-3f9c2a10b7de\[1-1000\]%20" < FILE/)
  })

  test('a line break in a path is refused', () => {
    for (const name of NAMES) {
      expect(() => exportPlan(name, { ...JOB, runFolder: '/a\nb' }), name).toThrow(
        /run folder holds a control character/,
      )
    }
  })

  test.each([
    ['k8s', 'image', '--image is missing'],
    ['k8s', 'volumeClaim', '--volume-claim is missing'],
    ['aws-batch', 'jobQueue', '--job-queue is missing'],
    ['aws-batch', 'fileSystem', '--file-system is missing'],
  ] as const)('%s needs %s', (name, option, message) => {
    expect(() => exportPlan(name, { ...JOB, [option]: undefined })).toThrow(message)
  })
})

describe.each([
  ['plain paths', JOB],
  ['hostile paths', HOSTILE_JOB],
] as const)('with %s', (_, job) => {
  const command = ['aster-timeseries', 'run-unit', '--manifest', job.manifest, '--threads', '2', '--json']

  test.each(['parallel', 'aws-batch', 'pbs', 'lsf'] as const)('bash reads %s', (name) => {
    const path = fileWith(exportPlan(name, job), 'script.sh')
    expect(shell('bash', ['-n', path])).toEqual({ status: 0, stdout: '', stderr: '' })
  })

  test.each(['pbs', 'lsf'] as const)(
    '%s starts run-unit in the run folder, and again after a passing failure',
    (name) => {
      // The folder and the program are real; the program notes its arguments, and fails once.
      const folder = join(newFolder(), job === JOB ? 'run' : HOSTILE.slice(6))
      const program = join(folder, 'program')
      const note = `printf '%s|' "$PWD" "$@" >>noted; echo >>noted; [ "$(wc -l <noted)" -gt 1 ] || exit 75`
      spawnSync('mkdir', ['-p', folder])
      writeFileSync(program, `#!/bin/bash\n${note}\n`, { mode: 0o755 })
      const text = exportPlan(name, { ...job, runFolder: folder, command: [program] }).replace(/sleep \$.*/, 'sleep 0')
      const index = name === 'pbs' ? { PBS_ARRAY_INDEX: '7' } : { LSB_JOBINDEX: '8' }
      const ran = spawnSync('bash', [fileWith(text, 'job.sh')], { encoding: 'utf8', env: { ...process.env, ...index } })
      expect([ran.status, ran.stderr]).toEqual([0, ''])
      const noted = shell('cat', [join(folder, 'noted')])
        .stdout.trimEnd()
        .split('\n')
      const expected = `${folder}|run-unit|--manifest|${job.manifest}|--index-offset|0|--threads|2|--json|`
      expect(noted).toEqual([expected, expected])
    },
  )

  test('Python reads dask, and finds the same paths', () => {
    const check = `import ast, sys
for node in ast.parse(sys.stdin.read()).body:
    if isinstance(node, ast.Assign) and node.targets[0].id == "JOB":
        print(ast.literal_eval(node.value)["manifest"])`
    const { status, stdout, stderr } = shell('python3', ['-c', check], exportPlan('dask', job))
    expect([status, stderr, stdout.trimEnd()]).toEqual([0, '', job.manifest])
  })

  testWith(
    PYTHON,
    '-c',
    'import yaml',
  )('a YAML parser reads k8s, and finds the same paths', () => {
    const load = 'import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))'
    const { status, stdout } = shell(PYTHON, ['-c', load], exportPlan('k8s', job))
    expect(status).toBe(0)
    const rules = [{ action: 'Ignore' }, { action: 'FailJob' }, { action: 'FailIndex' }]
    const container = { command, workingDir: job.runFolder, volumeMounts: [{ mountPath: job.runFolder }] }
    const template = { spec: { containers: [container] } }
    expect(JSON.parse(stdout)).toMatchObject([
      { kind: 'Job', spec: { completions: 40, parallelism: 20, podFailurePolicy: { rules }, template } },
    ])
  })

  testWith(
    'kubectl',
    'version',
    '--client',
  )('kubectl takes k8s for a Job', () => {
    const path = fileWith(exportPlan('k8s', job), 'job.yaml')
    const { status, stdout } = shell('kubectl', ['annotate', '--local', '-f', path, 'read=yes', '-o', 'json'])
    expect(status).toBe(0)
    const read: unknown = JSON.parse(stdout)
    expect(read).toMatchObject({ kind: 'Job', spec: { completionMode: 'Indexed', backoffLimitPerIndex: 3 } })
  })

  test('the AWS definition is JSON with the same paths', () => {
    const aws = `aws() { printf '%s\\n' "\${@: -1}"; }\n`
    const { status, stdout } = shell('bash', ['-c', `${aws}${exportPlan('aws-batch', job)}\necho "$definition"`])
    expect(status).toBe(0)
    const definition = stdout.split('\n').find((line) => line.startsWith('{'))
    expect(JSON.parse(definition ?? '')).toMatchObject({
      containerProperties: { command, mountPoints: [{ containerPath: job.runFolder }] },
      retryStrategy: { attempts: 4 },
    })
  })
})

describe('GNU parallel', () => {
  const bash = (path: string) => shell('bash', [path, '2'])

  const ready = hasAddon && hasSample
  const parallelTest = ready ? testWith('parallel', '--version') : test.skip
  parallelTest('makes the tiles, and again none of them', { timeout: 120_000 }, async () => {
    const plan = await planTiles(join(newFolder(), `it's a "run" ü`), ['138.00', '-31.11', '138.02', '-31.09'])
    const { runFolder, manifestPath: manifest, hash, unitCount } = plan
    const job = { ...JOB, ...{ runFolder, manifest, hash, unitCount }, threads: 1, command: ownCommand() }
    const path = fileWith(exportPlan('parallel', job), 'parallel.sh')
    expect(bash(path).status).toBe(0)
    expect(await statesOf(plan)).toEqual({ done: unitCount })
    const units = await unitsOf(plan)
    const before = units.map((unit) => writingOf(plan, unit))
    expect(bash(path).status).toBe(0)
    expect(units.map((unit) => writingOf(plan, unit))).toEqual(before)
  })

  parallelTest.each([
    ['65 of one unit', 'case $5 in 3) exit 65 ;; esac', 1, 8],
    ['75 of one unit, at first', 'case $5 in 3) [ "$(grep -cx 3 tries)" -gt 1 ] || exit 75 ;; esac', 0, 9],
    ['77 of one unit', 'case $5 in 1) exit 77 ;; *) sleep 1 ;; esac', 77, 4],
  ])('%s', { timeout: 60_000 }, (_, line, status, tries) => {
    const folder = newFolder()
    const program = fileWith(`#!/bin/bash\necho "$5" >>tries\n${line}\n`, 'program')
    chmodSync(program, 0o755)
    const text = exportPlan('parallel', { ...JOB, runFolder: folder, unitCount: 8, command: [program] })
    expect(bash(fileWith(text.replace(/sleep \$.*? ;;/, 'sleep 0 ;;'), 'parallel.sh')).status).toBe(status)
    const made = shell('cat', [join(folder, 'tries')])
      .stdout.trimEnd()
      .split('\n')
    if (status === 77) expect(made.length).toBeLessThanOrEqual(tries)
    else expect(made).toHaveLength(tries)
  })
})

describe('the command', () => {
  test('prints a script, or writes it', async () => {
    const folder = join(newFolder(), `it's "ü"`)
    const plan = await planOf(folder, 3, { threads: 4 })
    const { status, stdout, stderr } = await run(['export', 'parallel', folder])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toContain(`Runs the 3 units of plan ${plan.hash} with GNU parallel`)
    expect(stdout).toMatch(/ run-unit \\\n +--manifest '\/.*\.jsonl' --index "\$1" --threads 4 --json$/m)
    const output = join(folder, 'script.sh')
    const written = await run(['export', 'parallel', plan.manifestPath, '--output', output])
    expect(written).toMatchObject({ status: 0, stdout: '' })
    expect(written.stderr).toMatch(/^wrote .*script\.sh: shell script for GNU parallel, 3 units\n$/)
    expect(existsSync(output)).toBe(true)
  })

  test.each([
    [['export', 'paralel', 'run'], 2, /^error: unknown engine "paralel"\n {2}hint: did you mean parallel\?/],
    [['export', 'parallel', '/nowhere'], 2, /^error: \/nowhere names no plan/],
    [['export', 'parallel'], 2, /^error: missing required argument 'run'/],
  ])('%s is refused', async (argv, expected, message) => {
    const { status, stdout, stderr } = await run(argv)
    expect([status, stdout]).toEqual([expected, ''])
    expect(stderr).toMatch(message)
  })
})
