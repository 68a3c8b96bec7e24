// Where the cache lies, and where a granule and its files lie in it.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { UsageError } from '../errors.js'

export type Env = Readonly<Record<string, string | undefined>>

/** The cache's folder: the one given, else `ASTER_CACHE_DIR`, else `~/.cache/aster_timeseries`. */
export function cacheDirOf(given: string | undefined, env: Env): string {
  const named = given ?? env.ASTER_CACHE_DIR
  if (named !== undefined && named.trim() !== '') return resolve(named)
  return join(env.HOME ?? homedir(), '.cache', 'aster_timeseries')
}

/** What decides where a granule lies. */
export interface CachedAs {
  id: string
  product: string
  backend: string
}

/**
 * `<cache>/<PRODUCT>/<GRANULE>`. Copies that others than NASA serve are in another form under the same name, and two
 * forms must not share a folder: theirs has the backend's name behind it.
 */
export function granuleFolder(cacheDir: string, { id, product, backend }: CachedAs): string {
  const name = backend === 'planetary_computer' || backend === 'aws' ? `${id}.${backend}` : id
  return join(cacheDir, plainName(product, 'product'), plainName(name, 'granule'))
}

/** A name that is a name and no way out of a folder; scenes come from files and services. */
export function plainName(name: string, what: string): string {
  if (/^[A-Za-z0-9][\w.+-]{0,200}$/.test(name)) return name
  throw new UsageError(`"${name.slice(0, 100)}" cannot be the name of a ${what}`, {
    hint: 'give scenes as `search` prints them',
  })
}
