// Remote catalogues by name, loaded when they are first asked: a run over granules on disk needs none of their code.
import type { CallOptions } from '../native/call.js'
import { defaultEndpoints, type Endpoints } from '../net/endpoints.js'
import type { HttpClient } from '../net/http.js'
import type { AcquisitionRecords } from './acquisition-records.js'
import type { CatalogBackend, IterOptions, SceneCount, SearchResult } from './backend.js'
import type { CmrBackend } from './cmr.js'
import type { CollectionOptions } from './collections.js'
import type { ResolvedQuery } from './query.js'
import type { BackendName, Scene } from './scene.js'

export type RemoteName = Exclude<BackendName, 'local'>

export interface RemoteCatalogOptions extends CollectionOptions {
  /** Client for remote searches; default: one of its own. */
  http?: HttpClient | undefined
  /** Addresses of services; default: the real ones, or what the environment names instead. */
  endpoints?: Partial<Endpoints> | undefined
}

interface Remote {
  /** Where it looks, in words. */
  description: string
  open(options: RemoteCatalogOptions): Promise<CatalogBackend>
}

const REMOTES: Readonly<Record<RemoteName, Remote>> = {
  earthaccess: { description: "NASA's catalogue (CMR)", open: openCmr },
  planetary_computer: {
    description: 'Planetary Computer',
    open: async (options) => {
      const { PlanetaryComputerBackend } = await import('./planetary-computer.js')
      return new PlanetaryComputerBackend({ http: await clientOf(options), baseUrl: endpointsOf(options).pcStac })
    },
  },
  aws: {
    description: 'AWS Open Data',
    open: async (options) => {
      const { AwsBackend } = await import('./aws.js')
      return new AwsBackend({ http: await clientOf(options), baseUrl: endpointsOf(options).aws })
    },
  },
}

export function isRemote(name: string): name is RemoteName {
  return Object.hasOwn(REMOTES, name)
}

/** A remote catalogue that is not opened before it is asked something. */
export class RemoteBackend implements CatalogBackend {
  readonly name: RemoteName
  readonly #options: RemoteCatalogOptions
  #opened: Promise<CatalogBackend> | undefined

  constructor(name: RemoteName, options: RemoteCatalogOptions) {
    this.name = name
    this.#options = options
  }

  get description(): string {
    return REMOTES[this.name].description
  }

  async *iter(query: ResolvedQuery, options?: IterOptions): AsyncGenerator<Scene, void, undefined> {
    yield* (await this.#open()).iter(query, options)
  }

  async search(query: ResolvedQuery, options?: CallOptions): Promise<SearchResult> {
    return (await this.#open()).search(query, options)
  }

  async count(query: ResolvedQuery, options?: CallOptions): Promise<SceneCount> {
    return (await this.#open()).count(query, options)
  }

  /** AST_L1A records of NASA's catalogue, which know what other products and catalogues do not tell. */
  async acquisitions(): Promise<AcquisitionRecords> {
    const { CmrBackend } = await import('./cmr.js')
    const opened = this.name === 'earthaccess' ? await this.#open() : undefined
    return (opened instanceof CmrBackend ? opened : await openCmr(this.#options)).acquisitions
  }

  #open(): Promise<CatalogBackend> {
    this.#opened ??= REMOTES[this.name].open(this.#options)
    return this.#opened
  }
}

async function openCmr(options: RemoteCatalogOptions): Promise<CmrBackend> {
  const { CmrBackend } = await import('./cmr.js')
  const { provider, collections } = options
  return new CmrBackend({ http: await clientOf(options), baseUrl: endpointsOf(options).cmr, provider, collections })
}

async function clientOf({ http }: RemoteCatalogOptions): Promise<HttpClient> {
  return http ?? (await import('../net/http.js')).createHttpClient()
}

function endpointsOf({ endpoints }: RemoteCatalogOptions): Endpoints {
  return { ...defaultEndpoints(), ...endpoints }
}
