// Everything that can go wrong while a file is read in ranges: what is wrong is refused, what passes is borne.
import { describe, expect, test } from 'vitest'
import { MemoryBlocks } from '../../../src/access/block-cache.js'
import { dataClient } from '../../../src/access/data-client.js'
import { RemoteFile, type Traffic } from '../../../src/access/remote-file.js'
import { RemoteRanges, runsOf } from '../../../src/access/remote-ranges.js'
import type { AsterError } from '../../../src/errors.js'
import type { Clock } from '../../../src/net/clock.js'
import type { Fault } from '../../fakes/faults.js'
import { fakeTiff, l1tGranule } from '../../fakes/granules.js'
import { stacItem } from '../../fakes/planetary-computer.js'
import { everythingOf, startWorld, type World, type WorldOptions } from '../../fakes/world.js'
import { toolsOf } from './scenes.js'

const SIZE = 300_000
const HEAD = 16 * 1024
const granule = l1tGranule({ fileBytes: SIZE })
const name = `${granule.id}_VNIR_B01.tif`
const route = new RegExp(`/${name.replace('.', '\\.')}$`)
const content = granule.files[name] as Uint8Array

async function worldWith(host: 'data' | 'signed' | 'urs', steps: (Fault | 'normal')[], more: WorldOptions = {}) {
  return startWorld({ granules: [granule], ...more, faults: [{ host, route, steps }] })
}

function fileIn(world: World, facts: { url?: string; bytes?: number } = {}, tools = toolsOf(world)) {
  const traffic: Traffic = { bytesFetched: 0, requests: 0 }
  const { url = world.fileUrl(granule, name), bytes } = facts
  return { file: new RemoteFile({ name, url, bytes }, tools, traffic), traffic, tools }
}

/** Opens the file and reads a range in its middle. */
async function openAndRead(world: World, made = fileIn(world)) {
  try {
    const { head, total } = await made.file.open()
    expect(total).toBe(SIZE)
    expect(Buffer.compare(head, content.subarray(0, HEAD))).toBe(0)
    const bytes = await made.file.read({ start: 100_000, end: 200_000 })
    expect(Buffer.compare(bytes, content.subarray(100_000, 200_000))).toBe(0)
    return made
  } catch (error) {
    world.heard(everythingOf(error))
    throw error
  }
}

const failure = (world: World, made = fileIn(world)) =>
  openAndRead(world, made).then(
    () => undefined,
    (error: AsterError) => error,
  )

const BORNE: [string, 'data' | 'signed', (Fault | 'normal')[]][] = [
  ['429 with seconds', 'signed', ['normal', { kind: 'status', status: 429, headers: { 'retry-after': '3' } }]],
  ['429 without', 'data', [{ kind: 'status', status: 429 }]],
  ['500', 'signed', ['normal', { kind: 'status', status: 500 }]],
  ['502 as a page', 'signed', ['normal', { kind: 'status', status: 502, body: '<!doctype html><html>no</html>' }]],
  ['503', 'signed', ['normal', { kind: 'status', status: 503, headers: { 'retry-after': '1' } }]],
  ['504', 'signed', ['normal', { kind: 'status', status: 504 }]],
  ['a reset before the answer', 'signed', ['normal', { kind: 'reset' }]],
  ['a reset in the middle', 'signed', ['normal', { kind: 'drop', after: 40_000 }]],
  [
    'three of them',
    'signed',
    ['normal', { kind: 'drop', after: 40_000 }, { kind: 'drop', after: 10_000 }, { kind: 'drop', after: 1 }],
  ],
  ['a reset of the head', 'signed', [{ kind: 'drop', after: 100 }]],
  ['chunks without an end', 'signed', ['normal', { kind: 'cut-chunks', after: 50_000 }]],
  ['a range that is cut short', 'signed', ['normal', { kind: 'truncate', to: 60_000 }]],
  ['an empty range', 'signed', ['normal', { kind: 'empty' }]],
  ['a longer range', 'signed', ['normal', { kind: 'longer', by: 9 }]],
  ['a body that stands still', 'signed', ['normal', { kind: 'stall', after: 30_000 }]],
  ['an answer that never comes', 'signed', ['normal', { kind: 'silence' }]],
  ['another range', 'signed', ['normal', { kind: 'wrong-range', start: 99_999 }]],
]

