// A whole fake world: NASA, Planetary Computer and an open bucket, each host with an origin of its own on loopback.
//
//   const world = await startWorld({ granules: [l1tGranule()], faults: [{ host: 'data', steps: [{ kind: 'reset' }] }] })
//   const http = world.client()              // or pass world.endpoints, or world.env to a process
//
// Started inside a test, it is checked against the rules of `invariants.ts` and closed when the test ends.
import { inspect } from 'node:util'
import { onTestFinished } from 'vitest'
import { type Endpoints, endpointsFrom } from '../../src/net/endpoints.js'
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../../src/net/http.js'
import { type Account, Accounts } from './accounts.js'
import { openBucket } from './bucket.js'
import { certificates } from './certificate.js'
import { commonMetadataRepository } from './cmr.js'
import { dataHost } from './data-host.js'
import { earthdataLogin } from './earthdata-login.js'
import { FakeClock } from './fake-clock.js'
import type { Fault } from './faults.js'
import { contentOf, type FakeGranule, objectPath, realRecords, recordOf, type UmmRecord } from './granules.js'
import { brokenRules, type Excused } from './invariants.js'
import { type LogEntry, Origin, type Script } from './origin.js'
import { BlobStore, realItems, type StacItem, stacApi } from './planetary-computer.js'
import { html, type Service } from './reply.js'
import { SignedStore, type SigningStyle } from './signed-store.js'

export const HOSTS = ['cmr', 'urs', 'data', 'signed', 'pcstac', 'pcsas', 'blob', 'aws', 'evil'] as const
export type Host = (typeof HOSTS)[number]

export interface WorldOptions {
  readonly granules?: readonly FakeGranule[]
  /** Search records without files, as they are. */
  readonly records?: readonly UmmRecord[]
  /** Adds the real search records and items, where they are at hand. */
  readonly withReal?: boolean
  readonly items?: (blobUrl: string) => readonly StacItem[]
  /** Content of Planetary Computer's store by path, such as `/aster/images/L1T/…`. */
  readonly blobs?: Readonly<Record<string, Uint8Array | string>>
  /** Content of the open bucket by key. */
  readonly bucket?: Readonly<Record<string, Uint8Array | string>>
  readonly faults?: readonly (Script & { host: Host })[]
  readonly account?: Partial<Account>
  readonly tokenLifeMs?: number
  readonly sasLifeMs?: number
  readonly signedLifeMs?: number
  readonly signingStyle?: SigningStyle
  readonly tls?: boolean
  readonly keepAlive?: boolean
  /** Time goes as it goes outside: for tests whose client is a process of its own. */
  readonly realTime?: boolean
  /** Rules of `invariants.ts` that this test breaks on purpose. */
  readonly excused?: Excused
  /** For worlds outside of a test: the caller checks and closes. */
  readonly manual?: boolean
}

export interface World {
  readonly endpoints: Endpoints
  /** The same as variables, for processes; holds no credentials. */
  readonly env: Readonly<Record<string, string>>
  readonly clock: FakeClock
  readonly log: LogEntry[]
  readonly accounts: Accounts
  readonly account: Account
  /** A good token of the account. */
  readonly token: string
  readonly store: SignedStore
  readonly blobs: BlobStore
  readonly records: UmmRecord[]
  readonly items: StacItem[]
  readonly ca: string | undefined
  /** Base address of a host. */
  url(host: Host): string
  /** Requests that a host got. */
  requests(host: Host): LogEntry[]
  script(host: Host, steps: (Fault | 'normal')[], where?: Omit<Script, 'steps'>): void
  shut(host: Host): Promise<void>
  reopen(host: Host): Promise<void>
  /** Address of a granule's file at the download host. */
  fileUrl(granule: FakeGranule, name: string): string
  /** A client for this world, by this world's clock; what it notes and throws is searched for secrets in the end. */
  client(options?: HttpClientOptions): HttpClient
  /** Text that a user may see, to be searched for secrets in the end. */
  heard(text: string): void
  /** Further secrets to search for. */
  keepSecret(text: string): void
  /** Rules of `invariants.ts` that were broken so far. */
  brokenRules(): string[]
  close(): Promise<void>
}

const DAY_MS = 86_400_000

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const world = await buildWorld(options)
  if (options.manual !== true) {
    onTestFinished(async () => {
      const broken = world.brokenRules()
      await world.close()
      if (broken.length > 0) throw new Error(`rules broken:\n  ${broken.join('\n  ')}`)
    })
  }
  return world
}

