// The one table of options: flag, help text, and how its value is read.
import type { Command } from 'commander'
import { CALIBRATIONS, SOLAR_IRRADIANCES } from '../access/dataset.js'
import { EXTRA_FILES } from '../access/selection.js'
import { resolveSubsystem } from '../access/subsystem.js'
import { INDEX_MODES } from '../catalog/local.js'
import { DAY_NIGHT } from '../catalog/query.js'
import { BACKENDS } from '../catalog/scene.js'
import { SLURM_MODES } from '../cluster/slurm/settings.js'
import { InternalError } from '../errors.js'
import { BoundingBox } from '../geo/bounding-box.js'
import { EXECUTION_BACKENDS } from '../processing/engine.js'
import { TILE_OUTPUTS } from '../processing/tile-output.js'
import { FILE_FORMATS } from '../series/output-path.js'
import { CLIP_RULES, GROUPINGS, LATTICES, PERIODS, RESAMPLINGS } from '../series/request.js'
import {
  parseBbox,
  parseBytes,
  parseChoice,
  parseCoefficients,
  parseCount,
  parseGains,
  parseLimit,
  parseList,
  parseMonths,
  parsePercent,
  parsePolygonFile,
  parsePositive,
  parseTileSize,
  parseWhole,
} from './parse.js'
import { PROGRESS_MODES } from './progress.js'
import { SCENE_FORMATS } from './scene-formats.js'

interface OptionSpec<T> {
  flags: string
  help: string
  /** Whether it may be given several times. */
  isList: boolean
  /** Its value from what commander collected: a text, a list of texts, or `true`. */
  read(given: unknown): T
}

/** An option with a value, given once. */
function value<T>(flags: string, help: string, read: (flag: string, text: string) => T): OptionSpec<T> {
  return {
    flags,
    help,
    isList: false,
    read: (given) => {
      if (typeof given === 'string') return read(longFlag(flags), given)
      throw new InternalError(`${flags} came without its text`)
    },
  }
}

/** An option that may be repeated; its items may also be separated by commas. */
function list<T>(flags: string, help: string, read: (flag: string, texts: string[]) => T): OptionSpec<T> {
  return {
    flags,
    help,
    isList: true,
    read: (given) => {
      if (Array.isArray(given)) return read(longFlag(flags), given.map(String))
      throw new InternalError(`${flags} came without its texts`)
    },
  }
}

/** An option that may be repeated; each text is taken as it is. */
function texts(flags: string, help: string): OptionSpec<string[]> {
  return {
    flags,
    help,
    isList: true,
    read: (given) => {
      if (Array.isArray(given)) return given.map(String)
      throw new InternalError(`${flags} came without its texts`)
    },
  }
}

/** An option without a value. */
function flag(flags: string, help: string): OptionSpec<boolean> {
  return { flags, help, isList: false, read: (given) => given === true }
}

const CHUNK_USES = ['map', 'time'] as const
const text = (_: string, given: string) => given
const choice =
  <T extends string>(choices: readonly T[]) =>
  (name: string, given: string) =>
    parseChoice(name, given, choices)