describe('passing trouble', () => {
  test.each(BORNE)('%s', async (_, host, steps) => {
    const world = await worldWith(host, steps)
    const client = world.client({ idleTimeoutMs: 1000, connectTimeoutMs: 2000 })
    const env = { EARTHDATA_TOKEN: world.token }
    const http = dataClient(client, { endpoints: world.endpoints, env, clock: world.clock })
    const quick: typeof http = { send: (request) => http.send({ ...request, firstByteTimeoutMs: 1000 }) }
    await openAndRead(world, fileIn(world, {}, { ...toolsOf(world), http: quick }))
  })

  test('what came before a reset is not asked for again', async () => {
    const world = await worldWith('signed', ['normal', { kind: 'drop', after: 40_000 }])
    const { traffic } = await openAndRead(world)
    expect(traffic).toEqual({ bytesFetched: HEAD + 100_000, requests: 3 })
    expect(world.requests('signed').at(-1)?.headers.range).toBe('bytes=140000-199999')
  })
})

const REFUSED: [string, 'data' | 'signed', (Fault | 'normal')[], string][] = [
  ['another version', 'signed', ['normal', { kind: 'etag', value: '"other"' }], 'SERVICE'],
  ['another size', 'signed', ['normal', { kind: 'wrong-range', total: SIZE + 1 }], 'SERVICE'],
  ['always another range', 'signed', ['normal', ...Array(3).fill({ kind: 'wrong-range', start: 99_999 })], 'SERVICE'],
  ['a range that is gone', 'signed', ['normal', { kind: 'status', status: 416 }], 'SERVICE'],
  ['a login page in place of the head', 'signed', [{ kind: 'page' }], 'AUTH_LOGIN_PAGE'],
  ['a login page in place of a range', 'signed', ['normal', { kind: 'page' }], 'AUTH_LOGIN_PAGE'],
  ['packed bytes', 'signed', ['normal', { kind: 'gzip' }], 'SERVICE'],
  ['something that is no TIFF', 'signed', [{ kind: 'bit-flip', at: 0 }], 'CORRUPT'],
  ['no such file', 'data', [{ kind: 'status', status: 404 }], 'NOT_FOUND'],
  [
    'terms that were not accepted',
    'data',
    [{ kind: 'status', status: 403, body: 'EULA Acceptance Failure' }],
    'AUTH_TERMS',
  ],
  ['a redirect to somebody else', 'data', [{ kind: 'redirect', to: 'https://evil.example/x' }], 'SERVICE'],
]

describe('what is refused', () => {
  test.each(REFUSED)('%s', async (_, host, steps, code) => {
    const world = await worldWith(host, steps)
    expect(await failure(world)).toMatchObject({ code })
    expect(world.requests('evil')).toEqual([])
  })

  test('another size than the catalogue has', async () => {
    const world = await worldWith('signed', [])
    const error = await failure(world, fileIn(world, { bytes: SIZE + 1 }))
    expect(error).toMatchObject({ code: 'CORRUPT', message: expect.stringContaining('the catalogue says 300001') })
  })

  test('a whole file in place of a range, when it is large', async () => {
    const large = l1tGranule({ fileBytes: 9_000_000 })
    const world = await startWorld({ granules: [large] })
    // Without ranges every answer has status 200.
    const traffic: Traffic = { bytesFetched: 0, requests: 0 }
    const { http, clock } = toolsOf(world)
    const whole: typeof http = {
      send: ({ headers: { range: _, ...headers } = {}, ...request }) => http.send({ ...request, headers }),
    }
    const file = new RemoteFile({ name, url: world.fileUrl(large, name) }, { http: whole, clock }, traffic)
    await expect(file.open()).rejects.toMatchObject({ code: 'SERVICE', hint: 'download the scene instead' })
    expect(traffic.bytesFetched).toBe(0)
  })

  test('a small one is taken, and no more than its part kept', async () => {
    const world = await worldWith('signed', [])
    const { http, clock } = toolsOf(world)
    const whole: typeof http = {
      send: ({ headers: { range: _, ...headers } = {}, ...request }) => http.send({ ...request, headers }),
    }
    await openAndRead(world, fileIn(world, {}, { ...toolsOf(world), http: whole, clock }))
  })
})

