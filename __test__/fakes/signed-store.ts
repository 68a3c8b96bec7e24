// Fake store behind the download host: objects by signed addresses, in the style of CloudFront or of S3.
import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '../../src/net/clock.js'
import { type Asked, objectReply, type Reply, type Service, xmlError } from './reply.js'

export type SigningStyle = 'cloudfront' | 's3'

const PREFIX = `/s3-${'0123456789abcdef'.repeat(2)}`
const BUCKET_HOST = '.s3.us-west-2.amazonaws.com'

export class SignedStore {
  /** Content by path, with the bucket's name in front: `/lp-prod-protected/AST_L1T.004/…`. */
  readonly objects = new Map<string, Uint8Array>()
  readonly signatures: string[] = []
  readonly #key = randomBytes(16)

  constructor(
    readonly clock: Clock,
    private readonly ownUrl: () => string,
    public lifeMs: number,
    public style: SigningStyle,
  ) {}

  /** An address that is good for one method, for a while. */
  sign(method: string, path: string): string {
    const [, bucket = '', key = ''] = /^\/([^/]+)(\/.*)$/.exec(path) ?? []
    const place = `${PREFIX}/${bucket}${BUCKET_HOST}${key}`
    const nowMs = this.clock.now()
    const expires = Math.floor((nowMs + this.lifeMs) / 1000)
    const signature = this.#signature(method, place, expires)
    this.signatures.push(signature)
    const query =
      this.style === 'cloudfront'
        ? `A-userid=tester&Expires=${expires}&Signature=${signature}&Key-Pair-Id=KFAKE1`
        : `A-userid=tester&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=${amazonDate(nowMs)}` +
          `&X-Amz-Expires=${expires - Math.floor(nowMs / 1000)}&X-Amz-SignedHeaders=host&X-Amz-Signature=${signature}`
    return `${this.ownUrl()}${place}?${query}`
  }

  readonly service: Service = (asked) => {
    if (asked.headers.authorization !== undefined) {
      return xmlError(
        400,
        'InvalidArgument',
        'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
      )
    }
    const refusal = this.#check(asked)
    if (refusal !== undefined) return refusal
    const [, bucket = '', key = ''] =
      new RegExp(`^${PREFIX}/([^/]+)\\.s3\\.us-west-2\\.amazonaws\\.com(/.*)$`).exec(asked.path) ?? []
    const object = this.objects.get(`/${bucket}${key}`)
    return object === undefined
      ? xmlError(404, 'NoSuchKey', 'The specified key does not exist.')
      : objectReply(asked, object)
  }

  #check({ method, path, params }: Asked): Reply | undefined {
    const given = params.get('Signature') ?? params.get('X-Amz-Signature')
    if (given === null) return xmlError(403, 'AccessDenied', 'Access Denied')
    const began = Date.parse((params.get('X-Amz-Date') ?? '').replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
    const byDate = Math.floor(began / 1000) + Number(params.get('X-Amz-Expires'))
    const expires = params.has('Expires') ? Number(params.get('Expires')) : byDate
    if (given !== this.#signature(method, path, expires)) {
      return xmlError(
        403,
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided.',
      )
    }
    return this.clock.now() >= expires * 1000 ? xmlError(403, 'AccessDenied', 'Request has expired') : undefined
  }

  #signature(method: string, place: string, expires: number): string {
    return createHmac('sha256', this.#key).update(`${method}\n${place}\n${expires}`).digest('hex')
  }
}

function amazonDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '')
}
