// Claims: one holder at a time, the dead are succeeded once, the suspended notice that they were.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { claim, claimPath } from '../../../src/access/claim.js'
import { isAlive, thisProcess } from '../../../src/access/process-identity.js'
import { newFolder } from './scenes.js'

const FOREIGN = {
  machine: 'another machine',
  host: 'node17',
  pid: 4711,
  processStart: '1',
  since: '2026-01-01T00:00:00Z',
}

function foreignClaim(path: string, token = '0123456789abcdef') {
  writeFileSync(path, JSON.stringify({ ...FOREIGN, token }))
}

const names = (folder: string) => readdirSync(folder).sort()

test('is made with host, process and start, and leaves nothing', async () => {
  const folder = newFolder()
  const held = await claim(claimPath(folder, 'a.tif'))
  expect(names(folder)).toEqual(['.a.tif.claim'])
  expect(JSON.parse(readFileSync(claimPath(folder, 'a.tif'), 'utf8'))).toMatchObject({
    host: hostname(),
    pid: process.pid,
  })
  expect(await held.isHeld()).toBe(true)
  await held.release()
  expect(names(folder)).toEqual([])
  expect(await held.isHeld()).toBe(false)
})

test('has one holder at a time, in the order they get it', async () => {
  const folder = newFolder()
  let inside = 0
  let most = 0
  const work = async () => {
    const held = await claim(claimPath(folder, 'a'))
    inside += 1
    most = Math.max(most, inside)
    await new Promise((resolve) => setTimeout(resolve, 5))
    inside -= 1
    await held.release()
  }
  await Promise.all(Array.from({ length: 8 }, work))
  expect(most).toBe(1)
  expect(names(folder)).toEqual([])
})

test('waiting tells for whom, and stops when asked to', async () => {
  const folder = newFolder()
  const held = await claim(claimPath(folder, 'a'))
  const told: unknown[] = []
  const stop = new AbortController()
  const pending = claim(claimPath(folder, 'a'), {
    signal: stop.signal,
    onWait: (holder) => {
      told.push(holder)
      setTimeout(() => stop.abort(), 100)
    },
  })
  await expect(pending).rejects.toMatchObject({ name: 'AbortError' })
  expect(told).toMatchObject([{ pid: process.pid, host: hostname() }])
  await held.release()
})

test('of a process that is gone is succeeded at once', async () => {
  const folder = newFolder()
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
  const path = claimPath(folder, 'a')
  const { machine, host } = await thisProcess()
  const text = { machine, host, pid: child.pid, processStart: null, token: '0123456789abcdef', since: '' }
  writeFileSync(path, JSON.stringify(text))
  await expect(claim(path, { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({ name: 'AbortError' })
  child.kill('SIGKILL')
  await new Promise((resolve) => child.once('exit', resolve))
  const held = await claim(path)
  expect(names(folder)).toEqual(['.a.claim', '.a.claim.0123456789abcdef'])
  expect(await held.isHeld()).toBe(true)
  await held.release()
  expect(names(folder)).toEqual([])
})

test('of a process whose number another has by now is dead', async () => {
  const own = await thisProcess()
  expect(await isAlive(own)).toBe(true)
  expect(await isAlive({ ...own, machine: 'another' })).toBe(undefined)
  if (own.processStart !== null) expect(await isAlive({ ...own, processStart: '1' })).toBe(false)
})

test('of another machine is succeeded when it shows no life for a while', async () => {
  const folder = newFolder()
  const path = claimPath(folder, 'a')
  foreignClaim(path)
  const beats = setInterval(() => utimesSync(path, new Date(), new Date()), 50)
  const patient = claim(path, { deadAfterMs: 1500, signal: AbortSignal.timeout(3000) })
  await expect(patient).rejects.toMatchObject({ name: 'AbortError' })
  clearInterval(beats)
  // A clock that is hours off does not matter.
  utimesSync(path, new Date(0), new Date(0))
  const held = await claim(path, { deadAfterMs: 300 })
  expect(await held.isHeld()).toBe(true)
  await held.release()
  expect(names(folder)).toEqual([])
})

test('that is dead has one successor, however many wait', async () => {
  const folder = newFolder()
  const path = claimPath(folder, 'a')
  foreignClaim(path)
  let inside = 0
  let most = 0
  const work = async () => {
    const held = await claim(path, { deadAfterMs: 100 })
    inside += 1
    most = Math.max(most, inside)
    await new Promise((resolve) => setTimeout(resolve, 20))
    inside -= 1
    await held.release()
  }
  await Promise.all(Array.from({ length: 6 }, work))
  expect(most).toBe(1)
  expect(names(folder)).toEqual([])
})

test('of a successor that died too is succeeded in turn', async () => {
  const folder = newFolder()
  const path = claimPath(folder, 'a')
  foreignClaim(path, 'aaaaaaaaaaaaaaaa')
  foreignClaim(`${path}.aaaaaaaaaaaaaaaa`, 'bbbbbbbbbbbbbbbb')
  const held = await claim(path, { deadAfterMs: 100 })
  expect(names(folder)).toHaveLength(3)
  await held.release()
  expect(names(folder)).toEqual([])
})

test('of a holder that slept too long is lost, and it knows', async () => {
  const folder = newFolder()
  const path = claimPath(folder, 'a')
  const sleeper = await claim(path, { heartbeatMs: 1_000_000 })
  const next = await claim(path, { deadAfterMs: 100 })
  expect(await sleeper.isHeld()).toBe(false)
  await sleeper.release()
  expect(await next.isHeld()).toBe(true)
  await next.release()
  expect(names(folder)).toEqual([])
})

test('that is damaged is succeeded when nothing becomes of it', async () => {
  const folder = newFolder()
  const path = claimPath(folder, 'a')
  writeFileSync(path, '')
  const held = await claim(path, { deadAfterMs: 100 })
  expect(await held.isHeld()).toBe(true)
  await held.release()
  expect(names(folder)).toEqual([])
})

test('a folder that is not there is told', async () => {
  await expect(claim(join(newFolder(), 'nowhere', '.a.claim'))).rejects.toMatchObject({ code: 'OUTPUT_IO' })
})
