// Finds and loads the native addon on first use, and explains a failure; the only file that loads it.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { UsageError } from '../errors.js'
import { packageFile } from '../package-file.js'
import type { NativeModule } from './contract.js'

const BINARY_NAME = 'aster-timeseries'
const PREBUILT = ['linux-x64-gnu', 'linux-arm64-gnu', 'darwin-x64', 'darwin-arm64']
const require = createRequire(import.meta.url)

let loaded: NativeModule | undefined

/** The addon, loaded on first use. */
export function native(): NativeModule {
  loaded ??= loadAddon(process.env)
  return loaded
}

/** Puts something else in the addon's place, for tests; `undefined` brings the addon back. */
export function useNative(replacement: NativeModule | undefined): void {
  loaded = replacement
}

/** The C library in use on Linux: its glibc version, or `undefined` for musl. */
function glibcVersion(): string | undefined {
  const report: unknown = process.report?.getReport()
  if (typeof report !== 'object' || report === null || !('header' in report)) return undefined
  const header = report.header
  if (typeof header !== 'object' || header === null || !('glibcVersionRuntime' in header)) return undefined
  return typeof header.glibcVersionRuntime === 'string' ? header.glibcVersionRuntime : undefined
}

/** The platform as it is spelt in addon file names, such as `linux-x64-gnu`. */
export function platformTriple(): string {
  const base = `${process.platform}-${process.arch}`
  if (process.platform === 'linux') return `${base}-${glibcVersion() === undefined ? 'musl' : 'gnu'}`
  return process.platform === 'win32' ? `${base}-msvc` : base
}

export function loadAddon(env: NodeJS.ProcessEnv): NativeModule {
  const override = env.NAPI_RS_NATIVE_LIBRARY_PATH
  if (override !== undefined && override !== '') {
    try {
      return require(override)
    } catch (cause) {
      throw loadError([`NAPI_RS_NATIVE_LIBRARY_PATH=${override}: ${reason(cause)}`], cause, false)
    }
  }
  const tried: string[] = []
  let failure: unknown
  // Asking which C library this is takes longer than looking whether the usual one's addon is here.
  const usual = `${process.platform}-${process.arch}-gnu`
  const triple = existsSync(fileOf(usual)) ? usual : platformTriple()
  const file = fileOf(triple)
  const present = existsSync(file)
  if (present) {
    try {
      return require(file)
    } catch (cause) {
      failure = cause
      tried.push(`${file}: ${reason(cause)}`)
    }
  } else {
    tried.push(`${file}: no such file`)
  }
  try {
    return require(`${BINARY_NAME}-${triple}`)
  } catch (cause) {
    failure ??= cause
    tried.push(`package ${BINARY_NAME}-${triple}: ${reason(cause)}`)
  }
  throw loadError(tried, failure, !present)
}

function fileOf(triple: string): string {
  return packageFile(`${BINARY_NAME}.${triple}.node`)
}

function reason(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text.split('\n', 1)[0] ?? text
}

function loadError(tried: string[], cause: unknown, isMissing: boolean): UsageError {
  const triple = platformTriple()
  const glibc = process.platform === 'linux' ? `, ${describeLibc()}` : ''
  const where = `${triple} (Node ${process.versions.node}${glibc})`
  return new UsageError(`cannot load the native addon on ${where}: ${tried.join('; ')}`, {
    code: 'CONFIG',
    hint: remedy(triple, tried.join(' '), isMissing),
    cause,
  })
}

function describeLibc(): string {
  const version = glibcVersion()
  return version === undefined ? 'musl' : `glibc ${version}`
}

function remedy(triple: string, tried: string, isMissing: boolean): string {
  if (/GLIBC(XX)?_\d/.test(tried)) {
    return 'this addon was built for a newer C library: build it on this machine with `npm run build:native`'
  }
  if (tried.includes('NAPI_RS_NATIVE_LIBRARY_PATH')) {
    return 'unset NAPI_RS_NATIVE_LIBRARY_PATH, or let it name the .node file of this version'
  }
  const build = 'in a checkout, run `npm run build:native`'
  if (!PREBUILT.includes(triple)) return `there is no ready-made addon for ${triple}: ${build} (needs Rust)`
  const install = 'installed from npm, run `npm install --include=optional aster-timeseries`'
  return isMissing ? `${build}; ${install}` : `the file is there but does not load: ${build}; ${install}`
}