export const OPTIONS = {
  backend: value('--backend <name>', `where to look: ${BACKENDS.join(', ')}; default local`, choice(BACKENDS)),
  archive: value('--archive <dir>', 'folder of granules, for the local backend', text),
  product: value('--product <name>', 'product, such as AST_L1T; see `products`', text),
  start: value('--start <date>', 'first day or instant, ISO 8601, UTC', text),
  end: value('--end <date>', 'last day (all of it) or instant', text),
  region: value('--region <name>', 'named region; see `regions`', (_, name) => BoundingBox.fromNamedRegion(name)),
  bbox: value('--bbox <W S E N>', 'west south east north in degrees; also W,S,E,N', parseBbox),
  cloudCoverMax: value('--cloud-cover-max <percent>', 'leave out cloudier scenes; unknown ones stay', parsePercent),
  polygon: value(
    '--polygon <file>',
    'file with a GeoJSON polygon that scenes have to touch; run cuts pixels to it',
    parsePolygonFile,
  ),
  regionFile: value(
    '--region-file <file>',
    'region of a GeoJSON, Shapefile, GeoPackage or FlatGeobuf, used as --polygon is',
    text,
  ),
  nameColumn: value('--name-column <column>', 'column of --region-file that holds names; default: any', text),
  regionName: value('--region-name <name>', 'name of the region in --region-file; default: all of the file', text),
  months: list('--months <list>', 'months of each year, such as 6-8, 11-2 or 1,7', parseMonths),
  dayNight: value('--day-night <which>', `${DAY_NIGHT.join(' or ')}; scenes that do not say stay`, choice(DAY_NIGHT)),
  productVersion: value('--product-version <version>', '004, 003 or 031; default: the newest there is', text),
  limit: value('--limit <count>', 'stop after so many scenes; `all` for no limit', parseLimit),
  count: flag('--count', 'print how many scenes there are instead of the scenes'),
  archiveIndex: value(
    '--archive-index <mode>',
    `what is known of the archive from last time: ${INDEX_MODES.join(', ')}; default use`,
    choice(INDEX_MODES),
  ),
  scenes: value('--scenes <file>', 'scenes that search found, as JSON or NDJSON; - for stdin', text),
  request: value('--request <file>', 'run a request again: a plan, a report, or the aster_request of an output', text),
  plan: value('--plan <file>', 'run a plan that --dry-run --json printed', text),
  subsystem: list('--subsystem <name>', 'VNIR, SWIR, TIR; repeatable or by commas', (name, given) =>
    parseList(name, given).map(resolveSubsystem),
  ),
  bands: list('--bands <names>', 'bands, such as 1,2,3N or ImageData3N', parseList),
  index: list('--index <names>', 'indices, such as ndvi; without --bands they are all that is written', parseList),
  calibration: value(
    '--calibration <kind>',
    `${CALIBRATIONS.join(', ')}; default radiance for L1`,
    choice(CALIBRATIONS),
  ),
  crs: value('--crs <crs>', 'such as EPSG:32650; default: UTM zone of the centre of the area', text),
  resolution: value(
    '--resolution <size>',
    'pixel size in units of the CRS; default: that of the finest band',
    parsePositive,
  ),
  lattice: value(
    '--lattice <kind>',
    `what lies on multiples of the pixel size: ${LATTICES.join(' or ')}; default: as in most scenes`,
    choice(LATTICES),
  ),
  resampling: value('--resampling <method>', RESAMPLINGS.join(', '), choice(RESAMPLINGS)),
  solarIrradiance: value(
    '--solar-irradiance <set>',
    `for reflectance: ${SOLAR_IRRADIANCES.join(', ')}`,
    choice(SOLAR_IRRADIANCES),
  ),
  gains: list('--gains <band=gain>', 'gains for granules that carry none: 4=NOR,5=NOR or ALL=NOR', parseGains),
  coefficients: list(
    '--coefficients <band=ucc>',
    "conversion coefficients instead of the granule's: 10=0.006822",
    parseCoefficients,
  ),
  allowBadSwir: flag('--allow-bad-swir', 'keep SWIR of April 2008 and later, which is saturated'),
  maskSaturated: flag('--mask-saturated', 'treat saturated pixels as missing'),
  clipRule: value('--clip-rule <rule>', `pixels inside the polygon: by ${CLIP_RULES.join(' or ')}`, choice(CLIP_RULES)),
  groupby: value('--groupby <rule>', `scenes that make one look: ${GROUPINGS.join(', ')}`, choice(GROUPINGS)),
  reduce: list('--reduce <names>', 'statistics along time: mean, median, count, medoid, p90 and more', parseList),
  resample: value(
    '--resample <period>',
    `reduce each period: ${PERIODS.join(', ')}; default mean and count`,
    choice(PERIODS),
  ),
  nWorkers: value(
    '--n-workers <count>',
    'threads in all; default: SLURM_CPUS_PER_TASK, else every processor',
    parseCount,
  ),
  maxMemory: value('--max-memory <size>', 'memory budget, such as 512M or 2G', parseBytes),
  include: list('--include <kinds>', `files beside bands and metadata: ${EXTRA_FILES.join(', ')}`, (name, given) =>
    parseList(name, given).map((kind) => parseChoice(name, kind, EXTRA_FILES)),
  ),
  cacheDir: value(
    '--cache-dir <dir>',
    'where granules are kept; default: ASTER_CACHE_DIR, else ~/.cache/aster_timeseries',
    text,
  ),
  stream: flag('--stream', 'read parts of scenes where they are hosted; nothing but records is downloaded'),
  streamCache: value('--stream-cache <dir>', 'folder that keeps what --stream fetched, for later runs', text),
  streamCacheSize: value('--stream-cache-size <size>', 'what that folder may hold; default 10G', parseBytes),
  connections: value('--connections <count>', 'requests to one host at a time; default 6', parseCount),
  maxSize: value('--max-size <size>', 'what the cache may hold, such as 500G', parseBytes),
  daskScheduler: value('--dask-scheduler <address>', 'address of a Dask scheduler, or the file that it wrote', text),
  daskPython: value('--dask-python <path>', 'interpreter that has distributed; default: that of the environment', text),
  daskRetries: value(
    '--dask-retries <count>',
    'further tries of a tile after a passing failure; default 3',
    (name, given) => parseWhole(name, given, 0, 100),
  ),
  atOnce: value('--at-once <count>', 'units that the engine may run at the same time; default 20', parseCount),
  image: value('--image <name>', 'container image that has aster-timeseries on its PATH', text),
  volumeClaim: value('--volume-claim <name>', 'claim of the Kubernetes volume that holds the run folder', text),
  jobQueue: value('--job-queue <name>', 'AWS Batch job queue', text),
  fileSystem: value('--file-system <id>', 'AWS EFS file system that holds the run folder', text),
  output: value('--output <file>', 'file or folder to write', text),
  out: value(
    '--out <dir>',
    'run folder, for the plan and what belongs to it; default: run in --output-dir, else run',
    text,
  ),
  outputDir: value('--output-dir <dir>', 'folder for the tiles; default: tiles in the run folder', text),
  tileSize: value(
    '--tile-size <size>',
    'degrees; or such as 100km: squares of --crs, else of UTM zones; default 10 degrees',
    parseTileSize,
  ),
  tileOutput: value(
    '--tile-output <what>',
    `${TILE_OUTPUTS.join(' (scenes along time) or ')} (statistics); default: by --reduce and --resample`,
    choice(TILE_OUTPUTS),
  ),
  allowSkipped: flag('--allow-skipped', 'a tile counts as done though bad granules of it were left out'),
  unitThreads: value('--unit-threads <count>', 'threads of one tile; default 2', parseCount),
  unitMemory: value('--unit-memory <size>', 'memory of one tile; default 3000MiB', parseBytes),
  manifest: value('--manifest <file>', 'plan-....jsonl that `plan` wrote, or its run folder', text),
  unitIndex: value(
    '--index <number>',
    'unit to run, from 0; default: the index of the array job that this is',
    (name, given) => parseWhole(name, given, 0, Number.MAX_SAFE_INTEGER),
  ),
  indexOffset: value('--index-offset <number>', 'added to the index', (name, given) =>
    parseWhole(name, given, 0, Number.MAX_SAFE_INTEGER),
  ),
  retryFailed: flag('--retry-failed', 'also run tiles that failed for good'),
  executionBackend: value(
    '--execution-backend <name>',
    `what runs the tiles: ${EXECUTION_BACKENDS.join(', ')}; default local`,
    choice(EXECUTION_BACKENDS),
  ),
  slurmScriptDir: value(
    '--slurm-script-dir <dir>',
    'where job scripts and logs go; default: slurm/ in the run folder',
    text,
  ),
  slurmSubmit: flag('--slurm-submit', 'submit what is open and not queued; without it scripts are only written'),
  slurmDryRun: flag('--slurm-dry-run', 'say which jobs would be submitted; write nothing but the plan'),
  slurmMode: value('--slurm-mode <mode>', `${SLURM_MODES.join(', ')}; default array`, choice(SLURM_MODES)),
  slurmPartition: value('--slurm-partition <name>', "default: the cluster's", text),
  slurmAccount: value('--slurm-account <name>', 'whom the work is charged to', text),
  slurmQos: value('--slurm-qos <name>', 'quality of service', text),
  slurmConstraint: value('--slurm-constraint <features>', 'features that nodes must have', text),
  slurmTime: value('--slurm-time <time>', 'time limit of a job, such as 02:00:00 (default) or 1-12', text),
  slurmMemory: value('--slurm-memory <size>', "memory of a job, such as 16G, or none; default: the plan's", text),
  slurmMemPerCpu: value('--slurm-mem-per-cpu <size>', 'memory per processor, where sites want it so', text),
  slurmCpusPerTask: value('--slurm-cpus-per-task <count>', 'processors of a job; default: --n-workers', parseCount),
  slurmTilesPerJob: value('--slurm-tiles-per-job <count>', 'tiles in a packed job; default 8', parseCount),
  slurmTilesAtOnce: value('--slurm-tiles-at-once <count>', 'tiles at a time in a packed job; default 1', parseCount),
  slurmArrayThrottle: value('--slurm-array-throttle <count>', 'jobs of an array at a time; default 20', parseCount),
  slurmExtra: texts('--slurm-extra <option>', 'another option of sbatch, as --name=value; repeatable'),
  slurmPrelude: value('--slurm-prelude <file>', 'lines of bash before the work: modules, conda', text),
  slurmLogDir: value('--slurm-log-dir <dir>', 'where logs go; default: logs/ beside the scripts', text),
  slurmMaxRetries: value(
    '--slurm-max-retries <count>',
    'times a job goes back to the queue at its time limit; default 2',
    (name, given) => parseWhole(name, given, 0, 100),
  ),
  retryMemory: value('--retry-memory <factor>', 'on the memory of tiles that ran out of it; default 2', parsePositive),
  retryTime: value('--retry-time <factor>', 'on the time of tiles that ran out of it; default 2', parsePositive),
  retryCancelled: flag('--retry-cancelled', 'also submit tiles whose jobs were cancelled'),
  watch: flag('--watch', 'look again every 30 s until all is done'),
  all: flag('--all', 'name every unit'),
  offline: flag('--offline', 'use local and cached files only'),
  stopWithStdin: flag('--stop-with-stdin', 'stop when stdin is closed: whoever started this is gone then'),
  scratch: value(
    '--scratch <dir>',
    'folder on a disk of this machine for an unfinished file; default: beside it',
    text,
  ),
  threads: value('--threads <count>', "threads; default: the plan's, within what Slurm grants", parseCount),
  fileFormat: value(
    '--format <form>',
    `${FILE_FORMATS.join(', ')}; default: as --output ends, else netcdf`,
    choice(FILE_FORMATS),
  ),
  compressionLevel: value('--compression-level <level>', '0 (plain) to 9 (smallest)', (name, given) =>
    parseWhole(name, given, 0, 9),
  ),
  pack: value('--pack <type>', 'store physical values as int16 with scale and offset', choice(['int16'] as const)),
  roundBits: value('--round-bits <count>', 'mantissa bits to keep, 1 to 23: less noise, smaller files', (name, given) =>
    parseWhole(name, given, 1, 23),
  ),
  chunkFor: value(
    '--chunk-for <use>',
    'map (default) or time: what reading the output is quick for',
    choice(CHUNK_USES),
  ),
  checkpoints: flag('--checkpoints', 'keep what is complete until all is, so that a killed run goes on from there'),
  quicklook: value('--quicklook <file>', 'PNG picture of the stack to write as well', text),
  overwrite: flag('--overwrite', 'replace outputs that exist'),
  strict: flag('--strict', 'stop at the first granule that cannot be used'),
  failOnEmpty: flag('--fail-on-empty', 'exit with 1 when no scene is found'),
  dryRun: flag('--dry-run', 'say what would be read, needed and written; write nothing'),
  format: value('--format <form>', `${SCENE_FORMATS.join(', ')}; default json`, choice(SCENE_FORMATS)),
  json: flag('--json', 'print results, and errors, as JSON'),
  quiet: flag('-q, --quiet', 'no notes and no warnings'),
  verbose: flag('-v, --verbose', 'say more about what is done'),
  progress: value(
    '--progress <mode>',
    'auto (a bar on a terminal), json (events on stderr) or none',
    choice(PROGRESS_MODES),
  ),
} as const satisfies Record<string, OptionSpec<unknown>>

