// Everything that can go wrong while a file is fetched: nothing wrong is accepted, nothing that came is lost.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Fault } from '../../fakes/faults.js'
import { fakeTiff, l1tGranule } from '../../fakes/granules.js'
import { etagOf } from '../../fakes/reply.js'
import { startWorld, type World, type WorldOptions } from '../../fakes/world.js'
import { bytesSentFor, download, filesIn, newFolder, sceneOf, sha512, toolsOf } from './scenes.js'

const SIZE = 300_000
const granule = l1tGranule({ fileBytes: SIZE })
const { id } = granule
const name = `${id}_VNIR_B01.tif`
const home = `AST_L1T/${id}`
const route = new RegExp(`/${name.replace('.', '\\.')}$`)
const content = granule.files[name] as Uint8Array

async function worldWith(
  host: 'data' | 'signed' | 'urs',
  steps: (Fault | 'normal')[],
  more: WorldOptions & { always?: boolean } = {},
) {
  const { always = false, ...options } = more
  return startWorld({ granules: [granule], ...options, faults: [{ host, route, steps, always }] })
}

/** Only the one band, without the small files beside it. */
function oneFile(world: World, { checksum = true, size = true } = {}) {
  const scene = sceneOf(world, granule)
  const files = scene.files
    .filter((file) => file.name === name)
    .map(({ bytes, checksum: sum, ...file }) => ({
      ...file,
      ...(size && bytes !== undefined ? { bytes } : {}),
      ...(checksum && sum !== undefined ? { checksum: sum } : {}),
    }))
  return [{ ...scene, files }]
}

function expectWhole(cacheDir: string) {
  expect(sha512(readFileSync(join(cacheDir, home, name)))).toBe(sha512(content))
  expect(filesIn(cacheDir)).toEqual([`${home}/${name}`, `${home}/granule.json`].sort())
}

const SURVIVED: [string, 'data' | 'signed', (Fault | 'normal')[]][] = [
  ['429 with seconds', 'signed', [{ kind: 'status', status: 429, headers: { 'retry-after': '3' } }]],
  ['429 without', 'data', [{ kind: 'status', status: 429 }]],
  ['500', 'data', [{ kind: 'status', status: 500 }]],
  [
    '502 as a page',
    'data',
    [
      {
        kind: 'status',
        status: 502,
        body: '<!doctype html><html>bad gateway</html>',
        headers: { 'content-type': 'text/html' },
      },
    ],
  ],
  ['503', 'signed', [{ kind: 'status', status: 503, headers: { 'retry-after': '1' } }]],
  ['504', 'signed', [{ kind: 'status', status: 504 }]],
  ['a reset before the answer', 'signed', [{ kind: 'reset' }]],
  ['a drop in the middle', 'signed', [{ kind: 'drop', after: 100_000 }]],
  [
    'three drops',
    'signed',
    [
      { kind: 'drop', after: 100_000 },
      { kind: 'drop', after: 50_000 },
      { kind: 'drop', after: 1 },
    ],
  ],
  ['a drop at once', 'signed', [{ kind: 'drop', after: 0 }]],
  ['chunks without an end', 'signed', [{ kind: 'cut-chunks', after: 120_000 }]],
  ['a body that stands still', 'signed', [{ kind: 'stall', after: 70_000 }]],
  ['an answer that never comes', 'signed', [{ kind: 'silence' }]],
  ['a shorter file once', 'signed', [{ kind: 'truncate', to: 200_000 }]],
  ['a longer file once', 'signed', [{ kind: 'longer', by: 7 }]],
  ['an empty file once', 'signed', [{ kind: 'empty' }]],
  ['a flipped bit once', 'signed', [{ kind: 'bit-flip', at: 150_000 }]],
  ['gzip that nobody asked for', 'signed', [{ kind: 'gzip' }]],
  ['half of such gzip', 'signed', [{ kind: 'gzip', keep: 100_000 }]],
  ['the whole file in place of the rest', 'signed', [{ kind: 'drop', after: 100_000 }, { kind: 'ignore-range' }]],
  [
    'the rest from another byte',
    'signed',
    [
      { kind: 'drop', after: 100_000 },
      { kind: 'wrong-range', start: 99_999 },
    ],
  ],
  [
    'the rest of a file of another size',
    'signed',
    [
      { kind: 'drop', after: 100_000 },
      { kind: 'wrong-range', total: SIZE + 1 },
    ],
  ],
  [
    'the rest of another version',
    'signed',
    [
      { kind: 'drop', after: 100_000 },
      { kind: 'etag', value: '"other"' },
    ],
  ],
  [
    'no such range any more',
    'signed',
    [
      { kind: 'drop', after: 100_000 },
      { kind: 'status', status: 416 },
    ],
  ],
  [
    'a flipped bit in the first piece',
    'signed',
    [
      { kind: 'drop', after: 100_000 },
      { kind: 'bit-flip', at: 5 },
    ],
  ],
  ['another content type', 'signed', [{ kind: 'headers', headers: { 'content-type': 'text/plain' } }]],
]

