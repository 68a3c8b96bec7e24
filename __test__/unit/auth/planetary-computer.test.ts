// Signatures for Planetary Computer's store: one token for all, renewed in time, never at a foreign host.
import { describe, expect, test } from 'vitest'
import { BlobSigner, signing, subscriptionKeySource } from '../../../src/auth/planetary-computer.js'
import { FakeClock } from '../../fakes/fake-clock.js'
import { startWorld, type WorldOptions } from '../../fakes/world.js'

const PATH = '/aster/images/L1T/2001/01/06/AST_L1T_x_83940.VNIR.tif'
const HOUR_MS = 3_600_000

async function connect(env: Record<string, string> = {}, options: WorldOptions = {}) {
  const world = await startWorld({ blobs: { [PATH]: Buffer.from('II*\0 pixels') }, ...options })
  const signer = new BlobSigner({ http: world.client(), endpoints: world.endpoints, clock: world.clock, env })
  const http = signing(world.client(), signer)
  const read = async () => (await http.send({ url: `${world.url('blob')}${PATH}`, what: 'read' })).text()
  return { world, signer, read, hosts: () => world.log.map(({ host, status }) => `${host} ${status}`) }
}

test('one token serves 32 reads at a time', async () => {
  const { read, world } = await connect()
  const texts = await Promise.all(Array.from({ length: 32 }, read))
  expect(new Set(texts)).toEqual(new Set(['II*\0 pixels']))
  expect([world.requests('pcsas').length, world.requests('blob').length]).toEqual([1, 32])
})

test('it is replaced when less than a minute is left', async () => {
  const { read, world, hosts } = await connect({}, { sasLifeMs: HOUR_MS })
  await read()
  world.clock.advance(HOUR_MS - 70_000)
  await read()
  world.clock.advance(20_000)
  await read()
  expect(hosts()).toEqual(['pcsas 200', 'blob 200', 'blob 200', 'pcsas 200', 'blob 200'])
})

test('one that ran out sooner than it said is replaced, once', async () => {
  const { read, world, hosts } = await connect()
  await read()
  world.script('blob', [
    {
      kind: 'status',
      status: 403,
      body: '\uFEFF<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code><Message>Signature not valid in the specified time frame</Message></Error>',
    },
  ])
  await read()
  expect(hosts()).toEqual(['pcsas 200', 'blob 200', 'blob 403', 'pcsas 200', 'blob 200'])
})

test('and not for ever', async () => {
  const { read, world } = await connect()
  world.script('blob', [{ kind: 'status', status: 403, body: '<Error><Code>AuthenticationFailed</Code></Error>' }], {
    always: true,
  })
  await expect(read()).rejects.toMatchObject({ code: 'ADDRESS_EXPIRED', exitCode: 75 })
  expect(world.requests('blob').length).toBe(2)
})

test('its life is counted by the service’s clock', async () => {
  const { read, world } = await connect({}, { sasLifeMs: HOUR_MS })
  const ahead = new FakeClock(world.clock.now() + 2 * HOUR_MS)
  const skewed = new BlobSigner({
    http: world.client(),
    endpoints: world.endpoints,
    clock: ahead,
    env: {},
  })
  await skewed.sign(`${world.url('blob')}${PATH}`)
  await skewed.sign(`${world.url('blob')}${PATH}`)
  expect(world.requests('pcsas').length).toBe(1)
  world.clock.advance(120_000)
  await read()
})

test('a store that is too busy is waited for', async () => {
  const { read, world } = await connect()
  const body = '<Error><Code>ServerBusy</Code><Message>Egress is over the account limit.</Message></Error>'
  world.script('blob', [{ kind: 'status', status: 503, body }])
  expect(await read()).toBe('II*\0 pixels')
  expect(world.clock.sleeps.length).toBeGreaterThan(0)
})

test('a storm of refusals for the token is waited out', async () => {
  const { read, world } = await connect()
  world.script('pcsas', [
    { kind: 'status', status: 429 },
    { kind: 'status', status: 429 },
    { kind: 'status', status: 503 },
  ])
  expect(await read()).toBe('II*\0 pixels')
  expect(world.requests('pcsas').length).toBe(4)
})

describe('addresses that need no token stay as they are', () => {
  test.each([
    'https://astersa.blob.core.windows.net/aster/x.tif?st=1&se=2&sp=r&sig=3',
    'https://ai4edatasetspublicassets.blob.core.windows.net/assets/x.json',
    'https://planetarycomputer.microsoft.com/api/data/v1/item/preview.png',
    'https://astersa.blob.core.windows.net.evil.example/aster/x.tif',
    'https://data.lpdaac.earthdatacloud.nasa.gov/x.tif',
  ])('%s', async (url) => {
    const { signer, world } = await connect()
    expect((await signer.sign(url)).href).toBe(url)
    expect(world.log).toEqual([])
  })
})

test('the token is appended as it came', async () => {
  const { signer, world } = await connect()
  const signed = await signer.sign(`${world.url('blob')}${PATH}`)
  const [signature] = world.blobs.signatures
  expect(signed.href).toContain(`sig=${encodeURIComponent(signature ?? '')}`)
  expect(signed.pathname).toBe(PATH)
})

test('the subscription key goes to the signing service only', async () => {
  const key = 'subscription-secret'
  const { read, world } = await connect({ PC_SDK_SUBSCRIPTION_KEY: key })
  world.keepSecret(key)
  await read()
  expect(world.log.map(({ host, headers }) => [host, headers['ocp-apim-subscription-key']])).toEqual([
    ['pcsas', key],
    ['blob', undefined],
  ])
  expect([subscriptionKeySource({ PC_SDK_SUBSCRIPTION_KEY: key }), subscriptionKeySource({})]).toEqual([
    'PC_SDK_SUBSCRIPTION_KEY',
    undefined,
  ])
})

test('a wrong subscription key is told', async () => {
  const { read } = await connect({ PC_SDK_SUBSCRIPTION_KEY: 'wrong-key' })
  await expect(read()).rejects.toMatchObject({
    code: 'AUTH_REJECTED',
    message: expect.stringContaining('invalid subscription key'),
  })
})

test('an answer without a token', async () => {
  const { read, world } = await connect()
  world.script('pcsas', [{ kind: 'body', text: '{"token":"","msft:expiry":"never"}' }])
  await expect(read()).rejects.toMatchObject({ code: 'SERVICE', message: expect.stringContaining('holds no token') })
})
