// Adds up what a test runner's log says it ran: cargo test, vitest, and plain "N passed, N failed" lines.
import { readFileSync } from 'node:fs'

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are stripped by their escape character
const text = readFileSync(process.argv[2] ?? '', 'utf8').replace(/\u001b\[[0-9;]*m/g, '')
let passed = 0
let failed = 0
for (const line of text.split('\n')) {
  const cargo = /^test result: \w+\. (\d+) passed; (\d+) failed/.exec(line)
  const vitest = /^\s*Tests\s+(?:(\d+) failed \| )?(?:(\d+) passed)?/.exec(line)
  const plain = /^(?:\w+: )?(\d+) passed, (\d+) failed/.exec(line)
  if (cargo) {
    passed += Number(cargo[1])
    failed += Number(cargo[2])
  } else if (plain) {
    passed += Number(plain[1])
    failed += Number(plain[2])
  } else if (vitest && (vitest[1] || vitest[2])) {
    failed += Number(vitest[1] ?? 0)
    passed += Number(vitest[2] ?? 0)
  }
}
console.log(passed, failed)
