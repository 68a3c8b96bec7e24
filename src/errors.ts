// The error family: one table from code to exit status, one class per kind of trouble.
import { getSystemErrorMap } from 'node:util'

/** What each error code means to whoever started the program. */
export const ERROR_CODES = {
  USAGE: { exitCode: 2, meaning: 'the call is wrong' },
  CONFIG: { exitCode: 78, meaning: 'the installation, a configuration file or the environment is wrong' },
  AUTH_MISSING: { exitCode: 77, meaning: 'credentials are needed and were not found' },
  AUTH_REJECTED: { exitCode: 77, meaning: 'the credentials were rejected' },
  AUTH_EXPIRED: { exitCode: 77, meaning: 'the token has expired or was revoked' },
  AUTH_TERMS: { exitCode: 77, meaning: 'terms of use have to be accepted first' },
  AUTH_LOGIN_PAGE: { exitCode: 77, meaning: 'a login page came instead of data' },
  NOT_FOUND: { exitCode: 1, meaning: 'no such file, scene, or band in a granule' },
  NETWORK: { exitCode: 75, meaning: 'the network failed; try again' },
  RATE_LIMITED: { exitCode: 75, meaning: 'the service asks to slow down; try again' },
  TIMEOUT: { exitCode: 75, meaning: 'the service took too long; try again' },
  SERVICE: { exitCode: 1, meaning: 'the service refused the request, or answered something else than was asked for' },
  SCHEDULER: { exitCode: 75, meaning: 'the scheduler of the cluster does not answer; try again' },
  ADDRESS_EXPIRED: { exitCode: 75, meaning: 'a signed address is not valid any more; try again' },
  RETIRED_HOST: { exitCode: 1, meaning: 'the address belongs to a host that no longer serves data' },
  INPUT_IO: { exitCode: 1, meaning: 'an input file cannot be read' },
  NOT_HDF4: { exitCode: 65, meaning: 'the file is in no format that this package reads' },
  CORRUPT: { exitCode: 65, meaning: 'the file is damaged or incomplete' },
  UNSUPPORTED: { exitCode: 65, meaning: 'the file uses something that this version cannot read' },
  LIMIT: { exitCode: 65, meaning: 'the file asks for more than the reader allows' },
  MISSING_METADATA: { exitCode: 65, meaning: 'the granule lacks metadata that its calibration needs' },
  NO_DATA: { exitCode: 65, meaning: 'the request can have no data' },
  MEMORY_BUDGET: { exitCode: 1, meaning: 'the request does not fit the memory budget' },
  OUTPUT_EXISTS: { exitCode: 1, meaning: 'the output exists and overwriting was not asked for' },
  OUTPUT_IO: { exitCode: 1, meaning: 'the output cannot be written' },
  DISK_FULL: { exitCode: 1, meaning: 'no space is left for the output' },
  CANCELLED: { exitCode: 130, meaning: 'stopped by the user or a scheduler' },
  INTERNAL: { exitCode: 70, meaning: 'a bug in this package' },
} as const satisfies Record<string, { exitCode: number; meaning: string }>

export type ErrorCode = keyof typeof ERROR_CODES

/** Codes after which the same call may succeed later; the native table says the same, and a test compares them. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set(['NETWORK', 'RATE_LIMITED', 'TIMEOUT', 'SCHEDULER'])

export interface ErrorDetails {
  /** What to do about it. */
  hint?: string | undefined
  /** Whether the same call may succeed later. */
  retryable?: boolean | undefined
  /** File the error is about. */
  path?: string | undefined
  /** Smallest memory budget that works, for MEMORY_BUDGET. */
  neededBytes?: number | undefined
  allowedBytes?: number | undefined
  /** Exit status where the one of the code does not fit. */
  exitCode?: number | undefined
  cause?: unknown
}

