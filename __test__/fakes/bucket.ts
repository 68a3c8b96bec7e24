// Fake open bucket on S3: objects without login, and listings by prefix.
import { etagOf, objectReply, reply, type Service, xmlError } from './reply.js'

export function openBucket(objects: ReadonlyMap<string, Uint8Array>): Service {
  return (asked) => {
    if (asked.path !== '/') {
      const object = objects.get(decodeURIComponent(asked.path.slice(1)))
      return object === undefined
        ? xmlError(404, 'NoSuchKey', 'The specified key does not exist.')
        : objectReply(asked, object)
    }
    const { params } = asked
    if (params.get('list-type') !== '2') return xmlError(403, 'AccessDenied', 'Access Denied')
    const prefix = params.get('prefix') ?? ''
    const delimiter = params.get('delimiter') ?? ''
    const most = Math.min(1000, Number(params.get('max-keys') ?? 1000))
    const after = params.get('continuation-token') ?? params.get('start-after') ?? ''
    const names = new Map<string, boolean>()
    for (const key of [...objects.keys()].sort()) {
      if (!key.startsWith(prefix)) continue
      const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
      names.set(end === -1 ? key : key.slice(0, end + delimiter.length), end !== -1)
    }
    const left = [...names].filter(([name]) => name > after)
    const page = left.slice(0, most)
    const rows = page.map(([name, isFolder]) =>
      isFolder ? `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>` : contents(name, objects.get(name)),
    )
    const isCut = left.length > page.length
    const next = isCut ? `<NextContinuationToken>${page.at(-1)?.[0]}</NextContinuationToken>` : ''
    const head = `<Name>aster-l1t</Name><Prefix>${prefix}</Prefix><KeyCount>${page.length}</KeyCount><IsTruncated>${isCut}</IsTruncated>`
    const text = `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult>${head}${next}${rows.join('')}</ListBucketResult>`
    return reply(200, text, { 'content-type': 'application/xml' })
  }
}

function contents(key: string, object: Uint8Array = new Uint8Array()): string {
  const etag = etagOf(object).replaceAll('"', '&quot;')
  return `<Contents><Key>${key}</Key><LastModified>2025-11-01T00:00:00.000Z</LastModified><ETag>${etag}</ETag><Size>${object.length}</Size></Contents>`
}
