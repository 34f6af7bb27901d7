import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beginAttempt, endAttempt, type PoolState, startPool } from '../../../shared/balance/pool.ts'
import { candidatesOf, rankOrigins } from '../../../shared/balance/rank.ts'
import type { Pool } from '../../../shared/config/schema.ts'
import { randomFrom } from '../../../workers/cli/simulate/random.ts'
import { eject, poolOf, poolWith } from './pools.ts'

const now = 1_000_000

/** The rankings of so many requests, each as the letters of its origins. */
function rankings(pool: Pool, count: number, random = randomFrom(1)): string[] {
  const state = startPool(pool, random)
  return Array.from({ length: count }, () => ranking(state, random))
}

const ranking = (state: PoolState, random: () => number, hashKey?: string): string =>
  rankOrigins(state, { hashKey }, now, random)
    .map(({ origin }) => origin.id)
    .join('')

const policies = ['round-robin', 'random', 'least-request', 'peak-ewma', 'hash']

describe.each(policies)('%s', (policy) => {
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

  test('every origin that is not off is ranked once: by priority, then the unhealthy, then the drained', () => {
    const origin = fc.record({
      weight: fc.integer({ min: 1, max: 9 }),
      priority: fc.integer({ min: 0, max: 3 }),
      state: fc.constantFrom('ready', 'ready', 'ready', 'drain', 'off'),
    })
    // A pool of nothing but off is refused as a configuration.
    const origins = fc
      .array(origin, { minLength: 1, maxLength: 8 })
      .filter((all) => all.some(({ state }) => state !== 'off'))
    fc.assert(
      fc.property(origins, fc.nat(255), fc.integer(), (given, ejected, seed) => {
        const random = randomFrom(seed)
        const state = startPool(poolWith({ policy, panicPercent: 0 }, ...given), random)
        const isEjected = (index: number) => ((ejected >> index) & 1) === 1
        for (const each of state.origins) if (isEjected('abcdefgh'.indexOf(each.origin.id))) eject(each)
        const classOf = (id: string) => {
          const index = 'abcdefgh'.indexOf(id)
          if (given[index]!.state === 'drain') return 2
          return isEjected(index) ? 1 : 0
        }
        for (let turn = 0; turn < 4; turn++) {
          const ids = [...ranking(state, random)]
          expect(ids.toSorted()).toEqual(state.origins.map((each) => each.origin.id).toSorted())
          expect(ids.map(classOf)).toEqual(ids.map(classOf).toSorted())
          const priorities = ids.filter((id) => classOf(id) === 0).map((id) => given['abcdefgh'.indexOf(id)]!.priority)
          const levels = [...new Set(priorities)]
          expect(levels.slice(1)).toEqual(levels.slice(1).toSorted())
          expect(priorities).toEqual(levels.flatMap((level) => priorities.filter((each) => each === level)))
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

test('drained origins are the last resort', () => {
  expect(rankings(poolOf('round-robin', { state: 'off' }, { state: 'drain' }), 2)).toEqual(['b', 'b'])
  expect(rankings(poolOf('random', { state: 'drain' }, {}), 3)).toEqual(['ba', 'ba', 'ba'])
})

test('random follows its draws alone; round robin takes turns', () => {
  const weights = [{ weight: 1 }, { weight: 2 }, { weight: 7 }]
  const firsts = (policy: string) => rankings(poolOf(policy, ...weights), 20, () => 0.05).map((ids) => ids[0])
  expect(new Set(firsts('random'))).toEqual(new Set('a'))
  expect(new Set(firsts('round-robin'))).toEqual(new Set('abc'))
})

/** The share of `count` requests that each origin is the first choice of, as a percentage. */
function firstShares(state: PoolState, count = 10_000): Record<string, number> {
  const random = randomFrom(9)
  const shares: Record<string, number> = {}
  for (let run = 0; run < count; run++) {
    const id = ranking(state, random)[0]!
    shares[id] = (shares[id] ?? 0) + 100 / count
  }
  return shares
}

test('round robin keeps its order while an origin is away', () => {
  const state = startPool(poolOf('round-robin', {}, {}, {}), () => 0)
  const random = randomFrom(1)
  eject(state.origins[1]!)
  const firsts = Array.from({ length: 6 }, () => ranking(state, random)[0]).join('')
  expect(firsts).toBe('acacac')
})

describe('priorities', () => {
  const levels = [{}, {}, {}, {}, { priority: 1 }]

  test('with half of the first one gone, three in ten spill over', () => {
    const state = startPool(poolOf('random', ...levels), () => 0)
    for (const each of state.origins.slice(0, 2)) eject(each)
    const { e, c, d, ...others } = firstShares(state)
    expect(others).toEqual({})
    expect(Math.abs(e! - 30)).toBeLessThan(2)
    expect(Math.abs(c! - d!)).toBeLessThan(3)
  })

  test('with one in four gone nothing spills over', () => {
    const state = startPool(poolOf('random', ...levels), () => 0)
    eject(state.origins[0]!)
    expect(Object.keys(firstShares(state, 500)).toSorted()).toEqual(['b', 'c', 'd'])
  })

  test('panic: too few are left, so all are asked', () => {
    const state = startPool(poolOf('random', {}, {}, {}), () => 0)
    for (const each of state.origins.slice(0, 2)) eject(each)
    expect(Object.keys(firstShares(state, 500)).toSorted()).toEqual(['a', 'b', 'c'])
    expect(candidatesOf(state, now).map(({ why }) => why)).toEqual(['panic', 'panic', 'panic'])
  })

  test('no panic where it is turned off', () => {
    const state = startPool(poolWith({ policy: 'random', panicPercent: 0 }, {}, {}, {}), () => 0)
    for (const each of state.origins.slice(0, 2)) eject(each)
    expect(firstShares(state, 500)).toEqual({ c: expect.closeTo(100) })
  })
})

test('who is just back gets a tenth of its share, and after thirty seconds all of it', () => {
  const state = startPool(poolOf('random', {}, {}), () => 0)
  const [back] = state.origins
  back!.health = { ...back!.health, recoveredAt: now }
  expect(Math.abs(firstShares(state).a! - 100 / 11)).toBeLessThan(2)
  back!.health = { ...back!.health, recoveredAt: now - 30_000 }
  expect(Math.abs(firstShares(state).a! - 50)).toBeLessThan(2)
})

describe('what requests have shown', () => {
  const take = (state: PoolState, index: number, ms: number) => {
    beginAttempt(state.origins[index]!, now - ms)
    endAttempt(state, state.origins[index]!, { kind: 'answer', status: 200, ms }, now)
  }

  test('peak-ewma: the slowest of three is not asked', () => {
    const state = startPool(poolOf('peak-ewma', {}, {}, {}), () => 0)
    take(state, 0, 20)
    take(state, 1, 200)
    take(state, 2, 20)
    expect(firstShares(state, 1000).b).toBeUndefined()
  })

  test('peak-ewma: nor is it the second to be asked', () => {
    const state = startPool(poolOf('peak-ewma', {}, {}, {}, {}), () => 0)
    take(state, 0, 5000)
    for (const index of [1, 2, 3]) take(state, index, 20)
    const random = randomFrom(1)
    const seconds = Array.from({ length: 1000 }, () => rankOrigins(state, {}, now, random)[1]!.origin.id)
    expect(seconds).not.toContain('a')
  })

  test('peak-ewma: a new origin among slow ones is not flooded', () => {
    const state = startPool(poolOf('peak-ewma', {}, {}, {}), () => 0)
    take(state, 0, 200)
    take(state, 1, 200)
    expect(Math.abs(firstShares(state).c! - 100 / 3)).toBeLessThan(2)
  })

  test('peak-ewma: who answers 503 at once is not the fastest', () => {
    const state = startPool(poolOf('peak-ewma', {}, {}, {}), () => 0)
    for (const index of [0, 1]) take(state, index, 100)
    beginAttempt(state.origins[2]!, now - 1)
    endAttempt(state, state.origins[2]!, { kind: 'answer', status: 503, ms: 1 }, now)
    expect(firstShares(state, 1000).c).toBeUndefined()
  })

  test('least-request: who has the most under way is not asked', () => {
    const state = startPool(poolOf('least-request', {}, {}, {}), () => 0)
    beginAttempt(state.origins[0]!, now)
    beginAttempt(state.origins[0]!, now)
    expect(firstShares(state, 1000).a).toBeUndefined()
  })
})

describe('hash', () => {
  test('one key has one order, another key another', () => {
    const state = startPool(poolOf('hash', {}, {}, {}, {}), () => 0)
    const random = randomFrom(1)
    const orders = Array.from({ length: 50 }, (_, index) => ranking(state, random, `key ${index % 10}`))
    expect(orders.slice(10)).toEqual(orders.slice(0, 40))
    expect(new Set(orders.slice(0, 10)).size).toBeGreaterThan(5)
  })

  test('without a key chance decides, by weight', () => {
    const shares = firstShares(startPool(poolOf('hash', { weight: 1 }, { weight: 3 }), () => 0))
    expect(Math.abs(shares.a! - 25)).toBeLessThan(2)
  })

  test('a hot key goes on to the next in its order', () => {
    const state = startPool(poolOf('hash', {}, {}, {}), () => 0)
    const [first, second, third] = ranking(state, () => 0, 'hot')
    const hot = state.origins.find(({ origin }) => origin.id === first)!
    for (let count = 0; count < 2; count++) beginAttempt(hot, now)
    expect(ranking(state, () => 0, 'hot')).toBe(`${second}${third}${first}`)
  })
})

test('who asks why gets the numbers', () => {
  const state = startPool(poolOf('peak-ewma', { weight: 4 }, {}, { state: 'drain' }, { priority: 1 }, {}), () => 0)
  const [a, b, , , e] = state.origins
  a!.health = { ...a!.health, recoveredAt: now - 15_000 }
  a!.latency = { ms: 100, at: now - 10_000 }
  beginAttempt(b!, now)
  eject(e!)
  const common = { priority: 0, inFlight: 0, healthy: true }
  expect(candidatesOf(state, now)).toEqual([
    { ...common, id: 'a', weight: 2, latencyMs: 37, why: 'slow-start' },
    { ...common, id: 'b', weight: 1, inFlight: 1, why: 'ready' },
    { ...common, id: 'c', weight: 0, why: 'drain' },
    { ...common, id: 'd', weight: 1, priority: 1, why: 'ready' },
    { ...common, id: 'e', weight: 0, healthy: false, why: 'unhealthy' },
  ])
})

test('two isolates do not march in step', () => {
  const pool = poolOf('round-robin', {}, {}, {}, {})
  const firsts = new Set(Array.from({ length: 50 }, (_, seed) => rankings(pool, 1, randomFrom(seed))[0]![0]))
  expect(firsts).toEqual(new Set(['a', 'b', 'c', 'd']))
})
