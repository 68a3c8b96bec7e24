// Builds the TypeScript once before the tests, since the command line tests run the bundled program.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const STEPS = [
  ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'],
  ['node_modules/rolldown/bin/cli.mjs', '-c', '--logLevel', 'silent'],
]

export default function setup(): void {
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  for (const argv of STEPS) execFileSync(process.execPath, argv, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
}
