// An addon that reads nothing: the contract with made-up granules, for tests of the TypeScript alone.
import type {
  BandInfo,
  CubeEvent,
  CubePlan,
  CubeReport,
  CubeRequest,
  GranuleInfo,
  GridInfo,
  IndexInfo,
  NativeError,
  NativeModule,
  PlannedScene,
  ProductInfo,
  ReadBandRequest,
  ReportOutcome,
  TimeStep,
} from '../src/native/contract.js'

export function nativeError(code: string, message: string, more: Partial<NativeError> = {}): NativeError {
  return { code, message, retryable: false, ...more }
}

export function granule(name: string, facts: Partial<GranuleInfo> = {}): GranuleInfo {
  const [, sceneKey = '', processingStamp = ''] = /_(\d{17})_(\d{14})/.exec(name) ?? []
  const [, month, day, year, hour, minute, second] = /^\d{3}(..)(..)(....)(..)(..)(..)$/.exec(sceneKey) ?? []
  const product = name.split('_').slice(0, 2).join('_')
  const band = (band: string, subsystem: string, pixel: number) => ({
    name: band,
    variable: `ImageData${band}`,
    subsystem,
    rows: 20,
    columns: 30,
    dataType: subsystem === 'TIR' ? 'uint16' : 'uint8',
    geotransform: [500_000, pixel, 0, 1_600_000, 0, -pixel],
    coefficientSource: 'granule',
    storage: 'contiguous',
  })
  const west = 120
  return {
    path: `/archive/${name}.hdf`,
    form: 'hdf-eos2',
    id: name,
    product,
    version: sceneKey.slice(0, 3),
    sceneKey,
    time: `${year}-${month}-${day}T${hour}:${minute}:${second}Z`,
    processingStamp,
    cloudCoverPercent: 10,
    bbox: { west, south: 15, east: west + 0.1, north: 15.1 },
    footprint: [],
    subsystems: ['VNIR', 'TIR'],
    bands: [band('2', 'VNIR', 15), band('3N', 'VNIR', 15), band('10', 'TIR', 90)],
    files: [`/archive/${name}.hdf`],
    bytes: 1000,
    observationModes: [],
    warnings: [],
    ...facts,
  }
}

const product = (name: string): ProductInfo => ({
  name,
  title: `${name} title`,
  level: '1',
  subsystems: ['VNIR', 'SWIR', 'TIR'],
  bands: [],
  pixelSizesM: [15, 30, 90],
  units: 'DN',
  forms: '003: HDF4',
})
const PRODUCTS = ['AST_L1T', 'AST_08'].map(product)

const bandInfo = (name: string, subsystem: string): BandInfo => ({
  name,
  variable: `ImageData${name}`,
  subsystem,
  wavelengthMinUm: 0.5,
  wavelengthMaxUm: 0.6,
  wavelengthUm: 0.55,
  pixelSizeM: 15,
  bits: 8,
  saturationDn: 255,
})
const BANDS = [
  ...['1', '2', '3N'].map((name) => bandInfo(name, 'VNIR')),
  ...['4', '6'].map((name) => bandInfo(name, 'SWIR')),
  ...['10', '11'].map((name) => bandInfo(name, 'TIR')),
]

const index = (name: string, bands: string[]): IndexInfo => ({
  name,
  title: `${name} title`,
  formula: bands.join('/'),
  bands,
  computedFrom: 'reflectance',
  citation: 'none',
})
const INDICES = [index('ndvi', ['2', '3N']), index('ratio_4_6', ['4', '6'])]

const GRID: GridInfo = {
  crs: 'WGS 84 / UTM zone 50N',
  epsg: 32650,
  geotransform: [500_000, 15, 0, 1_600_000, 0, -15],
  width: 3,
  height: 2,
  resolution: 15,
}

export interface Fake extends NativeModule {
  /** Every request a cube was planned or started with. */
  requests: CubeRequest[]
  reads: ReadBandRequest[]
  cancelled: number
}

export interface FakeOptions {
  /** By path; what `scanArchive` finds in any folder. */
  granules?: GranuleInfo[]
  skipped?: { path: string; error: NativeError }[]
  /** How a job ends instead of with a report. */
  jobError?: NativeError
  /** Keeps the job going until it is cancelled. */
  jobWaits?: boolean
  events?: Partial<CubeEvent>[]
  report?: Partial<CubeReport>
  plan?: Partial<CubePlan>
}

