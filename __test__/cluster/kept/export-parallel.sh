#!/usr/bin/env bash
# Runs the 40 units of plan 3f9c2a10b7de with GNU parallel. Written by aster-timeseries export parallel.
#   bash FILE [UNITS AT ONCE]
# Again after a failure: the same command; units that are done return at once.
set -uo pipefail
cd /data/run || exit 78
parallel --version 2>/dev/null | grep -q 'GNU parallel' || { echo 'GNU parallel is not on the PATH' >&2; exit 78; }

at_once=${1:-$(( $(nproc) / 2 ))}
[ "$at_once" -ge 1 ] || at_once=1

run_unit() {
  local try status
  for try in $(seq 0 3); do
    /usr/bin/node /opt/aster-timeseries/bin/aster-timeseries.js run-unit \
      --manifest /data/run/plan-3f9c2a10b7de.jsonl --index "$1" --threads 2 --json
    status=$?
    case $status in
      2 | 77 | 78) kill -HUP "$PARALLEL_PID"; break ;;  # every unit would end alike: start no more
      75 | 137) sleep $((try * 10 + 5)) ;;                  # passes, or was killed: again
      *) break ;;
    esac
  done
  return "$status"
}
export -f run_unit
export PARALLEL_SHELL=$BASH

mkdir -p logs
log=logs/parallel.3f9c2a10b7de.tsv
seq 0 39 | parallel --jobs "$at_once" --joblog "$log" --line-buffer --termseq TERM,20000,KILL,100 run_unit {}

# One status for all: what ended the run, else 1 for failed units, else 75 if the same command may finish the rest.
awk 'NR > 1 { ran++; if ($7 != 0) seen[$7] = 1 }
  END {
    for (status in seen) if (status == 2 || status == 77 || status == 78) exit status
    for (status in seen) if (status != 75 && status != 137) exit 1
    for (status in seen) exit 75
    exit ran < 40 ? 75 : 0
  }' "$log"
