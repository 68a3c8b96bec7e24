// Earthdata credentials over the fake services: where they come from, who sees them, and what happens when they end.
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { authorized } from '../../../src/auth/authorized.js'
import { EarthdataCredentials, type EarthdataOptions } from '../../../src/auth/earthdata.js'
import { probeEarthdata } from '../../../src/auth/probe.js'
import { l1tGranule } from '../../fakes/granules.js'
import { startWorld, type World, type WorldOptions } from '../../fakes/world.js'

const DAY_MS = 86_400_000
const granule = l1tGranule()
const [file = '', second = ''] = Object.keys(granule.files)
const home = mkdtempSync(join(tmpdir(), 'aster-auth-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const loginEnv = ({ account }: World) => ({
  HOME: home,
  EARTHDATA_USERNAME: account.name,
  EARTHDATA_PASSWORD: account.password,
})

/** A world with one granule, and a client for it with the credentials of an environment. */
async function connect(
  envOf: (world: World) => Record<string, string>,
  worldOptions: WorldOptions = {},
  more: Partial<EarthdataOptions> = {},
) {
  const world = await startWorld({ granules: [granule], ...worldOptions })
  const { endpoints, clock } = world
  const plain = world.client()
  const credentials = new EarthdataCredentials({ http: plain, endpoints, clock, env: envOf(world), ...more })
  const http = authorized(plain, credentials)
  const get = async (name = file) => {
    const response = await http.send({ url: world.fileUrl(granule, name), what: `download of ${name}` })
    const chunks: Uint8Array[] = []
    for await (const chunk of response.body) chunks.push(chunk)
    expect(Buffer.concat(chunks)).toEqual(Buffer.from(granule.files[name] ?? ''))
  }
  const hosts = () => world.log.map(({ host, status }) => `${host} ${status}`)
  return { world, credentials, plain, http, get, hosts }
}

const tokenEnv = (world: World) => ({ HOME: home, EARTHDATA_TOKEN: world.token })

describe('where credentials come from', () => {
  test('a token of the environment, without any login', async () => {
    const { get, hosts } = await connect(tokenEnv)
    await get()
    expect(hosts()).toEqual(['data 303', 'signed 200'])
  })

  test('a token wins over a login, and an option over both', async () => {
    const { get, world } = await connect((w) => ({ ...loginEnv(w), EARTHDATA_TOKEN: w.token }))
    await get()
    expect(world.requests('urs')).toEqual([])
    const given = new EarthdataCredentials({
      http: world.client(),
      endpoints: world.endpoints,
      env: { EARTHDATA_TOKEN: 'x' },
      given: { token: world.token },
    })
    expect(await given.token()).toBe(world.token)
  })

  test('user and password become one token', async () => {
    const { get, hosts } = await connect(loginEnv)
    await get()
    await get(second)
    expect(hosts()).toEqual(['urs 200', 'data 303', 'signed 200', 'data 303', 'signed 200'])
  })

  test('netrc, with a # in the password, and a warning when others can read it', async () => {
    const warnings: string[] = []
    const path = join(home, 'a-netrc')
    const { get, world } = await connect(() => ({ NETRC: path }), {}, { onWarning: (text) => warnings.push(text) })
    const password = world.account.password.replaceAll('"', '\\"')
    writeFileSync(path, `machine urs.earthdata.nasa.gov login ${world.account.name} password "${password}"\n`)
    chmodSync(path, 0o644)
    await get()
    await get(second)
    expect(warnings).toEqual([expect.stringContaining('chmod 600')])
  })

  test('nowhere: an error that says where it looked and what to do, before any request', async () => {
    const { get, hosts } = await connect(() => ({ HOME: '/nowhere' }))
    await expect(get()).rejects.toMatchObject({
      code: 'AUTH_MISSING',
      exitCode: 77,
      message: expect.stringMatching(/EARTHDATA_TOKEN, EARTHDATA_USERNAME and EARTHDATA_PASSWORD, \S+\.netrc$/),
      hint: expect.stringContaining('https://urs.earthdata.nasa.gov/profile'),
    })
    expect(hosts()).toEqual([])
  })

  test.each([
    [{ EARTHDATA_USERNAME: 'me' }, 'EARTHDATA_USERNAME is set, but not EARTHDATA_PASSWORD'],
    [{ EARTHDATA_PASSWORD: 'secretword' }, 'EARTHDATA_PASSWORD is set, but not EARTHDATA_USERNAME'],
    [{ EARTHDATA_TOKEN: 'two words\nX-Injected: secretword' }, 'holds blanks'],
  ])('half of it: %o', async (env, text) => {
    const { get, world } = await connect(() => ({ HOME: home, ...env }))
    world.keepSecret('secretword')
    await expect(get()).rejects.toMatchObject({ code: 'CONFIG', message: expect.stringContaining(text) })
  })

  test('a token that was pasted with its scheme', async () => {
    const { get, hosts } = await connect((world) => ({ EARTHDATA_TOKEN: ` Bearer ${world.token}\n` }))
    await get()
    expect(hosts()).toEqual(['data 303', 'signed 200'])
  })
})

