// The Python that talks to Dask: what was named, else the active environment, else the one on the PATH.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { UsageError } from '../../errors.js'

type Env = Readonly<Record<string, string | undefined>>

export interface FoundPython {
  /** Absolute, or as it was given. */
  readonly path: string
  /** What led to it: an option, a variable, or the PATH. */
  readonly source: string
}

/**
 * The first that is set, of `--dask-python`, ASTER_PYTHON, VIRTUAL_ENV, CONDA_PREFIX; else `python3` of the PATH. Later ones are no
 * substitute for one that is set but wrong: two Pythons would hardly hold the same packages.
 *
 * @throws UsageError `CONFIG` when that interpreter is not there
 */
export function findPython(given: string | undefined, env: Env): FoundPython {
  const inside = (folder: string | undefined) => (folder ? join(folder, 'bin', 'python') : undefined)
  const candidates: [string, string | undefined][] = [
    ['--dask-python', given],
    ['ASTER_PYTHON', env.ASTER_PYTHON],
    ['VIRTUAL_ENV', inside(env.VIRTUAL_ENV)],
    ['CONDA_PREFIX', inside(env.CONDA_PREFIX)],
  ]
  for (const [source, path] of candidates) {
    if (path === undefined || path === '') continue
    const found = path.includes('/') ? path : onPath(path, env)
    if (found !== undefined && existsSync(found)) return { path: found, source }
    throw missing(`there is no Python at ${path} (from ${source})`)
  }
  const found = onPath('python3', env)
  if (found === undefined) throw missing('there is no python3 on the PATH')
  return { path: found, source: 'PATH' }
}

function onPath(name: string, env: Env): string | undefined {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

function missing(message: string): UsageError {
  return new UsageError(message, {
    code: 'CONFIG',
    hint: 'Dask is driven from Python: name one that has the package distributed, --dask-python /path/to/bin/python',
  })
}
