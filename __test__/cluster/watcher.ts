// Watches a folder of tiles from outside: who works on which tile and when, and that what is done stays as it is.
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A stretch of time in which a process had the claim on a tile, as far as it was seen; ms since 1970. */
export interface Holding {
  readonly tile: string
  readonly pid: number
  readonly from: number
  readonly to: number
}

/** The file system's clock may be a tick behind. */
const TICK_MS = 10
const EVERY_MS = 50

export class Watcher {
  /** What must not be, in words. */
  readonly broken: string[] = []
  readonly #holdings = new Map<string, Holding>()
  readonly #done = new Map<string, string>()
  #looks = 0

  /** @param scratch where unfinished tiles may be written */
  constructor(
    private readonly folder: string,
    private readonly scratch: string,
  ) {}

  /** Looks until the returned function is called. */
  start(): () => void {
    const timer = setInterval(() => this.look(), EVERY_MS)
    return () => clearInterval(timer)
  }

  look(): void {
    this.#looks += 1
    const names = readdirSync(this.folder)
    this.#lookAtMakers([...names, ...readdirSync(this.scratch, { recursive: true, encoding: 'utf8' })])
    for (const name of names) {
      const tile = /^(.*\.nc)\.claim$/.exec(name)?.[1]
      if (tile !== undefined) this.#lookAtClaim(tile)
    }
    this.#lookAtRecords(names)
  }

  /** After outputs were taken away on purpose. */
  forget(): void {
    this.#done.clear()
  }

  get looks(): number {
    return this.#looks
  }

  get holdings(): readonly Holding[] {
    return [...this.#holdings.values()]
  }

  /** Unfinished files carry the process that writes them. */
  #lookAtMakers(names: readonly string[]): void {
    const makers = new Map<string, Set<string>>()
    for (const name of names) {
      const [, tile = '', pid = ''] = /(?:^|\/)\.([^/]*\.nc)\.partial-.*?-(\d+)(?:-\d+)?$/.exec(name) ?? []
      if (pid !== '' && isRunning(pid)) makers.set(tile, (makers.get(tile) ?? new Set()).add(pid))
    }
    for (const [tile, pids] of makers) {
      if (pids.size > 1) this.broken.push(`${tile} is made by ${[...pids].join(' and ')} at once`)
    }
  }

  /** The last of the line of claims has the tile; the line counts if it was the same before and after it was read. */
  #lookAtClaim(tile: string): void {
    const at = Date.now()
    const root = join(this.folder, `${tile}.claim`)
    const first = readClaim(root)
    let last = first
    for (let next = first; next !== undefined; next = readClaim(`${root}.${next.token}`)) last = next
    if (first === undefined || last === undefined || readClaim(root)?.token !== first.token) return
    if (!isRunning(String(last.pid))) return
    const key = `${tile} ${last.token}`
    const from = this.#holdings.get(key)?.from ?? last.madeAt
    if (from <= at) this.#holdings.set(key, { tile, pid: last.pid, from, to: at })
  }

  #lookAtRecords(names: readonly string[]): void {
    for (const name of names.filter((one) => one.endsWith('.done.json'))) {
      const found = [name, name.slice(0, -'.done.json'.length)].map((one) =>
        statSync(join(this.folder, one), { throwIfNoEntry: false }),
      )
      const writing = found.map((one) => `${one?.ino} ${one?.mtimeMs}`).join()
      const before = this.#done.get(name)
      if (before !== undefined && before !== writing) this.broken.push(`${name} was done, and is made again`)
      this.#done.set(name, writing)
    }
  }
}

/** Pairs of holdings of one tile that overlap. */
export function overlaps(holdings: readonly Holding[]): string[] {
  const sorted = [...holdings].sort((a, b) => a.tile.localeCompare(b.tile) || a.from - b.from)
  return sorted.flatMap((one, index) => {
    const before = sorted[index - 1]
    const isOverlap = before?.tile === one.tile && before.to > one.from + TICK_MS
    return isOverlap ? [`${one.tile}: ${before.pid} until ${before.to}, ${one.pid} from ${one.from}`] : []
  })
}

/** A claim, and when its file got its name. */
function readClaim(path: string): { token: string; pid: number; madeAt: number } | undefined {
  try {
    const file = openSync(path, 'r')
    try {
      const { token, pid } = JSON.parse(readFileSync(file, 'utf8'))
      return { token, pid, madeAt: fstatSync(file).ctimeMs }
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}

function isRunning(pid: string): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
