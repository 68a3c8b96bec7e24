// Fake download host of LP DAAC: it checks who asks, then sends them on to a signed address.
import { randomUUID } from 'node:crypto'
import type { Account, Accounts } from './accounts.js'
import { CLIENT_ID, invalidToken } from './earthdata-login.js'
import { type Asked, html, json, type Reply, rangeOf, redirectTo, reply, type Service } from './reply.js'
import type { SignedStore } from './signed-store.js'

export interface DataHost {
  readonly accounts: Accounts
  /** Where objects lie; paths begin with a bucket, such as `/lp-prod-protected/`. */
  readonly store: SignedStore
  readonly ownUrl: () => string
  readonly loginUrl: () => string
}

export function dataHost(world: DataHost): Service {
  return (asked) => {
    const answer = answerOf(world, asked)
    return { ...answer, headers: { 'x-request-id': randomUUID(), ...answer.headers } }
  }
}

function answerOf(world: DataHost, asked: Asked): Reply {
  const { method, path } = asked
  if (method === 'OPTIONS') return reply(204)
  if (path === '/login') return loginReturn(world.accounts, asked)
  if (path.startsWith('/lp-prod-public/')) return handOver(world, asked)
  if (path !== '/s3credentials' && !path.startsWith('/lp-prod-protected/')) return notFound()
  const who = whoAsks(world, asked)
  if (!('account' in who)) return who
  if (!who.account.hasAcceptedTerms) return termsFirst(world, asked)
  if (path === '/s3credentials') return s3Credentials(world)
  const answer = handOver(world, asked)
  if (!who.byToken || answer.status !== 303) return answer
  const cookie = `asf-urs=${world.accounts.newCookie(who.account)}; Path=/; Secure; HttpOnly`
  return { ...answer, headers: { ...answer.headers, 'set-cookie': cookie } }
}

function whoAsks(world: DataHost, asked: Asked): Reply | { account: Account; byToken: boolean } {
  const { authorization = '' } = asked.headers
  const byCookie = world.accounts.byCookie(asked.headers.cookie)
  if (byCookie !== undefined) return { account: byCookie, byToken: false }
  if (!/^bearer/i.test(authorization)) return toLogin(world, asked)
  const [, token] = /^Bearer (\S+)$/.exec(authorization) ?? []
  if (token === undefined) return json(400, { status_code: 400, error_description: 'Malformed Authorization header' })
  const { state, account } = world.accounts.look(token)
  if (account !== undefined) return { account, byToken: true }
  return state === 'no JWT' ? toLogin(world, asked) : invalidToken()
}

function toLogin(world: DataHost, { path, headers }: Asked): Reply {
  const isBrowser = headers['user-agent']?.startsWith('Mozilla') === true
  const back = encodeURIComponent(`${world.ownUrl()}/login`)
  const query = `client_id=${CLIENT_ID}&response_type=code&redirect_uri=${back}&state=${encodeURIComponent(path)}`
  return redirectTo(302, `${world.loginUrl()}/oauth/authorize?${query}${isBrowser ? '' : '&app_type=401'}`)
}

function loginReturn(accounts: Accounts, { params }: Asked): Reply {
  if (params.get('error') === 'access_denied') {
    return html(401, 'You must accept the EULA of LP DAAC before you can download this')
  }
  const code = params.get('code') ?? ''
  const account = accounts.codes.get(code)
  if (account === undefined) return html(400, 'the code is not good')
  accounts.codes.delete(code)
  const cookie = `asf-urs=${accounts.newCookie(account)}; Path=/; Secure; HttpOnly`
  return redirectTo(301, params.get('state') ?? '/', { 'set-cookie': cookie })
}

function termsFirst({ loginUrl }: DataHost, { headers }: Asked): Reply {
  // The address is that of the real service: it is for a person's browser.
  const link = `https://urs.earthdata.nasa.gov/approve_app?client_id=${CLIENT_ID}`
  if (headers['user-agent']?.startsWith('Mozilla') === true) {
    return html(403, `EULA Acceptance Failure: <a href="${link}">accept</a> at ${loginUrl()}`)
  }
  return json(403, { status_code: 403, error_description: 'EULA Acceptance Failure', resolution_url: link })
}

function handOver({ store }: DataHost, asked: Asked): Reply {
  const object = store.objects.get(asked.path)
  if (object === undefined) return notFound()
  if (rangeOf(asked, object.length) === 'unsatisfiable')
    return reply(416, 'Invalid Range', { 'content-type': 'text/plain' })
  return redirectTo(303, store.sign(asked.method, asked.path), { 'cache-control': 'private, max-age=3480' })
}

function s3Credentials({ store }: DataHost): Reply {
  const expiration = new Date(store.clock.now() + 3_600_000).toISOString()
  const keys = { accessKeyId: 'ASIAFAKE', secretAccessKey: 'fake-secret-key', sessionToken: 'fake-session-token' }
  return json(200, { ...keys, expiration })
}

function notFound(): Reply {
  return html(404, 'Could not find requested data')
}