describe('who sees the token', () => {
  test.each([
    ['https://data.lpdaac.earthdatacloud.nasa.gov/lp-prod-protected/x', true],
    ['https://other.earthdatacloud.nasa.gov/x', true],
    ['https://urs.earthdata.nasa.gov/api/users/user', true],
    ['https://urs.earthdata.nasa.gov/oauth/authorize?x', false],
    ['http://data.lpdaac.earthdatacloud.nasa.gov/x', false],
    ['https://data.lpdaac.earthdatacloud.nasa.gov.evil.example/x', false],
    ['https://earthdatacloud.nasa.gov.example/x', false],
    ['https://evilearthdatacloud.nasa.gov/x', false],
    ['https://data.lpdaac.earthdatacloud.nasa.gov:8443/x', true],
    ['https://d1nklfio7vscoe.cloudfront.net/x', false],
    ['https://lp-prod-protected.s3.us-west-2.amazonaws.com/x', false],
    ['https://cmr.earthdata.nasa.gov/search', false],
    ['https://planetarycomputer.microsoft.com/api', false],
    ['https://astersa.blob.core.windows.net/aster/x', false],
  ])('%s: %s', async (url, isTold) => {
    const { endpointsFrom } = await import('../../../src/net/endpoints.js')
    const http = { send: () => Promise.reject(new Error('nobody is asked')) }
    const credentials = new EarthdataCredentials({
      http,
      endpoints: endpointsFrom({}),
      env: { EARTHDATA_TOKEN: 'a.b.c' },
    })
    const headers = await credentials.headersFor(new URL(url))
    expect(headers.authorization === 'Bearer a.b.c').toBe(isTold)
    expect(Object.keys(headers).length).toBe(isTold ? 1 : 0)
  })

  test('a download host that sends us elsewhere gets nothing of it there', async () => {
    const { get, world } = await connect(tokenEnv)
    world.script('data', [{ kind: 'redirect', to: `${world.url('evil')}/take` }])
    await expect(get()).rejects.toMatchObject({ code: 'SERVICE' })
    expect(world.requests('evil')).toEqual([])
  })
})

