import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  expectedMs,
  type Latency,
  latencyAfter,
  mergeLatency,
  remainingMs,
  shownLatency,
  typicalMs,
  unknownLatency,
} from '../../../shared/balance/latency.ts'
import type { OriginState, Outcome } from '../../../shared/balance/pool.ts'
import { beginAttempt, endAttempt, startPool } from '../../../shared/balance/pool.ts'
import { poolOf } from './pools.ts'

const now = 1_000_000
const timeoutMs = 10_000
const answered = (status: number, ms: number, retryAfterMs?: number): Outcome =>
  retryAfterMs === undefined ? { kind: 'answer', status, ms } : { kind: 'answer', status, ms, retryAfterMs }
const fast: Latency = { ms: 20, at: now }

describe('what an attempt shows', () => {
  test.each<[title: string, before: Latency, outcome: Outcome, ms: number, at: number]>([
    ['the first answer is the estimate', unknownLatency, answered(200, 35), 35, now],
    ['a slower one raises it at once', fast, answered(200, 300), 300, now],
    ['a faster one changes nothing at that moment', fast, answered(200, 1), 20, now],
    ['after ten seconds it counts for 1 − 1/e', { ms: 100, at: now - 10_000 }, answered(200, 0), 100 / Math.E, now],
    ['a failure took the timeout at least', fast, { kind: 'failed', failure: 'connection', ms: 1 }, 10_000, now],
    ['or longer', fast, { kind: 'failed', failure: 'timeout', ms: 10_007 }, 10_007, now],
    ['a fast 503 counts as 5 s', fast, answered(503, 1), 5000, now],
    ['a fast 429 too', fast, answered(429, 1), 5000, now],
    ['a slow 503 as what it took', fast, answered(503, 8000), 8000, now],
    ['a 500 may be the request’s own doing', fast, answered(500, 25), 25, now],
    ['Retry-After holds the estimate', fast, answered(503, 1, 60_000), 5000, now + 60_000],
    ['for five minutes at most', fast, answered(429, 1, 86_400_000), 5000, now + 300_000],
    ['an answer meanwhile does not end that', { ms: 5000, at: now + 60_000 }, answered(200, 5), 5000, now + 60_000],
    ['what was given up would have taken as long again', fast, { kind: 'cancelled', ms: 370 }, 740, now],
    ['what was given up early shows nothing', fast, { kind: 'cancelled', ms: 3 }, 20, now],
  ])('%s', (_, before, outcome, ms, at) => {
    const after = latencyAfter(before, outcome, timeoutMs, now)
    expect(after.ms).toBeCloseTo(ms)
    expect(after.at).toBe(at)
  })

  test('an estimate falls to 1/e in ten seconds, and not before it is over', () => {
    expect(remainingMs(fast, now + 10_000)).toBeCloseTo(20 / Math.E)
    expect(remainingMs(fast, now - 1)).toBe(20)
  })
})

describe('estimates that meet', () => {
  const latency = fc.record({
    ms: fc.integer({ min: 1, max: 10_000 }),
    at: fc.integer({ min: now, max: now + 60_000 }),
  })

  test('the higher one stays, whenever both are looked at', () => {
    fc.assert(
      fc.property(latency, latency, fc.integer({ min: 60_000, max: 90_000 }), (left, right, later) => {
        const at = now + later
        const higher = Math.max(remainingMs(left, at), remainingMs(right, at))
        expect(remainingMs(mergeLatency(left, right), at)).toBeCloseTo(higher, 6)
      }),
    )
  })

  test('order and number do not matter', () => {
    fc.assert(
      fc.property(latency, latency, (left, right) => {
        const merged = mergeLatency(left, right)
        const remaining = (each: Latency) => remainingMs(each, now + 60_000)
        expect(remaining(mergeLatency(right, left))).toBeCloseTo(remaining(merged), 6)
        expect(mergeLatency(merged, right)).toEqual(merged)
      }),
    )
  })

  test('what is known goes before what is not', () => {
    expect(mergeLatency(unknownLatency, fast)).toBe(fast)
    expect(mergeLatency(fast, unknownLatency)).toBe(fast)
  })
})

describe('what an attempt is expected to take', () => {
  const originWith = (latency: Latency, unanswered = 0, silentSince = 0): OriginState => ({
    ...startPool(poolOf('peak-ewma', {}), () => 0).origins[0]!,
    latency,
    unanswered,
    silentSince,
  })

  test.each<[title: string, origin: OriginState, ms: number]>([
    ['an origin that nobody has asked is taken for a typical one', originWith(unknownLatency), 200],
    ['a fast one stays fast', originWith(fast), 20],
    ['a slow one is slow', originWith({ ms: 2000, at: now }), 2000],
    ['an old estimate falls to the typical one', originWith({ ms: 2000, at: now - 60_000 }), 200],
    ['but nobody is taken for slower than it was', originWith({ ms: 20, at: now - 60_000 }), 20],
    ['who is silent is expected to be so as long again', originWith(fast, 2, now - 600), 1200],
    ['an answer within no time', originWith({ ms: 0, at: now }), 10],
  ])('%s', (_, origin, ms) => expect(expectedMs(origin, 200, now)).toBeCloseTo(ms))

  test('typical is the lower median of what is left of those that are known', () => {
    const of = (...all: number[]) => all.map((ms) => originWith(ms === 0 ? unknownLatency : { ms, at: now }))
    expect(typicalMs(of(20, 2000, 30), now)).toBe(30)
    expect(typicalMs(of(20, 2000), now)).toBe(20)
    expect(typicalMs(of(0, 200, 0), now)).toBe(200)
    expect(typicalMs(of(0, 0), now)).toBe(0)
  })

  test('others are told of a silence before it ends', () => {
    expect(shownLatency(originWith(fast, 1, now - 600), now)).toEqual({ ms: 1200, at: now })
    expect(shownLatency(originWith(fast, 1, now - 5), now)).toBe(fast)
    expect(shownLatency(originWith(unknownLatency), now)).toBe(unknownLatency)
  })

  test('an answer ends the silence', () => {
    const state = startPool(poolOf('peak-ewma', {}), () => 0)
    const origin = state.origins[0]!
    beginAttempt(origin, now)
    beginAttempt(origin, now + 100)
    expect(shownLatency(origin, now + 150)).toEqual({ ms: 300, at: now + 150 })
    endAttempt(state, origin, answered(200, 150), now + 150)
    expect(shownLatency(origin, now + 150)).toEqual({ ms: 150, at: now + 150 })
    endAttempt(state, origin, { kind: 'cancelled', ms: 60 }, now + 160)
    expect(origin).toMatchObject({ inFlight: 0, unanswered: 0, latency: { ms: 150 } })
  })
})
