import fc from 'fast-check'
import { beforeEach, describe, expect, it, test } from 'vitest'
import { type Latency, mergeLatency } from '../../../shared/balance/latency.ts'
import { afterRound, originKey, startMonitor } from '../../../shared/balance/monitor.ts'
import { type OriginState, type PoolState, startPool } from '../../../shared/balance/pool.ts'
import {
  applyShared,
  type Ejection,
  isDown,
  type LearntByOrigin,
  learntBy,
  type MonitorWord,
  publish,
  united,
} from '../../../shared/balance/shared-view.ts'
import { parseDocument } from '../../../shared/config/parse.ts'

const names = ['a', 'b', 'c'] as const
type Name = (typeof names)[number]

const originOf = (id: Name) => ({ id, url: `http://${id}.test` })
const key = (id: Name) => originKey(originOf(id))

/** What one isolate knows of a pool of three. */
function isolate(): PoolState {
  const parsed = parseDocument({
    pools: { web: { origins: names.map(originOf) } },
    routes: [{ path: '/*', pools: ['web'] }],
  })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return startPool(parsed.value.config.pools.web!, () => 0)
}

let one: PoolState
let other: PoolState

beforeEach(() => {
  one = isolate()
  other = isolate()
})

const known = (state: PoolState, id: Name): OriginState => state.origins.find(({ origin }) => origin.id === id)!

function eject(state: PoolState, id: Name, at: number, until: number): void {
  const each = known(state, id)
  each.health = { ...each.health, ejections: 1, ejected: { because: 'failures', at, until, trialAt: undefined } }
}

const ejection = (at: number, until: number): Ejection => ({ because: 'failures', at, until, ejections: 1 })
const word = (verdict: 'up' | 'down', until: number): MonitorWord => ({ verdict, since: 0, because: 'x', until })
const noMonitor = (learnt: LearntByOrigin) => publish(learnt, startMonitor, 0)

describe('words of the monitor', () => {
  it('are taken over, from when they are heard', () => {
    applyShared(one, { [key('a')]: { word: word('down', 9000) } }, 5000)
    expect(known(one, 'a').health).toMatchObject({ monitor: 'down', monitorSince: 5000 })
    expect(known(one, 'b').health.monitor).toBeUndefined()
  })

  it('change nothing when they are heard again', () => {
    const view = { [key('a')]: { word: word('down', 9000) } }
    applyShared(one, view, 5000)
    const before = known(one, 'a').health
    applyShared(one, view, 7000)
    expect(known(one, 'a').health).toEqual(before)
  })

  it('are let go of when they are too old, or no longer said', () => {
    const view = { [key('a')]: { word: word('down', 9000) }, [key('b')]: { word: word('down', 99_000) } }
    applyShared(one, view, 5000)
    applyShared(one, view, 9000)
    expect([known(one, 'a').health.monitor, known(one, 'b').health.monitor]).toEqual([undefined, 'down'])
    applyShared(one, {}, 9001)
    expect(known(one, 'b').health.monitor).toBeUndefined()
  })

  it('are of an origin by its id and address', () => {
    applyShared(one, { 'a http://elsewhere.test': { word: word('down', 9000) } }, 0)
    expect(known(one, 'a').health.monitor).toBeUndefined()
  })

  it('are published where there are any, with the reason of the last probe', () => {
    const probe = { passed: false, because: 'status 500' }
    const round = { here: { [key('a')]: probe } }
    const { state } = afterRound(startMonitor, [originOf('a'), originOf('b')], round, { fails: 1, passes: 1 }, 100)
    expect(publish({}, state, 700)).toEqual({
      [key('a')]: { word: { verdict: 'down', since: 100, because: 'status 500', until: 700 } },
    })
  })

  it('say that a pool is down where no origin is left', () => {
    const down = { word: word('down', 9000) }
    applyShared(one, { [key('a')]: down, [key('b')]: down }, 0)
    expect(isDown(one)).toBe(false)
    applyShared(one, { [key('a')]: down, [key('b')]: down, [key('c')]: down }, 0)
    expect(isDown(one)).toBe(true)
  })
})

