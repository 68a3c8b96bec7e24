// --region-file on the command line: it chooses scenes and pixels, and what is wrong with it ends the command.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SAMPLE, sampleTest } from '../native-addon.js'
import { run } from './in-process.js'

const folder = mkdtempSync(join(tmpdir(), 'aster-region-file-'))
const file = join(folder, 'places.geojson')
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeAll(() => {
  const square = (name: string, west: number, south: number) => {
    const [east, north] = [west + 0.02, south + 0.02]
    const ring = [
      [west, south],
      [east, south],
      [east, north],
      [west, north],
      [west, south],
    ]
    return { type: 'Feature', properties: { NAME: name }, geometry: { type: 'Polygon', coordinates: [ring] } }
  }
  const features = [square('Range', 138, -31.11), square('Elsewhere', 10, 50)]
  writeFileSync(file, JSON.stringify({ type: 'FeatureCollection', features }))
})

describe('a region of a file', () => {
  sampleTest('chooses scenes', async () => {
    const search = ['search', '--archive', SAMPLE, '--region-file', file]
    const there = await run([...search, '--name-column', 'NAME', '--region-name', 'Range', '--count'])
    expect([there.status, there.stderr]).toEqual([0, ''])
    expect(Number(there.stdout)).toBeGreaterThan(0)
    expect(await run([...search, '--region-name', 'Elsewhere', '--count'])).toMatchObject({ status: 0, stdout: '0\n' })
  })

  sampleTest('chooses pixels, as the same polygon does', async () => {
    const { features } = JSON.parse(readFileSync(file, 'utf8')) as { features: unknown[] }
    const alone = join(folder, 'range.geojson')
    writeFileSync(alone, JSON.stringify(features[0]))
    const common = ['run', '--archive', SAMPLE, '--end', '2002-01-01', '--bands', '1', '--dry-run', '--json']
    const plan = async (...options: string[]) => {
      const { status, stdout } = await run([...common, ...options])
      expect(status).toBe(0)
      const { grid, pixels } = JSON.parse(stdout) as { grid: unknown; pixels: number }
      return { grid, pixels }
    }
    const region = await plan('--region-file', file, '--region-name', 'range')
    expect(region).toEqual(await plan('--polygon', alone))
    const touched = await plan('--region-file', file, '--region-name', 'range', '--clip-rule', 'touch')
    expect(touched.pixels).toBeGreaterThan(region.pixels)
  })
})

describe('refused', () => {
  test.each([
    [['--name-column', 'NAME'], '--name-column is about a file of regions, and there is none'],
    [['--region-name', 'Range'], '--region-name is about a file of regions'],
    [['--region-file', file, '--region', 'asia'], '--region-file and --region exclude each other'],
    [['--region-file', file, '--polygon', file], '--region-file and --polygon exclude each other'],
  ])('%j', async (options, message) => {
    for (const command of [['search'], ['run', '--output', 'x.nc']]) {
      const { status, stderr, stdout } = await run([...command, '--archive', SAMPLE, ...options])
      expect([status, stdout]).toEqual([2, ''])
      expect(stderr).toContain(message)
    }
  })

  sampleTest('is a name that the file does not have, with near ones; a file that is not there', async () => {
    const search = ['search', '--archive', SAMPLE, '--region-file']
    const misspelt = await run([...search, file, '--name-column', 'NAME', '--region-name', 'Rnage'])
    expect(misspelt.status).toBe(2)
    expect(misspelt.stderr).toContain('no feature is called "Rnage" in column NAME')
    expect(misspelt.stderr).toContain('did you mean Range?')
    expect(await run([...search, join(folder, 'none.shp')])).toMatchObject({ status: 1, stdout: '' })
    const json = await run([...search, join(folder, 'none.shp'), '--json'])
    expect(JSON.parse(json.stderr || json.stdout)).toMatchObject({ error: { code: 'NOT_FOUND' } })
    const broken = join(folder, 'broken.gpkg')
    writeFileSync(broken, 'SQLite format 3\0 and no more')
    expect((await run([...search, broken])).status).toBe(65)
  })
})
