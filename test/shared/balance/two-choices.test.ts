import { describe, expect, test } from 'vitest'
import { loadOf } from '../../../shared/balance/least-request.ts'
import { type OriginState, startPool } from '../../../shared/balance/pool.ts'
import { rankByTwoChoices } from '../../../shared/balance/two-choices.ts'
import { randomFrom } from '../../../workers/cli/simulate/random.ts'
import { poolOf } from './pools.ts'

/** The share of each index among the first choices. */
function shares(weights: readonly number[], costOf: (index: number, random: () => number) => number): number[] {
  const random = randomFrom(3)
  const runs = 20_000
  const counts = weights.map(() => 0)
  for (let run = 0; run < runs; run++) {
    const costs = weights.map((_, index) => costOf(index, random))
    counts[rankByTwoChoices(weights, (index) => costs[index]!, 1, random)[0]!]!++
  }
  return counts.map((count) => count / runs)
}

describe('the share of the first choices', () => {
  test.each<
    [title: string, weights: number[], costOf: (index: number, random: () => number) => number, verdict: number[]]
  >([
    ['all alike: the weights', [1, 2, 7], () => 5, [0.1, 0.2, 0.7]],
    ['costs that only scatter: the weights', [1, 2, 7], (_, random) => 1 + 0.9 * random(), [0.1, 0.2, 0.7]],
    ['equal weights, costs that scatter', [1, 1, 1, 1], (_, random) => random(), [0.25, 0.25, 0.25, 0.25]],
    ['the worst is never chosen: it is never drawn alone', [1, 1, 1], (index) => 10 ** index, [2 / 3, 1 / 3, 0]],
    ['nor the heaviest, where it is clearly worse', [1, 2, 7], (index) => (index === 2 ? 10 : 1), [1 / 3, 2 / 3, 0]],
    ['weight 0 is no candidate', [1, 0, 1], () => 1, [0.5, 0, 0.5]],
  ])('%s', (_, weights, costOf, verdict) => {
    for (const [index, share] of shares(weights, costOf).entries())
      expect(Math.abs(share - verdict[index]!), `${index}: ${share}`).toBeLessThan(0.02)
  })
})

test('each place is chosen from those that are left; the others follow', () => {
  const random = randomFrom(5)
  for (let run = 0; run < 200; run++) {
    const order = rankByTwoChoices([1, 1, 1, 1, 0, 1], (index) => index, 3, random)
    expect(order.toSorted()).toEqual([0, 1, 2, 3, 5])
    expect(order.slice(0, 3)).not.toContain(5)
  }
})

test('a load is what is under way beside the fair share', () => {
  const { origins } = startPool(poolOf('least-request', {}, {}, {}), () => 0)
  const [a, b, c] = origins as [OriginState, OriginState, OriginState]
  a.inFlight = 1
  b.inFlight = 1
  c.inFlight = 0
  const loads = (weights: number[]) => [0, 1, 2].map(loadOf(origins, weights))
  expect(loads([1, 1, 1])).toEqual([2, 2, 1])
  expect(loads([1, 4, 1])).toEqual([3, 1.5, 1])
})
