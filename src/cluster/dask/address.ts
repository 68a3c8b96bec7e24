// Where a Dask scheduler is: an address as `dask scheduler` prints it, or the file it writes with --scheduler-file.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { UsageError } from '../../errors.js'

const SchedulerFile = z.object({ address: z.string() })
const DEFAULT_PORT = 8786

/** The address of a scheduler, with protocol and port. */
export function schedulerAddress(given: string): string {
  if (given.endsWith('.json')) return fromFile(given)
  const match = /^(?:(tcp|tls|ws|wss|ucx):\/\/)?(\[[0-9a-fA-F:.%]+\]|[\w.-]+)(?::(\d{1,5}))?(\/[\w./-]*)?$/.exec(given)
  const [, protocol = 'tcp', host = '', port = String(DEFAULT_PORT), path = ''] = match ?? []
  const hasPath = path === '' || protocol.startsWith('ws')
  if (match === null || !hasPath || Number(port) < 1 || Number(port) > 65535) {
    throw new UsageError(`--dask-scheduler is no address of a Dask scheduler: "${given}"`, {
      hint: 'give what `dask scheduler` prints, such as tcp://10.0.0.4:8786, or the file of its --scheduler-file',
    })
  }
  return `${protocol}://${host}:${port}${path}`
}

function fromFile(path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new UsageError(`--dask-scheduler: cannot read ${path}`, {
      hint: 'the scheduler writes it when it starts: dask scheduler --scheduler-file FILE.json',
      cause,
    })
  }
  const parsed = SchedulerFile.safeParse(parseJson(text))
  if (parsed.success && !parsed.data.address.endsWith('.json')) return schedulerAddress(parsed.data.address)
  throw new UsageError(`--dask-scheduler: ${path} is no file that a Dask scheduler wrote`, { path })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