describe('survived', () => {
  test.each(SURVIVED)('%s', async (_, host, steps) => {
    const world = await worldWith(host, [...steps])
    const cacheDir = newFolder()
    const http = toolsOf(world)
    const fast = steps.some((step) => step !== 'normal' && /stall|silence/.test(step.kind))
    const tools = fast ? { ...http, http: (await quick(world)).http } : http
    const report = await download(world, oneFile(world), { cacheDir }, tools)
    expect(report.failed).toEqual([])
    expectWhole(cacheDir)
  })
})

/** Tools whose client has little patience. */
async function quick(world: World) {
  const { dataClient } = await import('../../../src/access/data-client.js')
  const env = { EARTHDATA_TOKEN: world.token }
  const client = world.client({ idleTimeoutMs: 1000, manners: { firstByteTimeoutMs: 1000 } })
  return { http: dataClient(client, { endpoints: world.endpoints, env, clock: world.clock }) }
}

test('a drop costs only what had not come', async () => {
  const world = await worldWith('signed', [{ kind: 'drop', after: 200_000 }])
  await download(world, oneFile(world), { cacheDir: newFolder() })
  const [first, second] = world.requests('signed')
  const from = Number(/^bytes=(\d+)-$/.exec(second?.headers.range ?? '')?.[1])
  expect(from).toBeGreaterThan(0)
  expect(from).toBeLessThanOrEqual(200_000)
  expect(second?.headers['if-range']).toBe(etagOf(content))
  expect(first?.headers['accept-encoding']).toBe('identity')
  expect(second?.bytesSent).toBe(SIZE - from)
})

const REFUSED: [string, 'data' | 'signed', Fault, string, RegExp][] = [
  [
    'a file that is always shorter',
    'signed',
    { kind: 'truncate', to: 200_000 },
    'CORRUPT',
    /announces 200000 bytes, the catalogue 300000/,
  ],
  ['a file that is always longer', 'signed', { kind: 'longer', by: 7 }, 'CORRUPT', /announces 300007 bytes/],
  [
    'a bit that always flips',
    'signed',
    { kind: 'bit-flip', at: 5 },
    'CORRUPT',
    /its SHA-512 is [0-9a-f]{128}, it should be [0-9a-f]{128}/,
  ],
  ['a file that is always empty', 'signed', { kind: 'empty' }, 'CORRUPT', /announces 0 bytes/],
  ['a login page', 'signed', { kind: 'page' }, 'AUTH_LOGIN_PAGE', /sent a login page/],
  ['a login page at once', 'data', { kind: 'page' }, 'AUTH_LOGIN_PAGE', /sent a login page/],
  [
    'a page of a portal',
    'signed',
    { kind: 'body', text: '<html><body>Pay for this hotel</body></html>', contentType: 'text/html' },
    'SERVICE',
    /web page instead/,
  ],
  ['no such file', 'data', { kind: 'status', status: 404 }, 'NOT_FOUND', /answered 404/],
  [
    'a redirect to strangers',
    'data',
    { kind: 'redirect', to: 'https://example.org/x' },
    'SERVICE',
    /none of the service's hosts/,
  ],
  [
    'a redirect to a user name',
    'data',
    { kind: 'redirect', to: 'https://a:b@d1.cloudfront.net/x' },
    'SERVICE',
    /user name/,
  ],
  ['a redirect to nowhere', 'data', { kind: 'redirect', to: undefined }, 'SERVICE', /does not say where to/],
  ['an endless 503', 'signed', { kind: 'status', status: 503 }, 'NETWORK', /answered 503/],
  [
    'an absurd Retry-After',
    'data',
    { kind: 'status', status: 429, headers: { 'retry-after': '86400' } },
    'RATE_LIMITED',
    /wait 86400 s/,
  ],
  [
    'bodies that never begin',
    'signed',
    { kind: 'drop', after: 0 },
    'NETWORK',
    /sent less than it announced|closed the connection/,
  ],
]