describe('signed addresses', () => {
  test('are used again, and found anew once for all', async () => {
    const world = await worldWith('signed', [], { signedLifeMs: 600_000 })
    const { file } = await openAndRead(world)
    expect(world.requests('data')).toHaveLength(1)
    world.clock.advance(700_000)
    const starts = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => n * 20_000)
    const all = await Promise.all(starts.map((start) => file.read({ start, end: start + 20_000 })))
    expect(Buffer.compare(Buffer.concat(all), content.subarray(0, 160_000))).toBe(0)
    expect(world.requests('data')).toHaveLength(2)
  })

  test('that end before they say are found anew once for all', async () => {
    const world = await worldWith('signed', [], { signedLifeMs: 600_000 })
    // A clock that is twenty minutes late takes an address for good that is not.
    const { clock } = world
    const late: Clock = {
      now: () => clock.now() - 1_200_000,
      sleep: (ms, signal) => clock.sleep(ms, signal),
      random: () => clock.random(),
    }
    const env = { EARTHDATA_TOKEN: world.token }
    const http = dataClient(world.client({ clock: late }), { endpoints: world.endpoints, env, clock })
    const { file } = await openAndRead(world, fileIn(world, {}, { ...toolsOf(world), http }))
    expect(world.requests('data')).toHaveLength(1)
    clock.advance(700_000)
    const starts = [0, 1, 2, 3, 4, 5].map((n) => n * 20_000)
    const all = await Promise.all(starts.map((start) => file.read({ start, end: start + 20_000 })))
    expect(Buffer.compare(Buffer.concat(all), content.subarray(0, 120_000))).toBe(0)
    expect(world.requests('data')).toHaveLength(2)
  })

  test('of Planetary Computer are signed anew once for all', async () => {
    const path = '/aster/images/L1T/a.VNIR.tif'
    const world = await startWorld({
      ...{ items: (url) => [stacItem(url)], blobs: { [path]: content }, sasLifeMs: 600_000 },
    })
    const made = fileIn(world, { url: `${world.url('blob')}${path}` })
    await openAndRead(world, made)
    world.clock.advance(700_000)
    await Promise.all([0, 1, 2, 3, 4, 5].map((n) => made.file.read({ start: n * 1000, end: n * 1000 + 1000 })))
    expect(world.blobs.handedOut).toHaveLength(2)
  })
})

test('a token that ends is renewed once for all, and goes to no store', async () => {
  const world = await worldWith('data', [], { tokenLifeMs: 7_200_000 })
  const env = { EARTHDATA_USERNAME: world.account.name, EARTHDATA_PASSWORD: world.account.password }
  const { file } = await openAndRead(world, fileIn(world, {}, toolsOf(world, env)))
  world.clock.advance(8_000_000)
  await Promise.all([0, 1, 2, 3].map((n) => file.read({ start: n * 1000, end: n * 1000 + 1000 })))
  expect(world.requests('signed').every(({ headers }) => headers.authorization === undefined)).toBe(true)
})

test('an abort ends it at once', async () => {
  const world = await worldWith('signed', ['normal', { kind: 'stall', after: 10 }], { realTime: true })
  const { file } = fileIn(world)
  await file.open()
  const stop = new AbortController()
  const reading = file.read({ start: 100_000, end: 200_000 }, stop.signal)
  setTimeout(() => stop.abort('enough'), 100)
  const began = Date.now()
  await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' })
  // Far before the body has stood still for too long.
  expect(Date.now() - began).toBeLessThan(10_000)
})

