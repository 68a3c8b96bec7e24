// Search records for tests: excerpts of real ones, and the whole ones where they are at hand.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SHARED } from '../../fakes/granules.js'

const HERE = new URL('./records/', import.meta.url)

/** An excerpt of this folder, such as `l1t-004.umm-g.json`. */
export function excerpt(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, HERE), 'utf8'))
}

/** All real records of a folder of the shared data, by file name; none where it is not at hand. */
export function realRecords(folder: string, ending: string): [string, unknown][] {
  const path = join(SHARED, folder)
  if (!existsSync(path)) return []
  const names = readdirSync(path).filter((name) => name.endsWith(ending))
  return names.map((name) => [name, JSON.parse(readFileSync(join(path, name), 'utf8'))])
}
