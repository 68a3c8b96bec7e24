// Scenes as text: what `search` prints and later commands read back, checked.
import { z } from 'zod'
import { UsageError } from '../errors.js'
import { describeFileName } from './file-name.js'
import { AreaJson, LonLatJson } from './granule-json.js'
import { BACKENDS, FILE_ROLES, type Scene, type SceneFile } from './scene.js'

const text = z.string()
const number = z.number()

const SceneFileJson = z.object({
  name: text,
  role: z.enum(FILE_ROLES),
  band: text.exactOptional(),
  subsystem: text.exactOptional(),
  url: text.exactOptional(),
  path: text.exactOptional(),
  bytes: number.exactOptional(),
  checksum: z.object({ algorithm: text, value: text }).exactOptional(),
}) satisfies z.ZodType<SceneFile>

const SHARED = {
  id: text,
  product: text,
  version: text,
  sceneKey: text.regex(/^\d{17}$/, 'must be 17 digits'),
  time: text.refine((time) => !Number.isNaN(Date.parse(time)), 'must be a time'),
  processingStamp: text.exactOptional(),
  cloudCoverPercent: number.exactOptional(),
  dayNight: text.exactOptional(),
  epsg: number.exactOptional(),
  bbox: AreaJson,
  footprint: z.array(LonLatJson),
  subsystems: z.array(text),
  bands: z.array(text),
  bytes: number,
  warnings: z.array(text),
}

export const SceneJson = z.object({
  schema: z.literal(2),
  backend: z.enum(BACKENDS),
  ...SHARED,
  solarAzimuthDeg: number.exactOptional(),
  solarElevationDeg: number.exactOptional(),
  gains: z.record(text, text).exactOptional(),
  footprintKind: z.enum(['polygon', 'box']),
  form: text.exactOptional(),
  path: text.exactOptional(),
  files: z.array(SceneFileJson),
}) satisfies z.ZodType<Scene>

/** The shape of version 0.1: scenes on disk, without their files. */
const FirstSceneJson = z
  .object({ schema: z.literal(1), ...SHARED, form: text, path: text })
  .transform((scene): Scene => {
    const name = scene.path.split(/[\\/]/).at(-1) ?? scene.path
    const isFile = /\.(hdf|tiff?)$/i.test(name)
    const files = isFile ? [{ ...describeFileName(name), path: scene.path }] : []
    return { ...scene, schema: 2, backend: 'local', footprintKind: 'polygon', files }
  })

const AnyScene = z.discriminatedUnion('schema', [SceneJson, FirstSceneJson])

/**
 * Scenes from a JSON array or from lines of JSON, as `search` prints them with `--format json` and `ndjson`.
 *
 * @throws UsageError that names the scene and the field that is wrong
 */
export function parseScenes(content: string, label: string): Scene[] {
  const trimmed = content.replace(/^\uFEFF/, '').trim()
  if (!trimmed.startsWith('[')) {
    const lines = trimmed.split('\n').filter((line) => line.trim() !== '')
    return lines.map((line, index) =>
      sceneOf(parseJson(line, `${label}, line ${index + 1}`), `line ${index + 1}`, label),
    )
  }
  const items = parseJson(trimmed, label)
  if (!Array.isArray(items)) throw new UsageError(`${label} holds no list of scenes`)
  return items.map((item: unknown, index) => sceneOf(item, `scene ${index + 1}`, label))
}

function parseJson(content: string, label: string): unknown {
  try {
    return JSON.parse(content)
  } catch (cause) {
    throw new UsageError(`${label} is no JSON`, {
      hint: 'give what `search` prints with --format json or ndjson',
      cause,
    })
  }
}

function sceneOf(item: unknown, which: string, label: string): Scene {
  const scene = AnyScene.safeParse(item)
  if (scene.success) return scene.data
  const [issue] = scene.error.issues
  const field = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')})`
  throw new UsageError(`${which} of ${label} is no scene: ${issue?.message ?? 'it has another shape'}${field}`, {
    hint: 'give what `search` prints with --format json or ndjson; other formats are not read back',
  })
}
