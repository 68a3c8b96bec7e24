// Redirects: which are followed and how, and what no redirect can bring about.
import { describe, expect, test } from 'vitest'
import { endpointsFrom, redirectsWithin } from '../../../src/net/endpoints.js'
import type { HeadersFor } from '../../../src/net/http.js'
import { nextHop } from '../../../src/net/redirect.js'
import { hasOpenssl } from '../../fakes/certificate.js'
import { l1tGranule } from '../../fakes/granules.js'
import { startWorld, type World } from '../../fakes/world.js'

const granule = l1tGranule()
const file = `${granule.id}_VNIR_B01.tif`
const real = redirectsWithin(endpointsFrom({}))
const DATA = 'https://data.lpdaac.earthdatacloud.nasa.gov/lp-prod-protected/a.tif'

const toOwnHosts =
  (world: World): HeadersFor =>
  async ({ origin }): Promise<Record<string, string>> =>
    origin === world.url('data') ? { authorization: `Bearer ${world.token}` } : {}

const follow = (
  from: string,
  location: string | null,
  { status = 302, method = 'GET', body = undefined as string | undefined } = {},
) => nextHop({ url: new URL(from), method, body }, status, location, real)

describe('the next hop', () => {
  test.each([
    [DATA, 'https://d1nklfio7vscoe.cloudfront.net/s3-0/x?Signature=1', 'd1nklfio7vscoe.cloudfront.net'],
    [DATA, 'https://lp-prod-protected.s3.us-west-2.amazonaws.com/x', 'lp-prod-protected.s3.us-west-2.amazonaws.com'],
    [DATA, 'https://lp-prod-protected.s3.amazonaws.com/x', 'lp-prod-protected.s3.amazonaws.com'],
    [DATA, 'https://urs.earthdata.nasa.gov/oauth/authorize', 'urs.earthdata.nasa.gov'],
    [
      'https://urs.earthdata.nasa.gov/oauth/authorize',
      'https://data.lpdaac.earthdatacloud.nasa.gov/login',
      'data.lpdaac.earthdatacloud.nasa.gov',
    ],
    [DATA, '/login?code=1', 'data.lpdaac.earthdatacloud.nasa.gov'],
    [DATA, 'b.tif', 'data.lpdaac.earthdatacloud.nasa.gov'],
    ['https://example.org/a', 'https://example.org/b', 'example.org'],
  ])('of %s to %s', (from, location, host) => {
    expect(follow(from, location).url.host).toBe(host)
  })

  test.each([
    [DATA, 'https://evil.example/x', 'none of the service’s hosts'],
    [DATA, 'https://cloudfront.net.evil.example/x', 'evil.example'],
    [DATA, 'https://evilcloudfront.net/x', 'evilcloudfront.net'],
    [DATA, 'https://earthdatacloud.nasa.gov.evil.example/', 'evil.example'],
    [DATA, 'http://d1nklfio7vscoe.cloudfront.net/x', 'from https to http'],
    [DATA, 'http://127.0.0.1/x', 'from https to http'],
    [DATA, 'https://127.0.0.1/x', '127.0.0.1'],
    [DATA, 'https://user:word@d1nklfio7vscoe.cloudfront.net/x', 'a user name'],
    [DATA, 'ftp://data.lpdaac.earthdatacloud.nasa.gov/x', 'ftp:'],
    [DATA, 'file:///etc/passwd', 'file:'],
    [DATA, 'https://', 'no address'],
    [DATA, null, 'where to'],
    [DATA, '  ', 'where to'],
    ['https://d1nklfio7vscoe.cloudfront.net/x', DATA, 'none of the service’s hosts'],
    ['https://planetarycomputer.microsoft.com/api', DATA, 'none of the service’s hosts'],
  ])('of %s to %s is refused', (from, location, text) => {
    const tried = () => follow(from, location)
    expect(tried).toThrow(text.replace('’', "'"))
    expect(tried).toThrow(expect.objectContaining({ code: 'SERVICE', retryable: false }))
    if (location?.includes('word')) expect(tried).not.toThrow('word')
  })

  test.each([
    [301, 'GET', 'GET'],
    [302, 'GET', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [307, 'POST', 'POST'],
    [308, 'POST', 'POST'],
  ])('after %i a %s becomes a %s', (status, method, expected) => {
    const hop = follow(DATA, 'b.tif', { status, method, body: method === 'POST' ? 'text' : undefined })
    expect([hop.method, hop.body]).toEqual([expected, expected === 'POST' ? 'text' : undefined])
  })
})

describe('through the fake services', () => {
  const get = (world: World) =>
    world.client().send({ url: world.fileUrl(granule, file), headersFor: toOwnHosts(world), what: 'download' })

  test.each(['cloudfront', 's3'] as const)('credentials stay at the host they are for, by %s', async (signingStyle) => {
    const world = await startWorld({ granules: [granule], signingStyle })
    await (await get(world)).cancel()
    expect(world.log.map(({ host, headers }) => [host, headers.authorization !== undefined])).toEqual([
      ['data', true],
      ['signed', false],
    ])
  })

  test('a range is sent to every hop', async () => {
    const world = await startWorld({ granules: [granule] })
    const request = { url: world.fileUrl(granule, file), headersFor: toOwnHosts(world), what: 'read' }
    const response = await world.client().send({ ...request, headers: { Range: 'bytes=10-19' } })
    expect([response.status, (await response.text()).length > 0]).toEqual([206, true])
    expect(world.log.map(({ headers }) => [headers.range, headers['accept-encoding']])).toEqual([
      ['bytes=10-19', 'identity'],
      ['bytes=10-19', 'identity'],
    ])
  })

  const abuses: [string, (world: World) => string | undefined, string][] = [
    ['to a host of somebody else', (world) => `${world.url('evil')}/x`, "none of the service's hosts"],
    ['without a place', () => undefined, 'does not say where to'],
    ['with a user name', (world) => world.url('signed').replace('://', '://me:secretword@'), 'a user name'],
    ['to itself', (world) => world.fileUrl(granule, file), 'back to where it came from'],
    ['to another kind of address', () => 'gopher://127.0.0.1/', 'gopher:'],
  ]
  test.each(abuses)('a redirect %s is an error, not a request', async (_, to, text) => {
    const world = await startWorld({ granules: [granule] })
    world.keepSecret('secretword')
    world.script('data', [{ kind: 'redirect', to: to(world) }], { always: true })
    await expect(get(world)).rejects.toMatchObject({ code: 'SERVICE', message: expect.stringContaining(text) })
    expect(world.log.length).toBe(1)
  })

  test('two addresses that lead to each other', async () => {
    const world = await startWorld()
    const [a, b] = [`${world.url('data')}/a`, `${world.url('data')}/b`]
    world.script('data', [{ kind: 'redirect', to: b }], { route: '/a', always: true })
    world.script('data', [{ kind: 'redirect', to: a }], { route: '/b', always: true })
    await expect(world.client().send({ url: a, what: 'download' })).rejects.toThrow('back to where it came from')
    expect(world.log.length).toBe(2)
  })

  test('a chain without end', async () => {
    const world = await startWorld()
    const steps = Array.from({ length: 20 }, (_, hop) => ({ kind: 'redirect' as const, to: `/${hop + 1}` }))
    world.script('data', steps)
    await expect(world.client().send({ url: `${world.url('data')}/0`, what: 'download' })).rejects.toThrow(
      'more than 10',
    )
    expect(world.log.length).toBe(11)
  })

  test('a redirect may be relative', async () => {
    const world = await startWorld({ granules: [granule] })
    const path = new URL(world.fileUrl(granule, file)).pathname
    world.script('data', [{ kind: 'redirect', to: path }], { route: '/lp-prod-protected/moved' })
    const url = `${world.url('data')}/lp-prod-protected/moved`
    const response = await world.client().send({ url, headersFor: toOwnHosts(world), what: 'download' })
    await response.cancel()
    expect(world.log.map(({ host }) => host)).toEqual(['data', 'data', 'signed'])
  })

  test('a signed address that ran out on the way is asked for anew, once', async () => {
    const world = await startWorld({ granules: [granule], signedLifeMs: -1000 })
    const pending = get(world)
    await expect(pending).rejects.toMatchObject({
      code: 'ADDRESS_EXPIRED',
      message: expect.stringContaining('Request has expired'),
    })
    expect(world.log.map(({ host }) => host)).toEqual(['data', 'signed', 'data', 'signed'])
  })

  test('an address that was signed for HEAD is not used for GET', async () => {
    const world = await startWorld({ granules: [granule] })
    const request = { url: world.fileUrl(granule, file), headersFor: toOwnHosts(world), what: 'look' }
    const head = await world.client().send({ ...request, method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '4096'])
    await (await world.client().send(request)).cancel()
    expect(world.log.map(({ method, status }) => `${method} ${status}`)).toEqual([
      'HEAD 303',
      'HEAD 200',
      'GET 303',
      'GET 200',
    ])
  })

  test.runIf(hasOpenssl)('TLS is not given up, not even on this machine', async () => {
    const [secure, plain] = [await startWorld({ granules: [granule], tls: true }), await startWorld()]
    secure.script('data', [{ kind: 'redirect', to: `${plain.url('signed')}/x` }], { always: true })
    await expect(get(secure)).rejects.toThrow('from https to http')
    expect(plain.log).toEqual([])
  })

  test.runIf(hasOpenssl)('a certificate that nobody signed is no passing failure', async () => {
    const world = await startWorld({ tls: true })
    const pending = world.client({ ca: undefined }).send({ url: `${world.url('cmr')}/`, what: 'search' })
    await expect(pending).rejects.toMatchObject({
      code: 'CONFIG',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    })
    expect(world.log).toEqual([])
  })
})