describe('ranges', () => {
  test('that are near are fetched together, unless too much lies between', () => {
    const starts = (runs: ReturnType<typeof runsOf>) => runs.map(({ start, end }) => [start, end])
    const at = (start: number, length: number) => ({ start, end: start + length })
    expect(starts(runsOf([at(100, 50), at(0, 100)]))).toEqual([[0, 150]])
    expect(starts(runsOf([at(0, 1000), at(1100, 1000)]))).toEqual([[0, 2100]])
    expect(starts(runsOf([at(0, 1000), at(1300, 1000)]))).toEqual([
      [0, 1000],
      [1300, 2300],
    ])
    const mib = 1 << 20
    expect(starts(runsOf([at(0, 5 * mib), at(5 * mib, 5 * mib)]))).toEqual([
      [0, 5 * mib],
      [5 * mib, 10 * mib],
    ])
    expect(starts(runsOf([at(0, 9 * mib)]))).toEqual([[0, 9 * mib]])
    // What lies between is never more than a tenth of what is wanted.
    for (let seed = 1; seed < 200; seed += 1) {
      const many = Array.from({ length: 20 }, (_, n) => at(((n * seed * 7919) % 997) * 1000, 500 + ((n * seed) % 900)))
      const runs = runsOf(many)
      const wanted = runs.flatMap(({ ranges }) => ranges)
      expect(wanted).toHaveLength(20)
      for (const run of runs) {
        const covered = new Set(
          run.ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i)),
        )
        expect(run.end - run.start).toBeLessThanOrEqual(1.1 * covered.size)
      }
    }
  })

  test('are answered in order, and come from the cache the second time', async () => {
    const world = await worldWith('signed', [])
    const made = fileIn(world)
    const ranges = new RemoteRanges(new Map([['/cache/a.tif', made.file]]), new MemoryBlocks(1 << 20))
    const asked = [
      {
        path: '/cache/a.tif',
        ranges: [
          [200_000, 500],
          [0, HEAD],
          [50_000, 7],
          [200_000, 500],
        ],
      },
    ]
    const [first] = await ranges.answer(asked)
    expect(first?.fileBytes).toBe(SIZE)
    const expected = asked[0]?.ranges.map(([start = 0, length = 0]) => content.subarray(start, start + length)) ?? []
    expect(first?.parts.map((part, index) => Buffer.compare(part, expected[index] ?? part))).toEqual([0, 0, 0, 0])
    const { requests } = made.traffic
    expect(requests).toBe(3)
    const [second] = await ranges.answer(asked)
    expect(second?.parts.map((part) => part.length)).toEqual([500, HEAD, 7, 500])
    expect(made.traffic.requests).toBe(requests)
  })

  test('at most six are in flight at one host', async () => {
    const world = await worldWith('signed', [])
    const { file } = fileIn(world)
    await file.open()
    world.script('signed', Array<Fault>(12).fill({ kind: 'trickle', everyMs: 1 }), { route })
    await Promise.all(Array.from({ length: 12 }, (_, n) => file.read({ start: n * 1000, end: n * 1000 + 50 })))
    const flights = world.requests('signed').slice(1)
    expect(flights).toHaveLength(12)
  })

  test('a head of a file that is shorter than a block', async () => {
    const small = fakeTiff('small', 100)
    const world = await startWorld({ bucket: { 'a.tif': small } })
    const made = fileIn(world, { url: `${world.url('aws')}/a.tif` })
    const { head, total } = await made.file.open()
    expect([Buffer.compare(head, small), total]).toEqual([0, 100])
    const empty = await startWorld({ bucket: { 'a.tif': new Uint8Array() } })
    await expect(fileIn(empty, { url: `${empty.url('aws')}/a.tif` }).file.open()).rejects.toMatchObject({
      code: 'SERVICE',
    })
  })
})
