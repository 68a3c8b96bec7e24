// A hundred thousand records pass through a process that stays small.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { ROOT } from '../../native-addon.js'
import { excerpt } from './records.js'

const RECORDS = 100_000
const MOST_MIB = 150

/** Record number `index`, nine seconds after the one before it. */
function recordText(template: string, index: number): string {
  const time = new Date(Date.UTC(2001, 0, 5) + index * 9000).toISOString()
  const [, year, month, day, hour, minute, second] = /^(....)-(..)-(..)T(..):(..):(..)/.exec(time) ?? []
  return template
    .replaceAll('05012000190040', `${month}${day}${year}${hour}${minute}${second}`)
    .replace('2000-05-01T19:00:40.72200Z', time)
}

test('iterating holds one page at a time', { timeout: 300_000 }, async () => {
  const template = JSON.stringify({ umm: excerpt('l1a-004.umm-g.json') })
  const server = createServer((request, response) => {
    const after = Number(/(\d+)/.exec(String(request.headers['cmr-search-after'] ?? '0'))?.[1])
    const size = Number(new URL(request.url ?? '', 'http://x').searchParams.get('page_size'))
    const indices = Array.from({ length: Math.min(size, RECORDS - after) }, (_, step) => after + step)
    response.setHeader('content-type', 'application/json')
    if (indices.length > 0) response.setHeader('cmr-search-after', `["x",${after + indices.length}]`)
    response.end(`{"hits":${RECORDS},"took":1,"items":[${indices.map((index) => recordText(template, index)).join()}]}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const from = (path: string) => JSON.stringify(pathToFileURL(join(ROOT, 'dist', path)).href)
  const program = `
    import { CmrBackend } from ${from('catalog/cmr.js')}
    import { resolveQuery } from ${from('catalog/query.js')}
    import { createHttpClient } from ${from('net/http.js')}
    const http = createHttpClient({ limits: { requestsPerSecond: 10_000 } })
    const backend = new CmrBackend({ http, baseUrl: 'http://127.0.0.1:${port}/search' })
    let count = 0
    let files = 0
    for await (const scene of backend.iter(resolveQuery({ startDate: '2001-01-01' }))) {
      count += 1
      files += scene.files.length
    }
    console.log(JSON.stringify({ count, files, mib: process.resourceUsage().maxRSS / 1024 }))`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk
  })
  await once(child, 'close')
  const { count, files, mib } = JSON.parse(text)
  expect([count, files]).toEqual([RECORDS, 2 * RECORDS])
  expect(mib).toBeLessThan(MOST_MIB)
  process.stderr.write(`${RECORDS} records in ${Math.round(mib)} MiB\n`)
})
