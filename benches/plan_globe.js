// Time and memory of planning the globe: `node benches/plan_globe.js [scenes] [degrees] [files]`, after `npm run build:ts`.
//
// Made-up scenes of 60 km, turned as the orbits turn them, all over the land and sea between 82 degrees south and north,
// in order of time, each with the files of a catalogue's record (15 of AST_L1T 004 by default, 4.6 kB). They
// come from a generator, so that the search is not timed, and are placed, stored and planned as `plan` does it.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { tiles } from '../dist/geo/tiles.js'
import { openPlan, planPaths } from '../dist/processing/manifest.js'
import { makePlan } from '../dist/processing/plan.js'

const [count = 1_000_000, degrees = 2, files = 15] = process.argv.slice(2).map(Number)
const TURN = (8 * Math.PI) / 180
const HALF_DEG = 0.27

/** A fixed sequence of numbers from 0 to 1. */
let state = 12345
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return state / 2 ** 32
}

const BANDS = Array.from({ length: files }, (_, band) => String(band))
const CHECKSUM = { algorithm: 'SHA-256', value: 'f'.repeat(64) }

function fileOf(id, url, band) {
  const name = `${id}_VNIR_B${band}.tif`
  return { name, role: 'band', band, url: `${url}_VNIR_B${band}.tif`, bytes: 9_000_000, checksum: CHECKSUM }
}

function sceneOf(index) {
  const [lon, lat] = [random() * 360 - 180, (Math.asin((random() * 2 - 1) * 0.99) * 180) / Math.PI]
  const narrow = Math.cos((lat * Math.PI) / 180)
  const corner = (x, y) => ({
    lon: lon + (HALF_DEG * (x * Math.cos(TURN) - y * Math.sin(TURN))) / narrow,
    lat: lat + HALF_DEG * (x * Math.sin(TURN) + y * Math.cos(TURN)),
  })
  const footprint = [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1), corner(-1, -1)]
  const lons = footprint.map((one) => one.lon)
  const lats = footprint.map((one) => one.lat)
  const wrapped = (value) => ((((value + 180) % 360) + 360) % 360) - 180
  const time = new Date(Date.UTC(2000, 2, 4) + index * 600_000).toISOString()
  const key = `004${time.replace(/\D/g, '').slice(0, 14)}`
  const id = `AST_L1T_${key}_${String(index).padStart(14, '0')}`
  const url = `https://data.example.org/protected/AST_L1T.004/${id}/${id}`
  return {
    schema: 2,
    backend: 'earthaccess',
    id,
    product: 'AST_L1T',
    version: '004',
    sceneKey: key,
    time,
    processingStamp: '20250101000000',
    cloudCoverPercent: 12,
    dayNight: 'day',
    epsg: 32650,
    bbox: {
      west: wrapped(Math.min(...lons)),
      south: Math.min(...lats),
      east: wrapped(Math.max(...lons)),
      north: Math.max(...lats),
    },
    footprint,
    footprintKind: 'polygon',
    subsystems: ['VNIR', 'SWIR', 'TIR'],
    bands: ['1', '2', '3N'],
    bytes: 130_000_000,
    files: BANDS.map((band) => fileOf(id, url, band)),
    warnings: [],
  }
}

function cpuSeconds(since) {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}

async function* scenes() {
  for (let index = 0; index < count; index += 1) yield sceneOf(index)
}

const folder = mkdtempSync(join(tmpdir(), 'aster-plan-'))
try {
  const made = process.cpuUsage()
  for (let index = 0; index < count; index += 1) sceneOf(index)
  const ownSeconds = cpuSeconds(made)
  state = 12345
  const start = performance.now()
  const before = process.cpuUsage()
  const { plan, tiles: tileCount } = await makePlan({
    ...{ runFolder: folder, outputDir: join(folder, 'tiles'), cacheDir: '/cache', product: 'AST_L1T' },
    ...{ backend: 'earthaccess', area: [-180, -90, 180, 90], tiling: { degrees } },
    tiles: tiles({ west: -180, south: -90, east: 180, north: 90 }, { degrees }),
    scenes: scenes(),
    request: { schema: 1, granules: [], indices: ['ndvi'], output: { format: 'netcdf' } },
    ...{ format: 'netcdf', tileOutput: 'stack', isOneStep: false, threads: 2, memoryMiB: 3000 },
    selection: { bands: ['2', '3N'], subsystems: [] },
  })
  const seconds = (performance.now() - start) / 1000
  const cpu = cpuSeconds(before)
  const peakMiB = process.resourceUsage().maxRSS / 1024
  const paths = planPaths(folder, plan.hash)
  const opened = performance.now()
  await openPlan(folder)
  const openMs = performance.now() - opened
  const { units, scenes: stored, scenesOfUnits } = plan.shared.counts
  const megabytes = (path) => `${Math.round(statSync(path).size / 1e6)} MB`
  process.stdout.write(
    `${tileCount} tiles, ${units} units, ${stored} scenes used ${scenesOfUnits} times\n` +
      `plan ${seconds.toFixed(1)} s, ${cpu.toFixed(1)} s of processor; ${ownSeconds.toFixed(1)} s to make the scenes alone\n` +
      `peak ${Math.round(peakMiB)} MiB, load average ${loadavg()[0]?.toFixed(1)}\n` +
      `scenes ${megabytes(paths.scenes)}, manifest ${megabytes(paths.manifest)}, opened in ${openMs.toFixed(0)} ms\n`,
  )
} finally {
  rmSync(folder, { recursive: true })
}
