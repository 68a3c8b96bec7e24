// The architecture as two tables, who may import whom: to change the architecture, change a table here.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const table = (rows: string) => rows.split(' > ').map((row) => row.split(' '))
/** A room may import rooms to the right of it, and itself; rooms between the same signs may not import each other. */
const TYPESCRIPT = table(
  'index > cli > cluster > processing > series > catalog access > auth > net geo > native > errors near-names package-file',
)
/** The modules of aster-core, by the same rule. */
const RUST = table(
  'job > write stats > cube > granule warp > grid radiometry index > product geo > cancel event budget > error near_names',
)

function breaks(layers: string[][], from: string, to: string): boolean {
  if (from === to) return false
  const [source = -1, target = -1] = [from, to].map((room) => layers.findIndex((row) => row.includes(room)))
  return source === -1 || target === -1 || source >= target
}

function filesIn(folder: string, ending: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith(ending)).map((name) => posix.join(folder, name))
}
const room = (path: string) => path.split('/')[0]?.replace(/\.(ts|js|rs)$/, '') ?? ''
const lines = (file: string) => readFileSync(join(ROOT, file), 'utf8').split('\n')

test('TypeScript rooms import only rooms below them', () => {
  const offences = filesIn('src', '.ts').flatMap((file) =>
    lines(file).flatMap((line, index) => {
      const imported = /(?:from|import)\s*\(?\s*'(\.[^']+)'/.exec(line)?.[1]
      if (imported === undefined) return []
      const target = relative('src', join(dirname(file), imported))
      const isContract = file === 'src/native/contract.ts' && target === '../index.js'
      const isBad = !isContract && breaks(TYPESCRIPT, room(relative('src', file)), room(target))
      return isBad ? [`${file}:${index + 1}: ${line.trim()}`] : []
    }),
  )
  expect(offences).toEqual([])
})

test('Rust modules use only modules below them, and only granule opens HDF4', () => {
  const folder = 'crates/aster-core/src'
  const offences = filesIn(folder, '.rs').flatMap((file) => {
    const from = room(relative(folder, file))
    if (from === 'lib') return []
    const shipped =
      readFileSync(join(ROOT, file), 'utf8')
        .replace(/\/\/.*$/gm, '')
        .split('#[cfg(test)]')[0] ?? ''
    const grouped = [...shipped.matchAll(/use crate::\{([^;]*)\}\s*;/g)].flatMap(([, group = '']) => topNames(group))
    const used = [...[...shipped.matchAll(/\bcrate::(\w+)/g)].map(([, name = '']) => name), ...grouped]
    const bad = [...new Set(used)].filter((name) => breaks(RUST, from, name)).map((name) => `use crate::${name}`)
    if (from !== 'granule' && /\bhdf4::/.test(shipped)) bad.push('hdf4::')
    return bad.map((use) => `${file}: ${use}`)
  })
  expect(offences).toEqual([])
})

function topNames(group: string): string[] {
  let flat = group
  while (/\{[^{}]*\}/.test(flat)) flat = flat.replace(/\{[^{}]*\}/g, '')
  return flat
    .split(',')
    .map((path) => path.trim().split('::')[0] ?? '')
    .filter((name) => name !== '')
}

test('the tables can tell good from bad', () => {
  const pairs = [
    ['cli', 'series'],
    ['geo', 'cli'],
    ['catalog', 'access'],
  ] as const
  expect(pairs.map(([from, to]) => breaks(TYPESCRIPT, from, to))).toEqual([false, true, true])
})
