// A Nextflow script: one task per unit, on whatever executor its configuration names.
import { type ExportJob, FAILS_RUN, PASSES, RETRIES, shellLine, shellWord, unitsOf } from './export-job.js'

export function nextflowScript(job: ExportJob): string {
  const unit = shellLine([...job.command, 'run-unit'])
  return `#!/usr/bin/env nextflow
// Runs ${unitsOf(job)}. Written by aster-timeseries export nextflow; nextflow run FILE
// Units that are done return at once, so -resume is not needed. For array jobs (24.04 or newer) add to the process: array 100
nextflow.enable.dsl = 2

process unit {
    tag "\${index}"
    cpus ${job.threads}
    memory '${job.memoryMiB} MB'
    maxForks ${job.atOnce}
    maxRetries ${RETRIES}
    // Passing failures again. What would end every unit ends the run. Else one unit has failed, and plan-status says why.
    errorStrategy {
        task.exitStatus in [${PASSES.join(', ')}] ? 'retry' : task.exitStatus in [${FAILS_RUN.join(', ')}] ? 'finish' : 'ignore'
    }

    input:
    val index

    script:
    """
    cd ${inDoubleQuotes(shellWord(job.runFolder))}
    exec ${inDoubleQuotes(unit)} \\\\
      --manifest ${inDoubleQuotes(shellWord(job.manifest))} --index \${index} --threads \${task.cpus} --json
    """
}

workflow {
    unit(Channel.of(0..${job.unitCount - 1}))
}
`
}

/** Text inside of a Groovy string that replaces `$name`. */
function inDoubleQuotes(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('$', '\\$').replaceAll('"', '\\"')
}