describe('when it ends', () => {
  test('a given token that is over is not even sent', async () => {
    const { get, hosts } = await connect(tokenEnv, { tokenLifeMs: -1000 })
    await expect(get()).rejects.toMatchObject({
      code: 'AUTH_EXPIRED',
      message: expect.stringMatching(/^download of \S+: the token in EARTHDATA_TOKEN has expired$/),
      hint: expect.stringContaining('urs.earthdata.nasa.gov/profile'),
    })
    expect(hosts()).toEqual([])
  })

  test('a given token that was revoked cannot be replaced', async () => {
    const { get, world, hosts } = await connect(tokenEnv)
    world.accounts.revoke(world.token)
    await expect(get()).rejects.toMatchObject({ code: 'AUTH_EXPIRED', hint: expect.stringContaining('make a new one') })
    expect(hosts()).toEqual(['data 401'])
  })

  test('a token of ours that was revoked in the middle is replaced, once', async () => {
    const { get, world, hosts } = await connect(loginEnv)
    await get()
    world.accounts.revoke(world.accounts.tokens[0]?.token ?? '')
    await get(second)
    expect(hosts()).toEqual(['urs 200', 'data 303', 'signed 200', 'data 401', 'urs 200', 'data 303', 'signed 200'])
  })

  test('one that dies of age is replaced before anybody complains', async () => {
    const { get, world, hosts } = await connect(loginEnv, { tokenLifeMs: 2 * DAY_MS })
    await get()
    world.clock.advance(2 * DAY_MS + 1000)
    await get(second)
    expect(hosts()).toEqual(['urs 200', 'data 303', 'signed 200', 'urs 200', 'data 303', 'signed 200'])
  })

  test('one with a few seconds left makes room for a new one', async () => {
    const { get, world } = await connect(loginEnv)
    world.accounts.tokens.length = 0
    world.accounts.issue(world.account, 10_000)
    await get()
    expect(world.requests('urs').map(({ path }) => path.split('/').at(-1))).toEqual([
      'find_or_create_token',
      'revoke_token',
      'find_or_create_token',
    ])
  })

  test('one that Earthdata still hands out although the host refuses it', async () => {
    const { get, world, hosts } = await connect(loginEnv, { excused: { repeats: true } })
    world.script('data', [{ kind: 'status', status: 401, body: '{"error":"invalid_token"}' }])
    await get()
    expect(world.requests('urs').map(({ path }) => path.split('/').at(-1))).toEqual([
      'find_or_create_token',
      'find_or_create_token',
      'revoke_token',
      'find_or_create_token',
    ])
    expect(hosts().slice(-2)).toEqual(['data 303', 'signed 200'])
  })

  test('a renewal that fails says why', async () => {
    const { get, world } = await connect(loginEnv)
    await get()
    world.accounts.revoke(world.accounts.tokens[0]?.token ?? '')
    world.script('urs', [{ kind: 'status', status: 401, body: '{"error":"invalid_credentials"}' }])
    await expect(get(second)).rejects.toMatchObject({
      code: 'AUTH_REJECTED',
      hint: 'check the user name and password in EARTHDATA_USERNAME and EARTHDATA_PASSWORD',
    })
  })

  test('a renewed token that is refused as well ends it', async () => {
    const { get, world, hosts } = await connect(loginEnv)
    world.script('data', [{ kind: 'status', status: 401, body: '{"error":"invalid_token"}' }], { always: true })
    await expect(get()).rejects.toMatchObject({ code: 'AUTH_EXPIRED' })
    expect(hosts().filter((text) => text.startsWith('data')).length).toBe(2)
  })

  test('eight at a time share one login, and one renewal', async () => {
    const { get, world } = await connect(loginEnv)
    const names = Object.keys(granule.files).filter((name) => name.endsWith('.tif'))
    expect(names.length).toBe(8)
    await Promise.all(names.map((name) => get(name)))
    expect(world.requests('urs').length).toBe(1)
    world.accounts.revoke(world.accounts.tokens[0]?.token ?? '')
    await Promise.all(names.map((name) => get(name)))
    expect(world.requests('urs').length).toBe(2)
  })

  test('eight at a time are each told of the one login that failed', async () => {
    const { get, world } = await connect((w) => ({ ...loginEnv(w), EARTHDATA_PASSWORD: 'wrong' }))
    const names = Object.keys(granule.files).filter((name) => name.endsWith('.tif'))
    const told = await Promise.all(names.map((name) => get(name).catch((error: Error) => error.message)))
    for (const [index, name] of names.entries()) {
      expect(told[index]).toMatch(new RegExp(`^download of ${name}: login at Earthdata: 127`))
    }
    expect(world.requests('urs').length).toBe(1)
  })
})

