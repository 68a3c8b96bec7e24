// Prepares the words of a command line for commander, and finds the command among them.

const NUMBERS = /^[-+]?(\d|\.\d)[\d.eE+-]*(,|$)/

/** Joins the four numbers after `--bbox` into one value, so that negative ones are not taken for flags. */
export function joinBboxNumbers(argv: readonly string[]): string[] {
  const joined: string[] = []
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? ''
    if (word === '--') return [...joined, ...argv.slice(index)]
    if (word !== '--bbox') {
      joined.push(word)
      continue
    }
    const numbers: string[] = []
    while (numbers.join(',').split(',').length < 4 || numbers.length === 0) {
      const next = argv[index + 1]
      if (next === undefined || !NUMBERS.test(next)) break
      numbers.push(next.replace(/,$/, ''))
      index += 1
    }
    joined.push(numbers.length === 0 ? word : `--bbox=${numbers.join(',')}`)
  }
  return joined
}

/** The first word that is no flag. */
export function commandOf(argv: readonly string[]): string | undefined {
  return argv.find((word) => !word.startsWith('-'))
}