describe('ejections', () => {
  it('are heard of by others, who try again later than who has ejected', () => {
    eject(one, 'a', 1000, 31_000)
    const view = noMonitor(united({}, learntBy(one, {}, 1500), 1500))
    applyShared(other, view, 2000)
    expect(known(other, 'a').health).toMatchObject({
      ejections: 1,
      ejected: { because: 'failures', at: 1000, until: 33_000, trialAt: undefined },
    })
    applyShared(one, view, 2000)
    expect(known(one, 'a').health.ejected?.until).toBe(31_000)
  })

  it('are not told again by who has heard of them, and so end', () => {
    eject(one, 'a', 1000, 31_000)
    let learnt = united({}, learntBy(one, {}, 1500), 1500)
    for (let at = 2000; at < 90_000; at += 2000) {
      const late = isolate()
      applyShared(other, noMonitor(learnt), at)
      expect(learntBy(other, noMonitor(learnt), at)[key('a')]?.ejection).toBeUndefined()
      learnt = united(learnt, learntBy(other, noMonitor(learnt), at), at)
      applyShared(late, noMonitor(learnt), at)
      expect(known(late, 'a').health.ejected !== undefined, `at ${at}`).toBe(at < 31_000)
    }
    expect(learnt[key('a')]?.ejection?.until).toBe(31_000)
    expect(united(learnt, {}, 91_000)).toEqual({})
  })

  it('that are longer go before those that are shorter, and do not add up', () => {
    eject(one, 'a', 1000, 31_000)
    applyShared(one, { [key('a')]: { ejection: ejection(2000, 20_000) } }, 3000)
    expect(known(one, 'a').health.ejected?.at).toBe(1000)
    const longer = { [key('a')]: { ejection: ejection(2000, 62_000) } }
    applyShared(one, longer, 3000)
    applyShared(one, longer, 5000)
    expect(known(one, 'a').health.ejected).toMatchObject({ at: 2000, until: 64_000 })
  })

  it('do not undo what this isolate has found out since', () => {
    const each = known(one, 'a')
    each.health = { ...each.health, recoveredAt: 2000 }
    applyShared(one, { [key('a')]: { ejection: ejection(1000, 31_000) } }, 3000)
    expect(each.health.ejected).toBeUndefined()
    applyShared(one, { [key('a')]: { ejection: ejection(2500, 31_000) } }, 3000)
    expect(each.health.ejected?.at).toBe(2500)
  })

  it('do not go beyond maxPercent together', () => {
    eject(one, 'a', 1000, 31_000)
    applyShared(one, { [key('b')]: { ejection: ejection(1000, 31_000) } }, 2000)
    expect(known(one, 'b').health.ejected).toBeUndefined()
  })
})

describe('latency', () => {
  it('is that of whoever has seen the origin slow last', () => {
    known(one, 'a').latency = { ms: 800, at: 1000 }
    known(other, 'a').latency = { ms: 20, at: 1500 }
    const view = noMonitor(united(learntBy(one, {}, 1500), learntBy(other, {}, 1500), 1500))
    applyShared(other, view, 2000)
    expect(known(other, 'a').latency).toEqual({ ms: 800, at: 1000 })
    expect(known(other, 'b').latency.at).toBe(0)
  })

  it('is forgotten when nothing is left of it', () => {
    const learnt = { [key('a')]: { latency: { ms: 800, at: 1000 } } }
    expect(united(learnt, {}, 60_999)).toEqual(learnt)
    expect(united(learnt, {}, 61_000)).toEqual({})
  })

  const estimate = fc.record({ ms: fc.integer({ min: 1, max: 60_000 }), at: fc.integer({ min: 1, max: 100_000 }) })

  test('in whatever order and however often estimates are merged, the same comes out', () => {
    const remaining = ({ ms, at }: Latency) => ms * Math.exp((at - 100_000) / 10_000)
    fc.assert(
      fc.property(fc.array(estimate, { minLength: 1, maxLength: 6 }), (given) => {
        const highest = Math.max(...given.map(remaining))
        for (const order of [given, given.toReversed(), [...given, ...given]]) {
          expect(remaining(order.reduce(mergeLatency))).toBeCloseTo(highest, 6)
        }
      }),
    )
  })
})

it('never tells or takes over attempts under way', () => {
  known(one, 'a').inFlight = 7
  const view = noMonitor(learntBy(one, {}, 1500))
  expect(JSON.stringify(view)).not.toContain('7')
  applyShared(other, view, 0)
  expect(known(other, 'a').inFlight).toBe(0)
})
