// The client: bodies whole and broken, time-outs, abort, limits, and what its messages say.
import { describe, expect, test } from 'vitest'
import { SYSTEM_CLOCK } from '../../../src/net/clock.js'
import { endpointsFrom } from '../../../src/net/endpoints.js'
import type { HttpResponse } from '../../../src/net/http.js'
import { mannersOf } from '../../../src/net/manners.js'
import type { Fault } from '../../fakes/faults.js'
import { fakeTiff } from '../../fakes/granules.js'
import { startWorld, type World } from '../../fakes/world.js'

const KEY = 'scene.tif'
const CONTENT = Buffer.concat([
  Buffer.from('II*\0'),
  Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 7) % 251)),
])
const worldWith = (steps: Fault[] = [], more = {}) =>
  startWorld({ bucket: { [KEY]: CONTENT }, faults: [{ host: 'aws', steps }], ...more })
const get = (world: World, more = {}, options = {}) =>
  world.client(options).send({ url: `${world.endpoints.aws}/${KEY}`, what: 'download of a scene', ...more })

async function bytesOf(response: HttpResponse): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe('bodies', () => {
  test.each([true, false])('arrive whole, keep-alive %s', async (keepAlive) => {
    const world = await worldWith([], { keepAlive })
    for (let time = 0; time < 3; time += 1) expect(await bytesOf(await get(world))).toEqual(CONTENT)
    expect(world.log.every(({ bytesSent }) => bytesSent === CONTENT.length)).toBe(true)
  })

  test('are unpacked, also where nobody asked for it', async () => {
    const world = await worldWith([{ kind: 'gzip' }])
    const response = await get(world, { headers: { 'accept-encoding': 'identity' } })
    expect([response.headers.get('content-encoding'), response.headers.get('content-length')]).toEqual([null, null])
    expect(await bytesOf(response)).toEqual(CONTENT)
  })

  test('a packed part is refused, since its range counts other bytes', async () => {
    const world = await worldWith([{ kind: 'gzip' }])
    await expect(get(world, { headers: { range: 'bytes=0-99' } })).rejects.toThrow('packed its answer as gzip')
  })

  test.each<[string, Fault]>([
    ['the connection closes', { kind: 'drop', after: 50_000 }],
    ['the last chunk is missing', { kind: 'cut-chunks', after: 50_000 }],
  ])('that break off throw: %s', async (_, fault) => {
    const world = await worldWith([fault])
    const response = await get(world)
    await expect(bytesOf(response)).rejects.toMatchObject({
      code: 'NETWORK',
      retryable: true,
      message: /^download of a scene: 127\.0\.0\.1:\d+ closed the connection/,
    })
  })

  test('packed ones that break off throw as well', async () => {
    const noise = fakeTiff('noise', 200_000)
    const world = await worldWith([{ kind: 'gzip', keep: 150_000 }], { bucket: { [KEY]: noise } })
    const response = await get(world)
    await expect(bytesOf(response)).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringContaining('the compressed answer is damaged or was cut short'),
    })
  })

  test('that stand still are given up', async () => {
    const world = await worldWith([{ kind: 'stall', after: 1000 }])
    const response = await get(world, {}, { idleTimeoutMs: 80 })
    await expect(bytesOf(response)).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('sent nothing for 0.08 s'),
    })
  })

  test('that come slowly but steadily are waited for', async () => {
    const world = await worldWith([{ kind: 'trickle', everyMs: 200 }], { bucket: { [KEY]: Buffer.from('II*\0slow') } })
    expect((await bytesOf(await get(world, {}, { idleTimeoutMs: 1000 }))).toString()).toBe('II*\0slow')
  })

  test('a slow reader is no slow service', async () => {
    const world = await worldWith()
    const response = await get(world, {}, { idleTimeoutMs: 800 })
    let length = 0
    for await (const chunk of response.body) {
      if (length === 0) await SYSTEM_CLOCK.sleep(1200)
      length += chunk.length
    }
    expect(length).toBe(CONTENT.length)
  })

  test('have a bound where they are read as text', async () => {
    const world = await worldWith()
    await expect((await get(world)).text(1000)).rejects.toThrow('longer than 1000 bytes')
  })

  test('may be empty, and end where they were announced to', async () => {
    const world = await worldWith([{ kind: 'empty' }, { kind: 'truncate', to: 10 }, { kind: 'longer', by: 7 }])
    const lengths = []
    for (let time = 0; time < 3; time += 1) lengths.push((await bytesOf(await get(world))).length)
    expect(lengths).toEqual([0, 10, CONTENT.length + 7])
  })

  test('that nobody wants are dropped', async () => {
    const world = await worldWith()
    const http = world.client({ manners: { concurrency: 1 } })
    for (let time = 0; time < 3; time += 1) {
      await (await http.send({ url: `${world.endpoints.aws}/${KEY}`, what: 'look' })).cancel()
      for await (const _ of (await http.send({ url: `${world.endpoints.aws}/${KEY}`, what: 'look' })).body) break
    }
    expect(world.log.length).toBe(6)
  })
})

