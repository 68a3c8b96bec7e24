// The comment of a job: tells whose it is and which tiles it is about, even where the record of the call is lost.
import { createHash } from 'node:crypto'

/** A plan in its folder: the same plan in another folder is another run. */
export interface RunPlace {
  /** Absolute. */
  readonly runFolder: string
  readonly hash: string
}

export interface ParsedComment {
  readonly kind: 'unit' | 'array' | 'pack'
  /** Unit number, offset of unit numbers, or name of a list. */
  readonly detail: string
  /** Of one call of sbatch; empty for scripts submitted by hand. */
  readonly token: string
}

/** What all comments of a run begin with. */
export function runTag({ runFolder, hash }: RunPlace): string {
  return `aster:${hash}-${createHash('sha256').update(runFolder).digest('hex').slice(0, 6)}:`
}

export function jobComment(run: RunPlace, kind: ParsedComment['kind'], detail: string | number): string {
  return `${runTag(run)}${kind}:${detail}`
}

/** `undefined` for jobs of others. */
export function parseComment(run: RunPlace, comment: string): ParsedComment | undefined {
  const tag = runTag(run)
  const [, kind, detail = '', token = ''] = /^(unit|array|pack):(\w+)(?::(\w+))?$/.exec(comment.slice(tag.length)) ?? []
  if (!comment.startsWith(tag) || (kind !== 'unit' && kind !== 'array' && kind !== 'pack')) return undefined
  return { kind, detail, token }
}
