// Stands in for the program where the scheduler is under test: does what `behaviour.json` of the run folder says.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const words = process.argv.slice(2)
const wordAfter = (flag) => words[words.indexOf(flag) + 1]
const manifest = wordAfter('--manifest')
const index = Number(wordAfter('--index'))
const folder = dirname(manifest)
const unit = JSON.parse(readFileSync(manifest, 'utf8').split('\n')[index])
const behaviour = JSON.parse(readFileSync(join(folder, 'behaviour.json'), 'utf8'))
const behaviourOfUnit = behaviour[index] ?? behaviour.default ?? {}
const { exit = 0, sleepMs = 0, allocateMiB = 0, kill = false, steps = 0, isStubborn = false } = behaviourOfUnit
const tell = (what) => {
  const told = { index, what, at: Date.now(), job: process.env.SLURM_JOB_ID, restarts: process.env.SLURM_RESTART_COUNT }
  const about = { ...told, time: process.env.SLURM_JOB_PARTITION, mem: process.env.SLURM_MEM_PER_NODE }
  const secrets = Object.keys(process.env).filter((name) => name.startsWith('EARTHDATA_'))
  appendFileSync(join(folder, 'told.jsonl'), `${JSON.stringify({ ...about, secrets })}\n`)
}

const output = join(folder, unit.outputs[0])
if (existsSync(`${output}.done.json`)) {
  tell('already')
  process.exit(0)
}
tell('start')
process.stdout.write(`unit ${index} ${unit.id}\n`)

const saved = join(folder, `${unit.id}.steps`)
let done = existsSync(saved) ? Number(readFileSync(saved, 'utf8')) : 0
process.on('SIGTERM', () => {
  if (isStubborn) return
  writeFileSync(saved, String(done))
  tell(`stopped at ${done}`)
  process.exit(75)
})
while (done < steps) {
  await new Promise((resolve) => setTimeout(resolve, 1000))
  done += 1
}
await new Promise((resolve) => setTimeout(resolve, sleepMs))
const blocks = Array.from({ length: allocateMiB / 10 }, () => Buffer.alloc(10 * 1024 * 1024, 1))
if (blocks.length > 0) await new Promise((resolve) => setTimeout(resolve, 4000))
if (kill) process.kill(process.pid, 'SIGKILL')
if (exit !== 0) {
  tell(`exit ${exit}`)
  process.exit(exit)
}
mkdirSync(dirname(output), { recursive: true })
writeFileSync(output, 'x')
const facts = { seconds: 1, peakRssBytes: 1, threads: 1, host: 'x', attempt: 1, createdBy: 'x', scenes: 1, skipped: [] }
const named = { schema: 1, key: unit.key, id: unit.id, outputs: [{ name: `${unit.id}.nc`, bytes: 1 }] }
writeFileSync(`${output}.done.json`, JSON.stringify({ ...named, ...facts, finishedAt: new Date().toISOString() }))
tell('done')
