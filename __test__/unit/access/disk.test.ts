// Disks that are full or closed, and the writer of parts.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ASTERDataAccess } from '../../../src/access/data-access.js'
import { PartWriter, writeFailure } from '../../../src/access/write-file.js'
import { ASTERCatalog } from '../../../src/catalog/catalog.js'
import { l1aGranule, l1tGranule } from '../../fakes/granules.js'
import { startWorld } from '../../fakes/world.js'
import { download, filesIn, newFolder, sceneOf } from './scenes.js'

/** A small file system in memory; nothing where that is not permitted. */
function smallDisk(bytes: number): string | undefined {
  const folder = newFolder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  onTestFinished(() => {
    execFileSync('umount', [folder], { stdio: 'ignore' })
  })
  return folder
}

test('a download that cannot fit is refused before anything is asked', async () => {
  const granule = l1tGranule()
  const world = await startWorld({ granules: [granule] })
  const scene = sceneOf(world, granule)
  const files = scene.files.map((file) => ({ ...file, bytes: 10 ** 15 }))
  await expect(download(world, [{ ...scene, files }], { cacheDir: newFolder() })).rejects.toMatchObject({
    code: 'DISK_FULL',
    message: expect.stringMatching(/^\d+ bytes are to be fetched, and \d+ are free in /),
  })
  expect(world.log).toEqual([])
})

test('a disk that fills up is named, with what was free, and the part is kept', async ({ skip }) => {
  const granule = l1tGranule({ fileBytes: 600_000 })
  const world = await startWorld({ granules: [granule] })
  const cacheDir = smallDisk(1_048_576) ?? skip('no file system can be mounted here')
  const scene = sceneOf(world, granule)
  // Sizes are not told, so only the disk itself can say it.
  const files = scene.files.map(({ bytes: _, checksum: __, ...file }) => file)
  await expect(download(world, [{ ...scene, files }], { cacheDir, concurrency: 2 })).rejects.toMatchObject({
    code: 'DISK_FULL',
    message: expect.stringMatching(
      /^the disk is full: cannot write .* \(\d+ bytes were free before, \d+ are free now\)$/,
    ),
    hint: expect.stringContaining('cache prune'),
  })
  expect(filesIn(cacheDir).filter((name) => name.endsWith('.tif')).length).toBeLessThan(2)
})

test.skipIf(process.getuid?.() === 0)('a folder that cannot be written is told', async () => {
  const granule = l1tGranule()
  const world = await startWorld({ granules: [granule] })
  const cacheDir = newFolder()
  chmodSync(cacheDir, 0o500)
  onTestFinished(() => chmodSync(cacheDir, 0o700))
  await expect(download(world, [sceneOf(world, granule)], { cacheDir })).rejects.toMatchObject({ code: 'OUTPUT_IO' })
})

test('a cache below a file is told', async () => {
  const granule = l1tGranule()
  const world = await startWorld({ granules: [granule] })
  const folder = newFolder()
  writeFileSync(join(folder, 'file'), '')
  const pending = download(world, [sceneOf(world, granule)], { cacheDir: join(folder, 'file') })
  await expect(pending).rejects.toMatchObject({ code: 'OUTPUT_IO', message: expect.stringContaining('ENOTDIR') })
})

test.each([
  ['ENOSPC', 'DISK_FULL', /^the disk is full/],
  ['EDQUOT', 'DISK_FULL', /^the quota is used up/],
  ['EROFS', 'OUTPUT_IO', /\(EROFS\)$/],
])('%s is %s', async (code, expected, message) => {
  const cause = Object.assign(new Error(code), { code })
  expect(await writeFailure(cause, '/tmp/x')).toMatchObject({ code: expected, message: expect.stringMatching(message) })
})

test('parts are written in order, cut where they begin, and empty after a restart', async () => {
  const path = join(newFolder(), 'part')
  writeFileSync(path, 'keep this and not this')
  const chunks = Array.from({ length: 300 }, (_, index) => Buffer.alloc(10_000, index))
  const writer = await PartWriter.open(path, 9)
  for (const chunk of chunks) await writer.write(chunk)
  await writer.flush()
  expect(writer.stored).toBe(9 + 3_000_000)
  await writer.sync()
  await writer.close()
  expect(readFileSync(path).equals(Buffer.concat([Buffer.from('keep this'), ...chunks]))).toBe(true)
  const again = await PartWriter.open(path, 9)
  await again.write(Buffer.from('x'))
  await again.restart()
  await again.write(Buffer.from('anew'))
  await again.close()
  expect(readFileSync(path, 'utf8')).toBe('anew')
})

test('from Node: search, download, open', async () => {
  const granule = l1tGranule()
  const world = await startWorld({ granules: [granule, l1aGranule(granule)] })
  const http = world.client()
  const { endpoints } = world
  const records = new ASTERCatalog({ backend: 'earthaccess', http, endpoints })
  const access = new ASTERDataAccess({ http, endpoints, credentials: { token: world.token } })
  const cacheDir = newFolder()
  const report = await access.download([sceneOf(world, granule)], { cacheDir, bands: ['1'], records })
  const [scene] = report.scenes
  expect(scene?.path).toBe(join(cacheDir, 'AST_L1T', granule.id))
  expect(statSync(scene?.path ?? '').isDirectory()).toBe(true)
  // The fake files hold no pixels: that they are refused as such says that they were opened.
  await expect(access.openScenes(report.scenes)).rejects.toMatchObject({ name: 'DataError' })
  const local = newFolder()
  mkdirSync(join(local, 'x'))
  const passed = await access.download([{ ...sceneOf(world, granule), path: join(local, 'x') }], { cacheDir })
  expect(passed.scenes.map(({ path }) => path)).toEqual([join(local, 'x')])
})