/** Base of every error this package throws on purpose. */
export class AsterError extends Error {
  override name = 'AsterError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly retryable: boolean
  readonly path: string | undefined
  readonly neededBytes: number | undefined
  readonly allowedBytes: number | undefined
  readonly exitCode: number

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.hint = details.hint
    this.retryable = details.retryable ?? RETRYABLE.has(code)
    this.path = details.path
    this.neededBytes = details.neededBytes
    this.allowedBytes = details.allowedBytes
    this.exitCode = details.exitCode ?? ERROR_CODES[code].exitCode
  }
}

/** The call is wrong, names something unknown, or asks for what this version does not do. */
export class UsageError extends AsterError {
  override name = 'UsageError'
  constructor(message: string, details: ErrorDetails & { code?: 'USAGE' | 'CONFIG' | 'UNSUPPORTED' } = {}) {
    super(details.code ?? 'USAGE', message, details)
  }
}

export class AuthError extends AsterError {
  override name = 'AuthError'
}

/** No such file or scene, or no such band in a granule. */
export class NotFoundError extends AsterError {
  override name = 'NotFoundError'
  constructor(message: string, details: ErrorDetails = {}) {
    super('NOT_FOUND', message, details)
  }
}

export class NetworkError extends AsterError {
  override name = 'NetworkError'
}

/** An input cannot be used; `path` names the file. */
export class DataError extends AsterError {
  override name = 'DataError'
}

/** The memory budget is too small; `neededBytes` would work. */
export class ResourceError extends AsterError {
  override name = 'ResourceError'
}

export class OutputError extends AsterError {
  override name = 'OutputError'
}

/** Stopped through an `AbortSignal`; the name is the platform's. */
export class AbortError extends AsterError {
  override name = 'AbortError'
  constructor(message = 'stopped before it was done', details: ErrorDetails = {}) {
    super('CANCELLED', message, details)
  }
}

/** A bug in this package. */
export class InternalError extends AsterError {
  override name = 'InternalError'
  constructor(message: string, details: ErrorDetails = {}) {
    super('INTERNAL', message, details)
  }
}

/** What the system says of a call of its that failed, such as `no such file or directory`. */
export function systemReason(cause: unknown): string {
  const errno = cause instanceof Error && 'errno' in cause && typeof cause.errno === 'number' ? cause.errno : undefined
  const [, reason] = (errno === undefined ? undefined : getSystemErrorMap().get(errno)) ?? []
  return reason ?? (cause instanceof Error ? cause.message : String(cause))
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code)
}

/** The error of the class that belongs to a code; an unknown code is a bug and says so. */
export function errorFromCode(code: string, message: string, details: ErrorDetails = {}): AsterError {
  if (!isErrorCode(code)) return new InternalError(`${message} (unknown error code ${code})`, details)
  switch (code) {
    case 'USAGE':
    case 'CONFIG':
      return new UsageError(message, { ...details, code })
    case 'AUTH_MISSING':
    case 'AUTH_REJECTED':
    case 'AUTH_EXPIRED':
    case 'AUTH_TERMS':
    case 'AUTH_LOGIN_PAGE':
      return new AuthError(code, message, details)
    case 'NOT_FOUND':
      return new NotFoundError(message, details)
    case 'NETWORK':
    case 'RATE_LIMITED':
    case 'TIMEOUT':
    case 'SERVICE':
    case 'SCHEDULER':
    case 'ADDRESS_EXPIRED':
    case 'RETIRED_HOST':
      return new NetworkError(code, message, details)
    case 'INPUT_IO':
    case 'MISSING_METADATA':
    case 'NO_DATA':
    case 'NOT_HDF4':
    case 'CORRUPT':
    case 'UNSUPPORTED':
    case 'LIMIT':
      return new DataError(code, message, details)
    case 'MEMORY_BUDGET':
      return new ResourceError(code, message, details)
    case 'OUTPUT_EXISTS':
    case 'OUTPUT_IO':
    case 'DISK_FULL':
      return new OutputError(code, message, details)
    case 'CANCELLED':
      return new AbortError(message, details)
    case 'INTERNAL':
      return new InternalError(message, details)
  }
}
