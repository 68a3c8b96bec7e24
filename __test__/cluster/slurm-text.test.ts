// The texts that go to Slurm and come from it: scripts as bash reads them, answers of several releases as recorded.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parseClusterFacts } from '../../src/cluster/slurm/cluster-facts.js'
import { cleanEnvironment, complaint, isPassing } from '../../src/cluster/slurm/commands.js'
import { classify, goesAgain, isActive } from '../../src/cluster/slurm/failure-kind.js'
import { jobComment, parseComment } from '../../src/cluster/slurm/job-comment.js'
import { appendRecord, readSubmissions, recordsPath } from '../../src/cluster/slurm/job-records.js'
import { largestNodeCpus, preflight } from '../../src/cluster/slurm/preflight.js'
import { type JobEntry, parseAccounting, parseQueue, parseQueueColumns } from '../../src/cluster/slurm/queue.js'
import { directive, logPath, shellWord } from '../../src/cluster/slurm/quote.js'
import { raisedFor } from '../../src/cluster/slurm/retry-needs.js'
import { arrayScript, noticeSeconds, packScript, tileScript } from '../../src/cluster/slurm/script.js'
import { writeScripts } from '../../src/cluster/slurm/script-folder.js'
import { resolveSettings, type SlurmOptions } from '../../src/cluster/slurm/settings.js'

