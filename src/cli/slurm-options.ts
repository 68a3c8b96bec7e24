// The options of Slurm as the command line gives them, and the engine they make.
import type { SlurmOptions } from '../cluster/slurm/settings.js'
import type { OptionValues } from './options.js'

export const SLURM_OPTIONS = [
  'slurmScriptDir',
  'slurmSubmit',
  'slurmDryRun',
  'slurmMode',
  'slurmPartition',
  'slurmAccount',
  'slurmQos',
  'slurmConstraint',
  'slurmTime',
  'slurmMemory',
  'slurmMemPerCpu',
  'slurmCpusPerTask',
  'slurmTilesPerJob',
  'slurmTilesAtOnce',
  'slurmArrayThrottle',
  'slurmExtra',
  'slurmPrelude',
  'slurmLogDir',
  'slurmMaxRetries',
  'retryMemory',
  'retryTime',
  'retryCancelled',
] as const

export type SlurmFlags = OptionValues<(typeof SLURM_OPTIONS)[number] | 'retryFailed'>

export function slurmOptions(flags: SlurmFlags): SlurmOptions {
  return {
    scriptDir: flags.slurmScriptDir,
    submit: flags.slurmSubmit,
    dryRun: flags.slurmDryRun,
    mode: flags.slurmMode,
    partition: flags.slurmPartition,
    account: flags.slurmAccount,
    qos: flags.slurmQos,
    constraint: flags.slurmConstraint,
    time: flags.slurmTime,
    memory: flags.slurmMemory,
    memPerCpu: flags.slurmMemPerCpu,
    cpusPerTask: flags.slurmCpusPerTask,
    tilesPerJob: flags.slurmTilesPerJob,
    tilesAtOnce: flags.slurmTilesAtOnce,
    arrayThrottle: flags.slurmArrayThrottle,
    extra: flags.slurmExtra,
    prelude: flags.slurmPrelude,
    logDir: flags.slurmLogDir,
    maxRetries: flags.slurmMaxRetries,
    retryMemory: flags.retryMemory,
    retryTime: flags.retryTime,
    retryFailed: flags.retryFailed,
    retryCancelled: flags.retryCancelled,
  }
}
