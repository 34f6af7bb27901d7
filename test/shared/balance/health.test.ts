import { describe, expect, test } from 'vitest'
import {
  begun,
  counted,
  type Health,
  healthy,
  isForTrial,
  isHealthy,
  recovered,
  toldByMonitor,
} from '../../../shared/balance/health.ts'

const at = 1e12
const good = (health: Health, when: number) => counted(health, { kind: 'good', ms: 5 }, when)
const bad = (health: Health, when: number) => counted(health, { kind: 'bad', ms: 5 }, when)
const down = toldByMonitor(healthy, 'down', at)
const ejectedUntil = (until: number): Health => ({
  ...healthy,
  ejected: { because: 'failures', at, until, trialAt: undefined },
})
const halfOpen = ejectedUntil(at)

describe('whether an origin is healthy', () => {
  test.each<[string, Health, boolean]>([
    ['nothing is known', healthy, true],
    ['a failure or two', bad(bad(healthy, at), at), true],
    ['ejected', ejectedUntil(at + 2), false],
    ['its time is over: one trial', ejectedUntil(at + 1), true],
    ['a trial is under way', begun(halfOpen, at), false],
    ['the monitor says down', down, false],
    ['down, whatever its last requests have shown', good(down, at + 1), false],
    ['down and up again', toldByMonitor(down, 'up', at + 1), true],
    ['the monitor says up', toldByMonitor(healthy, 'up', at), true],
    ['ejected, whatever the monitor says', toldByMonitor(ejectedUntil(at + 2), 'up', at), false],
  ])('%s: %s', (_, health, verdict) => expect(isHealthy(health, at + 1)).toBe(verdict))
})

describe('half open', () => {
  test('the attempt that begins is the trial, and the only one', () => {
    expect(isForTrial(halfOpen, at)).toBe(true)
    expect(isForTrial(begun(halfOpen, at), at + 59_999)).toBe(false)
  })

  test('a trial that nobody has heard of again makes room for another after a minute', () => {
    expect(isForTrial(begun(halfOpen, at), at + 60_000)).toBe(true)
  })

  test('an attempt at an ejected origin before its time is no trial', () => {
    const ejected = ejectedUntil(at + 1)
    expect(begun(ejected, at)).toBe(ejected)
  })
})

describe('the monitor’s word', () => {
  test('told again it changes nothing', () => {
    const overruled = good(down, at + 1)
    expect(toldByMonitor(overruled, 'down', at)).toBe(overruled)
  })

  test('what comes back by it starts slowly', () => {
    expect(toldByMonitor(down, 'up', at + 9).recoveredAt).toBe(at + 9)
  })

  test('where it finds an ejected origin well again, the trial comes at once', () => {
    const told = toldByMonitor(toldByMonitor(ejectedUntil(at + 30_000), 'down', at), 'up', at + 5000)
    expect([isForTrial(told, at + 4999), isForTrial(told, at + 5000)]).toEqual([false, true])
  })
})

test('what comes back begins anew', () => {
  const back = recovered(bad(ejectedUntil(at), at), at + 7)
  expect(back).toMatchObject({ failuresInARow: 0, recoveredAt: at + 7, typical: { samples: 0 } })
  expect(isHealthy(back, at + 7)).toBe(true)
})

describe('what an answer usually takes', () => {
  const typicalOf = (times: readonly number[]) =>
    times.reduce((health, ms) => counted(health, { kind: 'good', ms }, at), healthy).typical.ms

  test('slow pages among others do not move it far', () => {
    const times = Array.from({ length: 400 }, (_, index) => (index % 4 === 0 ? 5000 : 10))
    expect(typicalOf(times)).toBeLessThan(30)
  })

  test('it climbs to all answers being slow within a few dozen', () => {
    const fast = Array.from({ length: 100 }, () => 10)
    expect(typicalOf([...fast, ...Array.from({ length: 30 }, () => 2000)])).toBeGreaterThan(1500)
  })

  test('an attempt that was given up raises it, and never lowers it', () => {
    const slow = counted(healthy, { kind: 'good', ms: 100 }, at)
    expect(counted(slow, { kind: 'given-up', ms: 50 }, at)).toBe(slow)
    expect(counted(slow, { kind: 'given-up', ms: 500 }, at).typical.ms).toBeGreaterThan(100)
  })
})
