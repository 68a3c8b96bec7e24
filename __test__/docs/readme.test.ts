// The examples of the documentation: each TypeScript block type-checks, and runs on the granules of the repository.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasAddon, hasSample, ROOT } from '../native-addon.js'

const text = ['README.md', 'docs/outputs.md'].map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n')
const examples = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ''], index) => ({
  name: `example ${index + 1}: ${code.split('\n')[0]}`,
  file: `example-${index + 1}.ts`,
  code,
}))

let folder: string
beforeAll(() => {
  // A project of a user: the package installed, the sample beside it.
  folder = mkdtempSync(join(tmpdir(), 'aster-readme-'))
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true })
  symlinkSync(ROOT, join(folder, 'node_modules', 'aster-timeseries'))
  symlinkSync(join(ROOT, 'node_modules', '@types', 'node'), join(folder, 'node_modules', '@types', 'node'))
  symlinkSync(join(ROOT, 'fixtures'), join(folder, 'fixtures'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n')
  const compilerOptions = {
    strict: true,
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023'],
    types: ['node'],
    outDir: 'out',
    rootDir: '.',
    skipLibCheck: true,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['example-*.ts'] }))
  for (const { file, code } of examples) writeFileSync(join(folder, file), `${code}\nexport {}\n`)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('the documentation', () => {
  test('type-checks', () => {
    execFileSync(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'inherit', 'inherit'],
    })
  })

  test.skipIf(!hasAddon || !hasSample).each(examples)('$name', ({ file }) => {
    const script = join(folder, 'out', file.replace('.ts', '.js'))
    expect(existsSync(script)).toBe(true)
    expect(() => execFileSync(process.execPath, [script], { cwd: folder, encoding: 'utf8' })).not.toThrow()
  })
})

test('there are examples to check', () => {
  expect(examples.length).toBeGreaterThan(4)
})
