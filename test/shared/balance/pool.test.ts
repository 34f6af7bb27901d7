// What retries cost the budget of a pool.
import { describe, expect, test } from 'vitest'
import {
  beginAttempt,
  beginRequest,
  beginRetry,
  closedUntil,
  endAttempt,
  endRetry,
  isGood,
  isSick,
  type OriginState,
  type Outcome,
  type PoolState,
  type Retry,
  startPool,
} from '../../../shared/balance/pool.ts'
import { poolWith } from './pools.ts'

const at = 1e12
const refused: Outcome = { kind: 'failed', failure: 'connection', ms: 1 }
const well = { kind: 'answer', status: 200, ms: 1 } as const

/** A pool of three that ejects nobody; so many requests have come to it, each of which earned a fifth of a retry, and ten are spare. */
function poolAfter(requests: number): PoolState {
  const state = startPool(poolWith({ ejection: { maxPercent: 0 }, timeouts: { headersMs: 6000 } }, {}, {}, {}), () => 0)
  for (let i = 0; i < requests; i++) beginRequest(state, at)
  return state
}

/** A retry that comes to nothing. */
function failing(state: PoolState, origin: OriginState): Retry | undefined {
  const retry = beginRetry(state, origin, at)
  if (retry !== undefined) endRetry(state, retry, false, at)
  return retry
}

/** How many of so many retries may begin at the second origin, while none of them has ended. */
const granted = (state: PoolState, many: number, now = at) =>
  Array.from({ length: many }, () => beginRetry(state, state.origins[1]!, now)).filter((retry) => retry !== undefined)
    .length

describe('of a hundred retries under way at once there may be', () => {
  test('all at an origin that nothing speaks against', () => {
    expect(granted(poolAfter(101), 100)).toBe(100)
  })

  test('all at one that has answered since it failed', () => {
    const state = poolAfter(101)
    for (const outcome of [refused, well]) endAttempt(state, state.origins[1]!, outcome, at)
    expect(granted(state, 100)).toBe(100)
  })

  test('what the budget has at one that failed last', () => {
    const state = poolAfter(101)
    endAttempt(state, state.origins[1]!, refused, at)
    expect(granted(state, 100)).toBe(30)
  })

  test('what the budget has at one that owes an answer for half of what one may take', () => {
    const state = poolAfter(101)
    beginAttempt(state.origins[1]!, at - 3000)
    expect(granted(state, 100)).toBe(30)
    beginAttempt(state.origins[2]!, at - 2999)
    expect(granted({ ...poolAfter(101), origins: [state.origins[0]!, state.origins[2]!] }, 100)).toBe(100)
  })

  test('what the budget has at one that is not healthy', () => {
    const state = poolAfter(101)
    state.origins[1]!.health = { ...state.origins[1]!.health, monitor: 'down', monitorSince: at }
    expect(granted(state, 100)).toBe(30)
  })
})

test('what was lent is paid once it has failed, and nothing is lent on what is not there', () => {
  const state = poolAfter(101)
  for (let i = 0; i < 30; i++) {
    expect(beginRetry(state, state.origins[1]!, at)).toBe('lent')
    endRetry(state, 'lent', false, at)
  }
  expect(beginRetry(state, state.origins[1]!, at)).toBeUndefined()
})

test('what has come to something costs nothing', () => {
  const state = poolAfter(101)
  const [, second, third] = state.origins
  endAttempt(state, second!, refused, at)
  for (let i = 0; i < 200; i++) endRetry(state, beginRetry(state, i % 2 === 0 ? second! : third!, at)!, true, at)
  expect(granted(state, 100)).toBe(30)
})

test('at one that has answered well throughout, all, though the budget is empty', () => {
  const state = poolAfter(0)
  const [, second, third] = state.origins
  while (failing(state, third!) !== undefined);
  expect(granted(state, 100)).toBe(0)
  endAttempt(state, second!, well, at)
  expect(granted(state, 100)).toBe(100)
  for (const outcome of [refused, well]) endAttempt(state, second!, outcome, at)
  expect(granted(state, 100)).toBe(0)
})

