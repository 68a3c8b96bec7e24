// Builds the command line, runs it, and turns whatever happens into text and an exit status.
import { Command, CommanderError } from 'commander'
import { AbortError, AsterError, InternalError, UsageError } from '../errors.js'
import { packageVersion } from '../net/user-agent.js'
import { commandOf, joinBboxNumbers } from './argv.js'
import type { CliContext } from './context.js'
import { DONE, type ExitStatus, statusOfError } from './exit-status.js'
import { errorToJson, formatError } from './output.js'

/** Hands the status of a command back to the program. */
export type Finish = (status: ExitStatus | Promise<ExitStatus>) => Promise<void>

/** Adds commands to the program. */
type Register = (program: Command, ctx: CliContext, finish: Finish) => void

/** Every command in the order of the help. What it needs is loaded when it is named: a start should cost little. */
const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  products: async () => (await import('./commands/products.js')).registerProducts,
  indices: async () => (await import('./commands/products.js')).registerProducts,
  regions: async () => (await import('./commands/regions.js')).registerRegions,
  search: async () => (await import('./commands/search.js')).registerSearch,
  download: async () => (await import('./commands/download.js')).registerDownload,
  cache: async () => (await import('./commands/cache.js')).registerCache,
  info: async () => (await import('./commands/info.js')).registerInfo,
  run: async () => (await import('./commands/run.js')).registerRun,
  'global-run': async () => (await import('./commands/global-run.js')).registerGlobalRun,
  plan: async () => (await import('./commands/plan.js')).registerPlan,
  'run-unit': async () => (await import('./commands/run-unit.js')).registerRunUnit,
  'plan-status': async () => (await import('./commands/plan-status.js')).registerPlanStatus,
  export: async () => (await import('./commands/export.js')).registerExport,
  auth: async () => (await import('./commands/auth.js')).registerAuth,
  help: async () => (await import('./commands/help.js')).registerHelp,
}

/** What registers the command that is named; for help, and to suggest a name, all of them. */
async function registersFor(argv: readonly string[]): Promise<Set<Register>> {
  const [first] = argv
  if (first === '--version' || first === '-V') return new Set()
  const name = commandOf(argv) ?? 'help'
  const one = name === 'help' || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name]
  const wanted = one === undefined ? Object.values(COMMANDS) : [one]
  return new Set(await Promise.all(wanted.map((load) => load())))
}

/** Runs one command line and returns its exit status; never throws. */
export async function runCli(argv: readonly string[], outer: CliContext): Promise<ExitStatus> {
  const ctx = { ...outer, commandLine: ['aster-timeseries', ...argv].map(quoted).join(' ') }
  let status: ExitStatus = DONE
  try {
    if (argv.length === 0) throw new UsageError('no command given', { hint: 'see `aster-timeseries --help`' })
    const program = buildProgram(ctx)
    const finish: Finish = async (pending) => {
      status = await pending
    }
    for (const register of await registersFor(argv)) register(program, ctx, finish)
    await program.parseAsync(joinBboxNumbers(argv), { from: 'user' })
    return status
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return DONE
    return reportError(ctx, argv, thrown)
  }
}

function buildProgram(ctx: CliContext): Command {
  return new Command('aster-timeseries')
    .description('Time series of ASTER scenes: search, calibrate, align, stack')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ writeOut: (text) => ctx.stdout.write(text), writeErr: () => {}, getOutHelpWidth: () => 100 })
    .addHelpText('after', '\nExit codes: `aster-timeseries help exit-codes`')
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
  if (thrown instanceof Error && 'syscall' in thrown && thrown.syscall === 'uv_cwd') {
    const hint = 'go to a folder that is there, or give full paths'
    return new UsageError('the current folder was removed', { code: 'CONFIG', hint, cause: thrown })
  }
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
