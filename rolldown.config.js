// The command line as few files: Node spends longer on finding and linking a hundred modules than a small run takes,
// and on a cluster's file system longer still. The library keeps its modules as the TypeScript compiler writes them.
import { defineConfig } from 'rolldown'

export default defineConfig({
  input: { main: 'src/cli/main.ts' },
  platform: 'node',
  // Two folders below the package's root, as the sources are: they look for package.json and the addon from there.
  output: { dir: 'dist/command', format: 'esm', chunkFileNames: '[name].js', cleanDir: true, sourcemap: false },
  logLevel: 'warn',
})
