// What is known of the granules in the repository, from the program that made them.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { SAMPLE } from '../native-addon.js'

const granule = z.object({
  name: z.string(),
  path: z.string(),
  time: z.string(),
  epsg: z.number(),
  version: z.string(),
  subsystems: z.array(z.string()),
  cloud_cover: z.number(),
  gains: z.record(z.string(), z.string()),
  ucc: z.record(z.string(), z.number()),
  shape: z.record(z.string(), z.tuple([z.number(), z.number()])),
  bounds_wsen: z.array(z.number()),
  dn_sha256: z.record(z.string(), z.string()),
})
export type SampleGranule = z.infer<typeof granule>

const file = join(SAMPLE, 'truth.json')
export const TRUTH: SampleGranule[] = existsSync(file)
  ? z.array(granule).parse(JSON.parse(readFileSync(file, 'utf8')))
  : []

export const pathOf = ({ path }: SampleGranule): string => join(SAMPLE, path)