test('a pool that is known to fail gets nothing of what is spare, but where an origin answers', () => {
  const state = poolAfter(11)
  for (const origin of state.origins) endAttempt(state, origin, refused, at)
  expect(granted(state, 100)).toBe(2)
  endAttempt(state, state.origins[2]!, well, at)
  expect(granted(state, 100)).toBe(10)
})

test.each<[string, Outcome, boolean]>([
  ['200', well, true],
  ['404', { ...well, status: 404 }, true],
  ['429, which is for one client', { ...well, status: 429 }, true],
  ['500', { ...well, status: 500 }, false],
  ['503', { ...well, status: 503 }, false],
  ['none', refused, false],
  ['none, given up', { kind: 'cancelled', ms: 1 }, false],
])('an answer that a retry was worth: %s', (_, outcome, verdict) => expect(isGood(outcome)).toBe(verdict))

test('a crowd meets a pool that is dead: 1.2 attempts a request, and those that no failure had warned', () => {
  const crowd = 301
  const state = poolAfter(crowd)
  const [first, second, third] = state.origins
  let attempts = crowd
  const underWay: { origin: typeof first; retry: 'spent' | 'lent' | undefined }[] = Array.from(
    { length: crowd },
    (_, i) => ({ origin: [first, second, third][i % 3], retry: undefined }),
  )
  for (let next = underWay.shift(); next !== undefined; next = underWay.shift()) {
    endAttempt(state, next.origin!, refused, at)
    if (next.retry !== undefined) endRetry(state, next.retry, false, at)
    else {
      const origin = next.origin === first ? second : first
      const retry = beginRetry(state, origin!, at)
      if (retry === undefined) continue
      attempts++
      underWay.push({ origin, retry })
    }
  }
  expect(attempts).toBeGreaterThanOrEqual(crowd * 1.2 - 1)
  expect(attempts).toBeLessThanOrEqual(crowd * 1.2 + 10 + 1)
})

describe('a pool is known to fail', () => {
  const fail = (state: PoolState) => {
    for (const origin of state.origins) endAttempt(state, origin, refused, at)
  }

  test('after as many failures in a row as eject an origin, whatever is given up among them', () => {
    const state = poolAfter(0)
    fail(state)
    expect(isSick(state)).toBe(true)
    endAttempt(state, state.origins[0]!, { kind: 'cancelled', ms: 1 }, at)
    expect(isSick(state)).toBe(true)
    endAttempt(state, state.origins[0]!, well, at)
    expect(isSick(state)).toBe(false)
  })

  test.each([
    [0, at + 30_000],
    [1, undefined],
  ])('all ejected, panicPercent %i: nobody is asked until %s', (panicPercent, until) => {
    const ejection = { failures: 1, maxPercent: 100 }
    const state = startPool(poolWith({ ejection, panicPercent }, {}, {}, {}), () => 0)
    fail(state)
    expect(closedUntil(state, at)).toBe(until)
    endAttempt(state, state.origins[0]!, well, at)
    expect(closedUntil(state, at + 30_000)).toBeUndefined()
  })
})

describe('an origin that owes answers while another gives them', () => {
  /** The first owes so many since three seconds; the second answers in a millisecond. */
  const isSilent = (owed: number, isUpload: boolean): boolean => {
    const state = startPool(poolWith({}, {}, {}, {}), () => 0)
    const [first, second] = state.origins
    for (let i = 0; i < owed; i++) beginAttempt(first!, at - 3000, isUpload)
    for (let i = 0; i < 20; i++) endAttempt(state, second!, well, at)
    return first!.health.ejected?.because === 'silence'
  }

  test.each<[string, number, boolean, boolean]>([
    ['five are silence', 5, false, true],
    ['four may be slow pages', 4, false, false],
    ['uploads are not: the client still sends', 9, true, false],
  ])('%s', (_, owed, isUpload, verdict) => expect(isSilent(owed, isUpload)).toBe(verdict))
})
