import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type EjectionRule, ejectionRule, judged, judgedSilent } from '../../../shared/balance/ejection.ts'
import {
  begun,
  type EjectionReason,
  type Evidence,
  type Health,
  healthy,
  isHealthy,
} from '../../../shared/balance/health.ts'
import { parseDocument } from '../../../shared/config/parse.ts'

const rule: EjectionRule = { failures: 3, baseSeconds: 30, maxPercent: 50, comparable: true }
const start = 1e12

const bad: Evidence = { kind: 'bad', ms: 4 }
const good: Evidence = { kind: 'good', ms: 10 }
const taking = (ms: number): Evidence => ({ kind: 'good', ms })
const givenUp = (ms: number): Evidence => ({ kind: 'given-up', ms })
const busy: Evidence = { kind: 'bad', ms: 4, retryAfterMs: 120_000 }
const times = (count: number, evidence: Evidence) => Array.from({ length: count }, () => evidence)

const judgeAll = (evidence: readonly Evidence[], others: readonly Health[] = [fast], health = healthy, given = rule) =>
  evidence.reduce((before, one) => judged(before, one, others, given, start), health)

/** An origin that is known to answer within ten milliseconds. */
const fast = times(30, good).reduce((health, one) => judged(health, one, [], rule, start), healthy)
const ejectedOne = judgeAll(times(3, bad), [healthy])

describe('when an origin is ejected', () => {
  const slow = { ...healthy, typical: { ms: 400, samples: 99 } }
  test.each<[string, EjectionReason | undefined, Evidence[], readonly Health[]]>([
    ['failures in a row', 'failures', times(3, bad), [fast]],
    ['fewer', undefined, times(2, bad), [fast]],
    ['as many, with a success between', undefined, [bad, bad, good, bad, bad], [fast]],
    ['slow beside one that is fast', 'latency', times(30, taking(2000)), [fast]],
    ['slow beside several', 'latency', times(30, taking(2000)), [fast, fast, slow]],
    ['as slow as most', undefined, times(30, taking(1000)), [slow, slow, fast]],
    ['not three times as slow', undefined, times(30, taking(1100)), [slow, slow]],
    ['many times as slow, and yet fast', undefined, times(30, taking(300)), [fast]],
    ['slow for some answers only', undefined, times(19, taking(2000)), [fast]],
    ['slow pages among fast ones', undefined, times(40, good).flatMap((one) => [one, one, taking(5000)]), [fast]],
    ['slow, and nothing is known of the others', undefined, times(30, taking(2000)), [healthy]],
    [
      'slow beside those who are asked',
      'latency',
      times(30, taking(1100)),
      [fast, slow, { ...ejectedOne, typical: { ms: 9000, samples: 99 } }],
    ],
    ['slow, and alone', undefined, times(30, taking(2000)), []],
    ['given up again and again', 'latency', [...times(20, good), ...times(40, givenUp(2000))], [fast]],
    ['given up early', undefined, times(100, givenUp(1)), [fast]],
    ['it says when to come again', 'retry-after', times(3, busy), [fast]],
  ])('%s: %s', (_, because, evidence, others) => {
    expect(judgeAll(evidence, others).ejected?.because).toBe(because)
  })

  test.each<[string, EjectionReason | undefined, Evidence[]]>([
    ['85 % of more than 50', 'failure-rate', alternating(60, 7)],
    ['80 %', undefined, alternating(60, 5)],
    ['85 % of fewer than 50', undefined, alternating(49, 7)],
  ])('failures with successes between them: %s: %s', (_, because, evidence) => {
    expect(judgeAll(evidence, [fast], healthy, { ...rule, failures: 1000 }).ejected?.because).toBe(because)
  })

  test('a failure rate is of the last ten seconds', () => {
    const given = { ...rule, failures: 1000 }
    const old = judgeAll(times(49, bad), [fast], healthy, given)
    expect(judged(old, bad, [fast], given, start + 9999).ejected?.because).toBe('failure-rate')
    expect(judged(old, bad, [fast], given, start + 10_000).ejected).toBeUndefined()
  })

  test.each<[string, EjectionReason | undefined, number, readonly Health[]]>([
    ['for long', 'silence', 750, [fast]],
    ['for a moment', undefined, 749, [fast]],
    ['while the others are as slow', undefined, 750, [slow]],
    ['and nothing is known of the others', undefined, 60_000, [healthy]],
  ])('silent %s: %s', (_, because, ms, others) => {
    expect(judgedSilent(fast, ms, others, rule, start).ejected?.because).toBe(because)
  })

  test('where what is asked for decides who is asked, none is slow beside the others', () => {
    const poolOf = (fields: object) => {
      const pools = { web: { origins: [{ url: 'http://127.0.0.1:9001' }], ...fields } }
      const parsed = parseDocument({ pools, routes: [{ path: '/*', pools: ['web'] }] })
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
      return parsed.value.config.pools.web!
    }
    const reasonBy = (fields: object) =>
      judgeAll(times(30, taking(2000)), [fast], healthy, ejectionRule(poolOf(fields))).ejected?.because
    expect(reasonBy({ policy: 'hash', hashOn: 'path' })).toBeUndefined()
    expect(reasonBy({ policy: 'hash', hashOn: 'url' })).toBeUndefined()
    expect(reasonBy({ policy: 'hash', hashOn: 'ip' })).toBe('latency')
    expect(reasonBy({ policy: 'peak-ewma', hashOn: 'path' })).toBe('latency')
  })
})

/** So many attempts, of which the first and then every `period`th succeeds. */
function alternating(count: number, period: number): Evidence[] {
  return Array.from({ length: count }, (_, index) => (index % period === 0 ? good : bad))
}

