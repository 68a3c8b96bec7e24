// Lists the objects of a public bucket (S3 ListObjectsV2), page by page.
import { NetworkError } from '../errors.js'
import type { HttpClient } from '../net/http.js'

export interface ListedObject {
  key: string
  bytes: number
}

export interface ListingOptions {
  http: HttpClient
  /** Address of the bucket. */
  baseUrl: string
  signal?: AbortSignal | undefined
}

/** All objects below a prefix, in order of their keys. */
export async function* listObjects(
  prefix: string,
  { http, baseUrl, signal }: ListingOptions,
): AsyncGenerator<ListedObject, void, undefined> {
  let token: string | undefined
  do {
    const query = new URLSearchParams({ 'list-type': '2', prefix })
    if (token !== undefined) query.set('continuation-token', token)
    const what = `list of ${prefix} on AWS`
    const text = await (await http.send({ url: `${baseUrl}/?${query}`, what, signal })).text()
    if (!text.includes('<ListBucketResult')) {
      throw new NetworkError('SERVICE', `${what}: the answer is no list of objects`)
    }
    for (const [, item = ''] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
      const key = element(item, 'Key')
      if (key !== undefined) yield { key, bytes: Number(element(item, 'Size') ?? 0) }
    }
    const next = element(text, 'NextContinuationToken')
    if (next !== undefined && next === token) {
      throw new NetworkError('SERVICE', `${what}: it led back to the page it came from`)
    }
    token = element(text, 'IsTruncated') === 'true' ? next : undefined
  } while (token !== undefined)
}

function element(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return text?.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: keyof typeof ENTITIES) => ENTITIES[entity])
}

const ENTITIES = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' } as const
