// What users get: the files of the package, its doors, and an install that runs nothing.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const packed = z.array(z.object({ files: z.array(z.object({ path: z.string() })) }))
const manifest = z
  .object({
    name: z.string(),
    type: z.string(),
    exports: z.record(z.string(), z.unknown()),
    bin: z.record(z.string(), z.string()),
    scripts: z.record(z.string(), z.string()),
    engines: z.object({ node: z.string() }),
  })
  .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')))

test('the package holds the program and its types, and no sources, tests or data', () => {
  const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const paths = packed.parse(JSON.parse(text)).flatMap(({ files }) => files.map(({ path }) => path))
  for (const needed of [
    'bin/aster-timeseries.js',
    'dist/index.js',
    'dist/index.d.ts',
    'index.d.ts',
    'python/run_units.py',
  ]) {
    expect(paths).toContain(needed)
  }
  const allowed =
    /^(bin|dist)\/|^(index\.d\.ts|python\/run_units\.py|package\.json|LICENSE|README\.md|CHANGELOG\.md)$|^aster-timeseries\.[\w-]+\.node$/
  expect(paths.filter((path) => !allowed.test(path))).toEqual([])
  const sources = paths.filter((path) => path.startsWith('dist/') && !/\.(js|d\.ts)$/.test(path))
  expect(sources).toEqual([])
})

test('there are two doors and one command', () => {
  expect(manifest.name).toBe('aster-timeseries')
  expect(manifest.type).toBe('module')
  expect(Object.keys(manifest.exports)).toEqual(['.', './package.json'])
  expect(manifest.bin).toEqual({ 'aster-timeseries': 'bin/aster-timeseries.js' })
  expect(manifest.engines.node).toBe('>=20.17')
})

test('installing runs nothing', () => {
  const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish']
  expect(Object.keys(manifest.scripts).filter((name) => hooks.includes(name))).toEqual([])
})

test('the lockfile names no other registry', () => {
  const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8')
  const addresses = [...lock.matchAll(/"resolved": "([^"]*)"/g)].map(([, address]) => address ?? '')
  expect(addresses.filter((address) => !address.startsWith('https://registry.npmjs.org/'))).toEqual([])
})
