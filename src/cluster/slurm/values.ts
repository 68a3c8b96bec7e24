// Values that users give for Slurm: checked against what Slurm takes, and never escaped into it.
import { UsageError } from '../../errors.js'

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.,:@+-]*$/
/** Features of nodes, joined as `sbatch --constraint` allows. */
const CONSTRAINT = /^[A-Za-z0-9_[(!][A-Za-z0-9_.,:@+&|*()[\]!-]*$/
const TIME = /^(\d+|\d+:\d\d?(:\d\d)?|\d+-\d\d?(:\d\d){0,2}|UNLIMITED)$/
const MEMORY = /^(\d+)([KMGT]?)B?$/i

/** Longest time and largest memory that are taken for meant: ten years, 1 PiB. */
const MAX_SECONDS = 10 * 366 * 86_400
const MAX_MIB = 2 ** 30

/** Options of `sbatch` that the scripts set themselves, and which option of ours stands for each. */
const OWN_OPTIONS: Readonly<Record<string, string>> = {
  account: '--slurm-account',
  array: '--slurm-array-throttle',
  chdir: '--output-dir',
  clusters: 'a shell on the other cluster',
  comment: 'no option: it tells our jobs apart',
  constraint: '--slurm-constraint',
  'cpus-per-task': '--slurm-cpus-per-task',
  error: '--slurm-log-dir',
  export: 'a prelude (--slurm-prelude)',
  'export-file': 'a prelude (--slurm-prelude)',
  input: 'no option: jobs read nothing',
  'job-name': 'no option: it tells our jobs apart',
  mem: '--slurm-memory',
  'mem-per-cpu': '--slurm-mem-per-cpu',
  'mem-per-gpu': '--slurm-memory',
  'no-requeue': '--slurm-max-retries 0',
  'open-mode': 'no option: logs are appended to',
  output: '--slurm-log-dir',
  parsable: 'no option: it is always set',
  partition: '--slurm-partition',
  qos: '--slurm-qos',
  quiet: 'no option: what sbatch says is needed',
  requeue: '--slurm-max-retries',
  signal: '--slurm-time',
  'test-only': '--slurm-dry-run',
  time: '--slurm-time',
  wait: 'plan-status',
  wrap: 'no option: the script says what runs',
}

/** Name of an account, partition or QOS; several partitions are joined by commas. */
export function checkName(flag: string, text: string): string {
  if (NAME.test(text)) return text
  throw refused(flag, text, 'letters, digits and _ . , : @ + -, not beginning with a sign')
}

export function checkConstraint(flag: string, text: string): string {
  if (CONSTRAINT.test(text)) return text
  throw refused(flag, text, 'names of features joined by & | , and brackets')
}

/** A time limit in seconds; infinite for `UNLIMITED` and for 0, which Slurm takes for the same. */
export function parseTimeLimit(flag: string, text: string): number {
  if (!TIME.test(text)) throw refused(flag, text, 'minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS or UNLIMITED')
  if (text === 'UNLIMITED') return Number.POSITIVE_INFINITY
  const seconds = secondsOf(text)
  if (seconds > MAX_SECONDS) throw refused(flag, text, 'a time of at most ten years, or UNLIMITED')
  return seconds === 0 ? Number.POSITIVE_INFINITY : seconds
}

/** Seconds of a time as Slurm writes it; the caller knows that it is one. */
export function secondsOf(text: string): number {
  const [, days, clock = text] = /^(\d+)-(.*)$/.exec(text) ?? []
  const parts = clock.split(':').map(Number)
  if (days !== undefined) {
    const [hours = 0, minutes = 0, seconds = 0] = parts
    return Number(days) * 86_400 + hours * 3600 + minutes * 60 + seconds
  }
  const [first = 0, second = 0, third] = parts
  return third === undefined ? first * 60 + second : first * 3600 + second * 60 + third
}

/** A time limit as Slurm takes it: `02:00:00`, `3-00:00:00`. */
export function formatTimeLimit(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'UNLIMITED'
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const days = Math.floor(seconds / 86_400)
  const clock = `${two((seconds % 86_400) / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}`
  return days === 0 ? clock : `${days}-${clock}`
}

/** Memory in MiB, rounded up; a number without a unit is MiB, as for Slurm. 0 is all that a node has. */
export function parseMemoryMiB(flag: string, text: string): number {
  const [, digits = '', unit = ''] = MEMORY.exec(text) ?? []
  if (digits === '') throw refused(flag, text, 'a whole number with K, M, G or T, such as 16G or 3500M')
  const mib = Math.ceil(Number(digits) * ({ K: 1 / 1024, G: 1024, T: 1024 ** 2 }[unit.toUpperCase()] ?? 1))
  if (mib > MAX_MIB) throw refused(flag, text, 'at most 1024T')
  return mib
}

/** Another option of `sbatch`, one to a directive: `--name` or `--name=value`. */
export function checkExtra(flag: string, text: string): string {
  checkLine(flag, text)
  const name = /^--([a-z][a-z-]*)(=|$)/.exec(text)?.[1]
  if (name === undefined) throw refused(flag, text, 'one option in its long form: --name or --name=value')
  // sbatch takes abbreviations, so `--arr=0-9` is an array too.
  const own = Object.keys(OWN_OPTIONS).find((option) => option.startsWith(name))
  if (own === undefined) return text
  throw new UsageError(`${flag} ${shown(text)}: the scripts set --${own} themselves`, {
    hint: `use ${OWN_OPTIONS[own]}`,
  })
}

/** A path or another free text: one line, without control characters. */
export function checkLine(flag: string, text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (!/[\u0000-\u001f\u007f\u0085\u2028\u2029]/.test(text)) return text
  throw refused(flag, text, 'text without line ends and other control characters')
}

/** A path of the folder for logs: Slurm fails without any log where there is a backslash in it. */
export function checkLogFolder(flag: string, path: string): string {
  checkLine(flag, path)
  if (!path.includes('\\')) return path
  throw refused(flag, path, 'a path without backslashes')
}

function refused(flag: string, text: string, wanted: string): UsageError {
  return new UsageError(`${flag} cannot be ${shown(text)}`, { hint: `it takes ${wanted}` })
}

/** A value for a message: quoted, its control characters spelt out, no longer than a line. */
function shown(text: string): string {
  const spelt = JSON.stringify(text)
  return spelt.length <= 80 ? spelt : `${spelt.slice(0, 76)}..."`
}
