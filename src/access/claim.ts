// Claims on things that several processes may want to write: one works, the others wait and use its result.
//
// A claim is a file that is made exclusively: by linking a finished file to its name, which is atomic on local disks,
// NFS and Lustre alike. Its holder touches it every few seconds. A claim is dead when its process is gone, or when
// nobody touched it for a minute by the watcher's own clock; clocks of machines are never compared.
//
// A dead claim is not removed by those who find it, since two of them could remove each other's. It is succeeded: the
// claim named after the dead one's token, made exclusively again, is the next in line. Only the holder at the end of the
// line removes it, its first claim first, so a line whose first claim has changed is over.
import { randomBytes } from 'node:crypto'
import { link, open, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { type Clock, SYSTEM_CLOCK } from '../net/clock.js'
import { isAlive, thisProcess } from './process-identity.js'
import { systemCode, writeFailure } from './write-file.js'

const HEARTBEAT_MS = 5000
const DEAD_AFTER_MS = 60_000
const FIRST_POLL_MS = 20
const LONGEST_POLL_MS = 500
/** A claim that nobody touched for so long is dead by any clock. */
const LONG_DEAD_MS = 3_600_000
/** A claim that nobody touched for so long is told as free: the time to be dead, and clocks that differ by minutes. */
const SILENT_MS = DEAD_AFTER_MS + 240_000

const ClaimJson = z.object({
  token: z.string().regex(/^[0-9a-f]{16}$/),
  machine: z.string(),
  host: z.string(),
  pid: z.number().int(),
  processStart: z.string().nullable(),
  since: z.string(),
})
type ClaimText = z.output<typeof ClaimJson>

export interface ClaimHolder {
  host: string
  pid: number
  /** ISO 8601. */
  since: string
}

export interface ClaimOptions {
  signal?: AbortSignal | undefined
  /** Told once, when somebody else has the claim. */
  onWait?: ((holder: ClaimHolder) => void) | undefined
  clock?: Clock | undefined
  heartbeatMs?: number | undefined
  deadAfterMs?: number | undefined
}

export interface Claim {
  /** Whether it was taken over from somebody who died. */
  readonly isSuccession: boolean
  /** Whether nobody has taken the claim for dead in the meantime; to be asked before anything final is done. */
  isHeld(): Promise<boolean>
  release(): Promise<void>
}

/** The name of the claim on a file of a folder. */
export function claimPath(folder: string, name: string): string {
  return join(folder, `.${name}.claim`)
}

/** Waits for the claim and takes it. The folder must be there. */
export async function claim(path: string, options: ClaimOptions = {}): Promise<Claim> {
  return claimOneOf([path], options)
}

/** Waits for the first of several claims that is free, and takes it. */
export async function claimOneOf(paths: readonly string[], options: ClaimOptions = {}): Promise<Claim> {
  const { clock = SYSTEM_CLOCK, signal, onWait, deadAfterMs = DEAD_AFTER_MS } = options
  const watch = new Watch(clock, deadAfterMs)
  let isTold = false
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(LONGEST_POLL_MS, pollMs * 1.5)) {
    let holder: ClaimHolder | undefined
    for (const path of paths) {
      const result = await tryOnce(path, watch, options.heartbeatMs ?? HEARTBEAT_MS)
      if (result instanceof HeldClaim) return result
      if (result !== 'again') holder ??= result
    }
    if (holder === undefined) continue
    if (!isTold) onWait?.(holder)
    isTold = true
    await clock.sleep(pollMs, signal)
  }
}

/** Who has the claim at a path, and how long ago they showed that they live; nobody when it is free or dead. */
export async function claimHolder(path: string): Promise<(ClaimHolder & { ageSeconds: number }) | undefined> {
  for (let next = path; ; ) {
    const found = await readClaim(next)
    if (found === undefined) return undefined
    const ageMs = Math.max(0, Date.now() - found.mtimeMs)
    const isDead = ageMs > SILENT_MS || (found.text !== undefined && (await isAlive(found.text)) === false)
    if (!isDead) {
      const { host = 'unknown', pid = 0, since = '' } = found.text ?? {}
      return { host, pid, since, ageSeconds: Math.round(ageMs / 1000) }
    }
    next = `${path}.${found.text?.token ?? 'unreadable'}`
  }
}

/** Whether anything in a folder is claimed by somebody who may be alive. */
export async function isAnythingClaimed(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names.filter((entry) => entry.startsWith('.') && /\.claim(\.[0-9a-f]+)?$/.test(entry))) {
    const found = await readClaim(join(folder, name))
    if (found === undefined) continue
    const isOld = Date.now() - found.mtimeMs > LONG_DEAD_MS
    if (!isOld && (found.text === undefined || (await isAlive(found.text)) !== false)) return true
  }
  return false
}

