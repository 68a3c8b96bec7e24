// Array jobs of PBS and LSF: run-unit finds its index in PBS_ARRAY_INDEX or LSB_JOBINDEX.
import { type ExportJob, RETRIES, ranges, shellLine, shellWord, unitsOf } from './export-job.js'

/** PBS's max_array_size, unless a site changed it. */
const MOST_PBS_ELEMENTS = 10_000
/** LSF's MAX_JOB_ARRAY_SIZE, unless a site changed it. */
const MOST_LSF_ELEMENTS = 1000

export function pbsScript(job: ExportJob): string {
  const calls = ranges(job.unitCount, MOST_PBS_ELEMENTS).map(({ first, count }) =>
    // An array has two elements or more.
    count === 1
      ? `#   qsub -v ASTER_INDEX=${first} FILE`
      : `#   qsub -J 0-${count - 1}%${job.atOnce}${first === 0 ? '' : ` -v ASTER_OFFSET=${first}`} FILE`,
  )
  return `#!/bin/bash
# Runs ${unitsOf(job)} on PBS Professional or OpenPBS. Written by aster-timeseries export pbs; submit with
${calls.join('\n')}
#PBS -N aster-${job.hash.slice(0, 9)}
#PBS -l select=1:ncpus=${job.threads}:mem=${job.memoryMiB}mb
#PBS -l walltime=02:00:00
#PBS -r y
#PBS -j oe
${body(job, 'PBS_ARRAY_INDEX')}`
}

export function lsfScript(job: ExportJob): string {
  const calls = ranges(job.unitCount, MOST_LSF_ELEMENTS).map(
    ({ first, count }) =>
      `#   ${first === 0 ? '' : `ASTER_OFFSET=${first} `}bsub -J "aster-${job.hash}[1-${count}]%${job.atOnce}" < FILE`,
  )
  return `#!/bin/bash
# Runs ${unitsOf(job)} on LSF. Written by aster-timeseries export lsf; submit with
${calls.join('\n')}
#BSUB -n ${job.threads}
#BSUB -R "span[hosts=1] rusage[mem=${job.memoryMiB}MB]"
#BSUB -W 2:00
#BSUB -r
#BSUB -o /dev/null
${body(job, 'LSB_JOBINDEX')}`
}

function body(job: ExportJob, variable: string): string {
  return `set -uo pipefail
child= stop=
on_stop() { stop=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null; }
trap on_stop TERM USR2
cd ${shellWord(job.runFolder)} || exit 78
mkdir -p logs
exec >>"logs/unit.\${ASTER_OFFSET:-0}.\${ASTER_INDEX:-$${variable}}.log" 2>&1

# Modules, conda and the like go here.

for try in $(seq 0 ${RETRIES}); do
  ${shellLine([...job.command, 'run-unit'])} \\
    --manifest ${shellWord(job.manifest)} --index-offset "\${ASTER_OFFSET:-0}" \\
    \${ASTER_INDEX:+--index "$ASTER_INDEX"} --threads ${job.threads} --json &
  child=$!
  [ -z "$stop" ] || kill -TERM "$child"
  wait "$child"; status=$?
  while kill -0 "$child" 2>/dev/null; do wait "$child"; status=$?; done
  # Passing failures again, unless the job was asked to stop.
  [ "$status" = 75 ] && [ -z "$stop" ] || break
  sleep $((try * 10 + 10))
done
exit "$status"
`
}
