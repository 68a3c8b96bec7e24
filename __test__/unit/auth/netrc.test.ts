// The netrc grammar: what curl and Python read, read alike; errors that name the line and no word of the file.
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { entryFor, netrcPaths, parseNetrc, readNetrcLogin } from '../../../src/auth/netrc.js'

const HOST = '127.0.0.1'
const folder = mkdtempSync(join(tmpdir(), 'aster-netrc-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const run = promisify(execFile)

/** Name, text, and the login of 127.0.0.1 that is in it. */
const TEXTS: [string, string, [string, string]][] = [
  ['one line', 'machine 127.0.0.1 login me password word', ['me', 'word']],
  ['many lines', 'machine\n127.0.0.1\n\tlogin me\n\tpassword\tword\n', ['me', 'word']],
  ['CRLF', 'machine 127.0.0.1\r\nlogin me\r\npassword word\r\n', ['me', 'word']],
  ['several on one line', 'machine a login x password y machine 127.0.0.1 login me password word', ['me', 'word']],
  ['password first', 'machine 127.0.0.1 password word login me', ['me', 'word']],
  ['# in a password', 'machine 127.0.0.1 login me password a#b', ['me', 'a#b']],
  ['quotes', 'machine 127.0.0.1 login me password "two words"', ['me', 'two words']],
  ['escapes in quotes', 'machine 127.0.0.1 login me password "a\\"b\\\\c"', ['me', 'a"b\\c']],
  ['comment lines', '# a comment with login x\nmachine 127.0.0.1 login me password word\n# end', ['me', 'word']],
  ['default', 'machine other.example login x password y\ndefault login me password word', ['me', 'word']],
  ['first of two', 'machine 127.0.0.1 login me password word\nmachine 127.0.0.1 login b password c', ['me', 'word']],
  [
    'a macro',
    'machine a login x password y\nmacdef init\ncd /pub\nmachine 127.0.0.1 login no password no\n\nmachine 127.0.0.1 login me password word',
    ['me', 'word'],
  ],
]

test.each(TEXTS)('reads %s', (_, text, expected) => {
  const entry = entryFor(parseNetrc(text), HOST)
  expect([entry?.login, entry?.password]).toEqual(expected)
})

test.each<[string, string, [string, string]]>([
  ['a byte order mark', '\uFEFFmachine 127.0.0.1 login me password word', ['me', 'word']],
  ['user for login', 'machine 127.0.0.1 user me password word', ['me', 'word']],
  ['an account', 'machine 127.0.0.1 login me account bank password word', ['me', 'word']],
  [
    'another case of the host',
    'machine URS.Example login a password b\nmachine 127.0.0.1 login me password word',
    ['me', 'word'],
  ],
  ['# at the beginning of a password', 'machine 127.0.0.1 login me password #word', ['me', '#word']],
  ['a comment at the end of a line', 'machine 127.0.0.1 login me password word # mine', ['me', 'word']],
  ['a keyword as a password', 'machine 127.0.0.1 login me password login', ['me', 'login']],
  [
    'a quoted word that looks like a keyword',
    'machine 127.0.0.1 login "machine" password "default"',
    ['machine', 'default'],
  ],
  ['line ends in quotes', 'machine 127.0.0.1 login me password "a\\nb\\tc"', ['me', 'a\nb\tc']],
  ['letters beyond ASCII', 'machine 127.0.0.1 login me password wörd', ['me', 'wörd']],
  ['default beside its name', 'default login no password no\nmachine 127.0.0.1 login me password word', ['me', 'word']],
])('reads %s, where others differ', (_, text, expected) => {
  const entry = entryFor(parseNetrc(text), HOST)
  expect([entry?.login, entry?.password]).toEqual(expected)
})

test.each([
  ['machine', 1, '"machine" without a value'],
  ['machine a\nlogin', 2, '"login" without a value'],
  ['\n\nlogin secretword', 3, '"login" before any machine'],
  ['machine a login b password secretword oops', 1, 'a word that is no keyword'],
  ['machine a login b\npassword "secretword', 2, 'a quote that is not closed'],
  ['machine a login b\npassword "secret\nword"', 2, 'a quote that is not closed'],
])('%j is refused at line %i', (text, line, what) => {
  const tried = () => parseNetrc(text, 'my.netrc')
  expect(tried).toThrow(`my.netrc, line ${line}: ${what}`)
  expect(tried).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  expect(tried).not.toThrow(/secret/)
})

describe('files', () => {
  const file = (name: string, text: string, mode = 0o600) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    chmodSync(path, mode)
    return path
  }

  test('where they lie', () => {
    expect(netrcPaths({ NETRC: '/x/y' }, '/home/me')).toEqual(['/x/y'])
    expect(netrcPaths({ NETRC: '' }, '/home/me', 'linux')).toEqual(['/home/me/.netrc'])
    expect(netrcPaths({}, '/home/me', 'win32').map((path) => path.split(/[\\/]/).at(-1))).toEqual(['.netrc', '_netrc'])
  })

  test('the first that is there counts', async () => {
    const second = file('second', 'machine h login me password word')
    expect(await readNetrcLogin([join(folder, 'none'), second], 'h')).toEqual({
      login: 'me',
      password: 'word',
      path: second,
      line: 1,
      warning: undefined,
    })
    expect(await readNetrcLogin([join(folder, 'none')], 'h')).toBeUndefined()
    expect(await readNetrcLogin([second], 'other')).toBeUndefined()
  })

  test('that others can read are warned of, except on Windows', async () => {
    const open = file('open', 'machine h login me password word', 0o644)
    expect((await readNetrcLogin([open], 'h'))?.warning).toBe(
      `others can read ${open}, which holds a password: chmod 600 ${open}`,
    )
    expect((await readNetrcLogin([open], 'h', 'win32'))?.warning).toBeUndefined()
  })

  test('with half a login', async () => {
    const half = file('half', '\nmachine h login me')
    await expect(readNetrcLogin([half], 'h')).rejects.toThrow(`${half}, line 2: a machine without "password"`)
  })

  test('that are folders', async () => {
    await expect(readNetrcLogin([folder], 'h')).rejects.toMatchObject({ code: 'CONFIG', path: folder })
  })
})

/** The login that a program of somebody else sends to 127.0.0.1. */
async function loginOf(program: string, args: (path: string, url: string) => string[], text: string, name: string) {
  let seen = ''
  const server = createServer((request, response) => {
    seen = request.headers.authorization ?? ''
    response.end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
  const { port } = server.address() as AddressInfo
  const path = join(folder, name.replaceAll(/\W/g, '_'))
  writeFileSync(path, text, { mode: 0o600 })
  try {
    await run(program, args(path, `http://${HOST}:${port}/`))
  } finally {
    server.close()
  }
  return Buffer.from(seen.replace(/^Basic /, ''), 'base64').toString('utf8')
}

const canRun = async (program: string) =>
  run(program, ['--version']).then(
    () => true,
    () => false,
  )
const hasCurl = await canRun('curl')
const hasPython = await canRun('python3')

describe.runIf(hasCurl)('curl reads the same from', () => {
  test.each(TEXTS)('%s', async (name, text, [login, password]) => {
    const args = (path: string, url: string) => [
      '--silent',
      '--show-error',
      '--noproxy',
      '*',
      '--netrc-file',
      path,
      url,
    ]
    expect(await loginOf('curl', args, text, `curl ${name}`)).toBe(`${login}:${password}`)
  })
})

test.runIf(hasPython)('Python reads the same, but for the first of two, where it takes the last', async () => {
  const code =
    'import json,netrc,sys; print(json.dumps([netrc.netrc(p).authenticators("127.0.0.1")[::2] for p in sys.argv[1:]]))'
  const texts = TEXTS.filter(([name]) => name !== 'first of two')
  const paths = texts.map(([, text], at) => {
    const path = join(folder, `python-${at}`)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  })
  const { stdout } = await run('python3', ['-c', code, ...paths])
  expect(JSON.parse(stdout)).toEqual(texts.map(([, , login]) => login))
})
