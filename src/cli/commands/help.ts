// `help`: the help of a command, or of a topic such as exit-codes.
import type { Command } from 'commander'
import { UsageError } from '../../errors.js'
import { nearNames, nearNamesHint } from '../../near-names.js'
import type { CliContext } from '../context.js'
import { DONE, EXIT_STATUSES, type ExitStatus } from '../exit-status.js'
import type { Finish } from '../program.js'

const TOPIC = 'exit-codes'

export function registerHelp(program: Command, ctx: CliContext, finish: Finish): void {
  program
    .command('help')
    .description(`help on a command, or on ${TOPIC}`)
    .argument('[topic...]')
    .action((words: string[]) => finish(runHelp(ctx, program, words)))
}

export function runHelp(ctx: CliContext, program: Command, words: readonly string[]): ExitStatus {
  if (words.length === 1 && words[0] === TOPIC) {
    for (const { status, meaning } of EXIT_STATUSES) ctx.stdout.write(`${String(status).padStart(3)}  ${meaning}\n`)
  } else {
    commandOf(program, words).outputHelp()
  }
  return DONE
}

/** The command of some words, such as `cache` and `list`; without any, the program. */
function commandOf(program: Command, words: readonly string[]): Command {
  return words.reduce((command, word) => {
    const found = command.commands.find((candidate) => candidate.name() === word)
    if (found !== undefined) return found
    const names = command.commands.map((candidate) => candidate.name())
    const known = command === program ? [TOPIC, ...names] : names
    const near = nearNamesHint(nearNames(word, known), known, 'topics')
    const hint = known.length === 0 ? `see \`aster-timeseries ${command.name()} --help\`` : near
    throw new UsageError(`no help on "${words.join(' ')}"`, { hint })
  }, program)
}