export type OptionName = keyof typeof OPTIONS

export type OptionValues<Name extends OptionName> = {
  [Key in Name]?: ReturnType<(typeof OPTIONS)[Key]['read']> | undefined
}

export function longFlag(flags: string): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags
}

/** What commander calls an option: `cloudCoverMax` for `--cloud-cover-max`. */
function attributeOf(flags: string): string {
  return longFlag(flags)
    .slice(2)
    .replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}

/** Declares options on a command, in this order; `helps` replaces texts that do not fit it. */
export function addOptions(
  command: Command,
  names: readonly OptionName[],
  helps: Partial<Record<OptionName, string>> = {},
): Command {
  for (const name of names) {
    const { flags, isList } = OPTIONS[name]
    const help = helps[name] ?? OPTIONS[name].help
    if (isList) command.option(flags, help, (item: string, before: string[] = []) => [...before, item])
    else command.option(flags, help)
  }
  return command
}

/** The values of a command's options, read by the table; wrong ones throw. */
export function readOptions<Name extends OptionName>(command: Command, names: readonly Name[]): OptionValues<Name> {
  const given: Record<string, unknown> = command.opts()
  const entries = names.flatMap((name) => {
    const { flags, read } = OPTIONS[name]
    const value = given[attributeOf(flags)]
    return value === undefined ? [] : [[name, read(value)]]
  })
  return Object.fromEntries(entries) as OptionValues<Name>
}
