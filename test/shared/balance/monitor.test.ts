import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  afterRound,
  isExpected,
  jittered,
  type MonitorState,
  originKey,
  type RegionRound,
  reasonOf,
  startMonitor,
} from '../../../shared/balance/monitor.ts'

const a = { id: 'a', url: 'http://a.test' }
const b = { id: 'b', url: 'http://b.test' }
const rule = { fails: 3, passes: 2 }

/** What a region sees of `a`: `+` is a probe that was passed, `-` one that was not, `.` a region that does not answer. */
function seen(sign: string): RegionRound {
  if (sign === '.') return undefined
  return { [originKey(a)]: { passed: sign === '+', because: sign === '+' ? 'status 200' : 'status 500' } }
}

/** The state after rounds in which each region saw what its text says, a second apart. */
function stateAfter(regions: Record<string, string>, given = rule): MonitorState {
  let state = startMonitor
  for (let at = 0; at < Object.values(regions)[0]!.length; at++) {
    const round = Object.fromEntries(Object.entries(regions).map(([region, signs]) => [region, seen(signs[at]!)]))
    state = afterRound(state, [a], round, given, at * 1000).state
  }
  return state
}

const watchOf = (state: MonitorState) => state.origins[originKey(a)]!
const verdictAfter = (signs: string, given = rule) => watchOf(stateAfter({ here: signs }, given)).verdict

describe('results in a row', () => {
  test.each<[title: string, signs: string, verdict: string | undefined]>([
    ['at first there is no word', '+', undefined],
    ['as many as pass', '++', 'up'],
    ['as many as fail', '---', 'down'],
    ['too few to begin with', '--', undefined],
    ['too few to go down', '++--', 'up'],
    ['enough to go down', '++---', 'down'],
    ['a run that is broken begins anew', '++--+--', 'up'],
    ['too few to come back', '---+', 'down'],
    ['enough to come back', '---++', 'up'],
    ['a run back that is broken', '---+-+', 'down'],
    ['from side to side it stays what it was', '++-+-+-+-', 'up'],
  ])('%s: %s', (_, signs, verdict) => expect(verdictAfter(signs)).toBe(verdict))

  test('one is enough where the rule says so', () => {
    expect(verdictAfter('-', { fails: 1, passes: 1 })).toBe('down')
    expect(verdictAfter('-+', { fails: 1, passes: 1 })).toBe('up')
  })

  test('a rule that became stricter or milder goes from the next result on', () => {
    const state = stateAfter({ here: '--' }, { fails: 5, passes: 2 })
    expect(watchOf(afterRound(state, [a], { here: seen('-') }, rule, 2000).state).verdict).toBe('down')
  })
})

describe('several regions', () => {
  const each = { fails: 1, passes: 1 }
  test.each<[title: string, regions: Record<string, string>, verdict: string | undefined]>([
    ['two of three', { x: '-', y: '-', z: '+' }, 'down'],
    ['one of three', { x: '-', y: '+', z: '+' }, 'up'],
    ['half is not enough', { x: '-', y: '+' }, 'up'],
    ['one that has never answered has no say', { x: '-', y: '.', z: '.' }, 'down'],
    ['one that is silent keeps its word for a while', { x: '+..', y: '---', z: '+++' }, 'up'],
    ['and then has no say', { x: '+...', y: '----', z: '-+++' }, 'up'],
    ['of two that are left', { x: '+...', y: '----', z: '+---' }, 'down'],
    ['all silent', { x: '-...', y: '-...' }, undefined],
    ['one that answers again', { x: '+...-', y: '+++++', z: '----' + '-' }, 'down'],
  ])('%s', (_, regions, verdict) => expect(watchOf(stateAfter(regions, each)).verdict).toBe(verdict))

  test('each counts by itself', () => {
    expect(watchOf(stateAfter({ x: '++-+-', y: '+++-+', z: '++-+-' }, { fails: 2, passes: 2 })).verdict).toBe('up')
  })

  test('the reason is that of each', () => {
    expect(reasonOf(watchOf(stateAfter({ x: '-', y: '+.' })))).toBe('x: status 500; y: status 200')
    expect(reasonOf(watchOf(stateAfter({ x: '--', y: '+.' })))).toBe('x: status 500; y: no answer')
    expect(reasonOf(watchOf(stateAfter({ here: '-' })))).toBe('status 500')
  })

  test('a region that is not asked any more is forgotten', () => {
    const state = stateAfter({ x: '-', y: '-', z: '+' }, each)
    expect(Object.keys(watchOf(afterRound(state, [a], { z: seen('+') }, each, 1000).state).regions)).toEqual(['z'])
  })
})

describe('changes', () => {
  const each = { fails: 1, passes: 1 }
  const round = (state: MonitorState, sign: string, at: number) =>
    afterRound(state, [a], { here: seen(sign) }, each, at)

  it('names what has become of an origin, and why, once', () => {
    const first = round(startMonitor, '+', 1000)
    expect(first.changes).toEqual([{ origin: 'a', from: undefined, to: 'up', because: 'status 200' }])
    const second = round(first.state, '+', 2000)
    expect(second).toEqual({ state: first.state, changes: [] })
    const third = round(second.state, '-', 3000)
    expect(third.changes).toEqual([{ origin: 'a', from: 'up', to: 'down', because: 'status 500' }])
    expect(watchOf(third.state).since).toBe(3000)
  })

  it('forgets an origin that is gone, and takes one with another address for another', () => {
    const { state } = round(startMonitor, '-', 1000)
    expect(afterRound(state, [b], { here: {} }, each, 2000).state.origins).toEqual({
      [originKey(b)]: { since: 2000, regions: {} },
    })
    const moved = { id: 'a', url: b.url }
    expect(
      afterRound(state, [moved], { here: {} }, each, 2000).state.origins[originKey(moved)]?.verdict,
    ).toBeUndefined()
  })
})

test('a word changes only by a run that is long enough, whatever came before', () => {
  const signs = fc.array(fc.constantFrom('+', '-'), { minLength: 1, maxLength: 40 })
  const rules = fc.record({ fails: fc.integer({ min: 1, max: 4 }), passes: fc.integer({ min: 1, max: 4 }) })
  fc.assert(
    fc.property(signs, rules, (given, each) => {
      let expected: string | undefined
      let run = 0
      for (const [index, sign] of given.entries()) {
        run = given[index - 1] === sign ? run + 1 : 1
        if (run >= (sign === '+' ? each.passes : each.fails)) expected = sign === '+' ? 'up' : 'down'
      }
      expect(verdictAfter(given.join(''), each)).toBe(expected)
    }),
  )
})

test.each<[list: string, status: number, expected: boolean]>([
  ['200-299', 200, true],
  ['200-299', 299, true],
  ['200-299', 300, false],
  ['200', 200, true],
  ['200', 204, false],
  ['200,301-302', 302, true],
  ['200,301-302', 303, false],
])('%s takes %d: %s', (list, status, expected) => expect(isExpected(status, list)).toBe(expected))

test('the interval is a tenth more or less', () => {
  expect([0, 0.5, 1].map((random) => jittered(10_000, random))).toEqual([9000, 10_000, 11_000])
})