const folder = mkdtempSync(join(tmpdir(), 'aster-slurm-text-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ODD = ` g it's a "test" ü $HOME;&|<>(){}[]*?!~# %j \\`
const RUN = { runFolder: '/run', hash: '0123456789ab' }
const CONTEXT = {
  ...RUN,
  ...{
    manifestPath: '/run/plan-0123456789ab.jsonl',
    node: '/usr/bin/node',
    program: '/opt/aster.js',
    unitArguments: [],
  },
}
const settingsOf = (options: SlurmOptions = {}) =>
  resolveSettings(options, '/run', { threads: 2, memoryMiB: 3000, unitCount: 9 })

describe('scripts', () => {
  test('what one quotes, bash gets back', () => {
    for (const text of [ODD, 'plain', '', "'", '-n']) {
      expect(execFileSync('bash', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })).toBe(text)
    }
    expect(directive('chdir', 'a "b" \\c')).toBe('#SBATCH --chdir="a \\"b\\" \\\\c"')
    expect([directive('requeue'), directive('time', '02:00:00')]).toEqual([
      '#SBATCH --requeue',
      '#SBATCH --time=02:00:00',
    ])
    expect(logPath('/a%j/b')).toBe('/a%%j/b')
  })

  test('directives come before the first command, one to a line, and bash finds nothing wrong', async () => {
    const settings = await settingsOf({
      ...{
        partition: 'hpc',
        account: 'a',
        qos: 'q',
        constraint: 'x&y',
        memPerCpu: '2G',
        extra: ['--exclusive', '--mail-user=a b'],
      },
    })
    const scripts = [tileScript, arrayScript, packScript].map((write) =>
      write(CONTEXT, settings, { index: 7, id: 'T' }),
    )
    for (const script of scripts) {
      const lines = script.split('\n')
      const directives = lines.filter((line) => line.startsWith('#SBATCH'))
      expect(lines.slice(1, 1 + directives.length)).toEqual(directives)
      expect([lines[0], script.includes('\r')]).toEqual(['#!/bin/bash', false])
      expect(spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
      for (const wanted of [
        'partition=hpc',
        'constraint="x&y"',
        'mem-per-cpu=2048M',
        'exclusive',
        'mail-user="a b"',
        'requeue',
      ]) {
        expect(directives).toContain(`#SBATCH --${wanted}`)
      }
      // USR1 opens the debugger of Node.
      expect(directives).toContain('#SBATCH --signal=B:USR2@300')
      expect(script).not.toContain('USR1')
      expect(script.indexOf('trap ')).toBeLessThan(script.indexOf('node='))
      expect(script).not.toMatch(/--mem=|EARTHDATA/)
    }
    expect(scripts[1]).toContain(`scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"`)
    expect(scripts[1]).not.toContain('SLURM_JOB_ID"')
    expect(scripts[0]).toContain('scontrol requeue "$SLURM_JOB_ID"')
  })

  test('no memory, no limit and no way back where that is said', async () => {
    const script = arrayScript(CONTEXT, await settingsOf({ memory: 'none', time: 'UNLIMITED', maxRetries: 0 }))
    expect(script).not.toMatch(/--mem|--signal|scontrol/)
    expect(script).toContain('#SBATCH --no-requeue')
    expect([noticeSeconds(60), noticeSeconds(600), noticeSeconds(7200)]).toEqual([15, 50, 300])
  })

  /** Runs a script as Slurm would, on this machine. */
  function runScript(script: string, env: Record<string, string>, ...args: string[]) {
    const path = join(folder, 'job.sh')
    writeFileSync(path, script)
    const all = { PATH: process.env.PATH ?? '', SLURM_ARRAY_JOB_ID: '5', ...env }
    return spawnSync('bash', [path, ...args], { env: all, encoding: 'utf8' })
  }

  test('units of a packed job end with the status that matters most', async () => {
    const run = join(folder, 'pack')
    mkdirSync(join(run, 'slurm', 'logs'), { recursive: true })
    const program = join(run, 'unit.js')
    // Unit N ends with status N.
    writeFileSync(program, `process.exit(Number(process.argv.at(-1)))`)
    const manifestPath = join(run, 'plan-x.jsonl')
    const line = (index: number) => `{"schema":1,"index":${index},"id":"T${index}","bbox":[],"request":{"id":"no"}}\n`
    writeFileSync(manifestPath, Array.from({ length: 80 }, (_, index) => line(index)).join(''))
    const context = { ...CONTEXT, runFolder: run, manifestPath, node: process.execPath, program }
    const list = join(run, 'list.txt')
    for (const tilesAtOnce of [1, 3]) {
      const settings = { ...(await settingsOf({ tilesAtOnce })), logDir: join(run, 'slurm', 'logs') }
      const script = packScript(context, settings)
      for (const [units, status] of [
        ['0 0 0 0', 0],
        ['0 65 0', 65],
        ['65 75 0 0', 75],
        ['0 75 77 65', 77],
      ] as const) {
        rmSync(join(run, 'slurm', 'stopped'), { force: true })
        writeFileSync(list, `0\n${units}\n`)
        const { status: given, stderr } = runScript(script, { SLURM_ARRAY_TASK_ID: '1' }, list)
        expect([units, tilesAtOnce, given, stderr]).toEqual([units, tilesAtOnce, status, ''])
        expect(existsSync(join(run, 'slurm', 'stopped'))).toBe(status === 77)
      }
      const refused = runScript(script, { SLURM_ARRAY_TASK_ID: '0' }, list)
      expect([refused.status, refused.stderr]).toEqual([77, expect.stringContaining('not started')])
      rmSync(join(run, 'slurm', 'stopped'), { force: true })
    }
    expect(existsSync(join(run, 'slurm', 'logs', 'T65.log'))).toBe(true)
    // A log that cannot be written must not look like a unit that went well.
    const lost = { ...(await settingsOf({})), logDir: join(run, 'nowhere') }
    for (const write of [arrayScript, packScript]) {
      const { status } = runScript(
        write(context, lost),
        { SLURM_ARRAY_TASK_ID: '0' },
        write === packScript ? list : '0',
      )
      expect(status).toBe(1)
    }
  })

  test('a node without Node.js says so, and one of a prelude is taken', async () => {
    const bin = join(folder, 'bin')
    mkdirSync(bin, { recursive: true })
    const prelude = join(folder, 'prelude.sh')
    // Modules expect shells that are not strict.
    writeFileSync(prelude, `set -e\nexport PATH="${bin}:$PATH:$NOT_SET"\nfalse || true\n`)
    const context = { ...CONTEXT, runFolder: folder, node: '/nowhere/node', program: '/x.js' }
    const unit = { index: 3, id: 'T' }
    const env = { PATH: '/usr/bin:/bin' }
    const onlyBash = tileScript(context, await settingsOf({}), unit).replace(
      'command -v node',
      'command -v no-such-node',
    )
    expect(runScript(onlyBash, env)).toMatchObject({ status: 78, stderr: expect.stringContaining('no Node.js on') })
    writeFileSync(join(bin, 'node'), '#!/bin/bash\necho "$@"\n')
    chmodSync(join(bin, 'node'), 0o755)
    const { status, stdout } = runScript(tileScript(context, await settingsOf({ prelude }), unit), env)
    expect([status, stdout]).toEqual([0, `/x.js run-unit --manifest ${CONTEXT.manifestPath} --threads 2 --index 3\n`])
  })

  test('files are written once, changed ones again, and stale ones of ours go', async () => {
    const run = join(folder, 'written')
    const context = { ...CONTEXT, runFolder: run }
    const settings = await resolveSettings({}, run, { threads: 1, memoryMiB: 1, unitCount: 2 })
    async function* units(...ids: string[]) {
      for (const [index, id] of ids.entries()) yield { index, id }
    }
    expect(await writeScripts(context, settings, units('A', 'B'), 1000)).toEqual({ tiles: 2, changed: 5, removed: 0 })
    writeFileSync(join(run, 'slurm', 'mine.sbatch'), 'x')
    expect(await writeScripts(context, settings, units('A', 'B'), 1000)).toEqual({ tiles: 2, changed: 0, removed: 0 })
    expect(await writeScripts(context, settings, units('A'), 1000)).toMatchObject({ tiles: 1, removed: 1 })
    expect(['A', 'B', 'mine'].map((name) => existsSync(join(run, 'slurm', `${name}.sbatch`)))).toEqual([
      true,
      false,
      true,
    ])
    expect(existsSync(join(run, 'slurm', 'logs'))).toBe(true)
    const longer = { ...settings, timeSeconds: 60 }
    expect(await writeScripts(context, longer, units('A'), 1000)).toMatchObject({ changed: 3 })
  })
})

describe('answers', () => {
  test('squeue, with its columns', () => {
    const row = (...cells: string[]) => cells.map((cell, at) => cell.padEnd([32, 24, 16, 24, 48, 96][at] ?? 0)).join('')
    const end = '2026-11-22T14:42:19'
    const text = [
      row('5_2', 'PENDING', '0', 'N/A', 'JobArrayTaskLimit', 'a|b c'),
      row('6', 'FAILED', '19200', end, 'NonZeroExitCode', ''),
      row('7_1', 'FAILED', '0:9', end, 'None', 'x'),
      '',
    ].join('\n')
    const endedAtMs = Date.parse(end)
    expect(parseQueueColumns(text)).toEqual([
      ...[
        {
          id: '5_2',
          jobId: '5',
          element: 2,
          state: 'PENDING',
          reason: 'JobArrayTaskLimit',
          comment: 'a|b c',
          exit: { status: 0, signal: 0 },
        },
      ],
      ...[
        {
          id: '6',
          jobId: '6',
          element: undefined,
          state: 'FAILED',
          reason: 'NonZeroExitCode',
          comment: '',
          exit: { status: 75, signal: 0 },
          endedAtMs,
        },
      ],
      ...[
        {
          id: '7_1',
          jobId: '7',
          element: 1,
          state: 'FAILED',
          reason: 'None',
          comment: 'x',
          exit: { status: 0, signal: 9 },
          endedAtMs,
        },
      ],
    ])
  })

  test('squeue where columns are not known, and sacct', () => {
    expect(parseQueue('5_[2-4%2]|PENDING|None|x|y\n\nslurm: hello\n')).toMatchObject([
      ...[{ id: '5_2', comment: 'x|y' }, { id: '5_3' }, { id: '5_4', state: 'PENDING', reason: 'None' }],
    ])
    const told = [
      '5_3|COMPLETED|0:0',
      '21|CANCELLED by 1000|0:0',
      '24|OUT_OF_MEMORY|0:125',
      '5_[6-7]|CANCELLED by 0|0:0',
      '8|COMPLETED+|0:0',
    ]
    const text = told.map((line) => `${line}|2026-11-22T14:42:19|None`.replaceAll('|', '\x1f')).join('\n')
    expect(parseAccounting(text).map(({ id, state }) => `${id} ${state}`)).toEqual([
      ...['5_3 COMPLETED', '21 CANCELLED', '24 OUT_OF_MEMORY', '5_6 CANCELLED', '5_7 CANCELLED', '8 COMPLETED'],
    ])
    // 137 and 143 of bash, as accounting tells them.
    const killed = parseAccounting('9\x1fFAILED\x1f9:0\x1f\x1f\n10\x1fFAILED\x1f15:0\x1f\x1f')
    expect(killed.map(({ exit }) => exit?.status)).toEqual([137, 143])
    expect(parseAccounting('')).toEqual([])
  })

  test('passing trouble is told from refusals', () => {
    const said = (stderr: string, status = 1) => ({ status, stdout: '', stderr })
    for (const text of [
      'sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)',
      'slurm_load_jobs error: Socket timed out on send/recv operation',
      'sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying.',
      'sbatch: error: Batch job submission failed: Unexpected message received',
    ]) {
      expect(isPassing(said(text)), text).toBe(true)
    }
    expect(isPassing({ status: undefined, stdout: '', stderr: '' })).toBe(true)
    expect(isPassing(said('sbatch: error: invalid partition specified: nope'))).toBe(false)
    expect(isPassing(said('Socket timed out', 0))).toBe(false)
    expect(complaint(said('sbatch: error: a\nsbatch: error: b\n'))).toBe('a; b')
    expect(complaint(said('token=abcdefghijklmnop'))).not.toContain('abcdefgh')
  })

  test('environment: no secrets, nothing that overrules, but where the cluster is', () => {
    const { env, secrets, overrides } = cleanEnvironment({
      ...{
        PATH: '/bin',
        HOME: '/h',
        EARTHDATA_TOKEN: 's',
        AWS_SECRET_ACCESS_KEY: 's',
        ASTER_TOKEN_FILE: '/f',
        SLURM_CONF: '/c',
      },
      ...{
        SBATCH_PARTITION: 'x',
        SQUEUE_FORMAT: 'x',
        SLURM_TIME_FORMAT: 'x',
        SLURM_MEM_PER_NODE: '1',
        SLURM_JOB_ID: '1',
        GONE: undefined,
      },
    })
    expect(env).toEqual({ PATH: '/bin', HOME: '/h', ASTER_TOKEN_FILE: '/f', SLURM_CONF: '/c' })
    expect([secrets, overrides]).toEqual([['AWS_SECRET_ACCESS_KEY', 'EARTHDATA_TOKEN'], ['SBATCH_PARTITION']])
  })

  test('comments tell runs apart', () => {
    const comment = jobComment(RUN, 'array', 1000)
    expect(parseComment(RUN, `${comment}:12ab`)).toEqual({ kind: 'array', detail: '1000', token: '12ab' })
    expect(parseComment(RUN, comment)).toEqual({ kind: 'array', detail: '1000', token: '' })
    expect(parseComment({ ...RUN, runFolder: '/other' }, comment)).toBeUndefined()
    expect(parseComment(RUN, 'my own words')).toBeUndefined()
  })
})

describe('kinds', () => {
  const open = { kind: 'open' } as const
  const context = { submissions: 1, nowMs: 1_000_000 }
  const job = (state: string, more: Partial<JobEntry> = {}): JobEntry => ({
    ...{ id: '5_1', jobId: '5', element: 1, state, reason: 'None', comment: '' },
    ...more,
  })
  const exit = (status: number, signal = 0) => ({ exit: { status, signal } })

  test.each<[string, JobEntry | undefined]>([
    ['open', undefined],
    ['active', job('PENDING')],
    ['active', job('CONFIGURING')],
    ['active', job('REQUEUED')],
    ['active', job('STAGE_OUT')],
    ['active', job('SOMETHING_NEW')],
    ['active', job('COMPLETED', { endedAtMs: 990_000 })],
    ['open', job('COMPLETED', { endedAtMs: 900_000 })],
    ['memory', job('OUT_OF_MEMORY', exit(0, 125))],
    ['memory', job('FAILED', exit(0, 9))],
    ['memory', job('FAILED', { ...exit(0, 9), reason: 'JobLaunchFailure' })],
    ['memory', job('FAILED', exit(137))],
    ['time', job('TIMEOUT', exit(0))],
    ['time', job('DEADLINE')],
    ['transient', job('NODE_FAIL')],
    ['transient', job('BOOT_FAIL')],
    ['transient', job('PREEMPTED')],
    ['transient', job('FAILED', exit(75))],
    ['transient', job('FAILED', exit(143))],
    ['launch', job('FAILED', exit(0, 53))],
    ['launch', job('FAILED', { reason: 'JobLaunchFailure' })],
    ['run-wide', job('FAILED', exit(77))],
    ['run-wide', job('FAILED', exit(78))],
    ['run-wide', job('FAILED', exit(2))],
    ['permanent', job('FAILED', exit(65))],
    ['permanent', job('FAILED', exit(1))],
    ['cancelled', job('CANCELLED')],
  ])('%s', (kind, entry) => {
    expect(classify(open, entry, context).kind).toBe(kind)
  })

  test('records come before what Slurm says, and a budget of memory is memory', () => {
    const done = { kind: 'done', seconds: 1, peakRssBytes: 1, bytes: 1 } as const
    expect(classify(done, job('FAILED', exit(1)), context).kind).toBe('done')
    const failed = (exitStatus: number, code = 'X') =>
      ({ kind: 'failed', exitStatus, code, message: 'm', attempt: 1 }) as const
    expect(classify(failed(65), undefined, context).kind).toBe('permanent')
    expect(classify(failed(65, 'MEMORY_BUDGET'), undefined, context).kind).toBe('memory')
    expect(classify(failed(65), job('TIMEOUT'), { ...context, isPacked: true }).kind).toBe('permanent')
    expect(classify(failed(75), job('OUT_OF_MEMORY'), context).kind).toBe('memory')
    expect(classify({ kind: 'claimed', host: 'h', ageSeconds: 1 }, undefined, context).kind).toBe('active')
    expect(
      classify(open, job('FAILED', exit(1)), { ...context, logTail: 'slurmstepd: error: Detected 1 oom_kill event' })
        .kind,
    ).toBe('memory')
    expect(classify(open, job('COMPLETED', { endedAtMs: 0 }), { ...context, submissions: 2 }).kind).toBe('suspicious')
  })

  test('what waits for ever is warned of, what waits its turn is not', () => {
    const warningOf = (reason: string) => classify(open, job('PENDING', { reason }), context).warning
    for (const reason of [
      'PartitionTimeLimit',
      'PartitionConfig',
      'BadConstraints',
      'DependencyNeverSatisfied',
      'JobHeldMaxRequeue',
      'launch failed requeued held',
    ]) {
      expect(warningOf(reason), reason).toContain(reason)
    }
    for (const reason of ['None', 'Priority', 'Resources', 'JobArrayTaskLimit', 'BeginTime'])
      expect(warningOf(reason)).toBeUndefined()
    expect([isActive(job('PENDING')), isActive(job('TIMEOUT'))]).toEqual([true, false])
  })

  test('what goes again', () => {
    const normal = { retryFailed: false, retryCancelled: false }
    const kinds = ['done', 'active', 'permanent', 'cancelled', 'suspicious'] as const
    expect(kinds.map((kind) => goesAgain(kind, normal))).toEqual([false, false, false, false, false])
    expect(kinds.map((kind) => goesAgain(kind, { retryFailed: true, retryCancelled: true }))).toEqual([
      false,
      false,
      true,
      true,
      true,
    ])
    for (const kind of ['open', 'memory', 'time', 'transient', 'launch', 'run-wide'] as const)
      expect(goesAgain(kind, normal)).toBe(true)
  })

  test('memory and time grow by their kind, up to what there is', () => {
    const asked = { memory: { perJobMiB: 1000 }, timeSeconds: 3600, retryMemory: 2, retryTime: 2, cpusPerTask: 2 }
    const limits = { maxMemoryMiB: 3000, maxSeconds: 5000 }
    const same = { memory: { perJobMiB: 1000 }, timeSeconds: 3600, isRaised: false }
    const before = { perJobMiB: 1000, timeSeconds: 3600 }
    expect(raisedFor('open', undefined, asked, limits)).toEqual(same)
    expect(raisedFor('transient', before, asked, limits)).toEqual(same)
    expect(raisedFor('memory', before, asked, limits)).toEqual({ ...same, memory: { perJobMiB: 2000 }, isRaised: true })
    const raised = { ...before, perJobMiB: 2000, isRaised: true }
    expect(raisedFor('transient', raised, asked, limits)?.memory).toEqual({ perJobMiB: 2000 })
    expect(raisedFor('memory', raised, asked, limits)?.memory).toEqual({ perJobMiB: 3000 })
    expect(raisedFor('memory', { ...raised, perJobMiB: 3000 }, asked, limits)).toBeUndefined()
    expect(raisedFor('time', before, asked, limits)).toEqual({ ...same, timeSeconds: 5000, isRaised: true })
    expect(raisedFor('memory', { perCpuMiB: 500 }, { ...asked, memory: { perCpuMiB: 500 } }, limits)?.memory).toEqual({
      perCpuMiB: 1000,
    })
    expect(raisedFor('memory', {}, { ...asked, memory: {} }, limits)).toMatchObject({ memory: {}, isRaised: false })
  })
})

describe('a CycleCloud cluster', () => {
  const line = (name: string, more: string) =>
    `PartitionName=${name} AllowAccounts=ALL AllowQos=ALL ${more} MaxMemPerNode=UNLIMITED`
  const facts = parseClusterFacts(
    'SLURM_VERSION           = 25.11.5\nMaxArraySize            = 1001\n',
    `${line('hpc', 'Default=YES MaxTime=UNLIMITED MaxCPUsPerNode=UNLIMITED State=UP')}\n${line('htc', 'Default=NO MaxTime=1-00:00:00 State=UP')}\n${line('old', 'State=DOWN')}\n`,
    'hpc*|100|2|3072|idle~|cloud\nhtc|10|2|3072|idle~|cloud\nhtc|2|64|250000|down~|cloud,big\n',
  )

  test('is read', () => {
    expect([facts.version, facts.maxArraySize, largestNodeCpus(facts, 'hpc,htc')]).toEqual(['25.11.5', 1001, 64])
    expect(facts.partitions.map(({ name, isDefault, maxSeconds }) => [name, isDefault, maxSeconds])).toEqual([
      ...[
        ['hpc', true, Number.POSITIVE_INFINITY],
        ['htc', false, 86_400],
        ['old', false, Number.POSITIVE_INFINITY],
      ],
    ])
  })

  test.each<[SlurmOptions, RegExp]>([
    [{ memory: '8G' }, /hpc: its nodes have 3072 MiB of memory, and 8192 MiB/],
    [{ memPerCpu: '2G' }, /3072 MiB of memory, and 4096 MiB/],
    [{ cpusPerTask: 8 }, /hpc: its nodes have 2 processors, and 8/],
    [{ partition: 'htc', time: '2-0' }, /htc: jobs end there after 1-00:00:00/],
    [{ partition: 'old' }, /old: it is DOWN/],
    [{ constraint: 'gpu' }, /no.* feature gpu|none of its nodes/],
  ])('%j can never start', async (options, message) => {
    const settings = await settingsOf(options)
    expect(() => preflight(facts, settings)).toThrow(message)
  })

  test('one of several partitions is enough, and what a retry may ask for is known', async () => {
    const settings = await settingsOf({ partition: 'hpc,htc', memory: '200G', time: '1-0' })
    expect(preflight(facts, settings)).toEqual({
      ...{ maxMemoryMiB: 250_000, maxSeconds: 86_400 },
      warnings: ['partition htc: all nodes that have room are down~'],
    })
    expect(preflight(facts, await settingsOf({})).warnings).toEqual([])
  })
})

test('records of calls: a line that was cut short takes no other with it', async () => {
  const run = join(folder, 'records')
  const submitting = {
    schema: 1,
    event: 'submitting',
    at: 'x',
    plan: 'p',
    user: 'u',
    mode: 'array',
    units: '0-2',
    logDir: '/l',
  } as const
  await appendRecord(run, { ...submitting, token: 'a' })
  await appendRecord(run, { schema: 1, event: 'submitted', token: 'a', at: 'x', jobId: '12' })
  await appendRecord(run, { ...submitting, token: 'b' })
  writeFileSync(recordsPath(run), readFileSync(recordsPath(run), 'utf8').slice(0, -20))
  await appendRecord(run, { ...submitting, token: 'c', plan: 'q' })
  await appendRecord(run, { schema: 1, event: 'refused', token: 'c', at: 'x', message: 'no' })
  expect((await readSubmissions(run)).map(({ token, jobId, refusal }) => [token, jobId, refusal])).toEqual([
    ...[
      ['a', '12', undefined],
      ['c', undefined, 'no'],
    ],
  ])
  expect(await readSubmissions(run, 'p')).toHaveLength(1)
  expect(await readSubmissions(join(folder, 'nowhere'))).toEqual([])
})
