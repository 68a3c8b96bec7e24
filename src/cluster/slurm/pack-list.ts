// Which tiles go into which packed job: a file with the unit numbers of each job on a line, named after its content.
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeIfDifferent } from './write-if-different.js'

/** Lines of unit numbers; `size` to a line. */
export type PackList = readonly (readonly number[])[]

export function packList(indices: readonly number[], size: number): PackList {
  const sorted = [...new Set(indices)].sort((a, b) => a - b)
  return Array.from({ length: Math.ceil(sorted.length / size) }, (_, place) =>
    sorted.slice(place * size, (place + 1) * size),
  )
}

/** The name never means another content: a queued job reads the file when it starts. */
export function listPath(runFolder: string, list: PackList): string {
  return listPathOf(runFolder, createHash('sha256').update(textOf(list)).digest('hex').slice(0, 12))
}

export function listPathOf(runFolder: string, name: string): string {
  return join(runFolder, 'slurm', 'lists', `${name}.txt`)
}

export async function writeList(runFolder: string, list: PackList): Promise<string> {
  const path = listPath(runFolder, list)
  await mkdir(dirname(path), { recursive: true })
  await writeIfDifferent(path, textOf(list), 0o644)
  return path
}

/** Unit numbers of each job; nothing if the file is gone. */
export async function readList(path: string): Promise<PackList> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ').map(Number)]))
}

function textOf(list: PackList): string {
  return list.map((line) => `${line.join(' ')}\n`).join('')
}
