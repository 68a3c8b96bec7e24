// The way through a proxy: which addresses take it, and that it works for real.
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { isExempt, proxyFor } from '../../../src/net/proxy.js'
import { hasOpenssl } from '../../fakes/certificate.js'
import { startWorld, type World } from '../../fakes/world.js'

const DATA = new URL('https://data.lpdaac.earthdatacloud.nasa.gov/x')

test.each([
  [{ HTTPS_PROXY: 'http://proxy:3128' }, 'http://proxy:3128/'],
  [{ https_proxy: 'proxy:3128' }, 'http://proxy:3128/'],
  [{ https_proxy: 'http://small:1', HTTPS_PROXY: 'http://large:2' }, 'http://small:1/'],
  [{ ALL_PROXY: 'https://proxy' }, 'https://proxy/'],
  [{ HTTP_PROXY: 'http://proxy:3128' }, undefined],
  [{ HTTPS_PROXY: '' }, undefined],
  [{ HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: 'nasa.gov' }, undefined],
  [{}, undefined],
])('%o', (env, expected) => {
  expect(proxyFor(DATA, env)?.href).toBe(expected)
})

test('this machine is never asked for by proxy', () => {
  for (const url of ['https://127.0.0.1:8443/', 'https://localhost/', 'https://[::1]/']) {
    expect(proxyFor(new URL(url), { HTTPS_PROXY: 'http://proxy:3128' })).toBeUndefined()
  }
})

test.each(['socks5://proxy:1080', 'http://', 'http://me:secretword@'])('%s is no proxy for us', (address) => {
  const tried = () => proxyFor(DATA, { HTTPS_PROXY: address })
  expect(tried).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  expect(tried).not.toThrow(/secretword/)
})

test.each([
  ['*', true],
  ['earthdatacloud.nasa.gov', true],
  ['.nasa.gov', true],
  ['*.nasa.gov', true],
  ['NASA.gov', true],
  ['example.org, nasa.gov', true],
  ['nasa.gov:443', true],
  ['nasa.gov:8080', false],
  ['asa.gov', false],
  ['gov.example', false],
  ['', false],
])('NO_PROXY=%s', (list, expected) => {
  expect(isExempt(DATA, list)).toBe(expected)
})

describe.runIf(hasOpenssl)('a real tunnel', () => {
  let server: Server | undefined
  afterEach(() => {
    server?.closeAllConnections()
    server?.close()
  })

  /** A proxy that leads every name to one port of this machine. */
  async function proxyTo(world: World, status = 200) {
    const seen: { target: string; credentials: string | undefined }[] = []
    const port = Number(new URL(world.url('aws')).port)
    server = createServer((_, response) => response.writeHead(405).end())
    server.on('connect', (request, client) => {
      seen.push({ target: request.url ?? '', credentials: request.headers['proxy-authorization'] })
      if (status !== 200) {
        client.end(`HTTP/1.1 ${status} No\r\n\r\n`)
        return
      }
      const onward = connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n')
        onward.pipe(client).pipe(onward)
      })
      for (const socket of [onward, client]) socket.on('error', () => socket.destroy())
    })
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
    const address = server.address() as AddressInfo
    return { seen, url: `http://me:secretword@127.0.0.1:${address.port}` }
  }

  const worldOfOne = () => startWorld({ tls: true, bucket: { 'a.tif': Buffer.from('II*\0 through the wall') } })
  const request = { url: 'https://data.aster.test/a.tif', what: 'download' }

  test('carries requests, several by one connection', async () => {
    const world = await worldOfOne()
    const { seen, url } = await proxyTo(world)
    const http = world.client({ env: { HTTPS_PROXY: url } })
    for (let time = 0; time < 3; time += 1)
      expect(await (await http.send(request)).text()).toBe('II*\0 through the wall')
    const credentials = `Basic ${Buffer.from('me:secretword').toString('base64')}`
    expect(seen).toEqual([{ target: 'data.aster.test:443', credentials }])
    expect(world.log.map(({ headers }) => [headers.host, headers['proxy-authorization']])).toEqual(
      Array.from({ length: 3 }, () => ['data.aster.test', undefined]),
    )
  })

  test('does not weaken TLS: the certificate has to be that of the host', async () => {
    const world = await worldOfOne()
    const { url } = await proxyTo(world)
    const http = world.client({ env: { HTTPS_PROXY: url } })
    await expect(http.send({ ...request, url: 'https://other.test/a.tif' })).rejects.toMatchObject({ code: 'CONFIG' })
    expect(world.log).toEqual([])
  })

  test('that is refused is told without the password', async () => {
    const world = await worldOfOne()
    world.keepSecret('secretword')
    const { url, seen } = await proxyTo(world, 407)
    const http = world.client({ env: { HTTPS_PROXY: url }, retry: { attempts: 2 } })
    await expect(http.send(request)).rejects.toMatchObject({
      message: expect.stringMatching(/proxy 127\.0\.0\.1:\d+: answered 407/),
    })
    expect(seen.length).toBe(1)
  })

  test('to a proxy that is not there', async () => {
    const world = await worldOfOne()
    const http = world.client({ env: { HTTPS_PROXY: 'http://127.0.0.1:1' } })
    await expect(http.send(request)).rejects.toMatchObject({
      code: 'NETWORK',
      message: expect.stringContaining('proxy 127.0.0.1:1'),
    })
  })
})