describe('pages in place of data', () => {
  test.each<[string, Fault]>([
    ['with status 200', { kind: 'page' }],
    [
      'called a picture',
      {
        kind: 'status',
        status: 200,
        headers: { 'content-type': 'image/tiff' },
        body: '\uFEFF\n<!doctype HTML><form action="https://urs.earthdata.nasa.gov/oauth/authorize">',
      },
    ],
  ])('a login page %s', async (_, fault) => {
    const world = await worldWith([fault])
    await expect(get(world)).rejects.toMatchObject({ code: 'AUTH_LOGIN_PAGE', exitCode: 77, retryable: false })
  })

  test('any other page', async () => {
    const world = await worldWith([{ kind: 'body', text: '<html>Welcome to Hotel WLAN', contentType: 'text/plain' }])
    await expect(get(world)).rejects.toMatchObject({
      code: 'SERVICE',
      message: expect.stringContaining('a web page instead of data'),
    })
  })

  test('data that is called a page is data', async () => {
    const world = await worldWith([{ kind: 'headers', headers: { 'content-type': 'text/html' } }])
    expect(await bytesOf(await get(world))).toEqual(CONTENT)
  })
})

describe('documents', () => {
  test('that are no JSON', async () => {
    const world = await worldWith([{ kind: 'body', text: '{"access_token": "hidden-secret", oops }' }])
    world.keepSecret('hidden-secret')
    const response = await get(world)
    await expect(response.json()).rejects.toMatchObject({
      code: 'SERVICE',
      message: expect.stringContaining('is not JSON'),
    })
  })

  test('with a byte order mark', async () => {
    const world = await worldWith([{ kind: 'body', text: '\uFEFF{"a": [1]}' }])
    expect(await (await get(world)).json()).toEqual({ a: [1] })
  })
})

test('a listing in XML that was cut is asked for again', async () => {
  const cut: Fault = {
    kind: 'body',
    text: '<?xml version="1.0"?><ListBucketResult><Contents><Key>a',
    contentType: 'application/xml',
  }
  const world = await worldWith([cut])
  const response = await get(world, { url: `${world.endpoints.aws}/?list-type=2` })
  expect(await response.text()).toMatch(/<Key>scene\.tif<\/Key>.*<\/ListBucketResult>$/)
  expect(world.log.length).toBe(2)
})

describe('waiting', () => {
  test('for an answer has an end', async () => {
    const world = await worldWith([{ kind: 'silence' }])
    const options = { manners: { firstByteTimeoutMs: 80 }, retry: { attempts: 1 } }
    await expect(get(world, {}, options)).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('no answer from 127.0.0.1'),
    })
  })

  test('silence once is tried again', async () => {
    const world = await worldWith([{ kind: 'silence' }])
    expect((await get(world, { firstByteTimeoutMs: 80 })).status).toBe(200)
  })

  const places: [string, Fault[], { clock?: typeof SYSTEM_CLOCK }][] = [
    ['for an answer', [{ kind: 'silence' }], {}],
    ['for the rest of a body', [{ kind: 'stall', after: 500 }], {}],
    ['between two tries', [{ kind: 'status', status: 503, headers: { 'retry-after': '60' } }], { clock: SYSTEM_CLOCK }],
  ]
  test.each(places)('%s stops when it is told to', async (_, steps, options) => {
    const world = await worldWith(steps)
    const stop = new AbortController()
    const pending = get(world, { signal: stop.signal }, options).then(bytesOf)
    setTimeout(() => stop.abort('enough'), 60)
    const began = Date.now()
    await expect(pending).rejects.toMatchObject({ name: 'AbortError', code: 'CANCELLED' })
    // Far before anything else would end it.
    expect(Date.now() - began).toBeLessThan(10_000)
  })

  test('for a place at the host stops when it is told to', async () => {
    const world = await worldWith([{ kind: 'stall', after: 500 }])
    const http = world.client({ manners: { concurrency: 1 } })
    const request = { url: `${world.endpoints.aws}/${KEY}`, what: 'download' }
    const first = await http.send(request)
    const stop = new AbortController()
    const pending = http.send({ ...request, signal: stop.signal })
    setTimeout(() => stop.abort(), 30)
    await expect(pending).rejects.toMatchObject({ code: 'CANCELLED' })
    await first.cancel()
    await (await http.send(request)).cancel()
    expect(world.log.length).toBe(2)
  })

  test('before anything was sent', async () => {
    const world = await worldWith()
    await expect(get(world, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(world.log).toEqual([])
  })

  test('many requests leave nothing at their signal', async () => {
    const world = await worldWith()
    const { signal } = new AbortController()
    let listening = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listening += 1
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listening -= 1
      remove(...args)
    }
    await bytesOf(await get(world, { signal }))
    await (await get(world, { signal })).cancel()
    for await (const _ of (await get(world, { signal })).body) break
    await new Promise((resolve) => setImmediate(resolve))
    expect(listening).toBe(0)
  })
})

