// Plans of regions of files and of squares of a grid, run unit by unit on the sample: what tiles hold together.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect } from 'vitest'
import { SAMPLE, sampleTest } from '../native-addon.js'
import { run } from './in-process.js'

const folder = mkdtempSync(join(tmpdir(), 'aster-plan-areas-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'places.geojson')
const ring = [
  [138, -31.11],
  [138.03, -31.1],
  [138.01, -31.08],
  [138, -31.11],
]
const geometry = { type: 'Polygon', coordinates: [ring] }
writeFileSync(file, JSON.stringify({ type: 'Feature', properties: { NAME: 'Range' }, geometry }))

async function planned(out: string, ...options: string[]) {
  const common = ['plan', '--archive', SAMPLE, '--end', '2002-01-01', '--bands', '1', '--calibration', 'dn', '--json']
  const { status, stdout, stderr } = await run([...common, '--out', out, ...options])
  expect([status, stderr]).toEqual([0, ''])
  const made = JSON.parse(stdout) as { manifest: string; units: number; tiles: number }
  const lines = readFileSync(made.manifest, 'utf8').trim().split('\n')
  return { ...made, lines: lines.map((line) => JSON.parse(line) as { id: string; request?: Record<string, unknown> }) }
}

describe('a plan', () => {
  sampleTest('of the region of a file has the tiles that it touches, each with its part', async () => {
    const region = ['--region-file', file, '--name-column', 'NAME', '--region-name', 'range']
    const { tiles, lines } = await planned(join(folder, 'region'), ...region, '--tile-size', '0.01')
    // A triangle of 3 by 3 tiles: those beside its long sides are left out.
    expect(tiles).toBeLessThan(9)
    expect(lines.length).toBe(tiles)
    for (const { request } of lines) expect(request).toMatchObject({ clip: { rule: 'centre' } })
    const unknown = await run(['plan', '--archive', SAMPLE, '--region-file', file, '--region-name', 'Rnage'])
    expect(unknown).toMatchObject({ status: 2, stderr: expect.stringContaining('did you mean Range?') })
  })

  sampleTest.each([
    [[], 'EPSG-32754_'],
    [['--crs', 'EPSG:3577', '--resolution', '15'], 'EPSG-3577_'],
  ])('of squares of 1 km, %j, runs to its end', async (options, label) => {
    const out = join(folder, `grid${options.length}`)
    const bbox = ['--bbox', '138', '-31.11', '138.02', '-31.09']
    const { units, lines, manifest } = await planned(out, ...bbox, '--tile-size', '1.2km', ...options)
    expect(units).toBeGreaterThan(3)
    for (const { id, request } of lines) {
      expect(id).toContain(`AST_L1T_${label}`)
      expect(request?.extent).toHaveLength(4)
    }
    for (const index of lines.keys()) {
      const { status, stderr } = await run(['run-unit', '--manifest', manifest, '--index', String(index)])
      expect([index, status, stderr]).toEqual([index, 0, expect.any(String)])
    }
    const { status, stdout } = await run(['plan-status', out, '--json'])
    expect(status).toBe(0)
    expect(stdout).toContain('"done"')
  })
})
