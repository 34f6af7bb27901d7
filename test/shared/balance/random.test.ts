import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rankRandom } from '../../../shared/balance/random.ts'
import { randomFrom } from '../../../workers/cli/simulate/random.ts'

describe('one draw decides one place', () => {
  test.each<[string, number, number]>([
    ['the beginning of the first share', 0, 0],
    ['the end of the first share', 0.099, 0],
    ['the beginning of the second share', 0.1, 1],
    ['the end of the second share', 0.299, 1],
    ['the beginning of the last share', 0.3, 2],
    ['just below one', 1 - Number.EPSILON / 2, 2],
  ])('%s', (_, random, verdict) => expect(rankRandom([1, 2, 7], () => random)[0]).toBe(verdict))
})

test('the next place is drawn from those that are left', () => {
  const draws = [0.5, 0, 0.9]
  expect(rankRandom([1, 2, 7], () => draws.shift()!)).toEqual([2, 0, 1])
})

test('each order comes as often as its draws without replacement say', () => {
  const random = randomFrom(7)
  const count = new Map<string, number>()
  const runs = 40_000
  for (let run = 0; run < runs; run++) {
    const order = rankRandom([1, 2, 7], random).join('')
    count.set(order, (count.get(order) ?? 0) + 1)
  }
  // 1:2:7 — the share of the first among all, times the share of the second among the two that are left.
  const expected = {
    '012': 0.1 * (2 / 9),
    '021': 0.1 * (7 / 9),
    '102': 0.2 * (1 / 8),
    '120': 0.2 * (7 / 8),
    '201': 0.7 * (1 / 3),
    '210': 0.7 * (2 / 3),
  }
  for (const [order, share] of Object.entries(expected)) {
    expect(Math.abs((count.get(order) ?? 0) / runs - share)).toBeLessThan(0.01)
  }
})

test('a ranking names every origin once, whatever is drawn', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 10 })
  const draws = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }))
  fc.assert(
    fc.property(weights, draws, (given, stream) => {
      const order = rankRandom(given, () => stream.next().value)
      expect(order.toSorted((left, right) => left - right)).toEqual([...given.keys()])
    }),
  )
})
