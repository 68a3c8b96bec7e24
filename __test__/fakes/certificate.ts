// A certificate authority and a certificate for loopback, made by openssl for the time of one test run.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificates {
  readonly ca: string
  readonly key: string
  readonly cert: string
}

let made: Certificates | undefined

export const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

export function certificates(): Certificates {
  made ??= make()
  return made
}

function make(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'aster-ca-'))
  const path = (name: string) => join(folder, name)
  const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'ignore' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  try {
    writeFileSync(
      path('server.ext'),
      'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:data.aster.test\nbasicConstraints=CA:FALSE\n',
    )
    const authority = ['-subj', '/CN=aster test authority', '-keyout', path('ca.key'), '-out', path('ca.pem')]
    openssl('req', '-x509', ...newKey, '-days', '2', ...authority)
    openssl('req', ...newKey, '-subj', '/CN=127.0.0.1', '-keyout', path('server.key'), '-out', path('server.csr'))
    const signer = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-extfile', path('server.ext')]
    openssl('x509', '-req', '-in', path('server.csr'), ...signer, '-days', '2', '-out', path('server.pem'))
    const read = (name: string) => readFileSync(path(name), 'utf8')
    return { ca: read('ca.pem'), key: read('server.key'), cert: read('server.pem') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
