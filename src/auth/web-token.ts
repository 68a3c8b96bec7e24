// Reads what a JSON Web Token says of itself; its signature is the business of the host that it is for.
import { z } from 'zod'

const claims = z.object({ uid: z.string().optional(), exp: z.number().optional() })

export interface WebTokenClaims {
  /** User name. */
  readonly user: string | undefined
  /** End of its life, in ms since 1970. */
  readonly expiresAt: number | undefined
}

/** The claims of a token, or `undefined` for anything that is none. */
export function readWebToken(token: string): WebTokenClaims | undefined {
  const [, payload, signature, more] = token.split('.')
  if (payload === undefined || signature === undefined || more !== undefined) return undefined
  try {
    const given: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    const { uid, exp } = claims.parse(given)
    return { user: uid, expiresAt: exp === undefined ? undefined : exp * 1000 }
  } catch {
    return undefined
  }
}
