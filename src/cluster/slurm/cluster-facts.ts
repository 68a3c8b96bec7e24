// What a cluster offers: its partitions, the sizes of its nodes, its limits; from three commands, as text.
import { complaint, type SlurmCommands } from './commands.js'
import { secondsOf } from './values.js'

export interface NodeGroup {
  readonly nodes: number
  readonly cpus: number
  readonly memoryMiB: number
  readonly features: readonly string[]
  /** As Slurm writes it: `idle~` is powered down and starts on demand. */
  readonly state: string
}

export interface Partition {
  readonly name: string
  readonly isDefault: boolean
  /** `UP`, or why nothing starts: `DOWN`, `DRAIN`, `INACTIVE`. */
  readonly state: string
  /** Infinite without a limit. */
  readonly maxSeconds: number
  readonly maxCpusPerNode: number
  readonly maxMemoryPerNodeMiB: number
  /** Empty for all. */
  readonly allowAccounts: readonly string[]
  readonly denyAccounts: readonly string[]
  readonly allowQos: readonly string[]
  readonly nodeGroups: readonly NodeGroup[]
}

export interface ClusterFacts {
  readonly partitions: readonly Partition[]
  readonly version: string
  readonly maxArraySize: number | undefined
}

/** Asks the cluster; three calls, whatever the size of the run. */
export async function readClusterFacts(commands: SlurmCommands): Promise<ClusterFacts> {
  const text = async (program: 'scontrol' | 'sinfo', args: readonly string[]): Promise<string> => {
    const result = await commands.ask(program, args)
    if (result.status === 0) return result.stdout
    throw new Error(complaint(result))
  }
  const config = await text('scontrol', ['show', 'config'])
  const partitions = await text('scontrol', ['-o', 'show', 'partition'])
  const nodes = await text('sinfo', ['-h', '-e', '-o', '%P|%D|%c|%m|%T|%f'])
  return parseClusterFacts(config, partitions, nodes)
}

export function parseClusterFacts(config: string, partitions: string, nodes: string): ClusterFacts {
  const setting = (name: string) => new RegExp(`^${name}\\s*=\\s*(.*)$`, 'm').exec(config)?.[1]?.trim()
  const groups = parseNodeGroups(nodes)
  return {
    version: setting('SLURM_VERSION') ?? 'unknown',
    maxArraySize: wholeOf(setting('MaxArraySize')),
    partitions: partitions.split('\n').flatMap((line) => {
      const name = fieldOf(line, 'PartitionName')
      return name === undefined ? [] : [parsePartition(name, line, groups.get(name) ?? [])]
    }),
  }
}

function parsePartition(name: string, line: string, nodeGroups: NodeGroup[]): Partition {
  const list = (field: string) =>
    (fieldOf(line, field) ?? 'ALL').split(',').filter((item) => !/^(ALL|\(null\)|)$/.test(item))
  return {
    name,
    isDefault: fieldOf(line, 'Default') === 'YES',
    state: fieldOf(line, 'State') ?? 'UP',
    maxSeconds: limitOf(fieldOf(line, 'MaxTime'), secondsOf),
    maxCpusPerNode: limitOf(fieldOf(line, 'MaxCPUsPerNode'), Number),
    maxMemoryPerNodeMiB: limitOf(fieldOf(line, 'MaxMemPerNode'), Number),
    allowAccounts: list('AllowAccounts'),
    denyAccounts: list('DenyAccounts'),
    allowQos: list('AllowQos'),
    nodeGroups,
  }
}

function fieldOf(line: string, name: string): string | undefined {
  return new RegExp(`(?:^|\\s)${name}=(\\S*)`).exec(line)?.[1]
}

function limitOf(text: string | undefined, read: (text: string) => number): number {
  if (text === undefined || /^(UNLIMITED|INFINITE|NONE)$/i.test(text)) return Number.POSITIVE_INFINITY
  const value = read(text)
  return Number.isFinite(value) && value > 0 ? value : Number.POSITIVE_INFINITY
}

function wholeOf(text: string | undefined): number | undefined {
  const value = Number(text)
  return text !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined
}

function parseNodeGroups(text: string): Map<string, NodeGroup[]> {
  const groups = new Map<string, NodeGroup[]>()
  for (const line of text.split('\n')) {
    const [partition = '', nodes, cpus, memory, state = '', ...features] = line.trim().split('|')
    if (memory === undefined) continue
    const name = partition.replace(/\*$/, '')
    const group = {
      nodes: Number.parseInt(nodes ?? '', 10) || 0,
      // Nodes that differ are told as `8+`, the least of them.
      cpus: Number.parseInt(cpus ?? '', 10) || 0,
      memoryMiB: Number.parseInt(memory, 10) || 0,
      state,
      features: features
        .join('|')
        .split(',')
        .filter((feature) => feature !== '' && feature !== '(null)'),
    }
    groups.set(name, [...(groups.get(name) ?? []), group])
  }
  return groups
}
