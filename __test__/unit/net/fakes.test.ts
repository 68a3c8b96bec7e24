// The fake services answer as the real ones are known to, and their rules notice what breaks them.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { HeadersFor } from '../../../src/net/http.js'
import { l1aGranule, l1tGranule, l1tGranules } from '../../fakes/granules.js'
import { stacItem } from '../../fakes/planetary-computer.js'
import { startWorld, type World } from '../../fakes/world.js'

const CLIENT = { 'client-id': 'aster-timeseries/test' }
const granule = l1tGranule()
const file = `${granule.id}_VNIR_B01.tif`

const bearer =
  (world: World): HeadersFor =>
  async ({ origin }): Promise<Record<string, string>> =>
    origin === world.url('data') ? { authorization: `Bearer ${world.token}` } : {}

async function search(world: World, query: string, cursor?: string) {
  const headers = cursor === undefined ? CLIENT : { ...CLIENT, 'cmr-search-after': cursor }
  const url = `${world.endpoints.cmr}/granules.umm_json?${query}`
  const response = await world.client().send({ url, headers, what: 'search', accept: [400] })
  return { status: response.status, headers: response.headers, answer: JSON.parse(await response.text()) }
}

test('a token opens the way to a signed address, and stays behind', async () => {
  const world = await startWorld({ granules: [granule] })
  const url = world.fileUrl(granule, file)
  const response = await world.client().send({ url, headersFor: bearer(world), what: 'download' })
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  expect(world.log.map(({ host, status }) => [host, status])).toEqual([
    ['data', 303],
    ['signed', 200],
  ])
  expect(response.url).not.toContain('?')
  const [record] = world.records
  const entry = JSON.stringify(record).match(new RegExp(`"Name":"${file}".{0,80}?"Value":"([0-9a-f]{128})"`))
  expect(entry?.[1]).toBe(createHash('sha512').update(Buffer.concat(chunks)).digest('hex'))
})

test('a world can be all TLS', async () => {
  const world = await startWorld({ granules: [granule], tls: true })
  const response = await world
    .client()
    .send({ url: world.fileUrl(granule, file), headersFor: bearer(world), what: 'download' })
  await response.cancel()
  expect(response.url).toMatch(/^https:\/\/127\.0\.0\.1:/)
})

describe('CMR', () => {
  test('hands out pages by cursor, the last one empty', async () => {
    const world = await startWorld({ granules: l1tGranules(5) })
    const query = 'short_name=AST_L1T&version=004&page_size=2&sort_key=-start_date'
    const names: string[] = []
    let cursor: string | undefined
    const sizes: number[] = []
    for (;;) {
      const { headers, answer } = await search(world, query, cursor)
      sizes.push(answer.items.length)
      names.push(...answer.items.map((item: { umm: { GranuleUR: string } }) => item.umm.GranuleUR))
      cursor = headers.get('cmr-search-after') ?? undefined
      if (cursor === undefined) break
    }
    expect(sizes).toEqual([2, 2, 1, 0])
    expect(new Set(names).size).toBe(5)
    expect(names[0]).toContain('00401092001')
  })

  test.each([
    ['short_name=AST_L1T&bounding_box=-117,37,-115,39', 1],
    ['short_name=AST_L1T&bounding_box=170,37,-116,39', 1],
    ['short_name=AST_L1T&bounding_box=10,37,12,39', 0],
    ['short_name=AST_L1T&temporal=2001-01-05T00:00:00Z,2001-01-05T23:59:59.999Z', 1],
    ['short_name=AST_L1T&temporal=2001-01-01,2001-01-05', 0],
    ['short_name=AST_L1T&cloud_cover=,30', 1],
    ['short_name=AST_L1T&cloud_cover=,10', 0],
    [
      'short_name=AST_L1A&readable_granule_name=AST_L1A_00401052001185055_*&options[readable_granule_name][pattern]=true',
      1,
    ],
    ['short_name=AST_L1T&version=003', 0],
    ['short_name=AST_L1T&page_size=0', 0],
  ])('finds by %s', async (query, count) => {
    const world = await startWorld({ granules: [granule, l1aGranule(granule)] })
    expect((await search(world, query)).answer.items.length).toBe(count)
  })

  test.each([
    ['bounding_box=-117,37,-115,39', 'does not allow querying across granules in all collections'],
    ['short_name=x&bounding_box=1e-7,0,1,1', 'is not a valid URL encoded bounding_box'],
    ['short_name=x&bounding_box=0,10,1,1', 'was less than the south value'],
    ['short_name=x&bounding_box=0,0,181,1', 'Point longitude [181] must be within -180.0 and 180.0'],
    ['short_name=x&polygon=0,0,1,0,1,1,0,1', 'Polygon boundary was not closed'],
    ['short_name=x&polygon=0,0,0,1,1,1,1,0,0,0', 'Points must be provided in counter-clockwise order.'],
    ['short_name=x&page_size=2001', 'page_size must be a number between 0 and 2000'],
    ['short_name=x&colour=red', 'Parameter [colour] was not recognized.'],
  ])('refuses %s', async (query, text) => {
    const world = await startWorld()
    const { status, answer } = await search(world, query)
    expect([status, answer.errors.join()]).toEqual([400, expect.stringContaining(text)])
  })
})

