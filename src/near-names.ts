// Finds the names a misspelt word was probably meant to be, and says so in one sentence.

/** How many letters to add, drop, change or swap with their neighbour. */
function editDistance(left: string, right: string): number {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, index) => index)]
  const cell = (row: number, column: number) => rows[row]?.[column] ?? 0
  for (let row = 1; row <= left.length; row += 1) {
    rows.push([row])
    for (let column = 1; column <= right.length; column += 1) {
      const change = left[row - 1] === right[column - 1] ? 0 : 1
      const isSwap = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      const steps = [cell(row - 1, column) + 1, cell(row, column - 1) + 1, cell(row - 1, column - 1) + change]
      if (isSwap) steps.push(cell(row - 2, column - 2) + 1)
      rows[row]?.push(Math.min(...steps))
    }
  }
  return cell(left.length, right.length)
}

/** The known names near `name`, best first: few letters changed, or one contained in the other. */
export function nearNames(name: string, known: readonly string[]): string[] {
  const wanted = name.toLowerCase()
  return known
    .map((candidate) => {
      const lower = candidate.toLowerCase()
      const contained = wanted.length >= 3 && (lower.includes(wanted) || wanted.includes(lower))
      return { candidate, distance: editDistance(wanted, lower), contained }
    })
    .filter(({ distance, contained }) => contained || distance <= Math.max(1, Math.floor(wanted.length / 3)))
    .sort((a, b) => a.distance - b.distance || a.candidate.localeCompare(b.candidate))
    .slice(0, 3)
    .map(({ candidate }) => candidate)
}

/** The hint of an unknown name: the near ones, or else all there are. */
export function nearNamesHint(near: readonly string[], known: readonly string[], plural: string): string {
  return near.length > 0 ? `did you mean ${near.join(' or ')}?` : `${plural}: ${known.join(', ')}`
}

/** A property that means nothing, such as a misspelt one, and a hint. */
export function strangerIn(
  given: object,
  known: Readonly<Record<string, true>>,
  plural: string,
): { name: string; hint: string } | undefined {
  const name = Object.keys(given).find((property) => !Object.hasOwn(known, property))
  const names = Object.keys(known)
  return name === undefined ? undefined : { name, hint: nearNamesHint(nearNames(name, names), names, plural) }
}
