// ASTERDataAccess: opens granules on disk as datasets of one subsystem.
import { NotFoundError } from '../errors.js'
import { type CallOptions, callNative } from '../native/call.js'
import type { GranuleInfo } from '../native/contract.js'
import { ASTERDataset } from './dataset.js'
import { resolveSubsystem, type Subsystem } from './subsystem.js'

export { resolveSubsystem, SUBSYSTEMS, type Subsystem } from './subsystem.js'

export interface OpenOptions extends CallOptions {
  /** All bands when left out. */
  subsystem?: Subsystem | undefined
}

/** What opening needs of a scene; its description is taken as it is when there is one. */
export interface OpenableScene {
  path: string
  readonly granule?: GranuleInfo
}

/** ASTER's short-wave infrared detectors have saturated since this day. */
const SWIR_LOST = Date.parse('2008-04-01T00:00:00Z')

export class ASTERDataAccess {
  /** Describes a granule, file or folder, without reading pixels. */
  async describe(path: string, { signal }: CallOptions = {}): Promise<GranuleInfo> {
    return callNative((addon) => addon.describeGranule(path), { signal })
  }

  /** Opens a granule. Asking for a subsystem that it does not hold is an error that says what it does hold. */
  async openDataset(path: string, { subsystem, signal }: OpenOptions = {}): Promise<ASTERDataset> {
    const wanted = subsystem === undefined ? undefined : resolveSubsystem(subsystem)
    const granule = await this.describe(path, { signal })
    if (wanted !== undefined && !granule.subsystems.includes(wanted)) throw missingSubsystem(granule, wanted)
    return new ASTERDataset(granule, wanted)
  }

  /** Opens scenes. One without the subsystem gives a dataset of no bands: absence is normal in a series. */
  async openScenes(scenes: readonly OpenableScene[], { subsystem, signal }: OpenOptions = {}): Promise<ASTERDataset[]> {
    const wanted = subsystem === undefined ? undefined : resolveSubsystem(subsystem)
    const datasets: ASTERDataset[] = []
    for (const scene of scenes) {
      const granule = scene.granule ?? (await this.describe(scene.path, { signal }))
      datasets.push(new ASTERDataset(granule, wanted))
    }
    return datasets
  }
}

function missingSubsystem(granule: GranuleInfo, wanted: Subsystem): NotFoundError {
  const held = granule.subsystems.join(', ') || 'none'
  const lost = wanted === 'SWIR' && Date.parse(granule.time) >= SWIR_LOST
  return new NotFoundError(`${granule.id} has no ${wanted} bands; it has ${held}`, {
    path: granule.path,
    hint: lost
      ? 'SWIR data ended in April 2008: choose an earlier scene'
      : `choose one of its subsystems (${held}) or another scene`,
  })
}