describe('refused', () => {
  test.each(REFUSED)('%s', async (_, host, step, code, message) => {
    const world = await worldWith(host, [step], { always: true })
    const cacheDir = newFolder()
    const outcome = await download(world, oneFile(world), { cacheDir }).then(
      (report) => report.failed[0]?.error,
      (error: unknown) => error,
    )
    expect(outcome).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(outcome).toMatchObject({ message: expect.stringContaining(name) })
    expect(existsSync(join(cacheDir, home, name))).toBe(false)
    // Nothing that came wrong is left to be gone on from.
    const left = filesIn(cacheDir).filter((file) => /\.(part|claim)$/.test(file))
    expect(left.map((file) => [file.endsWith('.part'), readFileSync(join(cacheDir, file)).length])).toEqual(
      left.map(() => [true, 0]),
    )
  })

  test.each([
    ['with its size', true],
    ['without its size', false],
  ])('a file of another kind, %s', async (_, size) => {
    const text = 'x'.repeat(SIZE)
    const world = await worldWith('signed', [{ kind: 'body', text, contentType: 'image/tiff' }], { always: true })
    const report = await download(world, oneFile(world, { checksum: false, size }), { cacheDir: newFolder() })
    expect(report.failed[0]?.error).toMatchObject({ code: 'CORRUPT', message: expect.stringContaining('no TIFF file') })
  })
})

