// Checksums of files that grow, taken by threads, against those of their bytes taken at once.
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { checksumOf, FileSum } from '../../../src/access/file-sum.js'
import { newFolder } from './scenes.js'

const sha512 = (bytes: Uint8Array) => createHash('sha512').update(bytes).digest('hex')

test('a file is summed while it grows, in steps of any size', async () => {
  const path = join(newFolder(), 'a')
  const bytes = randomBytes(3_000_001)
  const sum = new FileSum(path, undefined)
  let at = 0
  for (const step of [1, 100_000, 262_144, 262_145, 1_000_000, bytes.length]) {
    const end = Math.min(bytes.length, at + step)
    appendFileSync(path, bytes.subarray(at, end))
    at = end
    sum.upTo(at)
  }
  expect(at).toBe(bytes.length)
  expect(await sum.result(at)).toEqual({ algorithm: 'SHA-512', value: sha512(bytes) })
})

test('only the first bytes count, and those that are there', async () => {
  const path = join(newFolder(), 'a')
  const bytes = randomBytes(1000)
  writeFileSync(path, bytes)
  expect((await new FileSum(path, undefined).result(400)).value).toBe(sha512(bytes.subarray(0, 400)))
  expect((await checksumOf(path, undefined)).value).toBe(sha512(bytes))
  const md5 = createHash('md5').update(bytes).digest('hex')
  expect(await checksumOf(path, { algorithm: 'MD5', value: '' })).toEqual({ algorithm: 'MD5', value: md5 })
})

test('more files than threads are summed at once, dropped ones between them', async () => {
  const folder = newFolder()
  const files = Array.from({ length: 30 }, (_, index) => {
    const [path, bytes] = [join(folder, String(index)), randomBytes(100_000 + index)]
    writeFileSync(path, bytes)
    const sum = new FileSum(path, undefined)
    sum.upTo(50_000)
    return { sum, bytes }
  })
  for (const { sum } of files.filter((_, index) => index % 3 === 0)) sum.drop()
  const left = files.filter((_, index) => index % 3 !== 0)
  const sums = await Promise.all(left.map(({ sum }) => sum.result()))
  expect(sums.map(({ value }) => value)).toEqual(left.map(({ bytes }) => sha512(bytes)))
})

test('a file that cannot be read is told with the code of the system', async () => {
  const folder = newFolder()
  await expect(checksumOf(join(folder, 'no such'), undefined)).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(checksumOf(folder, undefined)).rejects.toMatchObject({ code: 'EISDIR' })
})

test('whoever gives up does not wait', async () => {
  const path = join(newFolder(), 'a')
  writeFileSync(path, randomBytes(1000))
  await expect(checksumOf(path, undefined, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' })
  const controller = new AbortController()
  const pending = checksumOf(path, undefined, controller.signal)
  controller.abort()
  await expect(pending).rejects.toMatchObject({ code: 'CANCELLED' })
})

test('a thread that dies is no fault of the file', async () => {
  vi.resetModules()
  vi.doMock('../../../src/package-file.js', () => ({ packageFile: (path: string) => join(newFolder(), path) }))
  onTestFinished(() => vi.doUnmock('../../../src/package-file.js'))
  const { checksumOf: withoutThread } = await import('../../../src/access/file-sum.js')
  const path = join(newFolder(), 'a')
  writeFileSync(path, 'a')
  await expect(withoutThread(path, undefined)).rejects.toMatchObject({
    code: 'INTERNAL',
    message: expect.stringMatching(/^the thread for checksums has ended: .*file-sum-thread/),
  })
})
