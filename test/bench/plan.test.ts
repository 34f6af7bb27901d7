import { expect, test } from 'vitest'
import { readPlan, usageOf } from './plan.ts'

const names = ['hello', 'Weir, pass', 'crowds']
const planOf = (...args: string[]) => readPlan(args, names)

test.each([
  [['--fast'], "Unknown option '--fast'"],
  [['fast'], "Unexpected argument 'fast'"],
  [['--rounds'], "'--rounds <value>' argument missing"],
  [['--rounds', '0'], '--rounds takes a whole number, not 0.'],
  [['--rounds', '1.5'], '--rounds takes a whole number, not 1.5.'],
  [['--seconds', 'x'], '--seconds takes a number, not x.'],
  [['--seconds', 'Infinity'], '--seconds takes a number, not Infinity.'],
  [['--only', 'Weir'], '--only takes the name of what is measured, not Weir.'],
])('%j: %s', (args, message) => expect(() => planOf(...args)).toThrow(message))

test('all, unless it is said what', () => {
  const sizes = [1, 10, 200, 2000]
  expect(planOf()).toEqual({ rounds: 15, seconds: 1, warmUpSeconds: 2, only: [], crowds: { sizes, rounds: 3 } })
  expect(planOf('--short')).toMatchObject({ rounds: 3, seconds: 0.5, crowds: { rounds: 2 } })
  expect(planOf('--only', 'hello', '--rounds', '2')).toMatchObject({
    rounds: 2,
    only: ['hello'],
    crowds: undefined,
  })
  expect(planOf('--only', 'crowds')).toMatchObject({ only: ['crowds'], crowds: { rounds: 3 } })
})

test('the usage names what there is', () => expect(usageOf(names)).toContain('hello · Weir, pass · crowds'))
