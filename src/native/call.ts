// Calls into the addon: outcomes become values or exceptions, abort signals become cancellations.
import { AbortError, type AsterError, errorFromCode, InternalError } from '../errors.js'
import type { CubeEvent, CubeReport, CubeRequest, NativeError, NativeModule, RemoteFiles } from './contract.js'
import { native } from './load.js'

export interface Outcome<T> {
  value?: T
  error?: NativeError
}

export interface CallOptions {
  signal?: AbortSignal | undefined
}

export interface JobOptions extends CallOptions {
  /** Told what the job is doing, at most some ten times a second. */
  onEvent?: ((event: CubeEvent) => void) | undefined
}

/** The exception for an error that came as data. */
export function toException(error: NativeError): AsterError {
  return errorFromCode(error.code, error.message, {
    hint: error.hint,
    retryable: error.retryable,
    path: error.path,
    neededBytes: error.neededBytes,
    allowedBytes: error.allowedBytes,
  })
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason })
}

/** Value of a finished outcome. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.error !== undefined) throw toException(outcome.error)
  if (outcome.value === undefined) throw new InternalError('the addon answered with neither a value nor an error')
  return outcome.value
}

/** Runs a synchronous call; whatever it throws is a bug of ours. */
export function callNow<T>(call: (addon: NativeModule) => T): T {
  const addon = native()
  try {
    return call(addon)
  } catch (cause) {
    throw crossingFailure(cause)
  }
}

/** Runs a short asynchronous call. The addon finishes it in any case; an abort only stops the waiting. */
export async function callNative<T>(
  call: (addon: NativeModule) => Promise<Outcome<T>>,
  options: CallOptions = {},
): Promise<T> {
  const site = captureSite(callNative)
  try {
    return unwrap(await callForOutcome(call, options))
  } catch (error) {
    throw at(site, error)
  }
}

/** As `callNative`, for callers to whom a failure is data. */
export async function callForOutcome<T>(
  call: (addon: NativeModule) => Promise<Outcome<T>>,
  { signal }: CallOptions = {},
): Promise<Outcome<T>> {
  throwIfAborted(signal)
  return untilAborted(callNow(call), signal)
}

/** Runs a cube job to its end; the signal asks it to stop and this still waits until it has. */
export async function runCube(
  request: CubeRequest,
  { signal, onEvent }: JobOptions = {},
  remote?: RemoteFiles,
): Promise<CubeReport> {
  const site = captureSite(runCube)
  throwIfAborted(signal)
  try {
    const job = callNow((addon) => addon.startCube(request, contained(onEvent), remote))
    const cancel = () => job.cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return unwrap(await job.wait())
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  } catch (error) {
    throw at(site, error)
  }
}

/** A request without its undefined fields, as the addon wants it. */
export function present<T extends object>(fields: { [Key in keyof T]: T[Key] | undefined }): T {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(kept) as T
}

async function untilAborted<T>(pending: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return pending
  let onAbort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new AbortError(undefined, { cause: signal.reason }))
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([pending, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** A listener that cannot break the job: what it throws becomes one process warning. */
function contained(onEvent: JobOptions['onEvent']): (event: CubeEvent) => void {
  if (onEvent === undefined) return () => {}
  let warned = false
  const warn = (cause: unknown) => {
    if (warned) return
    warned = true
    const text = cause instanceof Error ? cause.message : String(cause)
    process.emitWarning(`onEvent threw and was ignored: ${text}`, 'AsterTimeseriesWarning')
  }
  return (event) => {
    try {
      const result: unknown = onEvent(event)
      if (result instanceof Promise) result.catch(warn)
    } catch (cause) {
      warn(cause)
    }
  }
}

function crossingFailure(cause: unknown): InternalError {
  const text = cause instanceof Error ? cause.message : String(cause)
  return new InternalError(`the addon refused a call: ${text}`, { cause })
}

function captureSite(above: (...args: never[]) => unknown): string {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, above)
  return (holder.stack ?? '').split('\n').slice(1).join('\n')
}

/** The error with the stack of the caller, which is the part of the program that it is about. */
function at(site: string, error: unknown): unknown {
  if (error instanceof Error && site !== '') error.stack = `${error.name}: ${error.message}\n${site}`
  return error
}
