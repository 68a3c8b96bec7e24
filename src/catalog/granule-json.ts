// The engine's description of a granule, read back from text and checked.
import { z } from 'zod'
import type { GranuleInfo, NativeError, SkippedFile } from '../native/contract.js'

const text = z.string()
const number = z.number()

export const AreaJson = z.object({ west: number, south: number, east: number, north: number })
export const LonLatJson = z.object({ lon: number, lat: number })

const Band = z.object({
  name: text,
  variable: text,
  subsystem: text,
  rows: number,
  columns: number,
  dataType: text,
  geotransform: z.array(number),
  gain: text.exactOptional(),
  ucc: number.exactOptional(),
  offset: number.exactOptional(),
  coefficientSource: text,
  storage: text,
})

export const GranuleJson = z.object({
  path: text,
  form: text,
  id: text,
  product: text,
  version: text,
  sceneKey: text,
  time: text,
  processingStamp: text.exactOptional(),
  cloudCoverPercent: number.exactOptional(),
  dayNight: text.exactOptional(),
  solarAzimuthDeg: number.exactOptional(),
  solarElevationDeg: number.exactOptional(),
  radiometricDbVersion: text.exactOptional(),
  geometricDbVersion: text.exactOptional(),
  epsg: number.exactOptional(),
  utmZone: number.exactOptional(),
  hemisphere: text.exactOptional(),
  bbox: AreaJson,
  footprint: z.array(LonLatJson),
  subsystems: z.array(text),
  bands: z.array(Band),
  files: z.array(text),
  bytes: number,
  observationModes: z.array(text),
  warnings: z.array(text),
}) satisfies z.ZodType<GranuleInfo>

const ErrorJson = z.object({
  code: text,
  message: text,
  hint: text.exactOptional(),
  retryable: z.boolean(),
  path: text.exactOptional(),
  neededBytes: number.exactOptional(),
  allowedBytes: number.exactOptional(),
}) satisfies z.ZodType<NativeError>

export const SkippedJson = z.object({ path: text, error: ErrorJson }) satisfies z.ZodType<SkippedFile>
