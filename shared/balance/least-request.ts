// Least request: of two origins that are drawn, the one with less under way for its weight.
import type { OriginState } from './pool.ts'
import { rankByTwoChoices } from './two-choices.ts'

/**
 * The indices of the origins whose weight is above 0; the first `places` are chosen, the others follow as they come.
 * `random` gives numbers in [0, 1).
 */
export function rankLeastRequest(
  origins: readonly OriginState[],
  weights: readonly number[],
  places: number,
  random: () => number,
): number[] {
  return rankByTwoChoices(weights, loadOf(origins, weights), places, random)
}

/**
 * How loaded an origin would be with one attempt more: (in flight + its fair share of one) ÷ its fair share, which is
 * its weight ÷ the mean of them. With equal weights that is in flight + 1. To add a whole attempt to every origin would
 * make an idle light one look loaded, and the weights would not hold where little is under way.
 */
export function loadOf(origins: readonly OriginState[], weights: readonly number[]): (index: number) => number {
  let total = 0
  let count = 0
  for (const weight of weights) {
    total += weight
    if (weight > 0) count++
  }
  const mean = total / count
  return (index) => 1 + (origins[index]!.inFlight * mean) / weights[index]!
}
