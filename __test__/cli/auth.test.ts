// `auth` on the command line, over the fake services: what it says, what it never says, and how it ends.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { hasOpenssl } from '../fakes/certificate.js'
import { l1tGranule } from '../fakes/granules.js'
import { startWorld, type World } from '../fakes/world.js'
import { ROOT } from '../native-addon.js'
import { run } from './in-process.js'

const home = mkdtempSync(join(tmpdir(), 'aster-cli-auth-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

async function auth(world: World, words: string, env: Record<string, string> = {}) {
  const result = await run(['auth', ...words.split(' ')], { env: { ...world.env, HOME: home, ...env } })
  world.heard(result.stdout + result.stderr)
  return result
}

describe('status', () => {
  test('of a token', async () => {
    const world = await startWorld()
    const { status, stdout, stderr } = await auth(world, 'status', { EARTHDATA_TOKEN: world.token })
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(
      /^Earthdata Login\n {2}credentials: token from EARTHDATA_TOKEN\n {2}user: {8}tester\n {2}token until: \d{4}-\S+Z\n/,
    )
    expect(world.log).toEqual([])
  })

  test('of a netrc that others can read', async () => {
    const world = await startWorld()
    const netrc = join(home, 'netrc')
    writeFileSync(netrc, 'machine urs.earthdata.nasa.gov login me password secretword', { mode: 0o644 })
    world.keepSecret('secretword')
    const { status, stdout, stderr } = await auth(world, 'status', { NETRC: netrc })
    expect(status).toBe(0)
    expect(stdout).toContain(`credentials: user name and password from ${netrc}, line 1`)
    expect(stderr).toBe(`warning: others can read ${netrc}, which holds a password: chmod 600 ${netrc}\n`)
  })

  test('as JSON', async () => {
    const world = await startWorld()
    const env = { EARTHDATA_USERNAME: 'me', EARTHDATA_PASSWORD: 'secretword', PC_SDK_SUBSCRIPTION_KEY: 'key-secret' }
    for (const secret of ['secretword', 'key-secret']) world.keepSecret(secret)
    const { stdout } = await auth(world, 'status --json', env)
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      earthdata: {
        kind: 'login',
        source: 'EARTHDATA_USERNAME and EARTHDATA_PASSWORD',
        user: 'me',
        isExpired: false,
        lookedIn: [],
      },
      planetaryComputer: { subscriptionKey: 'PC_SDK_SUBSCRIPTION_KEY' },
    })
  })

  test('of nothing', async () => {
    const world = await startWorld()
    const { status, stdout } = await auth(world, 'status')
    expect([status, stdout]).toEqual([0, expect.stringContaining('credentials: none\n')])
  })
})

describe('test', () => {
  test('says that it works', async () => {
    const world = await startWorld({ granules: [l1tGranule()] })
    const { status, stdout, stderr } = await auth(world, 'test', { EARTHDATA_TOKEN: world.token })
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^Earthdata works for tester: read a byte of http:\S+\.tif; the token is good until \S+Z\n$/)
  })

  test('says it as JSON', async () => {
    const world = await startWorld({ granules: [l1tGranule()] })
    const { stdout } = await auth(world, 'test --json', { EARTHDATA_TOKEN: world.token })
    expect(JSON.parse(stdout)).toMatchObject({ schema: 1, earthdata: { works: true, user: 'tester' } })
  })

  test('with --verbose shows the way, without its secrets', async () => {
    const world = await startWorld({ granules: [l1tGranule()] })
    const { stderr } = await auth(world, 'test --verbose', { EARTHDATA_TOKEN: world.token })
    expect(stderr).toMatch(/^download of one byte: 303 to http:\/\/127\.0\.0\.1:\d+\/s3-\S+\.tif\n$/)
  })

  test.each([
    ['no credentials', () => ({}), 'error: no credentials for Earthdata Login'],
    [
      'a wrong password',
      () => ({ EARTHDATA_USERNAME: 'tester', EARTHDATA_PASSWORD: 'wrong-word' }),
      'Invalid user credentials',
    ],
    [
      'a revoked token',
      (world: World) => ({ EARTHDATA_TOKEN: world.accounts.issue(world.account, -5000) }),
      'has expired',
    ],
  ])('ends with 77 for %s', async (_, envOf, text) => {
    const world = await startWorld({ granules: [l1tGranule()] })
    const { status, stdout, stderr } = await auth(world, 'test', envOf(world))
    expect([status, stdout]).toEqual([77, ''])
    expect(stderr).toContain(text)
    expect(stderr).toMatch(/\n {2}hint: .*\n$/)
  })

  test('ends with 77 and a link for terms that were not accepted', async () => {
    const world = await startWorld({ granules: [l1tGranule()], account: { hasAcceptedTerms: false } })
    const { status, stderr } = await auth(world, 'test --json', { EARTHDATA_TOKEN: world.token })
    expect(status).toBe(77)
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'AUTH_TERMS', hint: expect.stringContaining('approve_app') },
    })
  })
})

test.each([
  ['auth', 'no command given'],
  ['auth stat', 'did you mean status?'],
])('%s is refused', async (line, text) => {
  const { status, stderr } = await run(line.split(' '))
  expect([status, stderr]).toEqual([2, expect.stringContaining(text)])
})

/** The program as a process, to its end. */
function spawned(args: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [join(ROOT, 'bin', 'aster-timeseries.js'), ...args], { env })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk))
  return new Promise<{ status: number | null; text: string; ms: number }>((resolve) => {
    const began = Date.now()
    child.on('close', (status) => resolve({ status, text, ms: Date.now() - began }))
  })
}

test.runIf(hasOpenssl)('a process finds the services by its variables, over TLS, and ends by itself', async () => {
  const world = await startWorld({ granules: [l1tGranule()], tls: true, realTime: true })
  const ca = join(home, 'ca.pem')
  writeFileSync(ca, world.ca ?? '')
  const env = { ...world.env, HOME: home, EARTHDATA_TOKEN: world.token, NODE_EXTRA_CA_CERTS: ca }
  const { status, text, ms } = await spawned(['auth', 'test'], env)
  world.heard(text)
  expect([status, text]).toEqual([0, expect.stringContaining('Earthdata works for tester')])
  expect(ms).toBeLessThan(10_000)

  const { NODE_EXTRA_CA_CERTS: _, ...untrusting } = env
  const refused = await spawned(['auth', 'test'], untrusting)
  expect([refused.status, refused.text]).toEqual([78, expect.stringContaining('NODE_EXTRA_CA_CERTS')])
})