describe('politeness', () => {
  test('so many requests at a time', async () => {
    const world = await worldWith(
      Array.from({ length: 12 }, () => ({ kind: 'trickle', everyMs: 2 }) as const),
      {
        bucket: { [KEY]: Buffer.from('II*\0 some pixels') },
      },
    )
    const http = world.client({ manners: { concurrency: 3 } })
    let inFlight = 0
    let most = 0
    const one = async () => {
      const response = await http.send({ url: `${world.endpoints.aws}/${KEY}`, what: 'download' })
      inFlight += 1
      most = Math.max(most, inFlight)
      await bytesOf(response)
      inFlight -= 1
    }
    await Promise.all(Array.from({ length: 12 }, one))
    expect(most).toBe(3)
  })

  test('so many a second', async () => {
    const world = await worldWith()
    const http = world.client({ manners: { concurrency: 2, requestsPerSecond: 10 } })
    for (let time = 0; time < 12; time += 1) {
      await (await http.send({ url: `${world.endpoints.aws}/${KEY}`, what: 'look' })).cancel()
    }
    const [first = 0, last = 0] = [world.log[0]?.at, world.log.at(-1)?.at]
    expect(last - first).toBeGreaterThanOrEqual(900)
    expect(last - first).toBeLessThanOrEqual(1100)
  })

  test('fewer and slower for searches', () => {
    const endpoints = endpointsFrom({})
    const [search, store] = ['cmr.earthdata.nasa.gov', 'd1.cloudfront.net'].map(mannersOf(endpoints, {}))
    expect(search).toMatchObject({ concurrency: 4, firstByteTimeoutMs: 185_000 })
    expect(store).toMatchObject({ concurrency: 6, firstByteTimeoutMs: 60_000 })
    expect(mannersOf(endpoints, { concurrency: 1 })('cmr.earthdata.nasa.gov')).toMatchObject({
      concurrency: 1,
      requestsPerSecond: 10,
    })
  })

  test('says who it is', async () => {
    const world = await worldWith()
    await (await get(world)).cancel()
    expect(world.log[0]?.headers).toMatchObject({
      'user-agent': expect.stringMatching(/^aster-timeseries\/\d+\.\d+\.\d+ \(\+https:\/\/\S+\)$/),
    })
  })
})

describe('refuses to', () => {
  test.each([
    ['http://example.org/', 'only https addresses are asked'],
    ['ftp://example.org/', 'only https addresses are asked'],
    ['https://me:secretword@example.org/', 'must not hold a user name'],
    ['not an address', 'not an address'],
  ])('ask %s', async (url, text) => {
    const world = await startWorld()
    world.keepSecret('secretword')
    await expect(world.client().send({ url, what: 'search' })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(text),
    })
  })

  test('ask a host that is switched off', async () => {
    const world = await startWorld()
    const url = 'https://e4ftl01.cr.usgs.gov/ASTT/AST_L1T.003/2001.01.05/x.hdf'
    await expect(world.client().send({ url, what: 'download' })).rejects.toMatchObject({
      code: 'RETIRED_HOST',
      retryable: false,
      hint: expect.stringContaining('search again'),
    })
  })

  test('carry credentials to every hop', async () => {
    const world = await worldWith()
    await expect(get(world, { headers: { Authorization: 'Bearer abcdefgh' } })).rejects.toMatchObject({
      code: 'INTERNAL',
    })
    expect(world.log).toEqual([])
  })
})

test('messages hold the service’s words and number, and no secret', async () => {
  const world = await worldWith([
    {
      kind: 'status',
      status: 400,
      headers: { 'x-request-id': '7e38-42', 'content-type': 'application/json' },
      body: '{"errors":["bad token=secret-in-text at https://h/x?sig=secret-in-url","second"]}',
    },
  ])
  for (const secret of ['secret-in-text', 'secret-in-url', 'secret-in-query']) world.keepSecret(secret)
  await expect(get(world, { url: `${world.endpoints.aws}/${KEY}?Signature=secret-in-query` })).rejects.toThrow(
    /^download of a scene: 127\.0\.0\.1:\d+ answered 400: bad token=\[removed\] at https:\/\/h\/x; second \(request 7e38-42\)$/,
  )
})
