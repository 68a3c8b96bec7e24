// Runs a command line inside the test, with streams that remember what was written.
import type { TextStream } from '../../src/cli/context.js'
import { runCli } from '../../src/cli/program.js'

export interface Result {
  status: number
  stdout: string
  stderr: string
}

export interface World {
  isTTY?: boolean
  env?: Record<string, string>
  /** What is piped in. */
  stdin?: string
  signal?: AbortSignal
}

export async function run(argv: readonly string[], world: World = {}): Promise<Result> {
  const { isTTY = false, env = {}, stdin = '', signal = new AbortController().signal } = world
  const texts = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof texts): TextStream => ({
    write: (text) => {
      texts[name] += text
    },
    isTTY,
    columns: 80,
  })
  const streams = { stdout: stream('stdout'), stderr: stream('stderr'), stdin: async () => stdin }
  const status = await runCli(argv, { ...streams, env, signal })
  return { status, ...texts }
}
