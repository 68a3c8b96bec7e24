// Tells a sound scene that adds nothing from a bad one.
import type { SkippedScene } from '../native/contract.js'

/** A sound scene that adds nothing: the telescope was off, or the area lies beside it. That is no failure. */
export function hasNoData({ id, error }: Pick<SkippedScene, 'id' | 'error'>): boolean {
  const wasRead = id !== undefined
  return error.code === 'NO_DATA' || (wasRead && error.code === 'NOT_FOUND')
}
