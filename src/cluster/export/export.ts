// The engines that a plan can be written out for, as text that a person reads, changes and starts.

import { lsfScript, pbsScript } from './array-job.js'
import { awsBatchScript } from './aws-batch.js'
import { daskScript } from './dask.js'
import { type ExportJob, refuseControlCharacters } from './export-job.js'
import { kubernetesJobs } from './kubernetes.js'
import { nextflowScript } from './nextflow.js'
import { parallelScript } from './parallel.js'

export interface ExportFormat {
  /** What it is for, in the words of the help. */
  readonly title: string
  write(job: ExportJob): string
}

export const EXPORTS = {
  dask: {
    title: 'Python script for any Dask cluster: notebooks, dask-jobqueue, Kubernetes, Coiled',
    write: daskScript,
  },
  parallel: { title: 'shell script for GNU parallel', write: parallelScript },
  k8s: { title: 'Kubernetes Indexed Job', write: kubernetesJobs },
  nextflow: { title: 'Nextflow script', write: nextflowScript },
  'aws-batch': { title: 'shell script that submits AWS Batch array jobs', write: awsBatchScript },
  pbs: { title: 'array job of PBS Professional or OpenPBS', write: pbsScript },
  lsf: { title: 'array job of LSF', write: lsfScript },
} as const satisfies Record<string, ExportFormat>

export type ExportName = keyof typeof EXPORTS

/** @throws UsageError for a path with control characters, or an option that the engine needs */
export function exportPlan(name: ExportName, job: ExportJob): string {
  refuseControlCharacters(job)
  return EXPORTS[name].write(job)
}
