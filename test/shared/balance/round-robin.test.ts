import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { rankRoundRobin, startRoundRobin } from '../../../shared/balance/round-robin.ts'

/** The first choices of so many turns, as letters. */
function turns(weights: readonly number[], count: number, random = 0): string {
  const state = startRoundRobin(weights, random)
  return Array.from({ length: count }, () => 'abcdefghij'[rankRoundRobin(weights, state)[0]!]).join('')
}

const sum = (weights: readonly number[]) => weights.reduce((total, weight) => total + weight, 0)

describe('smooth weighted round robin: turns are spread, never bunched', () => {
  const sequences: [string, number[], string][] = [
    ['5, 1, 1', [5, 1, 1], 'aabacaa'],
    ['4, 3, 2, 1', [4, 3, 2, 1], 'abcabdacba'],
    ['equal weights', [1, 1, 1], 'abc'],
    ['equal weights above one', [3, 3], 'ababab'],
    ['one origin', [7], 'aaaaaaa'],
  ]
  test.each(sequences)('%s', (_, weights, sequence) => {
    expect(turns(weights, 3 * sequence.length)).toBe(sequence.repeat(3))
  })

  it.each(sequences)('%s: starts somewhere in the cycle', (_, weights, sequence) => {
    const starts = new Set<string>()
    for (let random = 0; random < 1; random += 0.01) starts.add(turns(weights, sequence.length, random))
    const rotations = [...sequence].map((_, at) => sequence.slice(at) + sequence.slice(0, at))
    expect(starts).toEqual(new Set(rotations))
  })
})

const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 })
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('over a whole cycle each origin gets exactly its weight, wherever it starts', () => {
  fc.assert(
    fc.property(weights, random, (given, start) => {
      const state = startRoundRobin(given, start)
      const taken = given.map(() => 0)
      for (let turn = 0; turn < sum(given); turn++) taken[rankRoundRobin(given, state)[0]!]!++
      expect(taken).toEqual(given)
    }),
  )
})

test('at no time is an origin more than one turn ahead of its share', () => {
  fc.assert(
    fc.property(weights, (given) => {
      const state = startRoundRobin(given, 0)
      const taken = given.map(() => 0)
      for (let turn = 1; turn <= sum(given); turn++) {
        taken[rankRoundRobin(given, state)[0]!]!++
        for (const [index, weight] of given.entries())
          expect(taken[index]! - (turn * weight) / sum(given)).toBeLessThan(1)
      }
    }),
  )
})

test('a ranking names every origin once', () => {
  fc.assert(
    fc.property(weights, random, (given, start) => {
      const state = startRoundRobin(given, start)
      for (let turn = 0; turn < 5; turn++) {
        expect(rankRoundRobin(given, state).toSorted((left, right) => left - right)).toEqual([...given.keys()])
      }
    }),
  )
})

test('the heaviest weights do not make the start slow', () => {
  const heavy = Array.from({ length: 100 }, () => 1000)
  const state = startRoundRobin(heavy, 0.999999)
  expect(rankRoundRobin(heavy, state)).toHaveLength(100)
})
