// What takes minutes on a real Slurm: the time limit, the way back into the queue, preemption.
import { afterAll, beforeAll, expect } from 'vitest'
import type { Claim } from '../../src/access/claim.js'
import { readSubmissions } from '../../src/cluster/slurm/job-records.js'
import { isNight, nightlyTest, SlurmRun, slurm, startSlurm, takeCluster, until } from './slurm-cluster.js'

let held: Claim | undefined
beforeAll(async () => {
  if (!isNight) return
  held = await takeCluster()
  startSlurm()
}, 900_000)
afterAll(async () => {
  await held?.release()
})

nightlyTest(
  'at its time limit one element saves, goes back to the queue and goes on; the others are not touched',
  async () => {
    // The last element has the number of the whole array: requeued by that number, all would go back.
    const run = await SlurmRun.of(3, { 0: { steps: 170 }, 1: { steps: 40 }, 2: { steps: 130 } }, ` g it's a "test" ü`)
    await run.submit({ time: '2' })
    const [job = ''] = run.jobs()
    await until(200, () => run.told().filter(({ what }) => what.startsWith('stopped at')).length >= 2)
    expect(run.told('done').map(({ index }) => index)).toEqual([1])
    const stopped = run.told().filter(({ what }) => what.startsWith('stopped at'))
    expect(stopped.map(({ index }) => index).sort()).toEqual([0, 2])
    for (const { what } of stopped) expect(Number(what.split(' ').at(-1))).toBeGreaterThan(20)
    await run.settle(500)
    expect(await run.states()).toEqual(['done', 'done', 'done'])
    const restarted = run.told('start').filter(({ restarts }) => restarts !== undefined)
    expect(new Set(restarted.map(({ index }) => index))).toEqual(new Set([0, 2]))
    expect(run.told('start').filter(({ index }) => index === 1)).toHaveLength(1)
    const accounted = slurm('sacct', '-X', '-D', '-n', '-P', '-o', 'JobID,State', '-j', job)
    expect(accounted).toMatch(new RegExp(`^${job}_0\\|REQUEUED$`, 'm'))
    expect(accounted).toMatch(new RegExp(`^${job}_2\\|REQUEUED$`, 'm'))
    expect(accounted).not.toMatch(new RegExp(`^${job}_1\\|REQUEUED$`, 'm'))
  },
  900_000,
)

nightlyTest(
  'a tile that saved at its time limit goes on with the same time, one that did not gets twice the time',
  async () => {
    const run = await SlurmRun.of(2, { 0: { steps: 200 }, 1: { steps: 200, isStubborn: true } })
    await run.submit({ time: '1', maxRetries: 0 })
    await run.settle(200)
    expect(await run.states()).toEqual(['open', 'open'])
    run.behave({ 0: { steps: 20 }, 1: {} })
    await run.submit({ time: '1', maxRetries: 0 })
    const asked = (await readSubmissions(run.folder)).map(({ units, timeSeconds }) => [units, timeSeconds])
    expect(asked.slice(1).sort()).toEqual([
      ['0', 60],
      ['1', 120],
    ])
    await run.settle(60)
    expect(await run.states()).toEqual(['done', 'done'])
    // Only this one had saved.
    expect(run.told().find(({ what }) => what.startsWith('stopped at'))).toMatchObject({ index: 0 })
  },
  600_000,
)

nightlyTest(
  'a preempted job goes back to the queue by itself, once',
  async () => {
    const run = await SlurmRun.of(1, { default: { steps: 15 } })
    await run.submit({ partition: 'spot', cpusPerTask: 4 })
    await until(60, () => run.told('start').length === 1)
    const [job = ''] = run.jobs()
    slurm('sbatch', '-p', 'hpc', '-c', '4', '-t', '1', '-o', '/dev/null', '--wrap', 'sleep 3')
    await until(60, () => run.told().some(({ what }) => what.startsWith('stopped at')))
    expect(await run.submit({ partition: 'spot', cpusPerTask: 4 })).toMatchObject({ handedOver: 1 })
    expect(run.jobs()).toEqual([])
    await run.settle(300)
    expect(await run.states()).toEqual(['done'])
    expect(slurm('sacct', '-X', '-D', '-n', '-P', '-o', 'JobID,State', '-j', job)).toMatch(/PREEMPTED/)
  },
  600_000,
)
