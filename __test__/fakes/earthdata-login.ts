// Fake Earthdata Login: tokens by Basic, and the OAuth page that a download host sends strangers to.
import { randomBytes } from 'node:crypto'
import type { Account, Accounts } from './accounts.js'
import { type Asked, html, json, type Reply, redirectTo, reply, type Service } from './reply.js'

export const CLIENT_ID = 'fakeLPDAACclient'

export function earthdataLogin(accounts: Accounts): Service {
  return (asked) => {
    if (asked.path === '/oauth/authorize') return authorize(accounts, asked)
    if (asked.path === '/profile') return html(200, 'Earthdata Login profile')
    const account = accounts.byBasic(asked.headers.authorization)
    const byBearer = accounts.look(/^Bearer (\S+)$/.exec(asked.headers.authorization ?? '')?.[1] ?? '')
    if (asked.path === '/oauth/tokens/user' || asked.path === '/api/users/user') {
      return byBearer.account === undefined ? invalidToken() : json(200, { uid: byBearer.account.name })
    }
    if (!asked.path.startsWith('/api/users/')) return html(404, 'The page you were looking for does not exist')
    if (account === undefined) {
      const text = { error: 'invalid_credentials', error_description: 'Invalid user credentials' }
      return json(401, text, { 'cache-control': 'no-store' })
    }
    return tokenCall(accounts, account, asked)
  }
}

function tokenCall(accounts: Accounts, account: Account, { method, path, params }: Asked): Reply {
  if (path === '/api/users/tokens' && method === 'GET') {
    return json(200, accounts.tokensOf(account).map(tokenJson))
  }
  if (method !== 'POST') return html(404, 'no such page')
  if (path === '/api/users/revoke_token') {
    return accounts.revoke(params.get('token') ?? '') ? json(200, {}) : json(404, { error: 'invalid_token' })
  }
  const isKnown = path === '/api/users/find_or_create_token' || path === '/api/users/token'
  if (!isKnown) return html(404, 'no such page')
  const made = path === '/api/users/token' ? accounts.create(account) : accounts.findOrCreate(account)
  if (made === 'limit') {
    const text = { error: 'max_token_limit', error_description: 'You have reached the maximum number of tokens' }
    return json(403, text)
  }
  return json(200, { ...tokenJson(made), token_type: 'Bearer' }, { 'cache-control': 'no-store' })
}

function tokenJson({ token, expiresAt }: { token: string; expiresAt: number }) {
  const [year, month, day] = new Date(expiresAt).toISOString().slice(0, 10).split('-')
  return { access_token: token, expiration_date: `${month}/${day}/${year}` }
}

export function invalidToken(): Reply {
  return json(401, { error: 'invalid_token', error_description: 'The token is either malformed or does not exist' })
}

function authorize(accounts: Accounts, { params, headers }: Asked): Reply {
  const back = params.get('redirect_uri') ?? ''
  const state = params.get('state') ?? ''
  if (params.get('client_id') !== CLIENT_ID) return json(400, { error: 'invalid_client' })
  const account = accounts.byBasic(headers.authorization)
  if (account === undefined) {
    const session = { 'set-cookie': `_urs-gui_session=${randomBytes(8).toString('hex')}; path=/; secure; HttpOnly` }
    if (params.get('app_type') !== '401') {
      return html(
        200,
        '<h1>Earthdata Login</h1><form><input name="username"><input type="password" name="password"></form>',
        session,
      )
    }
    const asks =
      'Basic realm="Please enter your Earthdata Login credentials. If you do not have a login, create one at urs"'
    return reply(401, 'HTTP Basic: Access denied.\n', {
      'content-type': 'text/html',
      'www-authenticate': asks,
      ...session,
    })
  }
  if (!account.hasAcceptedTerms)
    return redirectTo(302, `${back}?error=access_denied&state=${encodeURIComponent(state)}`)
  const code = `code-${randomBytes(12).toString('hex')}`
  accounts.codes.set(code, account)
  return redirectTo(302, `${back}?code=${code}&state=${encodeURIComponent(state)}`)
}
