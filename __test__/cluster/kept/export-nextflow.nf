#!/usr/bin/env nextflow
// Runs the 40 units of plan 3f9c2a10b7de. Written by aster-timeseries export nextflow; nextflow run FILE
// Units that are done return at once, so -resume is not needed. For array jobs (24.04 or newer) add to the process: array 100
nextflow.enable.dsl = 2

process unit {
    tag "${index}"
    cpus 2
    memory '3000 MB'
    maxForks 20
    maxRetries 3
    // Passing failures again. What would end every unit ends the run. Else one unit has failed, and plan-status says why.
    errorStrategy {
        task.exitStatus in [75, 130, 137, 143] ? 'retry' : task.exitStatus in [2, 77, 78] ? 'finish' : 'ignore'
    }

    input:
    val index

    script:
    """
    cd /data/run
    exec /usr/bin/node /opt/aster-timeseries/bin/aster-timeseries.js run-unit \\
      --manifest /data/run/plan-3f9c2a10b7de.jsonl --index ${index} --threads ${task.cpus} --json
    """
}

workflow {
    unit(Channel.of(0..39))
}
