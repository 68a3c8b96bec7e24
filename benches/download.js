// Download rate over loopback against curl: `node benches/download.js [rounds]`, after `npm run build:ts`.
//
// 20 files of 8 MB from one plain HTTP server in a process of its own. Ours claims, hashes (SHA-512), syncs, renames and
// records each; curl only stores them, so it is timed with `sha512sum` after it as well, of all files in turn and of six at a
// time. Processor time is told besides, for machines that are busy with other things. Both have six connections, and the same disk. The client's own limit of requests
// per second, which is politeness and not speed, is lifted.
import { fork, spawnSync } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FILES = 20
const FILE_BYTES = 8 * 1024 * 1024
const CONNECTIONS = 6

if (process.argv[2] === '--serve') serve()
else await compare(Number(process.argv[2] ?? 5))

function serve() {
  const files = new Map()
  for (let index = 0; index < FILES; index += 1) {
    const content = randomFillSync(Buffer.allocUnsafe(FILE_BYTES))
    content.set([0x49, 0x49, 0x2a, 0])
    const name = `AST_L1T_00401012001185055_20250101000000_VNIR_X${String(index).padStart(2, '0')}.tif`
    files.set(`/${name}`, { name, content, checksum: createHash('sha512').update(content).digest('hex') })
  }
  const server = createServer(({ url }, response) => {
    const { name, content } = files.get(url)
    response.writeHead(200, { 'content-length': content.length, etag: `"${name}"`, 'content-type': 'image/tiff' })
    response.end(content)
  })
  server.listen(0, '127.0.0.1', () => {
    const listed = [...files.values()].map(({ name, checksum }) => ({ name, checksum }))
    process.send({ port: server.address().port, files: listed })
  })
}

/** Milliseconds that a command took, and those of processor time. */
function timed(command, argv) {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" > /dev/null 2> /dev/null'
  const { stderr, status } = spawnSync('bash', ['-c', script, '_', command, ...argv], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} failed`)
  const [wall, user, system] = stderr.trim().split(' ').map((text) => 1000 * Number(text))
  return { wall, cpu: user + system }
}

async function compare(rounds) {
  const { downloadScenes } = await import('../dist/access/download.js')
  const { createHttpClient } = await import('../dist/net/http.js')
  const server = fork(fileURLToPath(import.meta.url), ['--serve'])
  const { port, files } = await new Promise((resolve) => server.once('message', resolve))
  const url = (name) => `http://127.0.0.1:${port}/${name}`
  const scene = {
    ...{ id: 'AST_L1T_00401012001185055_20250101000000', product: 'AST_L1T', version: '004', backend: 'aws' },
    sceneKey: '00301012001185055',
    files: files.map(({ name, checksum }) => ({
      ...{ name, role: 'band', url: url(name), bytes: FILE_BYTES },
      checksum: { algorithm: 'SHA-512', value: checksum },
    })),
  }
  const folder = mkdtempSync(join(tmpdir(), 'aster-bench-'))
  const times = { ours: [], curl: [], summed: [], together: [] }
  const cpu = { ours: [], curl: [], summed: [], together: [] }
  try {
    for (let round = 0; round < rounds; round += 1) {
      const [cacheDir, plain] = [join(folder, `ours${round}`), join(folder, `curl${round}`)]
      mkdirSync(plain)
      const http = createHttpClient({ env: {}, manners: { requestsPerSecond: 10_000, concurrency: CONNECTIONS } })
      const began = performance.now()
      const before = process.cpuUsage()
      const report = await downloadScenes([scene], { cacheDir, concurrency: CONNECTIONS }, { http, env: {} })
      times.ours.push(performance.now() - began)
      const { user, system } = process.cpuUsage(before)
      cpu.ours.push((user + system) / 1000)
      if (report.failed.length > 0 || report.bytesFetched !== FILES * FILE_BYTES) throw new Error('not all came')
      const named = files.flatMap(({ name }) => [url(name), '-o', join(plain, name)])
      const argv = ['--silent', '--fail', '--parallel', '--parallel-max', String(CONNECTIONS), ...named]
      const curl = timed('curl', argv)
      const paths = files.map(({ name }) => join(plain, name))
      const sums = timed('sha512sum', paths)
      const script = `printf '%s\\0' "$@" | xargs -0 -n 1 -P ${CONNECTIONS} sha512sum`
      const parallel = timed('bash', ['-c', script, '_', ...paths])
      times.curl.push(curl.wall)
      times.summed.push(curl.wall + sums.wall)
      times.together.push(curl.wall + parallel.wall)
      cpu.curl.push(curl.cpu)
      cpu.summed.push(curl.cpu + sums.cpu)
      cpu.together.push(curl.cpu + parallel.cpu)
      rmSync(cacheDir, { recursive: true })
      rmSync(plain, { recursive: true })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
    server.kill()
  }
  const megabytes = (FILES * FILE_BYTES) / 1e6
  const rate = (list) => megabytes / (list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] / 1000)
  const row = (name, text) => {
    const share = (kind) => `${((100 * rate(kind.ours)) / rate(kind[name])).toFixed(0)} %`
    const compared = name === 'ours' ? '' : `; ours is ${share(times)} of it, by processor time ${share(cpu)}`
    return `  ${text} ${rate(times[name]).toFixed(0)} MB/s, ${rate(cpu[name]).toFixed(0)} MB per second of processor time${compared}\n`
  }
  process.stdout.write(
    `median of ${rounds}, ${FILES} files of ${(FILE_BYTES / 1e6).toFixed(1)} MB, load ${loadavg()[0].toFixed(1)}\n` +
      row('ours', 'ours                        ') +
      row('curl', 'curl                        ') +
      row('summed', 'curl, sha512sum             ') +
      row('together', 'curl, six sha512sum at a time'),
  )
}
