// Tests that need the built addon, or granules: found here, skipped with a message when they are not there.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'
import { loadAddon } from '../src/native/load.js'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

function whyNoAddon(): string | undefined {
  try {
    loadAddon(process.env)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const missingAddon = whyNoAddon()
const shared = process.env.ASTER_SHARED_DATA ?? join(ROOT, '..', 'shared', 'data')

/** A folder of granules shaped as ASTER's, made for tests; not part of the repository. */
export const GRANULES = join(shared, 'aster-like')
/** Small granules that are part of the repository. */
export const SAMPLE = join(ROOT, 'fixtures', 'sample')

export const hasAddon = missingAddon === undefined
export const hasGranules = existsSync(GRANULES)
export const hasSample = existsSync(SAMPLE)

/** A test that needs the addon. */
export const addonTest = hasAddon ? test : test.skip
/** A test that needs the addon and the granules outside the repository. */
export const granuleTest = hasAddon && hasGranules ? test : test.skip
/** A test that needs the addon and the granules of the repository. */
export const sampleTest = hasAddon && hasSample ? test : test.skip

if (!hasAddon) process.stderr.write('skipped: native tests, the addon is not built (npm run build:native)\n')
else if (!hasGranules)
  process.stderr.write(`skipped: tests on further granules, none in ${GRANULES} (ASTER_SHARED_DATA)\n`)