describe('what goes wrong', () => {
  test('a wrong password', async () => {
    const { get, hosts, world } = await connect((w) => ({ ...loginEnv(w), EARTHDATA_PASSWORD: 'wrong-secretword' }))
    world.keepSecret('wrong-secretword')
    await expect(get()).rejects.toMatchObject({
      code: 'AUTH_REJECTED',
      exitCode: 77,
      message: expect.stringContaining('Invalid user credentials'),
    })
    expect(hosts()).toEqual(['urs 401'])
  })

  test('two tokens already, and none that can be found', async () => {
    const { get, world } = await connect(loginEnv)
    const body = JSON.stringify({ error: 'max_token_limit', error_description: 'You have reached the maximum number' })
    world.script('urs', [{ kind: 'status', status: 403, body }])
    await expect(get()).rejects.toMatchObject({ code: 'AUTH_REJECTED', hint: expect.stringContaining('revoke one') })
  })

  test.each(['JSON', 'HTML'])('terms of use that were not accepted, said in %s', async (form) => {
    const { get, world, hosts } = await connect(tokenEnv, { account: { hasAcceptedTerms: false } })
    const page = 'EULA Acceptance Failure: https://urs.earthdata.nasa.gov/approve_app?client_id=fakeLPDAACclient'
    if (form === 'HTML') world.script('data', [{ kind: 'status', status: 403, body: `<html><body>${page}` }])
    await expect(get()).rejects.toMatchObject({
      code: 'AUTH_TERMS',
      exitCode: 77,
      retryable: false,
      hint: 'accept the terms at https://urs.earthdata.nasa.gov/approve_app?client_id=fakeLPDAACclient, then try again',
    })
    expect(hosts()).toEqual(['data 403'])
  })

  test('something that is no token at all', async () => {
    const { get, hosts } = await connect(() => ({ EARTHDATA_TOKEN: 'not-a-web-token' }))
    await expect(get()).rejects.toMatchObject({ code: 'AUTH_EXPIRED', exitCode: 77 })
    expect(hosts()).toEqual(['data 302', 'urs 401'])
  })

  test('a login page with status 200', async () => {
    const { get, world } = await connect(tokenEnv)
    world.script('signed', [{ kind: 'page' }])
    await expect(get()).rejects.toMatchObject({ code: 'AUTH_LOGIN_PAGE', exitCode: 77 })
  })

  test('no token in the answer', async () => {
    const { get, world } = await connect(loginEnv)
    world.script('urs', [{ kind: 'body', text: '{"expiration_date":"01/01/2027"}' }])
    await expect(get()).rejects.toMatchObject({ code: 'AUTH_REJECTED', message: expect.stringContaining('no token') })
  })

  test('Earthdata is down', async () => {
    const { get, world } = await connect(loginEnv, {
      faults: [{ host: 'urs', steps: [{ kind: 'status', status: 503 }], always: true }],
    })
    await expect(get()).rejects.toMatchObject({ code: 'NETWORK', exitCode: 75 })
    expect(world.requests('urs').length).toBe(5)
  })

  test('somebody who stops waiting for the login does not stop the others', async () => {
    const { credentials, world } = await connect(loginEnv)
    const stop = new AbortController()
    const [impatient, patient] = [credentials.token(stop.signal), credentials.token()]
    stop.abort()
    await expect(impatient).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(await patient).toBe(world.token)
    expect(world.requests('urs').length).toBe(1)
  })
})

describe('a token on disk', () => {
  test('is kept where the user says, for their eyes, and found by the next run', async () => {
    const tokenFile = join(home, 'kept', 'token.json')
    const { credentials, world } = await connect(loginEnv, {}, { tokenFile })
    const token = await credentials.token()
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600)
    expect(readFileSync(tokenFile, 'utf8')).not.toContain(world.account.password)
    const { endpoints, clock } = world
    const next = new EarthdataCredentials({ http: world.client(), endpoints, clock, env: loginEnv(world), tokenFile })
    expect(await next.token()).toBe(token)
    expect(world.requests('urs').length).toBe(1)
  })

  test.each([
    ['others can read it', (path: string) => chmodSync(path, 0o644)],
    ['it is something else', (path: string) => writeFileSync(path, '{"token": 7}', { mode: 0o600 })],
    [
      'it is of another user',
      (path: string) => writeFileSync(path, readFileSync(path, 'utf8').replace('"tester"', '"somebody"')),
    ],
  ])('is not used when %s', async (_, spoil) => {
    const tokenFile = join(home, 'spoilt', 'token.json')
    const { credentials, world } = await connect(loginEnv, { excused: { tokenCalls: 1 } }, { tokenFile })
    await credentials.token()
    spoil(tokenFile)
    const { endpoints, clock } = world
    await new EarthdataCredentials({ http: world.client(), endpoints, clock, env: loginEnv(world), tokenFile }).token()
    expect(world.requests('urs').length).toBe(2)
    rmSync(tokenFile)
  })

  test('is nowhere without a name for it', async () => {
    const { credentials } = await connect(loginEnv)
    await credentials.token()
    expect((await credentials.explain()).tokenFile).toBeUndefined()
  })
})

test('the probe reads one byte of one granule', async () => {
  const { credentials, plain, world, hosts } = await connect(loginEnv)
  const result = await probeEarthdata(plain, credentials, world.endpoints)
  expect(result).toMatchObject({ user: 'tester', file: expect.stringMatching(/\.tif$/) })
  expect(hosts()).toEqual(['urs 200', 'cmr 200', 'data 303', 'signed 206'])
  expect(world.log.at(-1)?.bytesSent).toBe(1)
})

test('what is explained holds no secret', async () => {
  const { credentials, world } = await connect(tokenEnv)
  const status = await credentials.explain()
  world.heard(JSON.stringify(status))
  expect(status).toMatchObject({ kind: 'token', source: 'EARTHDATA_TOKEN', user: 'tester', isExpired: false })
  const login = new EarthdataCredentials({ http: world.client(), endpoints: world.endpoints, env: loginEnv(world) })
  world.heard(JSON.stringify(await login.explain()))
  expect(await login.explain()).toMatchObject({ kind: 'login', user: 'tester' })
})
