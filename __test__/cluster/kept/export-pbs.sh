#!/bin/bash
# Runs the 40 units of plan 3f9c2a10b7de on PBS Professional or OpenPBS. Written by aster-timeseries export pbs; submit with
#   qsub -J 0-39%20 FILE
#PBS -N aster-3f9c2a10b
#PBS -l select=1:ncpus=2:mem=3000mb
#PBS -l walltime=02:00:00
#PBS -r y
#PBS -j oe
set -uo pipefail
child= stop=
on_stop() { stop=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null; }
trap on_stop TERM USR2
cd /data/run || exit 78
mkdir -p logs
exec >>"logs/unit.${ASTER_OFFSET:-0}.${ASTER_INDEX:-$PBS_ARRAY_INDEX}.log" 2>&1

# Modules, conda and the like go here.

for try in $(seq 0 3); do
  /usr/bin/node /opt/aster-timeseries/bin/aster-timeseries.js run-unit \
    --manifest /data/run/plan-3f9c2a10b7de.jsonl --index-offset "${ASTER_OFFSET:-0}" \
    ${ASTER_INDEX:+--index "$ASTER_INDEX"} --threads 2 --json &
  child=$!
  [ -z "$stop" ] || kill -TERM "$child"
  wait "$child"; status=$?
  while kill -0 "$child" 2>/dev/null; do wait "$child"; status=$?; done
  # Passing failures again, unless the job was asked to stop.
  [ "$status" = 75 ] && [ -z "$stop" ] || break
  sleep $((try * 10 + 10))
done
exit "$status"
