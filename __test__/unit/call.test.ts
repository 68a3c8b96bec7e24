import { afterEach, describe, expect, test, vi } from 'vitest'
import { callNative, callNow, runCube } from '../../src/native/call.js'
import type { CubeRequest } from '../../src/native/contract.js'
import { loadAddon, useNative } from '../../src/native/load.js'
import { cubeEvent, fakeNative, nativeError } from '../fake-native.js'

const REQUEST: CubeRequest = { schema: 1, granules: ['a.hdf'], output: { format: 'memory' } }

afterEach(() => useNative(undefined))

describe('outcomes', () => {
  test('an error is thrown with its class, its fields and the stack of the caller', async () => {
    const error = nativeError('MEMORY_BUDGET', 'too big', { neededBytes: 2000, allowedBytes: 1000, hint: 'raise it' })
    useNative(fakeNative({ jobError: error }))
    const theCaller = async () => runCube(REQUEST)
    const thrown: unknown = await theCaller().catch((cause: unknown) => cause)
    expect(thrown).toMatchObject({
      name: 'ResourceError',
      code: 'MEMORY_BUDGET',
      message: 'too big',
      hint: 'raise it',
      neededBytes: 2000,
      allowedBytes: 1000,
    })
    expect((thrown as Error).stack).toMatch(/^ResourceError: too big\n\s+at theCaller /)
  })

  test('an outcome with nothing in it is our bug', async () => {
    useNative({ ...fakeNative(), describeGranule: async () => ({}) })
    await expect(callNative((addon) => addon.describeGranule('x'))).rejects.toMatchObject({ code: 'INTERNAL' })
  })

  test('a throwing addon is our bug', () => {
    useNative({
      ...fakeNative(),
      products: () => {
        throw new TypeError('expected a string')
      },
    })
    expect(() => callNow((addon) => addon.products())).toThrow(
      expect.objectContaining({ code: 'INTERNAL', message: expect.stringContaining('expected a string') }),
    )
  })
})

describe('abort signals', () => {
  test('one that is already aborted starts nothing', async () => {
    const fake = fakeNative()
    useNative(fake)
    const thrown: unknown = await runCube(REQUEST, { signal: AbortSignal.abort('why') }).catch(
      (cause: unknown) => cause,
    )
    expect(thrown).toMatchObject({ name: 'AbortError', code: 'CANCELLED', cause: 'why' })
    expect(fake.requests).toEqual([])
  })

  test('an abort cancels the job, and the call ends when the job has', async () => {
    const fake = fakeNative({ jobWaits: true })
    useNative(fake)
    const controller = new AbortController()
    const running = runCube(REQUEST, { signal: controller.signal })
    controller.abort()
    await expect(running).rejects.toMatchObject({ name: 'AbortError', code: 'CANCELLED' })
    expect(fake.cancelled).toBe(1)
  })

  test('an abort after the end cancels nothing', async () => {
    const fake = fakeNative()
    useNative(fake)
    const controller = new AbortController()
    await runCube(REQUEST, { signal: controller.signal })
    controller.abort()
    expect(fake.cancelled).toBe(0)
  })

  test('a short call is left at once', async () => {
    useNative({ ...fakeNative(), describeGranule: () => new Promise(() => {}) })
    const controller = new AbortController()
    const waiting = callNative((addon) => addon.describeGranule('x'), { signal: controller.signal })
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('events', () => {
  test('come in order', async () => {
    useNative(fakeNative({ events: [{ kind: 'planned' }, { kind: 'progress', chunksDone: 1 }, { kind: 'finished' }] }))
    const kinds: string[] = []
    await runCube(REQUEST, { onEvent: (event) => kinds.push(event.kind) })
    expect(kinds).toEqual(['planned', 'progress', 'finished'])
  })

  test('a listener that throws or rejects does not break the job, and is told once', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    useNative(fakeNative({ events: [cubeEvent({}), cubeEvent({})] }))
    const throwing = () => {
      throw new Error('boom')
    }
    await expect(runCube(REQUEST, { onEvent: throwing })).resolves.toBeDefined()
    await expect(runCube(REQUEST, { onEvent: async () => throwing() })).resolves.toBeDefined()
    await new Promise((resolve) => setImmediate(resolve))
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      'onEvent threw and was ignored: boom',
      'onEvent threw and was ignored: boom',
    ])
    warn.mockRestore()
  })
})

describe('loading', () => {
  test('a path that does not load says so and how to go on', () => {
    expect(() => loadAddon({ NAPI_RS_NATIVE_LIBRARY_PATH: '/nowhere/x.node' })).toThrow(
      expect.objectContaining({
        code: 'CONFIG',
        exitCode: 78,
        message: expect.stringMatching(/cannot load the native addon on \S+ \(Node .*\): NAPI_RS_NATIVE_LIBRARY_PATH=/),
        hint: expect.stringContaining('unset NAPI_RS_NATIVE_LIBRARY_PATH'),
      }),
    )
  })
})
