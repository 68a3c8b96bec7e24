// The stream that keeps the newest of each acquisition, against the list that does the same.
import { expect, test } from 'vitest'
import { mergeByTime, newestOfEachAcquisition, newestOfStream } from '../../../src/catalog/newest.js'
import { byTime, type Scene, sceneFromGranule } from '../../../src/catalog/scene.js'
import { granule } from '../../fake-native.js'

async function* stream(scenes: readonly Scene[]) {
  yield* scenes
}
async function all(scenes: AsyncIterable<Scene>): Promise<Scene[]> {
  const list: Scene[] = []
  for await (const scene of scenes) list.push(scene)
  return list
}

/** Acquisitions some seconds apart, many of them processed several times, at two places, with versions mixed. */
function madeUp(count: number, seed: number): Scene[] {
  let state = seed
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
  const scenes: Scene[] = []
  for (let second = 0; scenes.length < count; second += 1 + random(20)) {
    const instant = new Date(Date.UTC(2001, 5, 10) + second * 1000).toISOString()
    const [, year, month, day, hour, minute, sec] = /^(....)-(..)-(..)T(..):(..):(..)/.exec(instant) ?? []
    for (let copy = 0; copy <= random(3); copy += 1) {
      const version = ['003', '004', '031'][random(3)] ?? '004'
      const id = `AST_L1T_${version}${month}${day}${year}${hour}${minute}${sec}_2020010100000${random(10)}`
      const west = random(2) * 40
      const time = instant.replace('.000Z', `.${100 + random(800)}Z`)
      const info = granule(id, { time, bbox: { west, south: 0, east: west + 1, north: 1 } })
      scenes.push({ ...sceneFromGranule(info), id: `${id}_${scenes.length}` })
    }
  }
  return scenes.sort(byTime)
}

const names = (scenes: readonly Scene[]) => scenes.map(({ id }) => id)

test('gives the same scenes in the same order, and tells the same older ones', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const scenes = madeUp(300, seed)
    const { kept, older } = newestOfEachAcquisition(scenes)
    const told: Scene[] = []
    const given = await all(newestOfStream(stream(scenes), (scene) => told.push(scene)))
    expect(names(given)).toEqual(names(kept))
    expect(names(told).sort()).toEqual(names(older).sort())
  }
})

test('a record that comes again on a later page is given out once', async () => {
  const scenes = madeUp(50, 7).map((scene, index) => ({ ...scene, sceneKey: `004${String(index).padStart(14, '0')}` }))
  const again = [...scenes.slice(0, 30), ...scenes.slice(20)]
  expect(names(await all(newestOfStream(stream(again))))).toEqual(names(scenes))
})

test('holds a minute of scenes, not all of them', async () => {
  let asked = 0
  async function* counted() {
    for (const scene of madeUp(2000, 3)) {
      asked += 1
      yield scene
    }
  }
  let given = 0
  let most = 0
  for await (const _ of newestOfStream(counted())) {
    given += 1
    most = Math.max(most, asked - given)
  }
  expect(given).toBeGreaterThan(1000)
  // Older processings count as asked and never as given.
  const older = asked - given
  expect(most).toBeLessThan(older + 60)
})

test('sorted streams become one sorted stream, read no further than needed', async () => {
  const scenes = madeUp(90, 5)
  const parts = [0, 1, 2].map((part) => scenes.filter((_, index) => index % 3 === part))
  expect(names(await all(mergeByTime(parts.map(stream))))).toEqual(names(scenes))
  expect(await all(mergeByTime([]))).toEqual([])
  let closed = 0
  async function* closing() {
    try {
      yield* scenes
    } finally {
      closed += 1
    }
  }
  for await (const _ of mergeByTime([closing(), closing()])) break
  expect(closed).toBe(2)
})
