// The command line as few files: Node spends longer on finding and linking a hundred modules than a small run takes,
// and on a cluster's file system longer still. The library keeps its modules as the TypeScript compiler writes them.
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'rolldown'

/** What `run` needs whatever it is asked for lies in one file with the beginning; the rest is loaded when it is used. */
const AT_ONCE = ['src/cli/main.ts', 'src/cli/commands/run.ts'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)

let needed

/** These modules and all that they import, but for what they import only when they come to it. */
function closure(ids, context) {
  const found = new Set()
  const open = [...ids]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue
    found.add(id)
    open.push(...(context.getModuleInfo(id)?.importedIds ?? []))
  }
  return found
}

export default defineConfig({
  input: { main: 'src/cli/main.ts' },
  platform: 'node',
  output: {
    // Two folders below the package's root, as the sources are: they look for package.json and the addon from there.
    ...{ dir: 'dist/command', format: 'esm', chunkFileNames: '[name].js', cleanDir: true, sourcemap: false },
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [
        {
          name: (id, context) => {
            needed ??= closure(AT_ONCE, context)
            return needed.has(id) ? 'run' : null
          },
        },
      ],
    },
  },
  logLevel: 'warn',
})