describe('accounts', () => {
  test('terms that were not accepted stop everything, once asked, with the link', async () => {
    const world = await startWorld({ granules: [granule], account: { hasAcceptedTerms: false } })
    const cacheDir = newFolder()
    const pending = download(world, [sceneOf(world, granule)], { cacheDir, concurrency: 1 })
    await expect(pending).rejects.toMatchObject({
      code: 'AUTH_TERMS',
      message: expect.stringContaining('download of AST_L1T'),
      hint: expect.stringContaining('https://urs.earthdata.nasa.gov/approve_app?client_id='),
    })
    expect(world.requests('data')).toHaveLength(1)
    expect(filesIn(cacheDir).filter((file) => file.endsWith('.tif'))).toEqual([])
  })

  test('an expired token is told before anything is asked', async () => {
    const world = await startWorld({ granules: [granule] })
    const tools = toolsOf(world)
    world.clock.advance(61 * 86_400_000)
    await expect(download(world, oneFile(world), { cacheDir: newFolder() }, tools)).rejects.toMatchObject({
      code: 'AUTH_EXPIRED',
    })
    expect(world.log).toEqual([])
  })

  test('a revoked token is told with the file', async () => {
    const world = await startWorld({ granules: [granule], excused: { repeats: true } })
    world.accounts.revoke(world.token)
    await expect(download(world, oneFile(world), { cacheDir: newFolder() })).rejects.toMatchObject({
      code: 'AUTH_EXPIRED',
      message: expect.stringContaining(name),
    })
  })

  test('no credentials are told with where they were looked for', async () => {
    const world = await startWorld({ granules: [granule] })
    const tools = toolsOf(world, { HOME: newFolder() })
    await expect(download(world, oneFile(world), { cacheDir: newFolder() }, tools)).rejects.toMatchObject({
      code: 'AUTH_MISSING',
      message: expect.stringContaining('EARTHDATA_TOKEN'),
    })
    expect(world.log).toEqual([])
  })

  test('eight files at once share one login by password', async () => {
    const world = await startWorld({ granules: [granule] })
    const env = { EARTHDATA_USERNAME: world.account.name, EARTHDATA_PASSWORD: world.account.password }
    const report = await download(
      world,
      [sceneOf(world, granule)],
      { cacheDir: newFolder(), concurrency: 8 },
      toolsOf(world, env),
    )
    expect(report.failed).toEqual([])
    expect(world.requests('urs')).toHaveLength(1)
  })

  test('a token that is revoked in mid-batch is replaced', async () => {
    const world = await startWorld({ granules: [granule], excused: { repeats: true } })
    const env = { EARTHDATA_USERNAME: world.account.name, EARTHDATA_PASSWORD: world.account.password }
    let isRevoked = false
    const report = await download(
      world,
      [sceneOf(world, granule)],
      {
        cacheDir: newFolder(),
        concurrency: 2,
        onEvent: ({ kind }) => {
          if (kind !== 'file' || isRevoked) return
          isRevoked = true
          for (const { token } of world.accounts.tokens) world.accounts.revoke(token)
        },
      },
      toolsOf(world, env),
    )
    expect(report.failed).toEqual([])
    expect(world.requests('urs')).toHaveLength(2)
  })

  test('a retired host is told without being asked', async () => {
    const world = await startWorld({ granules: [granule] })
    const [scene] = oneFile(world)
    const files = (scene?.files ?? []).map((file) => ({ ...file, url: `https://e4ftl01.cr.usgs.gov/ASTT/${name}` }))
    if (scene === undefined) throw new Error('no scene')
    const report = await download(world, [{ ...scene, files }], { cacheDir: newFolder() })
    expect(report.failed[0]?.error).toMatchObject({ code: 'RETIRED_HOST', message: expect.stringContaining(name) })
  })
})

describe('signed addresses', () => {
  test('one that expired on the way is asked for again', async () => {
    const world = await worldWith('signed', [
      {
        kind: 'status',
        status: 403,
        body: '<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
      },
    ])
    const cacheDir = newFolder()
    expect((await download(world, oneFile(world), { cacheDir })).failed).toEqual([])
    expect(world.requests('data')).toHaveLength(2)
    expectWhole(cacheDir)
  })

  test('one that expires in the middle of a file is replaced for the rest', async () => {
    const world = await worldWith('signed', [{ kind: 'drop', after: 100_000 }], { signedLifeMs: 60_000 })
    const cacheDir = newFolder()
    const onEvent = ({ kind }: { kind: string }) => kind === 'note' && world.clock.advance(61_000)
    expect((await download(world, oneFile(world), { cacheDir, onEvent })).failed).toEqual([])
    expect(world.requests('data').map(({ headers }) => headers.range === undefined)).toEqual([true, false])
    expectWhole(cacheDir)
  })
})

