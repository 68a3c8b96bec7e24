// What a small run on local granules loads: a start should cost little, so schemas and the network come when needed.
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** All that a module imports before its first line runs: files of ours by path, packages by name; types are no imports. */
function loadedBy(entry: string, found = new Set<string>()): Set<string> {
  if (found.has(entry)) return found
  found.add(entry)
  const source = readFileSync(join(ROOT, entry), 'utf8')
  for (const [, names = '', from = ''] of source.matchAll(/^(?:import|export)\s([^'";]*?)from '([^']+)'/gm)) {
    if (names.startsWith('type ') || /^\{(?:\s*type [^,}]+,?)*\s*\}\s*$/.test(names)) continue
    if (from.startsWith('.')) loadedBy(relative(ROOT, join(ROOT, dirname(entry), from)).replace(/\.js$/, '.ts'), found)
    else found.add(from)
  }
  return found
}

test('a run on local granules loads neither schemas nor the network', () => {
  const loaded = [...loadedBy('src/cli/main.ts'), ...loadedBy('src/cli/commands/run.ts')]
  expect(loaded).toContain('src/series/request.ts')
  const heavy = loaded.filter(
    (name) => name === 'zod' || /^src\/(?:auth|net\/http)/.test(name) || /^node:https?$/.test(name),
  )
  expect(heavy).toEqual([])
})

test('a remote search does load them: the test can tell', () => {
  expect([...loadedBy('src/catalog/cmr.ts')]).toContain('zod')
  expect([...loadedBy('src/access/data-access.ts')]).toContain('node:https')
})
