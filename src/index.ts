// The public door of the package: re-exports and nothing else.
export { applyRadianceConversion, brightnessTemperature, type RadianceCoefficients } from './access/calibration.js'
export {
  ASTERDataAccess,
  type OpenOptions,
  RemoteDataset,
  type RemoteOpenOptions,
  type RemoteOptions,
  type Subsystem,
} from './access/data-access.js'
export {
  ASTERDataset,
  type BandData,
  type Calibration,
  type PixelWindow,
  type ReadBandOptions,
  type SolarIrradiance,
} from './access/dataset.js'
export type { DownloadedScene, DownloadOptions, DownloadReport, FailedFile } from './access/download.js'
export type { DownloadEvent } from './access/download-events.js'
export type { Traffic } from './access/remote-file.js'
export type { AcquisitionRecord } from './catalog/acquisition-records.js'
export type { Coverage, LeftOut, SceneCount, SearchResult } from './catalog/backend.js'
export {
  ASTERCatalog,
  type CatalogOptions,
  type IterSceneOptions,
  type SceneTile,
  type SearchOptions,
  type SearchTilesOptions,
} from './catalog/catalog.js'
export type { DayNight, SceneQuery } from './catalog/query.js'
export {
  type BackendName,
  type FileRole,
  isLocalScene,
  type LocalScene,
  type Scene,
  type SceneFile,
} from './catalog/scene.js'
export { parseScenes } from './catalog/scene-json.js'
export { SlurmEngine } from './cluster/slurm/engine.js'
export type { SlurmMode, SlurmOptions } from './cluster/slurm/settings.js'
export {
  AbortError,
  AsterError,
  AuthError,
  DataError,
  type ErrorCode,
  InternalError,
  NetworkError,
  NotFoundError,
  OutputError,
  ResourceError,
  UsageError,
} from './errors.js'
export { BoundingBox } from './geo/bounding-box.js'
export { parsePolygon } from './geo/geojson.js'
export { Polygon } from './geo/polygon.js'
export { loadRegion, type Region } from './geo/region-file.js'
export { REGIONS, type RegionName } from './geo/regions.js'
export { type DegreeTiles, type GridTiles, type Tile, type TileOptions, tiles } from './geo/tiles.js'
export type { CallOptions, JobOptions } from './native/call.js'
export type {
  Area,
  BandInfo,
  BandMetadata,
  CubeEvent,
  CubeOutput,
  CubePlan,
  CubeReport,
  CubeRequest,
  GranuleInfo,
  GridInfo,
  IndexInfo,
  LonLat,
  PlannedScene,
  ProductInfo,
  SceneStatistics,
  SkippedScene,
  TimeStep,
} from './native/contract.js'
export type {
  Engine,
  EngineEvent,
  EngineOptions,
  EngineOutcome,
} from './processing/engine.js'
export { GlobalASTERProcessor, type GlobalProcessorOptions, type GlobalRunOptions } from './processing/global.js'
export type { PlanStatus } from './processing/open-units.js'
export type {
  Clip,
  ClipRule,
  Gain,
  GroupBy,
  Lattice,
  Period,
  PolygonLike,
  Resampling,
  SeriesOptions,
} from './series/request.js'
export { planRequest, type RunReport, readRequest, writeRequest } from './series/run.js'
export { ASTERTimeSeries, type SeriesArray, type WriteOptions } from './series/time-series.js'