describe('what a killed run left', () => {
  async function left(files: { part?: Uint8Array; sidecar?: object }) {
    const world = await startWorld({ granules: [granule] })
    const cacheDir = newFolder()
    const folder = join(cacheDir, home)
    mkdirSync(folder, { recursive: true })
    if (files.part !== undefined) writeFileSync(join(folder, `.${name}.part`), files.part)
    const known = {
      schema: 1,
      url: world.fileUrl(granule, name),
      etag: etagOf(content),
      total: SIZE,
      checksum: null,
      ...files.sidecar,
    }
    if (files.sidecar !== undefined) writeFileSync(join(folder, `.${name}.part.json`), JSON.stringify(known))
    return { world, cacheDir, sent: () => bytesSentFor(world, name) }
  }

  test.each<[string, { part?: Uint8Array; sidecar?: object }, number]>([
    ['a part is gone on from', { part: content.subarray(0, 250_000), sidecar: {} }, 50_000],
    ['all bytes but no name: nothing is asked', { part: content, sidecar: {} }, 0],
    ['a part without a sidecar is thrown away', { part: content.subarray(0, 250_000) }, SIZE],
    ['a sidecar without a part is forgotten', { sidecar: {} }, SIZE],
    [
      'a part of another version is thrown away',
      { part: content.subarray(0, 250_000), sidecar: { etag: '"old"' } },
      SIZE,
    ],
    [
      'a part of another size is thrown away',
      { part: content.subarray(0, 250_000), sidecar: { total: 1_000_000 } },
      SIZE,
    ],
    ['a part that is too long is thrown away', { part: new Uint8Array(SIZE + 1), sidecar: {} }, SIZE],
    [
      'a part from elsewhere is thrown away',
      { part: content.subarray(0, 250_000), sidecar: { url: 'https://elsewhere/x' } },
      SIZE,
    ],
    [
      'a part with wrong bytes costs one whole fetch more',
      { part: new Uint8Array(250_000), sidecar: {} },
      50_000 + SIZE,
    ],
    ['all bytes, and wrong ones', { part: new Uint8Array(SIZE), sidecar: {} }, SIZE],
    ['a damaged sidecar', { part: content.subarray(0, 250_000), sidecar: { schema: 2 } }, SIZE],
    [
      'a part without a strong validator, but with a checksum',
      { part: content.subarray(0, 250_000), sidecar: { etag: null } },
      50_000,
    ],
  ])('%s', async (_, files, expected) => {
    const { world, cacheDir, sent } = await left(files)
    expect((await download(world, oneFile(world), { cacheDir })).failed).toEqual([])
    expectWhole(cacheDir)
    expect(sent()).toBe(expected)
  })

  test('without a checksum, a part without a strong validator is thrown away', async () => {
    const { world, cacheDir, sent } = await left({ part: content.subarray(0, 250_000), sidecar: { etag: 'W/"1"' } })
    await download(world, oneFile(world, { checksum: false }), { cacheDir })
    expectWhole(cacheDir)
    expect(sent()).toBe(SIZE)
  })
})

describe('Planetary Computer', () => {
  const path = '/aster/images/L1T/2001/01/06/AST_L1T_00301062001031139_20150414031232_83940.VNIR.tif'
  const blob = fakeTiff('blob', 200_000)
  const scenePc = (world: World) => [
    {
      ...(oneFile(world)[0] ?? sceneOf(world, granule)),
      backend: 'planetary_computer' as const,
      id: 'AST_L1T_00301062001031139_20150414031232_83940',
      sceneKey: '00301062001031139',
      version: '003',
      files: [
        {
          name: path.split('/').at(-1) ?? '',
          role: 'band' as const,
          subsystem: 'VNIR',
          url: `${world.url('blob')}${path}`,
        },
      ],
    },
  ]

  test('files are signed with one token, and parts survive its end', async () => {
    const world = await startWorld({
      blobs: { [path]: blob },
      faults: [{ host: 'blob', steps: [{ kind: 'drop', after: 90_000 }] }],
    })
    const cacheDir = newFolder()
    const tools = toolsOf(world, {})
    const report = await download(world, scenePc(world), { cacheDir }, tools)
    expect(report.failed).toEqual([])
    expect(sha512(readFileSync(report.scenes[0]?.path ?? ''))).toBe(sha512(blob))
    expect(report.scenes[0]?.path).toContain('.planetary_computer/')
    expect(world.requests('pcsas')).toHaveLength(1)
    expect(JSON.stringify(filesIn(cacheDir).map((file) => readFileSync(join(cacheDir, file), 'latin1')))).not.toContain(
      'sig=',
    )
  })

  test('a token that ends between two pieces is replaced', async () => {
    const world = await startWorld({
      blobs: { [path]: blob },
      faults: [{ host: 'blob', steps: [{ kind: 'drop', after: 90_000 }] }],
    })
    const report = await download(
      world,
      scenePc(world),
      { cacheDir: newFolder(), onEvent: ({ kind }) => kind === 'note' && world.clock.advance(3_600_001) },
      toolsOf(world, {}),
    )
    expect(report.failed).toEqual([])
    expect(world.requests('pcsas')).toHaveLength(2)
  })

  test("the service's own MD5 is held against the bytes, also after a break", async () => {
    const md5 = createHash('md5').update(blob).digest('base64')
    const honest = { kind: 'headers', headers: { 'x-ms-blob-content-md5': md5 } } as const
    const lying = { kind: 'headers', headers: { 'x-ms-blob-content-md5': createHash('md5').digest('base64') } } as const
    const world = await startWorld({ blobs: { [path]: blob }, faults: [{ host: 'blob', steps: [honest] }] })
    const cacheDir = newFolder()
    expect((await download(world, scenePc(world), { cacheDir }, toolsOf(world, {}))).failed).toEqual([])
    const record = filesIn(cacheDir).find((file) => file.endsWith('granule.json')) ?? ''
    expect(JSON.parse(readFileSync(join(cacheDir, record), 'utf8')).files[0]).toMatchObject({
      checkedAgainst: 'service',
    })
    const other = await startWorld({
      blobs: { [path]: blob },
      faults: [{ host: 'blob', steps: [lying], always: true }],
    })
    const report = await download(other, scenePc(other), { cacheDir: newFolder() }, toolsOf(other, {}))
    expect(report.failed[0]?.error).toMatchObject({ code: 'CORRUPT', message: expect.stringContaining('its MD5 is') })
  })
})

