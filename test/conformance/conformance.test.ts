// The gateway against the bar of the public HTTP cache test suite, and what the bar lets through.
import { describe, expect, it, test } from 'vitest'
import { bar, reasons } from './expected.ts'
import { type Result, runSuite } from './suite.ts'
import { explanations, regressions, summary } from './verdict.ts'

test('the gateway passes what it has to', { timeout: 120_000 }, async () => {
  const results = await runSuite(new Set(Object.keys(reasons)))
  expect(regressions(results, { bar, reasons }), explanations(results, reasons)).toEqual([])
})

const result = (id: string, kind: Result['kind'], failure?: string): Result => ({
  ...{ group: 'Vary', id, name: id, kind, failure },
})
const passed = [result('a', 'required'), result('b', 'required'), result('c', 'optimal'), result('d', 'check')]
const without = (id: string, failure = 'Setup: status is 502') =>
  passed.map((its) => (its.id === id ? { ...its, failure } : its))
const strict = { bar: { required: 2, optimal: 1, unexplained: 0 }, reasons: {} }

describe('the bar', () => {
  it('lets through what reaches it', () => expect(regressions(passed, strict)).toEqual([]))

  it('is no matter of checks', () => expect(regressions(without('d'), strict)).toEqual([]))

  test.each([
    ['a', '1 required tests passed, 2 have to'],
    ['c', '0 optimal tests passed, 1 have to'],
  ])('stops fewer than it asks for: without %s', (id, line) => {
    expect(regressions(without(id), { ...strict, reasons: { [id]: 'for a reason' } })).toEqual([line])
  })

  it('stops a failure without a reason', () => {
    const expected = { ...strict, bar: { ...strict.bar, required: 1 } }
    expect(regressions(without('b'), expected)).toEqual(['1 tests failed without a reason, at most 0 may: b'])
    expect(regressions(without('b'), { ...expected, reasons: { b: 'for a reason' } })).toEqual([])
  })

  it('stops a reason without a failure', () => {
    const line = (id: string) => `${id} did not fail, but has a reason for it`
    expect(regressions(passed, { ...strict, reasons: { a: 'for a reason' } })).toEqual([line('a')])
    expect(regressions(passed, { ...strict, reasons: { nobody: 'for a reason' } })).toEqual([line('nobody')])
  })
})

test('what is printed', () => {
  const results = [...without('b'), result('e', 'optimal', 'Assertion: not from cache')]
  expect(summary(results)).toBe(
    [
      '| Passed   | required | optimal | check |',
      '|----------|---------:|--------:|------:|',
      '| Vary     |      1/2 |     1/2 |   1/1 |',
      '| In total |      1/2 |     1/2 |   1/1 |',
    ].join('\n'),
  )
  expect(explanations(results, { e: 'for a reason' })).toBe(
    'required b: UNEXPLAINED (Setup: status is 502)\noptimal e: for a reason',
  )
})
