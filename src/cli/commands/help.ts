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
    .argument('[topic]')
    .action((topic?: string) => finish(runHelp(ctx, program, topic)))
}

export function runHelp(ctx: CliContext, program: Command, topic: string | undefined): ExitStatus {
  const command = program.commands.find((candidate) => candidate.name() === topic)
  if (topic === TOPIC) {
    for (const { status, meaning } of EXIT_STATUSES) ctx.stdout.write(`${String(status).padStart(3)}  ${meaning}\n`)
  } else if (topic === undefined) {
    program.outputHelp()
  } else if (command !== undefined) {
    command.outputHelp()
  } else {
    const known = [TOPIC, ...program.commands.map((candidate) => candidate.name())]
    throw new UsageError(`no help on "${topic}"`, { hint: nearNamesHint(nearNames(topic, known), known, 'topics') })
  }
  return DONE
}
