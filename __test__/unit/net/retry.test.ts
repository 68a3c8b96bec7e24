// Retries: what is tried again, after how long, and when to stop.
import { describe, expect, test } from 'vitest'
import { NetworkError } from '../../../src/errors.js'
import { backoffMs, nextWaitMs, RETRY_POLICY, retryAfterMs } from '../../../src/net/retry.js'
import type { Fault } from '../../fakes/faults.js'
import { startWorld, type World } from '../../fakes/world.js'

const NOW = Date.parse('2026-03-01T00:00:00Z')
const HEADERS = { 'client-id': 'aster-timeseries/test' }
const get = (world: World, more = {}) =>
  world.client().send({ url: `${world.endpoints.cmr}/collections.umm_json`, headers: HEADERS, what: 'search', ...more })

describe('Retry-After', () => {
  test.each([
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': 'Sun, 01 Mar 2026 00:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Sun, 01 Mar 2026 01:00:30 GMT', date: 'Sun, 01 Mar 2026 01:00:00 GMT' }, 30_000],
    [{ 'retry-after': 'Sat, 28 Feb 2026 00:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{}, undefined],
  ])('%o', (headers, expected) => {
    expect(retryAfterMs(new Headers(headers), NOW)).toBe(expected)
  })
})

test('back-off doubles its bound, up to the longest wait, and spreads over all of it', () => {
  expect([1, 2, 3, 4, 5, 6].map((attempt) => backoffMs(attempt, RETRY_POLICY, 1))).toEqual([
    1000, 2000, 4000, 8000, 16_000, 16_000,
  ])
  expect(backoffMs(3, RETRY_POLICY, 0)).toBe(0)
  expect(backoffMs(3, RETRY_POLICY, 0.25)).toBe(1000)
})

test('the budget ends the waiting', () => {
  const failure = { error: new NetworkError('NETWORK', 'x'), retryAfterMs: 50_000 }
  const at = (attempt: number, waitedMs: number) => nextWaitMs(failure, { attempt, waitedMs, random: 1 }, RETRY_POLICY)
  expect([at(1, 0), at(2, 50_000), at(3, 100_000), at(5, 0)]).toEqual([50_000, 50_000, undefined, undefined])
})

describe('of the client', () => {
  const passing: [string, Fault][] = [
    ['429', { kind: 'status', status: 429 }],
    ['500', { kind: 'status', status: 500 }],
    ['502 in HTML', { kind: 'status', status: 502, body: '<html><body>Bad gateway</body></html>' }],
    ['503', { kind: 'status', status: 503 }],
    ['504', { kind: 'status', status: 504 }],
    ['a reset before the first byte', { kind: 'reset' }],
    ['a document that breaks off', { kind: 'drop', after: 30 }],
    ['a document without its last chunk', { kind: 'cut-chunks', after: 30 }],
    ['a document that was cut and announced so', { kind: 'body', text: '{"hits": 1, "items": [' }],
    ['a search that gave up', { kind: 'headers', headers: { 'CMR-Timed-Out': 'true' } }],
    ['the other spelling of that', { kind: 'headers', headers: { 'CMR-Time-Out': 'true' } }],
  ]
  test.each(passing)('%s is tried again', async (_, fault) => {
    const world = await startWorld({ faults: [{ host: 'cmr', steps: [fault, fault] }] })
    const answer = await (await get(world)).json()
    expect(answer).toMatchObject({ hits: 11 })
    expect([world.log.length, world.clock.sleeps.length]).toEqual([3, 2])
  })

  test.each(passing.slice(0, 8))('%s for good is an error that says so', async (_, fault) => {
    const world = await startWorld({ faults: [{ host: 'cmr', steps: [fault], always: true }] })
    await expect(get(world)).rejects.toMatchObject({ retryable: true, exitCode: 75, message: /^search: 127\.0\.0\.1/ })
    expect(world.log.length).toBe(RETRY_POLICY.attempts)
  })

  test.each([
    [400, 'SERVICE', 1],
    [404, 'NOT_FOUND', 1],
    [403, 'AUTH_MISSING', 77],
    [422, 'SERVICE', 1],
    [501, 'SERVICE', 1],
  ])('%i is not', async (status, code, exitCode) => {
    const world = await startWorld({
      faults: [{ host: 'cmr', steps: [{ kind: 'status', status, body: 'the reason' }] }],
    })
    await expect(get(world)).rejects.toMatchObject({ code, exitCode, message: expect.stringContaining('the reason') })
    expect(world.log.length).toBe(1)
  })

  test('the service says how long', async () => {
    const busy = (wait: string): Fault => ({ kind: 'status', status: 429, headers: { 'retry-after': wait } })
    const world = await startWorld()
    world.script('cmr', [busy('7'), busy(new Date(world.clock.now() + 40_000).toUTCString())])
    await (await get(world)).cancel()
    const [first = 0, second = 0, third = 0] = world.log.map(({ at }) => at)
    expect(second - first).toBe(7000)
    expect(third - second).toBeGreaterThan(31_000)
  })

  test('others at the same host wait as well', async () => {
    const world = await startWorld()
    world.script('cmr', [{ kind: 'status', status: 429, headers: { 'retry-after': '9' } }])
    const http = world.client({ retry: { attempts: 1 } })
    const request = { url: `${world.endpoints.cmr}/collections.umm_json?page_size=1`, headers: HEADERS, what: 'search' }
    await expect(http.send(request)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    await (await http.send(request)).cancel()
    expect((world.log[1]?.at ?? 0) - (world.log[0]?.at ?? 0)).toBe(9000)
  })

  test('nobody waits for a day', async () => {
    const day: Fault = { kind: 'status', status: 429, headers: { 'retry-after': '86400' } }
    const world = await startWorld({ faults: [{ host: 'cmr', steps: [day] }] })
    await expect(get(world)).rejects.toMatchObject({ code: 'RATE_LIMITED', message: /asks to wait 86400 s$/ })
    expect([world.log.length, world.clock.sleeps]).toEqual([1, []])
  })

  test('a host that refuses connections is tried again, and found when it is back', async () => {
    const world = await startWorld()
    await world.shut('cmr')
    const http = world.client({ onNote: () => void world.reopen('cmr') })
    const request = { url: `${world.endpoints.cmr}/collections.umm_json`, headers: HEADERS, what: 'search' }
    await expect((await http.send(request)).json()).resolves.toMatchObject({ hits: 11 })
  })

  test('a host that stays away', async () => {
    const world = await startWorld()
    await world.shut('cmr')
    await expect(get(world)).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringContaining('ECONNREFUSED'),
    })
    expect(world.clock.sleeps.length).toBe(RETRY_POLICY.attempts - 1)
  })
})
