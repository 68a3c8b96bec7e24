// The program as a process: what works without the addon, and how it ends.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../native-addon.js'

const BIN = join(ROOT, 'bin', 'aster-timeseries.js')
const WITHOUT_ADDON = { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: '/nowhere/addon.node' }

function run(...argv: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...argv], {
    encoding: 'utf8',
    env: WITHOUT_ADDON,
  })
  return { status, stdout, stderr }
}

test.each([
  ['--version', /^0\.\d+\.\d+\n$/],
  ['--help', /^Usage: aster-timeseries \[options\] \[command\]\n/],
  ['help', /^Usage: aster-timeseries \[options\] \[command\]\n/],
  ['run --help', /^Usage: aster-timeseries run \[options\] \[granules\.\.\.\]\n/],
  ['help search', /^Usage: aster-timeseries search /],
  ['help cache list', /^Usage: aster-timeseries cache list /],
  ['help exit-codes', /^ {2}0 {2}done.*\n(.*\n)*143 {2}stopped by SIGTERM\n$/],
  ['regions --json', /"south_america"/],
])('%s works without the addon', (line, expected) => {
  const { status, stdout, stderr } = run(...line.split(' '))
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(expected)
})

test('a missing addon is explained', () => {
  const { status, stdout, stderr } = run('products')
  expect([status, stdout]).toEqual([78, ''])
  expect(stderr).toMatch(/^error: cannot load the native addon on .*\n {2}hint: unset NAPI_RS_NATIVE_LIBRARY_PATH.*\n$/)
})

test('a reader that has enough is no error', async () => {
  const child = spawn('bash', ['-c', `set -o pipefail; '${process.execPath}' '${BIN}' regions --json | true`])
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const status = await new Promise((resolve) => child.on('close', resolve))
  expect([status, stderr]).toEqual([0, ''])
})

test.skipIf(!existsSync('/dev/full'))('a full disk behind stdout is an error that says so', () => {
  const full = openSync('/dev/full', 'w')
  const print = (...argv: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [BIN, 'regions', ...argv], {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    })
    return { status, stderr }
  }
  const hint = 'let stdout lead to a disk that can be written to'
  expect(print()).toEqual({ status: 1, stderr: `error: no space is left for what is printed\n  hint: ${hint}\n` })
  const json = print('--json')
  expect(json.status).toBe(1)
  expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'DISK_FULL', exitStatus: 1, hint } })
  closeSync(full)
})

test('a folder that was removed is no bug', () => {
  const script = 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$@"'
  const argv = ['run', '/none.hdf', '--index', 'ndvi', '--output', 'a.nc']
  const { status, stderr } = spawnSync('bash', ['-c', script, 'bash', process.execPath, BIN, ...argv], {
    encoding: 'utf8',
  })
  expect(stderr).toMatch(/error: the current folder was removed\n {2}hint: go to a folder that is there/)
  expect(status).toBe(78)
})
