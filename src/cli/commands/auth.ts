// `auth`: which credentials were found and where, and whether they work; never the credentials themselves.
import type { Command } from 'commander'
import { EarthdataCredentials, type EarthdataStatus } from '../../auth/earthdata.js'
import { subscriptionKeySource } from '../../auth/planetary-computer.js'
import { probeEarthdata } from '../../auth/probe.js'
import { endpointsFrom } from '../../net/endpoints.js'
import { createHttpClient } from '../../net/http.js'
import { type CliContext, talkTo } from '../context.js'
import { DONE, type ExitStatus } from '../exit-status.js'
import { addOptions, type OptionValues, readOptions } from '../options.js'
import { formatFacts, JSON_SCHEMA, toJson } from '../output.js'
import type { Finish } from '../program.js'

const NAMES = ['json', 'quiet', 'verbose'] as const
type Options = OptionValues<(typeof NAMES)[number]>

export function registerAuth(program: Command, ctx: CliContext, finish: Finish): void {
  const auth = program
    .command('auth')
    .description('credentials: what was found, and whether it works')
    .helpCommand(false)
  const status = auth.command('status').description('say which credentials were found and where; asks nobody')
  addOptions(status, NAMES).action(() => finish(runAuthStatus(ctx, readOptions(status, NAMES))))
  const test = auth.command('test').description('log in and read one byte of a granule')
  addOptions(test, NAMES).action(() => finish(runAuthTest(ctx, readOptions(test, NAMES))))
}

export async function runAuthStatus(ctx: CliContext, options: Options): Promise<ExitStatus> {
  const { credentials } = connect(ctx, options)
  const earthdata = await credentials.explain()
  const subscriptionKey = subscriptionKeySource(ctx.env)
  if (options.json) {
    ctx.stdout.write(toJson({ schema: JSON_SCHEMA, earthdata, planetaryComputer: { subscriptionKey } }))
    return DONE
  }
  const key = subscriptionKey === undefined ? 'none, and none needed' : `subscription key from ${subscriptionKey}`
  ctx.stdout.write(`Earthdata Login\n${formatFacts(factsOf(earthdata))}Planetary Computer\n`)
  ctx.stdout.write(formatFacts([['credentials', key]]))
  return DONE
}

export async function runAuthTest(ctx: CliContext, options: Options): Promise<ExitStatus> {
  const { http, credentials, endpoints } = connect(ctx, options)
  const result = await probeEarthdata(http, credentials, endpoints, ctx.signal)
  if (options.json) {
    ctx.stdout.write(toJson({ schema: JSON_SCHEMA, earthdata: { works: true, ...result } }))
    return DONE
  }
  const who = result.user === undefined ? '' : ` for ${result.user}`
  const until = result.expires === undefined ? '' : `; the token is good until ${result.expires}`
  ctx.stdout.write(`Earthdata works${who}: read a byte of ${result.file}${until}\n`)
  return DONE
}

function connect(ctx: CliContext, options: Options) {
  const { env } = ctx
  const talk = talkTo(ctx, options)
  const endpoints = endpointsFrom(env)
  const http = createHttpClient({ env, endpoints, onNote: (text) => talk.detail(text) })
  const tokenFile = env.ASTER_TOKEN_FILE === '' ? undefined : env.ASTER_TOKEN_FILE
  const onWarning = (text: string) => talk.warn(text)
  return { http, endpoints, credentials: new EarthdataCredentials({ http, endpoints, env, tokenFile, onWarning }) }
}

function factsOf({ kind, source, user, expires, isExpired, tokenFile, lookedIn }: EarthdataStatus): [string, string][] {
  if (kind === 'none')
    return [
      ['credentials', 'none'],
      ['looked in', lookedIn.join(', ')],
    ]
  const word = kind === 'token' ? 'token' : 'user name and password'
  const facts: [string, string | undefined][] = [
    ['credentials', `${word} from ${source}`],
    ['user', user],
    ['token until', expires === undefined ? undefined : `${expires}${isExpired ? ' (expired)' : ''}`],
    ['token kept', kind === 'token' ? undefined : (tokenFile ?? 'in memory; ASTER_TOKEN_FILE names a file for it')],
  ]
  return facts.flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]))
}
