// The text of the job scripts: one tile, an array of tiles, or several tiles in a job.
import { join } from 'node:path'
import { packageVersion } from '../../net/user-agent.js'
import { jobComment, type RunPlace } from './job-comment.js'
import { directive, logPath, shellWord } from './quote.js'
import type { SlurmMemory, SlurmSettings } from './settings.js'
import { formatTimeLimit } from './values.js'

/** What a script has to know of the run. */
export interface ScriptContext extends RunPlace {
  /** Absolute. */
  readonly manifestPath: string
  /** Absolute paths of Node and of the program, as they are on the machine that writes the scripts. */
  readonly node: string
  readonly program: string
  /** Further words for `run-unit`. */
  readonly unitArguments: readonly string[]
}

export interface ScriptUnit {
  readonly index: number
  readonly id: string
}

/** File that a job makes when no other job can succeed either; the others then end at once. */
export function stopPath(runFolder: string): string {
  return join(runFolder, 'slurm', 'stopped')
}

/** Memory as an option of sbatch; nothing where the site decides. */
export function memoryOption({ perJobMiB, perCpuMiB }: SlurmMemory): [string, string] | undefined {
  if (perCpuMiB !== undefined) return ['mem-per-cpu', `${perCpuMiB}M`]
  return perJobMiB === undefined ? undefined : ['mem', `${perJobMiB}M`]
}

/**
 * How long before its end a job is asked to stop, in seconds. Slurm may ask up to a minute earlier still, so short jobs
 * get less notice: they are for tests.
 */
export function noticeSeconds(timeSeconds: number): number {
  return Math.max(15, Math.min(300, Math.floor(timeSeconds / 12)))
}

/** What a job calls itself. An array is named with its element: the last one has the number of the whole array. */
const JOB = '"$SLURM_JOB_ID"'
const ELEMENT = `"\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"`

/** The script of one tile. */
export function tileScript(context: ScriptContext, settings: SlurmSettings, unit: ScriptUnit): string {
  const comment = jobComment(context, 'unit', unit.index)
  const log = join(settings.logDir, `${unit.id}.log`)
  return [
    ...head(context, settings, unit.id, comment, logPath(log)),
    `# One tile. Runs again at any time: what is done stays done.`,
    ...preparation(context, settings),
    `run_unit ${unit.index}`,
    'wait_for_unit',
    ...ending(settings, JOB),
  ].join('\n')
}

/** The script of an array; its argument is the offset of unit numbers. */
export function arrayScript(context: ScriptContext, settings: SlurmSettings): string {
  const log = join(logPath(settings.logDir), 'slurm-%A_%a.log')
  return [
    ...head(context, settings, `aster-${context.hash}`, jobComment(context, 'array', 0), log),
    '# Elements of an array, one tile each. The argument is added to the number of the element.',
    ...preparation(context, settings),
    `index=$(( \${1:-0} + SLURM_ARRAY_TASK_ID ))`,
    ...logOfUnit(context, settings),
    'run_unit "$index" >>"$(log_of "$index")" 2>&1 || rc=1',
    'wait_for_unit',
    ...emptyLog(settings),
    ...ending(settings, ELEMENT),
  ].join('\n')
}

/** The script of packed jobs; its argument is a file with the unit numbers of each element on a line. */
export function packScript(context: ScriptContext, settings: SlurmSettings): string {
  const { tilesAtOnce } = settings
  const log = join(logPath(settings.logDir), 'slurm-%A_%a.log')
  return [
    ...head(context, settings, `aster-${context.hash}`, jobComment(context, 'pack', 'all'), log),
    '# Several tiles in each job. The argument is a file: line N+1 holds the numbers of the tiles of element N.',
    ...preparation(context, settings, tilesAtOnce),
    ...logOfUnit(context, settings),
    ...PACK,
    `indices=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "\${1:?submit.sh names a list}") || exit 78`,
    'for index in $indices; do',
    '  [ -z "$asked" ] && [ ! -e "$stop_file" ] || break',
    '  run_unit "$index" >>"$(log_of "$index")" 2>&1 || { note 1; continue; }',
    '  [ -z "$child" ] || running+=("$child")',
    `  [ "\${#running[@]}" -lt ${tilesAtOnce} ] || collect`,
    'done',
    `while [ "\${#running[@]}" -gt 0 ]; do collect; done`,
    '[ -z "$asked" ] || [ "$worst" != 0 ] || worst=75',
    'rc=$worst',
    ...emptyLog(settings),
    ...ending(settings, ELEMENT),
  ].join('\n')
}

/** The first lines; sbatch reads no directive after the first command. */
function head(context: ScriptContext, settings: SlurmSettings, name: string, comment: string, log: string): string[] {
  const { partition, account, qos, constraint, timeSeconds, cpusPerTask, maxRetries, extra } = settings
  const memory = memoryOption(settings.memory)
  const optional = { partition, account, qos, constraint }
  return [
    '#!/bin/bash',
    directive('job-name', name),
    directive('comment', comment),
    directive('chdir', context.runFolder),
    directive('output', log),
    directive('open-mode', 'append'),
    ...Object.entries(optional).flatMap(([option, value]) => (value === undefined ? [] : [directive(option, value)])),
    directive('time', formatTimeLimit(timeSeconds)),
    ...(memory === undefined ? [] : [directive(...memory)]),
    directive('cpus-per-task', String(cpusPerTask)),
    directive(maxRetries > 0 ? 'requeue' : 'no-requeue'),
    ...(Number.isFinite(timeSeconds) ? [directive('signal', `B:USR2@${noticeSeconds(timeSeconds)}`)] : []),
    ...extra.map((option) => {
      const [, extraName = '', value] = /^--([^=]+)(?:=(.*))?$/.exec(option) ?? []
      return directive(extraName, value)
    }),
    `# Written by aster-timeseries ${packageVersion()} for plan ${context.hash}; written anew by the same command.`,
  ]
}

