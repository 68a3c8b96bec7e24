// A script of AWS CLI calls: a job definition, and array jobs whose elements find their index in AWS_BATCH_JOB_ARRAY_INDEX.
import { type ExportJob, PASSES, RETRIES, ranges, required, shellWord, unitsOf } from './export-job.js'

const MOST_ELEMENTS = 10_000

export function awsBatchScript(job: ExportJob): string {
  const image = required(job.image, '--image', 'name a container image that has aster-timeseries on its PATH')
  const queue = required(job.jobQueue, '--job-queue', 'name the AWS Batch job queue')
  const fileSystem = required(
    job.fileSystem,
    '--file-system',
    'name the EFS file system that holds the run folder: fs-...',
  )
  const name = `aster-${job.hash}`
  const definition = {
    jobDefinitionName: name,
    type: 'container',
    containerProperties: {
      image,
      command: commandOf(job),
      resourceRequirements: [
        { type: 'VCPU', value: String(job.threads) },
        { type: 'MEMORY', value: String(job.memoryMiB) },
      ],
      mountPoints: [{ sourceVolume: 'run', containerPath: job.runFolder }],
      volumes: [{ name: 'run', efsVolumeConfiguration: { fileSystemId: fileSystem, rootDirectory: '/' } }],
    },
    retryStrategy: {
      attempts: RETRIES + 1,
      evaluateOnExit: [
        ...PASSES.map((status) => ({ action: 'RETRY', onExitCode: String(status) })),
        { action: 'RETRY', onStatusReason: 'Host EC2*' },
        { action: 'EXIT', onReason: '*' },
      ],
    },
  }
  const submits = ranges(job.unitCount, MOST_ELEMENTS).map((range) => submit(job, name, queue, range))
  return `#!/usr/bin/env bash
# Runs ${unitsOf(job)} on AWS Batch. Written by aster-timeseries export aws-batch; bash FILE
# The root of the file system is mounted at the run folder's own path, so that paths of the plan hold. Credentials: a netrc
# file on it and NETRC, or a secret of the job definition.
set -euo pipefail

definition=$(aws batch register-job-definition --query jobDefinitionArn --output text --cli-input-json \\
  ${shellWord(JSON.stringify(definition))})
${submits.join('')}`
}

function commandOf(job: ExportJob): string[] {
  return ['aster-timeseries', 'run-unit', '--manifest', job.manifest, '--threads', String(job.threads), '--json']
}

function submit(
  job: ExportJob,
  name: string,
  queue: string,
  { first, count }: { first: number; count: number },
): string {
  // An array has two elements or more.
  const array = count === 1 ? '' : ` --array-properties size=${count}`
  const offset = first === 0 ? [] : ['--index-offset', String(first)]
  const extra = count === 1 ? ['--index', String(first)] : offset
  const overrides = { command: [...commandOf(job), ...extra] }
  const override = extra.length === 0 ? '' : ` \\\n  --container-overrides ${shellWord(JSON.stringify(overrides))}`
  const jobName = first === 0 ? name : `${name}-${first}`
  return `aws batch submit-job --job-name ${jobName} --job-queue ${shellWord(queue)} --job-definition "$definition"${array}${override}\n`
}
