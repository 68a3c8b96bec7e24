// Reads netrc files: logins by machine, as curl, Python and GNU agree on them.
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../errors.js'

export interface NetrcEntry {
  /** Host in lower case; `undefined` for `default`. */
  readonly machine: string | undefined
  readonly login: string | undefined
  readonly password: string | undefined
  /** Line of `machine` or `default`, from 1. */
  readonly line: number
}

export interface NetrcLogin {
  readonly login: string
  readonly password: string
  readonly path: string
  readonly line: number
  /** Said once to the user, such as when others can read the file. */
  readonly warning?: string | undefined
}

interface Token {
  readonly text: string
  readonly line: number
  readonly isQuoted: boolean
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

/**
 * Entries of a netrc text, in order.
 *
 * A `#` begins a comment only where a keyword may stand: in a password it is a character like any other.
 *
 * @throws UsageError with the line, and never with a word of the text, since any word may be a password
 */
export function parseNetrc(text: string, path = 'netrc'): NetrcEntry[] {
  const tokens = new Tokens(text.replace(/^\uFEFF/, ''), path)
  const entries: { machine: string | undefined; login?: string; password?: string; line: number }[] = []
  for (let token = tokens.keyword(); token !== undefined; token = tokens.keyword()) {
    const entry = entries.at(-1)
    const keyword = token.isQuoted ? '' : token.text.toLowerCase()
    if (keyword === 'machine') {
      entries.push({ machine: tokens.value('machine', token).toLowerCase(), line: token.line })
    } else if (keyword === 'default') {
      entries.push({ machine: undefined, line: token.line })
    } else if (keyword === 'macdef') {
      tokens.value('macdef', token)
      tokens.skipMacro()
    } else if (keyword === 'login' || keyword === 'user') {
      const value = tokens.value(keyword, token)
      if (entry === undefined) throw wrong(path, token.line, `"${keyword}" before any machine`)
      entry.login = value
    } else if (keyword === 'password') {
      const value = tokens.value('password', token)
      if (entry === undefined) throw wrong(path, token.line, '"password" before any machine')
      entry.password = value
    } else if (keyword === 'account') {
      tokens.value('account', token)
    } else {
      throw wrong(path, token.line, 'a word that is no keyword; a value with blanks needs quotes')
    }
  }
  return entries.map(({ machine, login, password, line }) => ({ machine, login, password, line }))
}

/** The entry of a host: the first of its name, else `default`. */
export function entryFor(entries: readonly NetrcEntry[], host: string): NetrcEntry | undefined {
  const named = entries.find(({ machine }) => machine === host.toLowerCase())
  return named ?? entries.find(({ machine }) => machine === undefined)
}

/** Where a netrc file may lie: `NETRC`, or the names that curl looks for. */
export function netrcPaths(
  env: Readonly<Record<string, string | undefined>>,
  home: string,
  platform: NodeJS.Platform = process.platform,
): string[] {
  if (env.NETRC !== undefined && env.NETRC !== '') return [env.NETRC]
  const names = platform === 'win32' ? ['.netrc', '_netrc'] : ['.netrc']
  return names.map((name) => join(home, name))
}

/** The login of a host from the first file that is there; `undefined` when there is none. */
export async function readNetrcLogin(
  paths: readonly string[],
  host: string,
  platform: NodeJS.Platform = process.platform,
): Promise<NetrcLogin | undefined> {
  for (const path of paths) {
    const text = await readIfPresent(path)
    if (text === undefined) continue
    const entry = entryFor(parseNetrc(text, path), host)
    if (entry === undefined) return undefined
    const { login, password, line } = entry
    if (login === undefined) throw wrong(path, line, 'a machine without "login"')
    if (password === undefined) throw wrong(path, line, 'a machine without "password"')
    return { login, password, path, line, warning: await permissionWarning(path, platform) }
  }
  return undefined
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new UsageError(`cannot read ${path} (${String(code)})`, { code: 'CONFIG', path, cause })
  }
}

async function permissionWarning(path: string, platform: NodeJS.Platform): Promise<string | undefined> {
  if (platform === 'win32') return undefined
  const { mode } = await stat(path)
  return (mode & 0o077) === 0 ? undefined : `others can read ${path}, which holds a password: chmod 600 ${path}`
}

class Tokens {
  #at = 0
  #line = 1

  constructor(
    private readonly text: string,
    private readonly path: string,
  ) {}

  /** The next word where a keyword may stand; comments are passed over. */
  keyword(): Token | undefined {
    for (;;) {
      this.#skipBlanks()
      if (this.text[this.#at] !== '#') return this.#token()
      this.#skipLine()
    }
  }

  value(keyword: string, { line }: Token): string {
    this.#skipBlanks()
    const token = this.#token()
    if (token === undefined) throw wrong(this.path, line, `"${keyword}" without a value`)
    return token.text
  }

  /** A macro's body ends at the first empty line. */
  skipMacro(): void {
    this.#skipLine()
    while (this.#at < this.text.length) {
      const start = this.#at
      this.#skipLine()
      if (this.text.slice(start, this.#at).trim() === '') return
    }
  }

  #skipBlanks(): void {
    for (; /\s/.test(this.text[this.#at] ?? ''); this.#at += 1) {
      if (this.text[this.#at] === '\n') this.#line += 1
    }
  }

  #skipLine(): void {
    const end = this.text.indexOf('\n', this.#at)
    this.#at = end === -1 ? this.text.length : end + 1
    if (end !== -1) this.#line += 1
  }

  #token(): Token | undefined {
    if (this.#at >= this.text.length) return undefined
    const line = this.#line
    if (this.text[this.#at] === '"') return { text: this.#quoted(), line, isQuoted: true }
    const start = this.#at
    while (this.#at < this.text.length && !/\s/.test(this.text[this.#at] ?? '')) this.#at += 1
    return { text: this.text.slice(start, this.#at), line, isQuoted: false }
  }

  #quoted(): string {
    const line = this.#line
    let value = ''
    for (this.#at += 1; this.#at < this.text.length; this.#at += 1) {
      const character = this.text[this.#at] ?? ''
      if (character === '"') {
        this.#at += 1
        return value
      }
      if (character === '\n') break
      if (character === '\\') {
        this.#at += 1
        const escaped = this.text[this.#at] ?? ''
        value += ESCAPES[escaped] ?? escaped
      } else {
        value += character
      }
    }
    throw wrong(this.path, line, 'a quote that is not closed')
  }
}

function wrong(path: string, line: number, what: string): UsageError {
  return new UsageError(`${path}, line ${line}: ${what}`, {
    code: 'CONFIG',
    path,
    hint: 'a login looks like: machine urs.earthdata.nasa.gov login NAME password WORD',
  })
}