describe('how many may be ejected', () => {
  test.each<[others: number, ejected: number, maxPercent: number, may: boolean]>([
    [0, 0, 50, false],
    [0, 0, 100, true],
    [1, 0, 50, true],
    [1, 0, 1, true],
    [1, 1, 50, false],
    [1, 1, 100, true],
    [2, 0, 10, true],
    [2, 1, 50, false],
    [3, 1, 50, true],
    [3, 2, 50, false],
    [3, 0, 0, false],
  ])('beside %i others, of which %i are ejected, with maxPercent %i: %s', (others, ejected, maxPercent, may) => {
    const pool = Array.from({ length: others }, (_, index) => (index < ejected ? ejectedOne : healthy))
    expect(judgeAll(times(3, bad), pool, healthy, { ...rule, maxPercent }).ejected !== undefined).toBe(may)
  })
})

/** Ejected, tried when the time is over, with this result; the times in seconds that it was ejected for. */
function tryAgain(health: Health, evidence: Evidence): { health: Health; at: number } {
  const trialAt = health.ejected!.until
  const at = trialAt + evidence.ms
  return { health: judged(begun(health, trialAt), evidence, [fast], rule, at), at }
}

const secondsOf = ({ ejected }: Health) => (ejected === undefined ? 0 : (ejected.until - ejected.at) / 1000)

describe('for how long', () => {
  test('30 s, and with each ejection in a row 30 s more, up to 300 s', () => {
    let health = ejectedOne
    const seconds = [secondsOf(health)]
    for (let time = 0; time < 11; time++) {
      health = tryAgain(health, bad).health
      seconds.push(secondsOf(health))
    }
    expect(seconds).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
  })

  test('as long as the configuration says, if that is more', () => {
    expect(secondsOf(judgeAll(times(3, bad), [fast], healthy, { ...rule, baseSeconds: 3600 }))).toBe(3600)
  })

  test('silence may be a pause: a tenth of it', () => {
    expect(secondsOf(judgedSilent(fast, 1000, [fast], rule, start))).toBe(3)
  })

  test('as long as the origin itself has said, at least a second and at most 300; and it does not count against it', () => {
    const saying = (retryAfterMs: number) => judgeAll(times(3, { kind: 'bad', ms: 4, retryAfterMs }))
    expect([0, 120_000, 9e9].map((ms) => secondsOf(saying(ms)))).toEqual([1, 120, 300])
    expect(saying(120_000).ejections).toBe(0)
  })

  test.each<[string, number, number]>([
    ['at once', 0, 90],
    ['after 30 s of health', 30, 60],
    ['after 60 s of health', 60, 30],
    ['after an hour', 3600, 30],
  ])('ejected twice in a row, back, and again %s', (_, seconds, expected) => {
    const { health, at } = tryAgain(tryAgain(ejectedOne, bad).health, good)
    const again = times(3, bad).reduce((before, one) => judged(before, one, [fast], rule, at + seconds * 1000), health)
    expect(secondsOf(again)).toBe(expected)
  })
})

describe('the trial', () => {
  test('a success brings it back, to start slowly', () => {
    const { health, at } = tryAgain(ejectedOne, good)
    expect(health).toMatchObject({ ejected: undefined, recoveredAt: at, failuresInARow: 0 })
  })

  test('a success that is too slow does not', () => {
    expect(tryAgain(ejectedOne, taking(3000)).health.ejected?.trialAt).toBeUndefined()
    expect(secondsOf(tryAgain(ejectedOne, taking(3000)).health)).toBe(60)
  })

  test('one that another origin had to stand in for has failed', () => {
    expect(secondsOf(tryAgain(ejectedOne, givenUp(300)).health)).toBe(60)
  })

  test('one that was given up at once has shown nothing: the next attempt tries', () => {
    const { health, at } = tryAgain(ejectedOne, givenUp(5))
    expect(isHealthy(health, at)).toBe(true)
  })

  test.each([
    ['succeeded', good],
    ['failed', bad],
  ])('what had begun before the trial, and %s, does not decide', (_, evidence) => {
    const trialAt = ejectedOne.ejected!.until
    const tried = begun(ejectedOne, trialAt)
    expect(judged(tried, { ...evidence, ms: 50 }, [fast], rule, trialAt + 49).ejected).toEqual(tried.ejected)
  })

  test('before the time is over nothing that ends decides', () => {
    expect(judged(ejectedOne, good, [fast], rule, start + 100).ejected).toEqual(ejectedOne.ejected)
  })
})

test('in any history of a pool no more are ejected than may be, and every ejection ends', () => {
  const kinds = fc.constantFrom<Evidence>(good, bad, bad, bad, busy, taking(2000), givenUp(900))
  const event = fc.record({ origin: fc.nat(4), evidence: kinds, gapMs: fc.integer({ min: 0, max: 20_000 }) })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 300 }), fc.integer({ min: 0, max: 100 }), (events, maxPercent) => {
      const pool: Health[] = Array.from({ length: 5 }, () => healthy)
      const most = maxPercent === 0 ? 0 : Math.max(1, Math.floor((5 * maxPercent) / 100))
      let at = start
      for (const { origin, evidence, gapMs } of events) {
        at += gapMs
        const others = pool.filter((_, index) => index !== origin)
        const before = begun(pool[origin]!, at - evidence.ms)
        pool[origin] = judged(before, evidence, others, { ...rule, maxPercent }, at)
        expect(pool.filter(({ ejected }) => ejected !== undefined).length).toBeLessThanOrEqual(most)
        for (const health of pool) expect(secondsOf(health)).toBeLessThanOrEqual(300)
      }
      for (const health of pool) expect(isHealthy(health, at + 400_000)).toBe(true)
    }),
  )
})
