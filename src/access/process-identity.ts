// Which process on which machine, so that another process can tell whether it still runs.
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'

export interface ProcessIdentity {
  /** Same text, same machine since the same start, and same numbering of processes. */
  machine: string
  host: string
  pid: number
  /** Start of the process in the kernel's own count; tells it from a later one of the same number. */
  processStart: string | null
}

let own: Promise<ProcessIdentity> | undefined

export function thisProcess(): Promise<ProcessIdentity> {
  own ??= identify()
  return own
}

async function identify(): Promise<ProcessIdentity> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
  // Containers of one machine may share its name and number their processes each for itself.
  const space = await readlink('/proc/self/ns/pid').catch(() => '')
  const host = hostname()
  const machine = [host, boot.trim(), space].join(' ').trim()
  return { machine, host, pid: process.pid, processStart: (await stateOf(process.pid))?.start ?? null }
}

/** Whether a process runs; `undefined` for one of another machine. */
export async function isAlive({ machine, pid, processStart }: ProcessIdentity): Promise<boolean | undefined> {
  if (machine !== (await thisProcess()).machine) return undefined
  try {
    process.kill(pid, 0)
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EPERM'
    if (!isThere) return false
  }
  const state = await stateOf(pid)
  if (state === undefined) return true
  return !state.hasEnded && (processStart === null || state.start === processStart)
}

/** From `/proc`, where there is one. */
async function stateOf(pid: number): Promise<{ start: string; hasEnded: boolean } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The second field is a name in brackets that may hold anything; the state is the third, the start the 22nd.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state = '', start = ''] = [fields[0], fields[19]]
  return start === '' ? undefined : { start, hasEnded: state === 'Z' || state === 'X' }
}