test('one bad file does not keep the others away', async () => {
  const other = l1tGranule({ time: '2001-01-07T18:50:55.270000Z', fileBytes: 1000 })
  const world = await startWorld({
    granules: [granule, other],
    faults: [{ host: 'data', route, steps: [{ kind: 'status', status: 404 }] }],
  })
  const cacheDir = newFolder()
  const report = await download(world, [sceneOf(world, granule), sceneOf(world, other)], { cacheDir })
  expect(report.scenes.map((scene) => scene.id)).toEqual([other.id])
  expect(report.failed).toMatchObject([{ id, name, error: { code: 'NOT_FOUND' } }])
  expect(filesIn(cacheDir).filter((file) => file.endsWith('.tif'))).toHaveLength(11)
})

test('an abort stops at once and leaves parts to go on from', async () => {
  const steps: Fault[] = Array.from({ length: 6 }, () => ({ kind: 'stall', after: 130_000 }))
  const world = await startWorld({ granules: [granule], faults: [{ host: 'signed', route: /tif$/, steps }] })
  const cacheDir = newFolder()
  const stop = new AbortController()
  const pending = download(world, [sceneOf(world, granule)], { cacheDir, signal: stop.signal })
  const turns = async (count: number) => {
    for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const isSent = () => world.requests('signed').filter(({ bytesSent }) => bytesSent >= 130_000).length === 6
  while (!isSent()) await turns(1)
  // What was sent is received, the services being in this process.
  await turns(20)
  stop.abort('SIGINT')
  // Nothing else would end them: the clock stands still.
  await expect(pending).rejects.toMatchObject({ name: 'AbortError', code: 'CANCELLED' })
  const left = filesIn(cacheDir)
  expect(left.filter((file) => file.endsWith('.tif'))).toEqual([])
  expect(left.filter((file) => file.endsWith('.claim'))).toEqual([])
  const parts = left.filter((file) => file.endsWith('.part'))
  expect(parts.length).toBeGreaterThan(0)
  for (const part of parts) expect(readFileSync(join(cacheDir, part)).length).toBeGreaterThan(50_000)
  const report = await download(world, [sceneOf(world, granule)], { cacheDir })
  expect(report.failed).toEqual([])
  expect(report.bytesFetched).toBeLessThan(6 * SIZE - parts.length * 50_000 + 10)
})
