// Which request tries an origin that is half open?
import { isForTrial } from './health.ts'
import type { OriginState } from './pool.ts'

/** After so long nobody has come whom another could help. */
const overdueMs = 60_000

/**
 * Who is half open comes first, for a request that another can get where the trial fails: by its estimates it would
 * hardly be asked. What may be sent once alone is no trial for an origin that may still be dead, unless nothing else
 * has come for long. `at` in milliseconds since the epoch.
 */
export function withTrials(order: readonly OriginState[], mayRepeat: boolean, at: number): OriginState[] {
  const isTrial = ({ origin, health }: OriginState) => origin.state === 'ready' && isForTrial(health, at)
  const isOverdue = ({ health }: OriginState) => at - (health.ejected?.until ?? at) >= overdueMs
  const isMoved = (each: OriginState) => isTrial(each) && (mayRepeat || !isOverdue(each))
  const trials = order.filter(isMoved)
  const others = order.filter((each) => !isMoved(each))
  return mayRepeat ? [...trials, ...others] : [...others, ...trials]
}
