// Runs what is open of a plan on an engine, and brings the index of results up to date.
import type { Engine, EngineEvent, EngineOptions, EngineOutcome } from './engine.js'
import type { Plan } from './manifest.js'
import { type OpenUnitsOptions, openUnits } from './open-units.js'
import { indexResults, type ResultsIndex } from './results/index-results.js'

export interface PlanRun extends ResultsIndex {
  outcome: EngineOutcome
}

/** Units that are done stay as they are: the same call goes on where an earlier one ended. */
export async function runPlan(
  plan: Plan,
  engine: Engine,
  options: EngineOptions & OpenUnitsOptions,
  onEvent: (event: EngineEvent) => void,
  signal: AbortSignal,
): Promise<PlanRun> {
  const outcome = await engine.run(plan, openUnits(plan, options), options, onEvent, signal)
  return { outcome, ...(await indexResults(plan)) }
}
