import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { startPool } from '../../../shared/balance/pool.ts'
import { rankOrigins } from '../../../shared/balance/rank.ts'
import { parseDocument } from '../../../shared/config/parse.ts'
import type { Pool } from '../../../shared/config/schema.ts'
import { randomFrom } from './random.ts'

interface Given {
  readonly weight?: number
  readonly priority?: number
  readonly state?: string
}

/** A pool of origins that are called a, b, c and so on. */
function poolOf(policy: string, ...given: Given[]): Pool {
  const origins = given.map((origin, index) => ({ id: 'abcdefghij'[index], url: 'http://127.0.0.1:9001', ...origin }))
  const parsed = parseDocument({ pools: { web: { origins, policy } }, routes: [{ path: '/*', pools: ['web'] }] })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value.config.pools.web!
}

/** The rankings of so many requests, each as the letters of its origins. */
function rankings(pool: Pool, count: number, random = randomFrom(1)): string[] {
  const state = startPool(pool, random)
  return Array.from({ length: count }, () =>
    rankOrigins(state, random, 0)
      .map(({ origin }) => origin.id)
      .join(''),
  )
}

describe.each(['round-robin', 'random', 'peak-ewma'])('%s', (policy) => {
  test('10,000 requests come within two points of the weights', () => {
    const picks = rankings(poolOf(policy, { weight: 1 }, { weight: 2 }, { weight: 7 }), 10_000)
    for (const [id, share] of [
      ['a', 0.1],
      ['b', 0.2],
      ['c', 0.7],
    ] as const) {
      const part = picks.filter((ranking) => ranking.startsWith(id)).length / picks.length
      expect(Math.abs(part - share)).toBeLessThan(0.02)
    }
  })

  test('every ready origin is ranked once; lower priorities come first; drain and off never come', () => {
    const origin = fc.record({
      weight: fc.integer({ min: 1, max: 9 }),
      priority: fc.integer({ min: 0, max: 3 }),
      state: fc.constantFrom('ready', 'ready', 'drain', 'off'),
    })
    // A pool of nothing but off is refused as a configuration.
    const origins = fc
      .array(origin, { minLength: 1, maxLength: 8 })
      .filter((all) => all.some(({ state }) => state !== 'off'))
    fc.assert(
      fc.property(origins, fc.integer(), (given, seed) => {
        const pool = poolOf(policy, ...given)
        const ready = pool.origins.filter(({ state }) => state === 'ready').map(({ id }) => id)
        const priorityOf = new Map(pool.origins.map(({ id, priority }) => [id, priority]))
        for (const ranking of rankings(pool, 4, randomFrom(seed))) {
          expect([...ranking].sort()).toEqual([...ready].sort())
          const priorities = [...ranking].map((id) => priorityOf.get(id)!)
          expect(priorities).toEqual(priorities.toSorted((left, right) => left - right))
        }
      }),
    )
  })

  test('each priority is weighed for itself', () => {
    const pool = poolOf(
      policy,
      { priority: 1, weight: 9 },
      { priority: 1 },
      { priority: 0 },
      { priority: 0, weight: 9 },
    )
    const seconds = rankings(pool, 2000).map((ranking) => ranking[2])
    const share = seconds.filter((id) => id === 'a').length / seconds.length
    expect(Math.abs(share - 0.9)).toBeLessThan(0.03)
  })
})

test('no origin is ready: nothing to ask', () => {
  expect(rankings(poolOf('round-robin', { state: 'off' }, { state: 'drain' }), 2)).toEqual(['', ''])
})

test('one origin is asked every time', () => {
  expect(rankings(poolOf('random', {}, { state: 'drain' }), 3)).toEqual(['a', 'a', 'a'])
})

test('random follows its draws alone; every other policy takes turns', () => {
  const weights = [{ weight: 1 }, { weight: 2 }, { weight: 7 }]
  const firsts = (policy: string) => rankings(poolOf(policy, ...weights), 20, () => 0.05).map((ranking) => ranking[0])
  expect(new Set(firsts('random'))).toEqual(new Set('a'))
  expect(new Set(firsts('round-robin'))).toEqual(new Set('abc'))
  expect(firsts('peak-ewma')).toEqual(firsts('round-robin'))
})

test('two isolates do not march in step', () => {
  const pool = poolOf('round-robin', {}, {}, {}, {})
  const firsts = new Set(Array.from({ length: 50 }, (_, seed) => rankings(pool, 1, randomFrom(seed))[0]![0]))
  expect(firsts).toEqual(new Set(['a', 'b', 'c', 'd']))
})
