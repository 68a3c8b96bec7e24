// The tiles as a STAC collection that needs no server: one item per tile, relative links.
import { boxRing } from '../../geo/polygon.js'
import type { PlanDocument } from '../manifest.js'
import { partsOf } from '../tile-index.js'
import { MEDIA_TYPES, type TileResult, withOutput } from './tile-result.js'

const PROJECTION = 'https://stac-extensions.github.io/projection/v2.0.0/schema.json'
const VERSION = '1.0.0'

export interface StacDocument {
  /** Relative to the output folder. */
  path: string
  content: object
}

/** The items, and the collection last: it links to them. */
export function* stacDocuments(
  shared: PlanDocument,
  hash: string,
  tiles: readonly TileResult[],
  extraAssets: Readonly<Record<string, object>>,
): Generator<StacDocument> {
  const done = withOutput(tiles)
  const links: object[] = [{ rel: 'root', href: './collection.json', type: 'application/json' }]
  const instants: string[] = []
  for (const { unit, output, result } of done) {
    const { firstTime, lastTime, epsg, geotransform, width, height } = result
    const [x0 = 0, dx = 0, rx = 0, y0 = 0, ry = 0, dy = 0] = geotransform
    if (firstTime !== undefined) instants.push(firstTime)
    if (lastTime !== undefined) instants.push(lastTime)
    links.push({ rel: 'item', href: `./items/${unit.id}.json`, type: 'application/geo+json' })
    yield {
      path: `items/${unit.id}.json`,
      content: {
        type: 'Feature',
        stac_version: VERSION,
        stac_extensions: [PROJECTION],
        id: unit.id,
        collection: collectionId(shared, hash),
        bbox: unit.bbox,
        geometry: geometryOf(unit.bbox),
        properties: {
          datetime: null,
          start_datetime: firstTime ?? EPOCH,
          end_datetime: lastTime ?? firstTime ?? EPOCH,
          ...(epsg === undefined ? {} : { 'proj:code': `EPSG:${epsg}` }),
          'proj:shape': [height, width],
          'proj:transform': [dx, rx, x0, ry, dy, y0],
          'aster:product': shared.product,
          'aster:variables': result.variables,
          'aster:time_steps': result.steps,
        },
        links: [
          { rel: 'root', href: '../collection.json', type: 'application/json' },
          { rel: 'parent', href: '../collection.json', type: 'application/json' },
          { rel: 'collection', href: '../collection.json', type: 'application/json' },
        ],
        assets: {
          data: { href: `../${output.name}`, type: MEDIA_TYPES[shared.format], roles: ['data'], title: output.name },
        },
      },
    }
  }
  const sorted = instants.map((time) => [Date.parse(time), time] as const).sort(([left], [right]) => left - right)
  yield {
    path: 'collection.json',
    content: {
      type: 'Collection',
      stac_version: VERSION,
      stac_extensions: [],
      id: collectionId(shared, hash),
      description: `${shared.product}, ${shared.tileOutput} of each tile`,
      license: 'other',
      providers: [
        { name: 'NASA/METI/AIST/Japan Space Systems and U.S./Japan ASTER Science Team', roles: ['producer'] },
      ],
      extent: {
        spatial: { bbox: [extentOf(shared, done)] },
        temporal: { interval: [[sorted[0]?.[1] ?? null, sorted.at(-1)?.[1] ?? null]] },
      },
      summaries: { 'aster:product': [shared.product] },
      links,
      assets: extraAssets,
    },
  }
}

/** Tiles of a series without time steps have no time; STAC wants one. */
const EPOCH = '2000-03-04T00:00:00Z'

function collectionId({ product }: PlanDocument, hash: string): string {
  return `${product}-${hash}`
}

function geometryOf(bbox: TileResult['unit']['bbox']) {
  const rings = partsOf(bbox).map((part) => [boxRing(...part)])
  const [only, second] = rings
  return second === undefined ? { type: 'Polygon', coordinates: only } : { type: 'MultiPolygon', coordinates: rings }
}

/** Of the tiles that are there; of what was asked for while there are none. */
function extentOf({ area }: PlanDocument, done: readonly { unit: TileResult['unit'] }[]) {
  if (done.length === 0) return area
  const boxes = done.flatMap(({ unit }) => partsOf(unit.bbox))
  const most = (side: 0 | 1 | 2 | 3, pick: (left: number, right: number) => number) =>
    boxes.map((box) => box[side]).reduce((left, right) => pick(left, right))
  return [most(0, Math.min), most(1, Math.min), most(2, Math.max), most(3, Math.max)]
}
