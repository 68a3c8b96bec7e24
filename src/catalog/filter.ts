// The filters of a query, applied to one scene; the same for every source.
import type { ResolvedQuery } from './query.js'
import type { Scene } from './scene.js'

/** What can turn a scene away. */
export type FilterName = 'product' | 'dates' | 'area' | 'cloudCover' | 'dayNight'

/** The first filter that turns a scene away, if one does. */
export function rejectingFilter(scene: Scene, query: ResolvedQuery): FilterName | undefined {
  const { product, productVersion, startMs, endMs, months, boxes, polygon, cloudCoverMax, dayNight } = query
  if (product !== undefined && scene.product !== product) return 'product'
  if (productVersion !== undefined && scene.version !== productVersion) return 'product'
  const time = Date.parse(scene.time)
  if (time < startMs || time > endMs) return 'dates'
  if (months.length > 0 && !months.includes(new Date(time).getUTCMonth() + 1)) return 'dates'
  if (boxes.length > 0 && !boxes.some((box) => box.intersects(scene.bbox))) return 'area'
  if (polygon !== undefined && !polygon.intersects(scene.footprint.map(({ lon, lat }) => [lon, lat]))) return 'area'
  if (cloudCoverMax !== undefined && (scene.cloudCoverPercent ?? 0) > cloudCoverMax) return 'cloudCover'
  if (dayNight !== undefined && (scene.dayNight === 'day' || scene.dayNight === 'night')) {
    if (scene.dayNight !== dayNight) return 'dayNight'
  }
  return undefined
}

/** Whether a scene passed only because its cloud cover is not known. */
export function passesUnknownCloud(scene: Scene, { cloudCoverMax }: ResolvedQuery): boolean {
  return cloudCoverMax !== undefined && scene.cloudCoverPercent === undefined
}

/** A span of time in milliseconds since 1970, both ends inclusive; infinite where it is open. */
export interface Span {
  startMs: number
  endMs: number
}

/** ASTER's first light; what is older has no scenes. */
const FIRST_SCENE_MS = Date.parse('1999-12-18T00:00:00Z')

/**
 * The period and the months as spans: one of the whole period, or one for each run of months in each year. `nowMs`
 * ends a period that has no end.
 */
export function spansOf({ startMs, endMs, months }: ResolvedQuery, nowMs: number): Span[] {
  if (months.length === 0 || months.length === 12) return [{ startMs, endMs }]
  const first = Math.max(startMs, FIRST_SCENE_MS)
  const last = Math.min(endMs, Math.max(nowMs, first))
  const spans: Span[] = []
  for (let year = new Date(first).getUTCFullYear(); year <= new Date(last).getUTCFullYear(); year += 1) {
    for (const month of months) {
      const from = Math.max(first, Date.UTC(year, month - 1))
      const to = Math.min(last, Date.UTC(year, month) - 1)
      const before = spans.at(-1)
      if (from > to) continue
      if (before !== undefined && before.endMs + 1 === from) before.endMs = to
      else spans.push({ startMs: from, endMs: to })
    }
  }
  return spans
}
