// Compares what is asked for with what the cluster has: Slurm itself lets some jobs wait for ever without a word.
import { UsageError } from '../../errors.js'
import { nearNames, nearNamesHint } from '../../near-names.js'
import type { ClusterFacts, NodeGroup, Partition } from './cluster-facts.js'
import type { SlurmSettings } from './settings.js'
import { formatTimeLimit } from './values.js'

export interface Preflight {
  /** What to know before going on. */
  readonly warnings: readonly string[]
  /** The most that a retry may ask for. */
  readonly maxMemoryMiB: number
  readonly maxSeconds: number
}

/** Why a partition can never run the jobs, and what to do. */
interface Obstacle {
  readonly what: string
  readonly hint: string
}

/** @throws UsageError when no partition that may be used can ever run such a job */
export function preflight(facts: ClusterFacts, settings: SlurmSettings): Preflight {
  const partitions = wantedPartitions(facts, settings.partition)
  const obstacles = partitions.map((partition) => ({ partition, obstacle: obstacleOf(partition, settings) }))
  const usable = obstacles.filter(({ obstacle }) => obstacle === undefined).map(({ partition }) => partition)
  const [first] = obstacles
  if (usable.length === 0 && first?.obstacle !== undefined) {
    throw new UsageError(`partition ${first.partition.name}: ${first.obstacle.what}`, { hint: first.obstacle.hint })
  }
  const groups = usable.flatMap((partition) => fitting(partition, settings))
  return {
    warnings: usable.flatMap((partition) => warningsOf(partition, settings)),
    maxMemoryMiB: Math.max(0, ...groups.map(({ memoryMiB }) => memoryMiB)),
    maxSeconds: Math.max(0, ...usable.map(({ maxSeconds }) => maxSeconds)),
  }
}

/** Processors of the largest node that may be used; `undefined` where Slurm tells of no nodes. */
export function largestNodeCpus(facts: ClusterFacts, partition: string | undefined): number | undefined {
  const cpus = wantedPartitions(facts, partition).flatMap(({ nodeGroups, maxCpusPerNode }) =>
    nodeGroups.map((group) => Math.min(group.cpus, maxCpusPerNode)),
  )
  return cpus.length === 0 ? undefined : Math.max(...cpus)
}

function wantedPartitions({ partitions }: ClusterFacts, wanted: string | undefined): Partition[] {
  const names = partitions.map(({ name }) => name)
  if (wanted === undefined) {
    const standard = partitions.filter(({ isDefault }) => isDefault)
    if (standard.length > 0 || partitions.length === 0) return standard
    throw new UsageError('this cluster has no default partition', {
      hint: `name one with --slurm-partition: ${names.join(', ')}`,
    })
  }
  return wanted.split(',').map((name) => {
    const found = partitions.find((partition) => partition.name === name)
    if (found !== undefined) return found
    throw new UsageError(`--slurm-partition: this cluster has no partition ${name}`, {
      hint: nearNamesHint(nearNames(name, names), names, 'partitions'),
    })
  })
}

function obstacleOf(partition: Partition, settings: SlurmSettings): Obstacle | undefined {
  const { timeSeconds, cpusPerTask, account, qos, constraint } = settings
  const { name, state, maxSeconds, nodeGroups } = partition
  if (state !== 'UP') {
    return {
      what: `it is ${state}, jobs would wait there`,
      hint: 'choose another partition, or ask those who run the cluster',
    }
  }
  if (account !== undefined && !isAllowed(account, partition.allowAccounts, partition.denyAccounts)) {
    return { what: `account ${account} may not use it`, hint: allowedHint('accounts', partition.allowAccounts) }
  }
  if (qos !== undefined && !isAllowed(qos, partition.allowQos, [])) {
    return { what: `QOS ${qos} is not allowed there`, hint: allowedHint('QOS', partition.allowQos) }
  }
  if (timeSeconds > maxSeconds) {
    const [asked, most] = [timeSeconds, maxSeconds].map(formatTimeLimit)
    return {
      what: `jobs end there after ${most}, and ${asked} is asked for: they would wait for ever (PartitionTimeLimit)`,
      hint: `--slurm-time ${most} at most; tiles that reach the limit go on in a further job`,
    }
  }
  if (nodeGroups.length === 0) return undefined
  if (constraint !== undefined) {
    const known = [...new Set(nodeGroups.flatMap(({ features }) => features))]
    const unknown = featuresOf(constraint).find((feature) => !known.includes(feature))
    if (unknown !== undefined) {
      const hint =
        known.length === 0 ? 'its nodes have no features' : nearNamesHint(nearNames(unknown, known), known, 'features')
      return { what: `none of its nodes has the feature ${unknown}`, hint }
    }
  }
  const mostCpus = Math.min(Math.max(...nodeGroups.map(({ cpus }) => cpus)), partition.maxCpusPerNode)
  if (cpusPerTask > mostCpus) {
    return {
      what: `its nodes have ${mostCpus} processors, and ${cpusPerTask} are asked for: jobs would wait for ever (PartitionConfig)`,
      hint: `--slurm-cpus-per-task ${mostCpus} at most, or another partition than ${name}`,
    }
  }
  if (fitting(partition, settings).length > 0) return undefined
  const most = Math.min(Math.max(...nodeGroups.map(({ memoryMiB }) => memoryMiB)), partition.maxMemoryPerNodeMiB)
  return {
    what: `its nodes have ${most} MiB of memory, and ${memoryOfJob(settings)} MiB are asked for, with ${cpusPerTask} processors`,
    hint: `--slurm-memory ${most}M at most, smaller tiles, or a partition with larger nodes`,
  }
}

function memoryOfJob({ memory, cpusPerTask }: SlurmSettings): number {
  return memory.perJobMiB ?? (memory.perCpuMiB ?? 0) * cpusPerTask
}

/** Nodes of a partition on which one job has room. */
function fitting(partition: Partition, settings: SlurmSettings): NodeGroup[] {
  const needed = memoryOfJob(settings)
  if (needed > partition.maxMemoryPerNodeMiB) return []
  return partition.nodeGroups.filter(({ cpus, memoryMiB }) => cpus >= settings.cpusPerTask && memoryMiB >= needed)
}

function warningsOf(partition: Partition, settings: SlurmSettings): string[] {
  const groups = fitting(partition, settings)
  // A star is a node that does not answer; `~` and its like belong to nodes that start on demand.
  const isLost = ({ state }: NodeGroup) => /^(down|drain|fail|maint)|\*$/i.test(state)
  const lost = groups.length > 0 && groups.every(isLost)
  const isShort = settings.timeSeconds < 600
  return [
    ...(lost
      ? [`partition ${partition.name}: all nodes that have room are ${groups.map(({ state }) => state).join(', ')}`]
      : []),
    ...(isShort ? ['with less than 10 minutes, a job may be asked to stop almost as soon as it has started'] : []),
  ]
}

function featuresOf(constraint: string): string[] {
  return constraint.split(/[&|,()[\]!]+|\*\d+/).filter((feature) => feature !== '')
}

function isAllowed(name: string, allowed: readonly string[], denied: readonly string[]): boolean {
  const lower = name.toLowerCase()
  const holds = (names: readonly string[]) => names.some((item) => item.toLowerCase() === lower)
  return allowed.length > 0 ? holds(allowed) : !holds(denied)
}

function allowedHint(what: string, allowed: readonly string[]): string {
  return allowed.length > 0 ? `${what} there: ${allowed.join(', ')}` : 'choose another partition'
}
