import fc from 'fast-check'
import { expect, test } from 'vitest'
import { earned, givenBack, spent, startBudget } from '../../../shared/balance/budget.ts'

/** How many more attempts the requests at these instants (ms) get, if every one of them wants one. */
function extra(instants: readonly number[], percent: number): number {
  let budget = startBudget(3)
  let count = 0
  for (const at of instants) {
    budget = earned(budget, percent, at)
    const left = spent(budget, at)
    if (left === undefined) continue
    budget = left
    count++
  }
  return count
}

const evenly = (count: number, everyMs: number) => Array.from({ length: count }, (_, index) => 1e12 + index * everyMs)

test('a pool that is dead gets at most 1.3 times its requests', () => {
  const count = extra(evenly(2000, 5), 20)
  expect(count).toBeGreaterThan(0.18 * 2000)
  expect(count).toBeLessThanOrEqual(0.2 * 2000 + 4)
})

test('a pool with little traffic has three at once, and three more in half a minute', () => {
  expect(extra(evenly(3, 1), 1)).toBe(3)
  expect(extra(evenly(10, 1), 1)).toBe(3)
  expect(extra([...evenly(3, 1), ...evenly(3, 1).map((at) => at + 30_100)], 1)).toBe(6)
})

test('a burst gets what the traffic of about two seconds has earned, however long that has been', () => {
  let budget = startBudget(3)
  for (const at of evenly(20_000, 5)) budget = earned(budget, 20, at)
  let count = 0
  for (let left = spent(budget, budget.at); left !== undefined; left = spent(left, budget.at)) count++
  expect(count).toBeGreaterThanOrEqual(80)
  expect(count).toBeLessThanOrEqual(84)
})

test('at no time is more spent than was earned, beside the spare ones', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 200 })
  fc.assert(
    fc.property(gaps, fc.integer({ min: 0, max: 100 }), (given, percent) => {
      let at = 1e12
      const instants = given.map((gap) => (at += gap))
      const seconds = (at - 1e12) / 1000
      expect(extra(instants, percent)).toBeLessThanOrEqual((instants.length * percent) / 100 + 3 + 0.1 * seconds + 1e-6)
    }),
  )
})

test('a clock that goes back earns nothing', () => {
  const budget = earned(startBudget(3), 0, 1e12)
  const none = [1, 2, 3].reduce((left) => spent(left, 1e12)!, budget)
  expect(spent(none, 1e12 - 60_000)).toBeUndefined()
  expect(spent(earned(none, 0, 1e12 - 60_000), 1e12)).toBeUndefined()
})

test('what is given back can be spent again', () => {
  const none = [1, 2, 3].reduce((left) => spent(left, 1e12)!, earned(startBudget(3), 0, 1e12))
  expect(spent(none, 1e12)).toBeUndefined()
  expect(spent(givenBack(none), 1e12)).toEqual(none)
})
