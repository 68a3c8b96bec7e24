// A script for GNU parallel: several units at a time on one machine.
import { type ExportJob, FAILS_RUN, RETRIES, shellLine, shellWord, unitsOf } from './export-job.js'

export function parallelScript(job: ExportJob): string {
  return `#!/usr/bin/env bash
# Runs ${unitsOf(job)} with GNU parallel. Written by aster-timeseries export parallel.
#   bash FILE [UNITS AT ONCE]
# Again after a failure: the same command; units that are done return at once.
set -uo pipefail
cd ${shellWord(job.runFolder)} || exit 78
parallel --version 2>/dev/null | grep -q 'GNU parallel' || { echo 'GNU parallel is not on the PATH' >&2; exit 78; }

at_once=\${1:-$(( $(nproc) / ${job.threads} ))}
[ "$at_once" -ge 1 ] || at_once=1

run_unit() {
  local try status
  for try in $(seq 0 ${RETRIES}); do
    ${shellLine([...job.command, 'run-unit'])} \\
      --manifest ${shellWord(job.manifest)} --index "$1" --threads ${job.threads} --json
    status=$?
    case $status in
      ${FAILS_RUN.join(' | ')}) kill -HUP "$PARALLEL_PID"; break ;;  # every unit would end alike: start no more
      75 | 137) sleep $((try * 10 + 5)) ;;                  # passes, or was killed: again
      *) break ;;
    esac
  done
  return "$status"
}
export -f run_unit
export PARALLEL_SHELL=$BASH

mkdir -p logs
log=logs/parallel.${job.hash}.tsv
seq 0 ${job.unitCount - 1} | parallel --jobs "$at_once" --joblog "$log" --line-buffer --termseq TERM,20000,KILL,100 run_unit {}

# One status for all: what ended the run, else 1 for failed units, else 75 if the same command may finish the rest.
awk 'NR > 1 { ran++; if ($7 != 0) seen[$7] = 1 }
  END {
    for (status in seen) if (status == 2 || status == 77 || status == 78) exit status
    for (status in seen) if (status != 75 && status != 137) exit 1
    for (status in seen) exit 75
    exit ran < ${job.unitCount} ? 75 : 0
  }' "$log"
`
}
