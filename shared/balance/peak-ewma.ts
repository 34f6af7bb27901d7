// Peak EWMA: of two origins that are drawn, the one that is expected to answer sooner: by how long it takes, times what
// is under way there for its weight.
import { expectedMs, typicalMs } from './latency.ts'
import { loadOf } from './least-request.ts'
import type { OriginState } from './pool.ts'
import { rankByTwoChoices } from './two-choices.ts'

/**
 * The indices of the origins whose weight is above 0; the first `places` are chosen, the others follow as they come.
 * `at` in milliseconds since the epoch, `random` gives numbers in [0, 1).
 */
export function rankPeakEwma(
  origins: readonly OriginState[],
  weights: readonly number[],
  places: number,
  at: number,
  random: () => number,
): number[] {
  const load = loadOf(origins, weights)
  const typical = typicalMs(origins, at)
  const cost = (index: number): number => expectedMs(origins[index]!, typical, at) * load(index)
  return rankByTwoChoices(weights, cost, places, random)
}
