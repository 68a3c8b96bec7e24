// A client whose requests carry credentials, renewed once when a host says that they are no longer good.
import { AuthError } from '../errors.js'
import type { HeadersFor, HttpClient } from '../net/http.js'
import type { CredentialProvider } from './credentials.js'

/** The client with the credentials of a provider; it takes the place of the plain one wherever data are asked for. */
export function authorized(http: HttpClient, provider: CredentialProvider): HttpClient {
  return {
    send: async (request) => {
      let used: string | undefined
      const headersFor: HeadersFor = async (url, signal) => {
        const headers = await provider.headersFor(url, signal)
        used = headers.authorization ?? used
        return headers
      }
      try {
        return await http.send({ ...request, headersFor })
      } catch (error) {
        const isOver = error instanceof AuthError && error.code === 'AUTH_EXPIRED' && used !== undefined
        if (!isOver || used === undefined || !(await provider.renew(used, error, request.signal))) throw error
        return http.send({ ...request, headersFor })
      }
    },
  }
}