/** Traps, the prelude, and how a unit is started and waited for. */
function preparation(context: ScriptContext, settings: SlurmSettings, unitsAtOnce = 1): string[] {
  const { node, program, manifestPath, unitArguments, runFolder } = context
  const threads = String(Math.max(1, Math.floor(settings.cpusPerTask / unitsAtOnce)))
  const given = ['--manifest', manifestPath, '--threads', threads, ...unitArguments]
  const words = [program, 'run-unit', ...given].map(shellWord).join(' ')
  return [
    'set -uo pipefail',
    '# First of all, since Slurm may send its signal early. USR2: the time is nearly over. TERM: cancelled or preempted.',
    'child= asked= at_limit= signals=0 running=() rc=0',
    'stop() {',
    '  asked=1 signals=$((signals + 1))',
    '  local pid',
    `  for pid in $child \${running[@]+"\${running[@]}"}; do kill -TERM "$pid" 2>/dev/null; done`,
    '}',
    "trap 'at_limit=1; stop' USR2",
    'trap stop TERM',
    '',
    `stop_file=${shellWord(stopPath(runFolder))}`,
    'if [ -e "$stop_file" ]; then',
    '  echo "not started: another job found what no job can succeed with; see $stop_file" >&2',
    '  exit 77',
    'fi',
    ...prelude(settings),
    `node=${shellWord(node)}`,
    '[ -x "$node" ] || node=$(command -v node) || {',
    '  echo "no Node.js on $(hostname): install it in a shared folder, or load it in a prelude" >&2',
    '  exit 78',
    '}',
    '',
    '# Starts a unit in the background: bash runs traps at once only while it waits.',
    '# Once it was asked to stop, a job starts nothing more.',
    'run_unit() {',
    '  child=',
    '  [ -z "$asked" ] || { rc=75; return; }',
    `  "$node" ${words} --index "$1" </dev/null &`,
    '  child=$!',
    '  # Asked between the two lines above.',
    '  [ -z "$asked" ] || kill -TERM "$child" 2>/dev/null',
    '  return 0',
    '}',
    '# A wait that a signal ends early is repeated; 127 says that the status was already taken.',
    'wait_for_unit() {',
    '  local seen status',
    '  [ -n "$child" ] || return',
    '  while seen=$signals; do',
    '    wait "$child"; status=$?',
    '    [ "$status" = 127 ] || rc=$status',
    '    [ "$seen" != "$signals" ] || break',
    '  done',
    '  child=',
    '}',
  ]
}

function prelude({ prelude: lines }: SlurmSettings): string[] {
  if (lines === '') return []
  return [
    '',
    '# Prelude. Modules and conda do not expect strict shells.',
    'set +u',
    lines,
    'set +e; set -uo pipefail',
    '',
  ]
}

/** Logs are named after tiles; the manifest knows their names. */
function logOfUnit({ manifestPath }: ScriptContext, { logDir }: SlurmSettings): string[] {
  return [
    `manifest=${shellWord(manifestPath)}`,
    'log_of() {',
    '  local id',
    `  id=$(sed -n "$(($1 + 1)){s/^{[^[]*\\"id\\":\\"\\([A-Za-z0-9_.+-]*\\)\\".*\\$/\\1/p;q}" "$manifest")`,
    `  printf '%s/%s.log' ${shellWord(logDir)} "\${id:-unit-$1}"`,
    '}',
  ]
}

/** What Slurm itself says of an element is kept only if it says anything. */
function emptyLog({ logDir }: SlurmSettings): string[] {
  return [
    `own_log=${shellWord(logDir)}/slurm-\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}.log`,
    '[ "$rc" != 0 ] || [ -s "$own_log" ] || rm -f "$own_log"',
  ]
}

/** Takes the status of every unit that has ended; waits until one has. */
const PACK = [
  '# What cannot succeed elsewhere either comes before what another try may cure, and that before the rest.',
  'worst=0',
  'note() {',
  '  case $1 in',
  '    0) ;;',
  '    2 | 77 | 78) worst=$1; : >"$stop_file" ;;',
  '    75 | 137 | 143) case $worst in 2 | 77 | 78) ;; *) worst=75 ;; esac ;;',
  '    *) [ "$worst" != 0 ] || worst=$1 ;;',
  '  esac',
  '}',
  'collect() {',
  '  local pid ended=0 still=()',
  '  while [ "$ended" = 0 ]; do',
  `    wait -n "\${running[@]}"`,
  '    still=()',
  `    for pid in "\${running[@]}"; do`,
  '      if kill -0 "$pid" 2>/dev/null; then still+=("$pid"); else ended=1; wait "$pid"; note $?; fi',
  '    done',
  `    running=(\${still[@]+"\${still[@]}"})`,
  '  done',
  '  child=',
  '}',
]

/** Back to the queue if time was over; a warning to others if they would fail as well; the status. */
function ending({ maxRetries }: SlurmSettings, jobId: string): string[] {
  const requeue = [
    '# Only what was stopped by its time limit goes back at once.',
    `if [ -n "$at_limit" ] && { [ "$rc" = 75 ] || [ "$rc" = 143 ]; } && [ "\${SLURM_RESTART_COUNT:-0}" -lt ${maxRetries} ]; then`,
    `  scontrol requeue ${jobId} && sleep 60`,
    'fi',
  ]
  return [
    'case $rc in 2 | 77 | 78) printf \'%s\\n\' "$rc" >"$stop_file" ;; esac',
    ...(maxRetries > 0 ? requeue : []),
    'exit "$rc"',
    '',
  ]
}