/** Clears away what killed processes left of claims in a folder; claims of the living, and of other machines, stay. */
export async function sweepClaims(folder: string): Promise<void> {
  const names: string[] = await readdir(folder).catch(() => [])
  for (const name of names) {
    const [, root = '', draft = ''] = /^(\..*\.claim)(?:\.\w+)?$|^(\.[0-9a-f]{16}\.claim-draft)$/.exec(name) ?? []
    const path = join(folder, name)
    const found = root + draft === '' ? undefined : await readClaim(path)
    // An empty draft was left in the middle of being written; whoever still writes it does without.
    if (draft !== '' && found !== undefined && found.text === undefined) await rm(path, { force: true }).catch(() => {})
    if (found?.text === undefined || (await isAlive(found.text)) !== false) continue
    // The end of a line without a beginning belongs to nobody any more; a line is taken over and ended in order.
    if (root === name) await (await claim(path)).release()
    else if (!names.includes(root)) await rm(path, { force: true }).catch(() => {})
  }
}

/** One look: the claim, who has it, or that things changed while looking. */
async function tryOnce(root: string, watch: Watch, heartbeatMs: number): Promise<HeldClaim | ClaimHolder | 'again'> {
  const line: { path: string; token: string }[] = []
  for (let path = root; ; ) {
    const token = randomBytes(8).toString('hex')
    if (await make(path, token)) {
      const held = new HeldClaim([...line, { path, token }], heartbeatMs)
      if (await held.isHeld()) return held
      // The line was cleared away between reading it and joining it.
      await held.abandon()
      return 'again'
    }
    const found = await readClaim(path)
    if (found === undefined) return 'again'
    if (!(await watch.isDead(path, found))) {
      const { host = 'unknown', pid = 0, since = '' } = found.text ?? {}
      return { host, pid, since }
    }
    const deadToken = found.text?.token ?? 'unreadable'
    line.push({ path, token: deadToken })
    path = `${root}.${deadToken}`
  }
}

/** Makes a claim file with its text in it, if there is none of that name. */
async function make(path: string, token: string): Promise<boolean> {
  const text: ClaimText = { token, ...(await thisProcess()), since: new Date().toISOString() }
  const draft = join(dirname(path), `.${token}.claim-draft`)
  try {
    await writeFile(draft, JSON.stringify(text), { flag: 'wx' })
    try {
      await link(draft, path)
      return true
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return (await readClaim(path))?.text?.token === token
      // File systems without links: made exclusively, with its text a moment later.
      await writeFile(path, JSON.stringify(text), { flag: 'wx' })
      return true
    }
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw await writeFailure(error, path)
  } finally {
    await rm(draft, { force: true }).catch(() => {})
  }
}

interface FoundClaim {
  /** Absent while it is being written, or if it is damaged. */
  text: ClaimText | undefined
  mtimeMs: number
}

/** A claim as it is now: opened, since opening is what makes NFS look at the server. */
async function readClaim(path: string): Promise<FoundClaim | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      const { mtimeMs } = await file.stat()
      return { text: parse(await file.readFile('utf8')), mtimeMs }
    } finally {
      await file.close()
    }
  } catch {
    return undefined
  }
}

function parse(text: string): ClaimText | undefined {
  try {
    return ClaimJson.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Watches claims of others for signs of life. */
class Watch {
  readonly #seen = new Map<string, { sign: string; sinceMs: number }>()

  constructor(
    private readonly clock: Clock,
    private readonly deadAfterMs: number,
  ) {}

  async isDead(path: string, { text, mtimeMs }: FoundClaim): Promise<boolean> {
    if (text !== undefined && (await isAlive(text)) === false) return true
    const sign = `${text?.token} ${mtimeMs}`
    const before = this.#seen.get(path)
    const now = this.clock.now()
    if (before?.sign !== sign) this.#seen.set(path, { sign, sinceMs: now })
    return before?.sign === sign && now - before.sinceMs >= this.deadAfterMs
  }
}

class HeldClaim implements Claim {
  /** From the first claim to our own. */
  readonly #line: readonly { path: string; token: string }[]
  readonly #heartbeat: NodeJS.Timeout

  constructor(line: readonly { path: string; token: string }[], heartbeatMs: number) {
    this.#line = line
    this.#heartbeat = setInterval(() => this.#touch(), heartbeatMs).unref()
  }

  get isSuccession(): boolean {
    return this.#line.length > 1
  }

  async isHeld(): Promise<boolean> {
    const first = this.#line[0]
    const own = this.#line.at(-1)
    if (first === undefined || own === undefined) return false
    for (const { path, token } of new Set([first, own])) {
      const found = await readClaim(path)
      if (found === undefined || (found.text?.token ?? 'unreadable') !== token) return false
    }
    return (await readClaim(`${first.path}.${own.token}`)) === undefined
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat)
    // Somebody who took it for dead has the whole line now, and clears it away.
    if (!(await this.isHeld())) return
    for (const { path } of this.#line) await rm(path, { force: true }).catch(() => {})
  }

  /** Drops the last claim of a line that is over. */
  async abandon(): Promise<void> {
    clearInterval(this.#heartbeat)
    const own = this.#line.at(-1)
    if (own !== undefined) await rm(own.path, { force: true }).catch(() => {})
  }

  #touch(): void {
    const own = this.#line.at(-1)
    const now = new Date()
    if (own !== undefined) utimes(own.path, now, now).catch(() => {})
  }
}
