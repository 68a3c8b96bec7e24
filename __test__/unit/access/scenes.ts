// Scenes of fake granules, folders for caches, and downloads into them, for the tests of this folder.
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { dataClient } from '../../../src/access/data-client.js'
import {
  type DownloadOptions,
  type DownloadReport,
  type DownloadTools,
  downloadScenes,
} from '../../../src/access/download.js'
import { describeFileName } from '../../../src/catalog/file-name.js'
import type { Scene, SceneFile } from '../../../src/catalog/scene.js'
import { contentOf, type FakeGranule } from '../../fakes/granules.js'
import { everythingOf, type World } from '../../fakes/world.js'

/** The scene that a search would make of a granule. */
export function sceneOf(world: World, granule: FakeGranule, backend: Scene['backend'] = 'earthaccess'): Scene {
  const { id, product, version = '004', time, files, checksums = true } = granule
  const described = Object.entries(files).map(([name, file]): SceneFile => {
    const content = contentOf(file)
    const isListed = checksums && !/\.(jpg|cmr\.json)$/.test(name)
    const known = isListed ? { bytes: content.length, checksum: { algorithm: 'SHA-512', value: sha512(content) } } : {}
    return { ...describeFileName(name), url: world.fileUrl(granule, name), ...known }
  })
  return {
    schema: 2,
    ...{ backend, id, product, version, time },
    sceneKey: /_(\d{17})_/.exec(id)?.[1] ?? '',
    bbox: { west: 0, south: 0, east: 1, north: 1 },
    footprint: [],
    footprintKind: 'box',
    subsystems: ['VNIR', 'SWIR', 'TIR'],
    bands: described.flatMap(({ band }) => band ?? []),
    bytes: 0,
    files: described,
    warnings: [],
  }
}

export function sha512(bytes: Uint8Array): string {
  return createHash('sha512').update(bytes).digest('hex')
}

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'aster-cache-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Tools of a world whose user has a token. */
export function toolsOf(world: World, env: Record<string, string> = { EARTHDATA_TOKEN: world.token }): DownloadTools {
  const { endpoints, clock } = world
  return { http: dataClient(world.client(), { endpoints, env, clock }), env, clock }
}

/** A download in which everything that is told is searched for secrets in the end. */
export async function download(
  world: World,
  scenes: Scene[],
  options: DownloadOptions<Scene> & { cacheDir: string },
  tools: DownloadTools = toolsOf(world),
): Promise<DownloadReport<Scene>> {
  const onEvent: DownloadOptions<Scene>['onEvent'] = (event) => {
    world.heard(JSON.stringify(event))
    options.onEvent?.(event)
  }
  try {
    const report = await downloadScenes(scenes, { ...options, onEvent }, tools)
    world.heard(JSON.stringify(report))
    for (const { error } of report.failed) world.heard(everythingOf(error))
    return report
  } catch (error) {
    world.heard(everythingOf(error))
    throw error
  } finally {
    for (const text of textsIn(options.cacheDir)) world.heard(text)
  }
}

/** Files below a folder, with `/` between folders, in order. */
export function filesIn(folder: string): string[] {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

/** Records and sidecars, which must not hold secrets. */
function textsIn(folder: string): string[] {
  return filesIn(folder)
    .filter((name) => /\.(json|claim)$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
}

/** Bytes of bodies that a world sent for a file. */
export function bytesSentFor(world: World, name: string): number {
  return world
    .requests('signed')
    .filter(({ path }) => path.endsWith(`/${name}`))
    .reduce((sum, entry) => sum + entry.bytesSent, 0)
}
