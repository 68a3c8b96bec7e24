// Exit codes are one table, and every error code leads to a row of it.
import { describe, expect, test } from 'vitest'
import { EXIT_STATUSES, statusOfError } from '../../src/cli/exit-status.js'
import { AbortError, AsterError, ERROR_CODES, errorFromCode, isErrorCode } from '../../src/errors.js'
import { native } from '../../src/native/load.js'
import { addonTest } from '../native-addon.js'

test('the table is the documented one', () => {
  expect(EXIT_STATUSES.map(({ status }) => status)).toEqual([0, 1, 2, 3, 65, 70, 75, 77, 78, 129, 130, 143])
})

const EXPECTED: Record<string, [string, number]> = {
  USAGE: ['UsageError', 2],
  CONFIG: ['UsageError', 78],
  AUTH_MISSING: ['AuthError', 77],
  AUTH_REJECTED: ['AuthError', 77],
  AUTH_EXPIRED: ['AuthError', 77],
  AUTH_TERMS: ['AuthError', 77],
  AUTH_LOGIN_PAGE: ['AuthError', 77],
  NOT_FOUND: ['NotFoundError', 1],
  NETWORK: ['NetworkError', 75],
  RATE_LIMITED: ['NetworkError', 75],
  TIMEOUT: ['NetworkError', 75],
  SERVICE: ['NetworkError', 1],
  SCHEDULER: ['NetworkError', 75],
  ADDRESS_EXPIRED: ['NetworkError', 75],
  RETIRED_HOST: ['NetworkError', 1],
  INPUT_IO: ['DataError', 1],
  MISSING_METADATA: ['DataError', 65],
  NO_DATA: ['DataError', 65],
  NOT_HDF4: ['DataError', 65],
  CORRUPT: ['DataError', 65],
  UNSUPPORTED: ['DataError', 65],
  LIMIT: ['DataError', 65],
  MEMORY_BUDGET: ['ResourceError', 1],
  OUTPUT_EXISTS: ['OutputError', 1],
  OUTPUT_IO: ['OutputError', 1],
  DISK_FULL: ['OutputError', 1],
  CANCELLED: ['AbortError', 130],
  INTERNAL: ['InternalError', 70],
}

test('every code is expected here', () => {
  expect(Object.keys(ERROR_CODES).sort()).toEqual(Object.keys(EXPECTED).sort())
})

test.each(Object.entries(EXPECTED))('%s has its class and its exit status', (code, [name, status]) => {
  const error = errorFromCode(code, 'what happened', { hint: 'what to do', path: 'a.hdf' })
  expect(error).toBeInstanceOf(AsterError)
  expect(error).toMatchObject({ name, code, message: 'what happened', hint: 'what to do', path: 'a.hdf' })
  expect(statusOfError(error)).toBe(status)
  expect(EXIT_STATUSES.some((row) => row.status === status)).toBe(true)
})

test('only network trouble is worth another try', () => {
  const retryable = Object.keys(EXPECTED).filter((code) => errorFromCode(code, 'x').retryable)
  expect(retryable).toEqual(['NETWORK', 'RATE_LIMITED', 'TIMEOUT', 'SCHEDULER'])
})

test('signals and bugs', () => {
  expect(statusOfError(new AbortError(), AbortSignal.abort('SIGTERM'))).toBe(143)
  expect(statusOfError(new AbortError(), AbortSignal.abort('SIGINT'))).toBe(130)
  expect(statusOfError(new AbortError(), AbortSignal.abort('SIGHUP'))).toBe(129)
  expect(statusOfError(new TypeError('oops'))).toBe(70)
  expect(errorFromCode('NO_SUCH_CODE', 'x').code).toBe('INTERNAL')
})

describe('the engine', () => {
  addonTest('has the same table', () => {
    for (const { code, exitCode, retryable } of native().errorCodes()) {
      expect(isErrorCode(code), `unknown code ${code}`).toBe(true)
      if (!isErrorCode(code)) continue
      expect([code, exitCode]).toEqual([code, ERROR_CODES[code].exitCode])
      expect([code, retryable]).toEqual([code, errorFromCode(code, 'x').retryable])
    }
  })
})
