// Indexed Jobs for Kubernetes: one pod per unit, which finds its index in JOB_COMPLETION_INDEX.
import { type ExportJob, FAILS_RUN, FAILS_UNIT, quoted, RETRIES, ranges, required, unitsOf } from './export-job.js'

/** Completions of a Job with a back-off limit per index. */
const MOST_COMPLETIONS = 100_000

export function kubernetesJobs(job: ExportJob): string {
  const image = required(job.image, '--image', 'name a container image that has aster-timeseries on its PATH')
  const claim = required(job.volumeClaim, '--volume-claim', 'name the PersistentVolumeClaim that holds the run folder')
  const parts = ranges(job.unitCount, MOST_COMPLETIONS)
  const head = `# Runs ${unitsOf(job)} on Kubernetes. Written by aster-timeseries export k8s; kubectl apply -f FILE
# Kubernetes 1.33 or newer; 1.29 to 1.32 where JobBackoffLimitPerIndex is on. The volume is mounted at the run folder's
# own path, so that paths of the plan hold; a cache or an output folder elsewhere needs a mount of its own.
# Credentials: mount a netrc file, or add EARTHDATA_TOKEN from a Secret with envFrom.
`
  return head + parts.map((part) => jobOf(job, image, claim, part, parts.length > 1)).join('---\n')
}

function jobOf(
  job: ExportJob,
  image: string,
  claim: string,
  { first, count }: { first: number; count: number },
  isOneOfMany: boolean,
): string {
  const name = `aster-${job.hash}${isOneOfMany ? `-${first}` : ''}`
  const command = [
    'aster-timeseries',
    'run-unit',
    '--manifest',
    job.manifest,
    '--threads',
    String(job.threads),
    '--json',
  ]
  const words = first === 0 ? command : [...command, '--index-offset', String(first)]
  return `apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}
spec:
  completionMode: Indexed
  completions: ${count}
  parallelism: ${Math.min(job.atOnce, count)}
  backoffLimitPerIndex: ${RETRIES}
  podFailurePolicy:
    rules:
      # An evicted pod is nobody's failure.
      - action: Ignore
        onPodConditions:
          - type: DisruptionTarget
      # Usage, authentication, configuration: every unit would end alike.
      - action: FailJob
        onExitCodes:
          containerName: unit
          operator: In
          values: [${FAILS_RUN.join(', ')}]
      # Failed, bad data, a bug: this unit only, without another try.
      - action: FailIndex
        onExitCodes:
          containerName: unit
          operator: In
          values: [${FAILS_UNIT.join(', ')}]
  template:
    spec:
      restartPolicy: Never
      # Time to save what was computed.
      terminationGracePeriodSeconds: 120
      containers:
        - name: unit
          image: ${quoted(image)}
          command:
${words.map((word) => `            - ${quoted(word)}\n`).join('')}          workingDir: ${quoted(job.runFolder)}
          resources:
            requests: { cpu: "${job.threads}", memory: "${job.memoryMiB}Mi" }
            limits: { memory: "${job.memoryMiB}Mi" }
          volumeMounts:
            - name: run
              mountPath: ${quoted(job.runFolder)}
      volumes:
        - name: run
          persistentVolumeClaim:
            claimName: ${quoted(claim)}
`
}