export function fakeNative(options: FakeOptions = {}): Fake {
  const { granules = [], skipped = [] } = options
  const byPath = new Map(granules.map((item) => [item.path, item]))
  const planned = (request: CubeRequest): PlannedScene[] =>
    request.granules.map((path) => {
      const { id = path, time = '' } = byPath.get(path) ?? {}
      return { path, id, time, placement: 'copy', chunks: 1, bytesToRead: 100 }
    })
  /** Each scene a time step, of which two of six pixels have a value. */
  const steps = (request: CubeRequest): TimeStep[] =>
    planned(request).map(({ id, time }) => {
      const validPixels = Object.fromEntries(variables(request).map((name) => [name, 2]))
      return { time, looks: 1, ids: [id], validPixels }
    })
  const variables = ({ bands = [], indices = [], subsystems = [] }: CubeRequest) => [
    ...bands.map((name) => `ImageData${name}`),
    ...indices,
    ...subsystems.map((name) => `all of ${name}`),
  ]
  const report = (request: CubeRequest): CubeReport => ({
    outputs: [request.output.path, request.output.quicklook].filter((path) => path !== undefined),
    grid: GRID,
    variables: variables(request),
    scenes: planned(request),
    skipped: [],
    steps: steps(request),
    pixels: 6,
    bytesRead: 1_234_567,
    bytesWritten: 2345,
    elapsedMs: 400,
    peakMemoryBytes: 34_000_000,
    statistics: [],
    arrays: [],
    warnings: [],
    ...options.report,
  })
  const fake: Fake = {
    requests: [],
    reads: [],
    cancelled: 0,
    buildInfo: () => ({ version: '0.1.0', target: 'fake', hdf5: '0' }),
    errorCodes: () => [],
    products: () => PRODUCTS,
    bands: () => BANDS,
    indices: () => INDICES,
    latticeOfVersion: () => 'centre',
    suggest: (_, name) => (name.startsWith('ndv') ? ['ndvi'] : name.startsWith('AST_L1') ? ['AST_L1T'] : []),
    loadRegion: async ({ path }) => ({ error: nativeError('NOT_FOUND', `no such file: ${path}`) }),
    carryRing: (positions) => ({ value: { positions, turn: 0 } }),
    describeGranule: async (path) => {
      const value = byPath.get(path)
      const error = skipped.find((file) => file.path === path)?.error
      return value === undefined ? { error: error ?? nativeError('NOT_FOUND', `no such file: ${path}`) } : { value }
    },
    scanArchive: async (folder) =>
      folder.includes('missing')
        ? { error: nativeError('NOT_FOUND', `no such folder: ${folder}`) }
        : { value: { granules, skipped, filesSeen: granules.length + skipped.length } },
    describeRemoteGranule: (path) => fake.describeGranule(path),
    readRemoteBand: (request) => fake.readBand(request),
    planRemoteCube: (request) => fake.planCube(request),
    RemoteFiles: class {
      supply() {}
      fail() {}
      close() {}
    },
    readBand: async (request) => {
      fake.reads.push(request)
      const { band } = request
      const facts = { band, variable: `ImageData${band}`, units: '1', rows: 1, columns: 2, geotransform: [], crs: '' }
      const isDn = request.calibration === 'dn'
      return { value: isDn ? { ...facts, dn8: Uint8Array.of(1, 2) } : { ...facts, values: Float32Array.of(1, 2) } }
    },
    checkRequest: ({ reduce = [] }) => {
      const unknown = reduce.find((name) => !/^(mean|median|count|medoid|p\d+)$/.test(name))
      if (unknown === undefined) return null
      return nativeError('USAGE', `unknown statistic "${unknown}"`, { hint: 'did you mean median?' })
    },
    readRequest: (json) => ({ value: JSON.parse(json) }),
    planCube: async (request) => {
      fake.requests.push(request)
      const plan: CubePlan = {
        schema: 1,
        grid: GRID,
        variables: variables(request),
        scenes: planned(request),
        skipped: [],
        steps: steps(request).map(({ validPixels: _, ...step }) => step),
        order: 'steps',
        blocks: 1,
        chunkShape: [1, 2, 3],
        pixels: 6,
        chunksWithData: 2,
        chunksTotal: 4,
        bytesToRead: 500,
        outputBytesMax: 48,
        checkpointBytesMax: 0,
        peakMemoryBytes: 34_000_000,
        maxMemoryBytes: 1_000_000_000,
        nWorkers: 2,
        warnings: [],
        ...options.plan,
      }
      return { value: plan }
    },
    startCube: (request, onEvent) => {
      fake.requests.push(request)
      let stop = (_: ReportOutcome) => {}
      const stopped = new Promise<ReportOutcome>((resolve) => {
        stop = resolve
      })
      const run = async (): Promise<ReportOutcome> => {
        for (const event of options.events ?? []) onEvent(cubeEvent(event))
        if (options.jobWaits) return stopped
        return options.jobError === undefined ? { value: report(request) } : { error: options.jobError }
      }
      return {
        wait: run,
        cancel: () => {
          fake.cancelled += 1
          stop({ error: nativeError('CANCELLED', 'cancelled') })
        },
      }
    },
    radianceFromDn: (dn, ucc, offset) => Float32Array.from(dn, (value) => value * ucc + (offset ?? -ucc)),
    brightnessTemperature: (radiance, band) =>
      band === '10' ? { value: radiance.map(() => 300) } : { error: nativeError('NOT_FOUND', `no band ${band}`) },
    computeIndex: () => ({ error: nativeError('UNSUPPORTED', 'not in the fake') }),
  }
  return fake
}

export function cubeEvent(event: Partial<CubeEvent>): CubeEvent {
  return {
    kind: 'progress',
    scenesDone: 0,
    scenesTotal: 0,
    chunksDone: 0,
    chunksTotal: 0,
    bytesRead: 0,
    bytesWritten: 0,
    elapsedMs: 0,
    ...event,
  }
}

/** Three acquisitions; the first also as an older version and an older processing. */
export const ARCHIVE = [
  granule('AST_L1T_00306102001031113_20150414031122', { cloudCoverPercent: 60 }),
  granule('AST_L1T_00301032001031000_20150414031022'),
  granule('AST_L1T_00301032001031000_20140101000000'),
  granule('AST_L1T_00401032001031000_20250101000000', { path: '/archive/AST_L1T_00401032001031000_20250101000000' }),
  granule('AST_L1T_00309062002031452_20150414031422', { bbox: { west: 130, south: -30, east: 131, north: -29 } }),
]
