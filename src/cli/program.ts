// Builds the command line, runs it, and turns whatever happens into text and an exit status.
import { Command, CommanderError } from 'commander'
import { AbortError, AsterError, InternalError, UsageError } from '../errors.js'
import { packageVersion } from '../net/user-agent.js'
import { registerAuth } from './commands/auth.js'
import { registerHelp } from './commands/help.js'
import { registerInfo } from './commands/info.js'
import { registerProducts } from './commands/products.js'
import { registerRegions } from './commands/regions.js'
import { registerRun } from './commands/run.js'
import { registerSearch } from './commands/search.js'
import type { CliContext } from './context.js'
import { DONE, type ExitStatus, statusOfError } from './exit-status.js'
import { errorToJson, formatError } from './output.js'
import { joinBboxNumbers } from './parse.js'

/** Hands the status of a command back to the program. */
export type Finish = (status: ExitStatus | Promise<ExitStatus>) => Promise<void>

/** Runs one command line and returns its exit status; never throws. */
export async function runCli(argv: readonly string[], outer: CliContext): Promise<ExitStatus> {
  const ctx = { ...outer, commandLine: ['aster-timeseries', ...argv].map(quoted).join(' ') }
  let status: ExitStatus = DONE
  const program = buildProgram(ctx, async (pending) => {
    status = await pending
  })
  try {
    if (argv.length === 0) throw new UsageError('no command given', { hint: 'see `aster-timeseries --help`' })
    await program.parseAsync(joinBboxNumbers(argv), { from: 'user' })
    return status
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return DONE
    return reportError(ctx, argv, thrown)
  }
}

export function buildProgram(ctx: CliContext, finish: Finish): Command {
  const program = new Command('aster-timeseries')
    .description('Time series of ASTER scenes: search, calibrate, align, stack')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ writeOut: (text) => ctx.stdout.write(text), writeErr: () => {}, getOutHelpWidth: () => 100 })
  registerProducts(program, ctx, finish)
  registerRegions(program, ctx, finish)
  registerSearch(program, ctx, finish)
  registerInfo(program, ctx, finish)
  registerRun(program, ctx, finish)
  registerAuth(program, ctx, finish)
  registerHelp(program, ctx, finish)
  program.addHelpText('after', '\nExit codes: `aster-timeseries help exit-codes`')
  return program
}

function reportError(ctx: CliContext, argv: readonly string[], thrown: unknown): ExitStatus {
  const error = explain(thrown, ctx.signal)
  const status = statusOfError(error, ctx.signal)
  ctx.stderr.write(argv.includes('--json') ? errorToJson(error, status) : formatError(error))
  const showsStack = argv.includes('-v') || argv.includes('--verbose')
  if (showsStack && error.stack !== undefined) ctx.stderr.write(`${error.stack}\n`)
  return status
}

/** Any thrown thing as an error of the family. */
function explain(thrown: unknown, signal: AbortSignal): AsterError {
  if (thrown instanceof CommanderError) return usageErrorOf(thrown)
  if (thrown instanceof AbortError) {
    const by = typeof signal.reason === 'string' ? ` by ${signal.reason}` : ''
    return new AbortError(`stopped${by}; no output was written`, { cause: thrown })
  }
  if (thrown instanceof AsterError && !(thrown instanceof InternalError)) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const bug = new InternalError(`internal error: ${message}`, {
    hint:
      `this is a bug: please report it with this text, version ${packageVersion()}, ` +
      `Node ${process.versions.node}, ${process.platform}-${process.arch}`,
    cause: thrown,
  })
  if (thrown instanceof Error && thrown.stack !== undefined) bug.stack = thrown.stack
  return bug
}

/** Commander's complaint in our form: `error: what (Did you mean x?)` becomes a message and a hint. */
function usageErrorOf({ code, message }: CommanderError): UsageError {
  if (code === 'commander.help') return new UsageError('no command given', { hint: 'see `aster-timeseries help`' })
  const [what = '', suggestion] = message.replace(/^error: /, '').split('\n')
  const near = /^\(Did you mean (?:one of )?(.*)\?\)$/.exec(suggestion ?? '')?.[1]
  const hint = near === undefined ? 'see `aster-timeseries help`' : `did you mean ${near}?`
  return new UsageError(what.replace(/\.$/, ''), { hint })
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
