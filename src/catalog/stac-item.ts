// Items of STAC catalogues that hold AST_L1T version 003, one multi-band file per telescope, as scenes.
import { z } from 'zod'
import type { Position } from '../geo/polygon.js'
import { present } from '../native/call.js'
import { describeFileName, fileNameOf, parseGranuleName } from './file-name.js'
import { placementOf } from './footprint.js'
import type { BackendName, Scene, SceneFile } from './scene.js'
import { bandBytes, tidyTime } from './umm-g.js'

const Coordinates = z.array(z.array(z.array(z.number()).min(2)))
const Asset = z.object({
  href: z.string().nullish(),
  'eo:bands': z.array(z.object({ name: z.string().optional() })).optional(),
})

/** What is read of an item; it says more. */
export const StacItem = z.object({
  id: z.string(),
  geometry: z.discriminatedUnion('type', [
    z.object({ type: z.literal('Polygon'), coordinates: Coordinates }),
    z.object({ type: z.literal('MultiPolygon'), coordinates: z.array(Coordinates) }),
  ]),
  properties: z.object({
    datetime: z.string(),
    'eo:cloud_cover': z.number().nullish(),
    'proj:epsg': z.number().int().nullish(),
    'view:sun_azimuth': z.number().nullish(),
    'view:sun_elevation': z.number().nullish(),
    'aster:processing_number': z.union([z.string(), z.number()]).nullish(),
  }),
  assets: z.record(z.string(), Asset).default({}),
})
export type StacItem = z.output<typeof StacItem>

export const TELESCOPES = ['VNIR', 'SWIR', 'TIR'] as const
export const BANDS_OF_TELESCOPE: Readonly<Record<(typeof TELESCOPES)[number], readonly string[]>> = {
  VNIR: ['1', '2', '3N'],
  SWIR: ['4', '5', '6', '7', '8', '9'],
  TIR: ['10', '11', '12', '13', '14'],
}

/** The scene of an item, or in words why it makes none. Addresses come without signatures, as they are stored. */
export function sceneFromStac(item: StacItem, backend: BackendName): Scene | string {
  const { properties, geometry } = item
  const number = properties['aster:processing_number']
  const name = parseGranuleName(number == null ? item.id : `${item.id}_${number}`)
  if (name === undefined) return 'its id is no granule name'
  const time = tidyTime(properties.datetime)
  if (time === undefined) return 'it carries no time'
  const outlines = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates
  const placement = placementOf(outlines.map(([ring = []]) => ring.map(([lon = 0, lat = 0]): Position => [lon, lat])))
  if (placement === undefined) return 'it carries no position'
  const files = filesOf(item)
  const telescopes = TELESCOPES.filter((telescope) =>
    files.some(({ role, subsystem }) => role === 'band' && subsystem === telescope),
  )
  return present<Scene>({
    schema: 2,
    backend,
    ...name,
    time,
    cloudCoverPercent: properties['eo:cloud_cover'] ?? undefined,
    solarAzimuthDeg: properties['view:sun_azimuth'] ?? undefined,
    solarElevationDeg: properties['view:sun_elevation'] ?? undefined,
    epsg: properties['proj:epsg'] ?? undefined,
    ...placement,
    subsystems: telescopes,
    bands: telescopes.flatMap((telescope) => bandsOf(item, telescope)),
    form: 'multi-band-cog',
    bytes: bandBytes(files),
    files,
    warnings: [],
  })
}

/** Bands of a telescope's file as the item names them, such as `VNIR_Band3N`; all of the telescope where it does not. */
function bandsOf({ assets }: StacItem, telescope: (typeof TELESCOPES)[number]): readonly string[] {
  const named = (assets[telescope]?.['eo:bands'] ?? []).map(({ name = '' }) => /_Band(\d+[NB]?)$/.exec(name)?.[1])
  const bands = named.filter((band) => band !== undefined)
  return bands.length > 0 ? bands : BANDS_OF_TELESCOPE[telescope]
}

/** Assets that are files of the granule; previews made on demand by a service are none. */
function filesOf({ assets }: StacItem): SceneFile[] {
  return Object.values(assets).flatMap(({ href }): SceneFile[] => {
    const url = href?.split('?')[0]
    const described = describeFileName(fileNameOf(url ?? ''))
    if (url === undefined || parseGranuleName(described.name) === undefined) return []
    return [{ ...described, url }]
  })
}