async function buildWorld(options: WorldOptions): Promise<World> {
  const { realTime = false, keepAlive = true, tls: isTls = false } = options
  const clock = new FakeClock(Date.now(), realTime)
  const made = isTls ? certificates() : undefined
  const account: Account = { name: 'tester', password: 'pa#ss"wörd-marker', hasAcceptedTerms: true, ...options.account }
  const accounts = new Accounts([account], clock, options.tokenLifeMs ?? 60 * DAY_MS)
  const log: LogEntry[] = []
  const origins = new Map<Host, Origin>()
  const url = (host: Host) => origins.get(host)?.url ?? ''
  const hour = DAY_MS / 24
  const store = new SignedStore(
    clock,
    () => url('signed'),
    options.signedLifeMs ?? hour,
    options.signingStyle ?? 'cloudfront',
  )
  const blobs = new BlobStore(clock, options.sasLifeMs ?? hour)
  const records: UmmRecord[] = []
  const items: StacItem[] = []
  const bucket = new Map(Object.entries(options.bucket ?? {}).map(([key, file]) => [key, contentOf(file)]))
  const services: Record<Host, Service> = {
    cmr: commonMetadataRepository(records),
    urs: earthdataLogin(accounts),
    data: dataHost({ accounts, store, ownUrl: () => url('data'), loginUrl: () => url('urs') }),
    signed: store.service,
    pcstac: stacApi(items, () => url('pcstac')),
    pcsas: blobs.signer,
    blob: blobs.service,
    aws: openBucket(bucket),
    evil: () => html(200, 'anything you like'),
  }
  for (const name of HOSTS) {
    const origin = new Origin({ name, service: services[name], clock, log, tls: made, keepAlive })
    await origin.open()
    origins.set(name, origin)
  }
  for (const granule of options.granules ?? []) {
    records.push(recordOf(granule, url('data')))
    for (const [name, file] of Object.entries(granule.files)) {
      store.objects.set(objectPath(granule, name), contentOf(file))
    }
  }
  records.push(...(options.records ?? []), ...(options.withReal === true ? realRecords(url('data')) : []))
  items.push(...(options.items?.(url('blob')) ?? []))
  if (options.withReal === true) items.push(...realItems(url('blob'), url('pcstac')))
  for (const [path, file] of Object.entries(options.blobs ?? {})) blobs.blobs.set(path, contentOf(file))
  const env = {
    ASTER_CMR_URL: `${url('cmr')}/search`,
    ASTER_EDL_URL: url('urs'),
    ASTER_LPDAAC_URL: url('data'),
    ASTER_SIGNED_URL: url('signed'),
    ASTER_PC_STAC_URL: `${url('pcstac')}/api/stac/v1`,
    ASTER_PC_SAS_URL: `${url('pcsas')}/api/sas/v1`,
    ASTER_PC_BLOB_URL: url('blob'),
    ASTER_AWS_URL: url('aws'),
  }
  const endpoints = endpointsFrom(env)
  const heard: string[] = []
  const secrets: string[] = []
  const { excused = {} } = options
  const world: World = {
    ...{ endpoints, env, clock, log, accounts, account, store, blobs, records, items, url },
    token: accounts.issue(account),
    ca: made?.ca,
    requests: (host) => log.filter((entry) => entry.host === host),
    script: (host, steps, where = {}) => {
      origins.get(host)?.scripts.push({ ...where, steps })
    },
    shut: async (host) => origins.get(host)?.shut(),
    reopen: async (host) => origins.get(host)?.open(),
    fileUrl: (granule, name) => `${url('data')}${objectPath(granule, name)}`,
    client: (more = {}) =>
      listened(
        createHttpClient({
          ...{ clock, env: {}, ca: made?.ca, endpoints },
          ...more,
          onNote: (text) => {
            heard.push(text)
            more.onNote?.(text)
          },
        }),
        (text) => heard.push(text),
      ),
    heard: (text) => heard.push(text),
    keepSecret: (text) => secrets.push(text),
    brokenRules: () => {
      const tokens = accounts.tokens.map(({ token }) => token)
      const basic = Buffer.from(`${account.name}:${account.password}`).toString('base64')
      const cookies = [...accounts.cookies.keys(), ...accounts.codes.keys()]
      const marked = [
        account.password,
        basic,
        ...tokens,
        ...cookies,
        ...store.signatures,
        ...blobs.signatures,
        ...secrets,
      ]
      const expiredTokens = accounts.tokens.filter(({ expiresAt }) => expiresAt <= clock.now()).length
      return brokenRules({ log, heard, secrets: marked, expiredTokens, excused })
    },
    close: async () => {
      for (const origin of origins.values()) await origin.shut()
    },
  }
  for (const { host, ...script } of options.faults ?? []) origins.get(host)?.scripts.push(script)
  return world
}

/** The client, with everything that it throws overheard. */
function listened(client: HttpClient, hear: (text: string) => void): HttpClient {
  const overhear = (error: unknown): never => {
    hear(everythingOf(error))
    throw error
  }
  return {
    send: async (request) => {
      const response = await client.send(request).catch(overhear)
      hear(response.url)
      async function* body() {
        try {
          yield* response.body
        } catch (error) {
          overhear(error)
        }
      }
      return {
        ...response,
        body: body(),
        text: (maxBytes) => response.text(maxBytes).catch(overhear),
        json: (maxBytes) => response.json(maxBytes).catch(overhear),
      }
    },
  }
}

/** Whatever of an error may reach a log: message, stack, fields, and the same of its causes. */
export function everythingOf(error: unknown): string {
  return inspect(error, { depth: 8, maxStringLength: null })
}
