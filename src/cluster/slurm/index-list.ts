// Lists of unit numbers as Slurm writes and reads them: `3,6,10-20`.

/** Ascending numbers, runs of three and more as ranges. */
export function compressIndices(indices: readonly number[]): string {
  const sorted = [...new Set(indices)].sort((a, b) => a - b)
  const parts: string[] = []
  for (let at = 0; at < sorted.length; ) {
    let end = at
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1
    if (end - at >= 2) parts.push(`${sorted[at]}-${sorted[end]}`)
    else parts.push(...sorted.slice(at, end + 1).map(String))
    at = end + 1
  }
  return parts.join(',')
}

/** The numbers of a list; a throttle (`%4`) and steps (`0-10:2`) are understood. Empty for anything else. */
export function expandIndices(text: string): number[] {
  const list = text.replace(/^\[|\]$/g, '').replace(/%\d+\]?$/, '')
  return list.split(',').flatMap((part) => {
    const [, from, to = from, step = '1'] = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part) ?? []
    if (from === undefined) return []
    const count = Math.floor((Number(to) - Number(from)) / Number(step)) + 1
    return Array.from({ length: Math.max(0, count) }, (_, place) => Number(from) + place * Number(step))
  })
}

export interface ArrayChunk {
  /** Added to the number of an element to get the unit. */
  readonly offset: number
  /** Numbers of elements, ascending. */
  readonly elements: readonly number[]
}

/** Units by the thousand: element numbers must stay below `MaxArraySize`, so the rest goes into the offset. */
export function arrayChunks(indices: readonly number[], size: number): ArrayChunk[] {
  const chunks = new Map<number, number[]>()
  for (const index of [...new Set(indices)].sort((a, b) => a - b)) {
    const offset = index - (index % size)
    const elements = chunks.get(offset) ?? []
    chunks.set(offset, elements)
    elements.push(index - offset)
  }
  return [...chunks].map(([offset, elements]) => ({ offset, elements }))
}

/** Largest number of elements of one array. Slurm's largest element number is one less than `MaxArraySize`. */
export function chunkSize(maxArraySize: number | undefined): number {
  return Math.max(1, Math.min((maxArraySize ?? 1001) - 1, 1000))
}
