// Some powers have one home: loading the addon, the process, the network.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))

function filesWith(pattern: RegExp): string[] {
  return files.filter((name) => pattern.test(readFileSync(join(SRC, name), 'utf8'))).sort()
}

test.each([
  ['loads the addon', /createRequire|process\.dlopen|\.node`/, ['native/load.ts']],
  ['reaches outside src', /'(\.\.\/)+index\.js'/, ['native/contract.ts']],
  ['touches the process', /process\.(exitCode|argv|exit|on|stdout|stderr)\b/, ['cli/main.ts']],
  ['talks to the network', /\bfetch\(|from 'node:(https?|http2|net|tls|dgram)'/, ['net/transport.ts', 'net/proxy.ts']],
  ['names commander', /from 'commander'/, [/^cli\//]],
])('only one place %s', (_, pattern, allowed) => {
  const strangers = filesWith(pattern).filter(
    (name) => !allowed.some((home) => (typeof home === 'string' ? home === name : home.test(name))),
  )
  expect(strangers).toEqual([])
  if (allowed.length > 0) expect(filesWith(pattern).length).toBeGreaterThan(0)
})

test('every file says its job on its first line', () => {
  const silent = files.filter((name) => !/^\/\/ \S.{10,}/.test(readFileSync(join(SRC, name), 'utf8')))
  expect(silent).toEqual([])
})

test('no room is called after nothing in particular', () => {
  expect(files.filter((name) => /(^|\/)(utils?|helpers?|common|misc)(\/|\.)/.test(name))).toEqual([])
})