test('Planetary Computer pages by token, and its store wants a signature', async () => {
  const items = (url: string) =>
    [1, 2, 3].map((day) => stacItem(url, { id: `AST_L1T_${day}`, time: `2001-01-0${day}T00:00:00Z` }))
  const path = '/aster/images/L1T/2001/01/01/AST_L1T_1_83940.VNIR.tif'
  const world = await startWorld({ items, blobs: { [path]: Buffer.from('II*\0pixels') }, excused: { repeats: true } })
  const http = world.client()
  const post = async (body: unknown) => {
    const headers = { 'content-type': 'application/json' }
    const request = { url: `${world.endpoints.pcStac}/search`, method: 'POST', headers, what: 'search' } as const
    const answer = await (await http.send({ ...request, body: JSON.stringify(body) })).text()
    return JSON.parse(answer)
  }
  const first = await post({ collections: ['aster-l1t'], limit: 2 })
  expect(first.features.map(({ id }: { id: string }) => id)).toEqual(['AST_L1T_3', 'AST_L1T_2'])
  const next = first.links.find(({ rel }: { rel: string }) => rel === 'next')
  const second = await post(next.body)
  expect(second.features.map(({ id }: { id: string }) => id)).toEqual(['AST_L1T_1'])
  expect(second.links.some(({ rel }: { rel: string }) => rel === 'next')).toBe(false)

  const href = second.features[0].assets.VNIR.href
  await expect(http.send({ url: href, what: 'read' })).rejects.toThrow('PublicAccessNotPermitted')
  const sas = JSON.parse(
    await (await http.send({ url: `${world.endpoints.pcSas}/token/aster-l1t`, what: 'sign' })).text(),
  )
  const read = () => http.send({ url: `${href}?${sas.token}`, headers: { range: 'bytes=4-' }, what: 'read' })
  const part = await read()
  expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 4-9/10', 'pixels'])
  world.clock.advance(3_600_001)
  await expect(read()).rejects.toMatchObject({ code: 'ADDRESS_EXPIRED' })
})

test('the rules see what breaks them', async () => {
  const world = await startWorld({ granules: [granule], manual: true })
  const http = world.client({ userAgent: 'Mozilla/5.0' })
  const everywhere: HeadersFor = async () => ({ authorization: `Bearer ${world.token}` })
  await http.send({ url: world.fileUrl(granule, file), headersFor: everywhere, what: 'download' }).catch(() => {})
  await http.send({ url: `${world.url('evil')}/x`, what: 'visit' }).catch(() => {})
  world.heard(`here is ${world.token}`)
  const broken = world.brokenRules().join('\n')
  expect(broken).toContain('authorization at a host that must not see it')
  expect(broken).toContain('a user agent that is taken for a browser')
  expect(broken).toContain('nobody should ask this host')
  expect(broken).toContain('a secret is told')
  expect(broken).not.toContain(world.token)
  await world.close()
})
