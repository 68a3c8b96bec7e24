// A Python script that runs a plan on any Dask cluster: our driver's own functions for workers, and a short main to change.

import { readFileSync } from 'node:fs'
import { packageFile } from '../../package-file.js'
import { type ExportJob, quoted, unitsOf } from './export-job.js'

const DRIVER = packageFile('python/run_units.py')
const SECTION = /^# ---- on workers -+\n([\s\S]*?)^# ---- here -+$/m

/** What runs on workers, as it stands in the driver. */
export function workerFunctions(): string {
  return SECTION.exec(readFileSync(DRIVER, 'utf8'))?.[1]?.trim() ?? ''
}

export function daskScript(job: ExportJob): string {
  const { runFolder, manifest, hash, unitCount, threads, memoryMiB, command, version } = job
  return `#!/usr/bin/env python3
"""Runs ${unitsOf(job)} on Dask. Written by aster-timeseries export dask; yours to change.

    python FILE tcp://scheduler:8786     on a scheduler that is running
    python FILE                          on this machine

Elsewhere, make a client and hand it over; in a notebook, paste all but the last block.

    from dask_jobqueue import PBSCluster                           # or SLURMCluster, LSFCluster, SGECluster
    cluster = PBSCluster(cores=${threads}, processes=1, memory="${memoryMiB + 1000}MiB", walltime="02:00:00",
                         worker_extra_args=["--resources", "aster=1"])
    cluster.scale(jobs=10)
    run_units(cluster.get_client())

    from dask_kubernetes.operator import KubeCluster               # an image with aster-timeseries, the run folder mounted
    cluster = KubeCluster(custom_cluster_spec="cluster.yaml")
    run_units(cluster.get_client())

    import coiled                                                  # the run folder on a file system that workers mount
    cluster = coiled.Cluster(n_workers=10, container="registry/image-with-aster-timeseries")
    run_units(cluster.get_client())

Workers need the run folder under the same path, and aster-timeseries ${version} at the path below or on their PATH. A worker
runs as many units at once as it has threads, or as its resource aster says. Units that are done return at once, so the
script may be run again at any time.
"""
import hashlib
import os
import sys
import uuid

JOB = {
    "manifest": ${quoted(manifest)},
    "runFolder": ${quoted(runFolder)},
    "command": [${command.map(quoted).join(', ')}],
    "arguments": [],  # for run-unit, such as "--offline"
    "version": ${quoted(version)},
    "threads": ${threads},  # of one unit, at most
}
UNITS = range(${unitCount})

${workerFunctions()}


def run_units(client, units=UNITS, retries=3):
    """Runs units to their end and returns those that failed, as {index: what happened}."""
    from distributed import as_completed

    job = {**JOB, "run": uuid.uuid4().hex[:12]}
    with open(job["manifest"], "rb") as manifest:
        job["manifestSha256"] = hashlib.sha256(manifest.read()).hexdigest()
    checks = client.run(check_worker, job)
    for address, found in checks.items():
        if found["probe"] is not None and os.path.exists(found["probe"]):
            os.remove(found["probe"])
        elif found["probe"] is not None:
            found["problem"] = f"has a {job['runFolder']} of its own: the folder is not shared"
        if found["problem"] is not None:
            raise SystemExit(f"worker {address} {found['problem']}")
    resources = {"aster": 1} if any(found["resource"] for found in checks.values()) else None
    keys = [f"aster-${hash}-{job['run']}-{index}" for index in units]
    futures = client.map(run_unit, units, job=job, key=keys, pure=False, retries=retries, resources=resources)
    index_of, failed, done = dict(zip(futures, units)), {}, 0
    for future in as_completed(futures):
        index = index_of[future]
        if future.status != "finished":
            failed[index] = str(future.exception()) if future.status == "error" else future.status
        elif future.result()["exitStatus"] != 0:
            outcome = future.result()
            failed[index] = f"exit status {outcome['exitStatus']}: {outcome['tail'].strip()}"
            if outcome["exitStatus"] in (2, 77, 78):  # every unit would end alike
                client.cancel(futures)
                client.run(stop_units, job["run"], 20)
                break
        else:
            done += 1
        print(f"{done} of {len(futures)} units done, {len(failed)} failed", file=sys.stderr)
    for index, why in sorted(failed.items()):
        print(f"unit {index}: {why}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    from distributed import Client

    with Client(*sys.argv[1:2]) as client:
        sys.exit(1 if run_units(client) else 0)
`
}
