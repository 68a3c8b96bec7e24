// Keeps one scene of each acquisition: the newest version and processing, of a list or of a stream.
import { areasIntersect } from '../geo/bounding-box.js'
import { byTime, type Scene } from './scene.js'

/** What scenes of one acquisition have in common, whatever their version: product and acquisition stamp. */
export function acquisitionOf(scene: Scene): string {
  return `${scene.product} ${scene.sceneKey.slice(3)}`
}

/** Keeps one scene of each acquisition and place: the newest version of it, then the newest processing. */
export function newestOfEachAcquisition<S extends Scene>(scenes: readonly S[]): { kept: S[]; older: S[] } {
  const newest = new Map<string, S[]>()
  const older: S[] = []
  for (const scene of scenes) {
    const acquisition = acquisitionOf(scene)
    const others = newest.get(acquisition) ?? []
    const rival = others.find((other) => areasIntersect(other.bbox, scene.bbox))
    if (rival === undefined) {
      newest.set(acquisition, [...others, scene])
    } else if (isNewer(scene, rival)) {
      older.push(rival)
      newest.set(acquisition, [...others.filter((other) => other !== rival), scene])
    } else {
      older.push(scene)
    }
  }
  return { kept: [...newest.values()].flat().sort(byTime), older: older.sort(byTime) }
}

/** Whether `scene` replaces `rival`, which shows the same acquisition. */
export function isNewer(scene: Scene, rival: Scene): boolean {
  const difference = versionRank(scene.sceneKey) - versionRank(rival.sceneKey)
  if (difference !== 0) return difference > 0
  return (scene.processingStamp ?? '') > (rival.processingStamp ?? '')
}

/** Version digits as a number: `003` is 3.0, `031` is 3.1, `004` is 4.0. */
function versionRank(sceneKey: string): number {
  const [, middle = '0', last = '0'] = sceneKey.slice(0, 3)
  return middle === '0' ? Number(last) : Number(middle) + Number(last) / 10
}

/**
 * How far apart two records of one acquisition may stand in a stream that is sorted by time. The token of an
 * acquisition is its time cut to the second, and versions differ in the fraction; a minute is ample, and holds about
 * seven scenes, since the instrument takes one every nine seconds.
 */
const WINDOW_MS = 60_000
/** Scenes held back at most, in case a stream is not as sorted as it should be. */
const MAX_HELD = 2000
/** Scenes given out lately, remembered so that a record that comes again on a later page is not given out again. */
const MAX_REMEMBERED = 4096

/** As `newestOfEachAcquisition`, for scenes that come in order of time; holds a minute of them. */
export async function* newestOfStream(
  scenes: AsyncIterable<Scene>,
  onOlder: (scene: Scene) => void = () => {},
): AsyncGenerator<Scene, void, undefined> {
  let held: Scene[] = []
  const given = new Set<string>()
  const release = function* (count: number) {
    for (const scene of held.slice(0, count)) {
      given.add(scene.id)
      yield scene
    }
    held = held.slice(count)
    for (const id of given) {
      if (given.size <= MAX_REMEMBERED) break
      given.delete(id)
    }
  }
  for await (const scene of scenes) {
    const place = held.findIndex((other) => isSameAcquisition(other, scene))
    const rival = held[place]
    if (given.has(scene.id) || rival?.id === scene.id) continue
    if (rival === undefined) {
      held = [...held, scene].sort(byTime)
    } else if (isNewer(scene, rival)) {
      held = held.with(place, scene).sort(byTime)
      onOlder(rival)
    } else {
      onOlder(scene)
    }
    const edge = Date.parse(scene.time) - WINDOW_MS
    const ready = held.findIndex((other) => Date.parse(other.time) >= edge)
    yield* release(Math.max(ready, held.length - MAX_HELD))
  }
  yield* release(held.length)
}

function isSameAcquisition(left: Scene, right: Scene): boolean {
  return acquisitionOf(left) === acquisitionOf(right) && areasIntersect(left.bbox, right.bbox)
}

/** Several streams sorted by time as one; holds one scene of each. */
export async function* mergeByTime(streams: readonly AsyncIterable<Scene>[]): AsyncGenerator<Scene, void, undefined> {
  const [only, second] = streams
  if (only !== undefined && second === undefined) {
    yield* only
    return
  }
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]())
  try {
    const heads = await Promise.all(iterators.map((iterator) => iterator.next()))
    for (;;) {
      let next = -1
      for (const [index, head] of heads.entries()) {
        const best = heads[next]
        if (head.done) continue
        if (best === undefined || best.done || byTime(head.value, best.value) < 0) next = index
      }
      const head = heads[next]
      const iterator = iterators[next]
      if (head === undefined || head.done || iterator === undefined) return
      yield head.value
      heads[next] = await iterator.next()
    }
  } finally {
    await Promise.all(iterators.map((iterator) => iterator.return?.()))
  }
}
