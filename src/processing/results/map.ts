// A picture of the tiles: done, empty, failed, running, open; SVG, longitudes to the right and latitudes up.
import type { PlanDocument } from '../manifest.js'
import type { TileResult } from './tile-result.js'

/** Colours that those who do not tell red from green tell apart (Okabe and Ito 2008), with words beside them. */
const LOOKS = {
  done: { fill: '#009e73', word: 'done' },
  empty: { fill: '#d9d9d9', word: 'no data' },
  failed: { fill: '#d55e00', word: 'failed' },
  claimed: { fill: '#56b4e9', word: 'running' },
  open: { fill: '#f0e442', word: 'open' },
} as const satisfies Record<TileResult['state']['kind'], { fill: string; word: string }>
type Kind = keyof typeof LOOKS
const KINDS = Object.keys(LOOKS) as Kind[]

const WIDTH = 960
const MARGIN = 24
const LEGEND = 36
const LEAST_HEIGHT = 120

/** Longitudes east of the area's west side; tiles beyond the antimeridian lie there. */
function fromWest(lon: number, west: number): number {
  return lon < west ? lon + 360 : lon
}

export function mapOf({ area, product }: PlanDocument, tiles: readonly TileResult[]): string {
  const [west, south, east, north] = area
  const spanX = fromWest(east, west) - west
  const scale = (WIDTH - 2 * MARGIN) / spanX
  const height = Math.max(LEAST_HEIGHT, Math.round((north - south) * scale) + 2 * MARGIN + LEGEND)
  const x = (lon: number) => round(MARGIN + (fromWest(lon, west) - west) * scale)
  const y = (lat: number) => round(MARGIN + (north - lat) * scale)
  const rects = tiles.map(({ unit, state }) => {
    const [w, s, e, n] = unit.bbox
    const look = LOOKS[state.kind]
    const why = state.kind === 'failed' ? `: ${state.message}` : ''
    const size = `width="${round(((e < w ? e + 360 : e) - w) * scale)}" height="${round((n - s) * scale)}"`
    const title = `<title>${escaped(`${unit.index} ${unit.id}: ${look.word}${why}`)}</title>`
    return `<rect x="${x(w)}" y="${y(n)}" ${size} fill="${look.fill}">${title}</rect>`
  })
  const legend = KINDS.map((kind, index) => {
    const left = MARGIN + index * 150
    const count = tiles.filter(({ state }) => state.kind === kind).length
    const box = `<rect x="${left}" y="${height - LEGEND + 4}" width="14" height="14" fill="${LOOKS[kind].fill}"/>`
    return `${box}<text x="${left + 20}" y="${height - LEGEND + 16}">${LOOKS[kind].word}: ${count}</text>`
  })
  const frame = `x="${MARGIN}" y="${MARGIN}" width="${round(spanX * scale)}" height="${round((north - south) * scale)}"`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`,
    ' font-family="sans-serif" font-size="13">',
    `<title>${escaped(product)}: ${tiles.length} tiles, ${west} to ${east} E, ${south} to ${north} N</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<g stroke="#ffffff" stroke-width="0.5">`,
    ...rects,
    '</g>',
    `<rect ${frame} fill="none" stroke="#000000" stroke-width="0.7"/>`,
    ...legend,
    '</svg>\n',
  ].join('\n')
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
