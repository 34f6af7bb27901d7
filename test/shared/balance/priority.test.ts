import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { panics, priorityLoads } from '../../../shared/balance/priority.ts'

describe('spill-over, from the healthy share of each priority', () => {
  test.each<[shares: number[], loads: number[]]>([
    [
      [1, 1],
      [100, 0],
    ],
    [
      [0.72, 1],
      [100, 0],
    ],
    [
      [0.71, 1],
      [99.4, 0.6],
    ],
    [
      [0.5, 1],
      [70, 30],
    ],
    [
      [0.25, 1],
      [35, 65],
    ],
    [
      [0, 1],
      [0, 100],
    ],
    [
      [0.25, 0.25],
      [50, 50],
    ],
    [
      [0.2, 0.2, 1],
      [28, 28, 44],
    ],
    [
      [0, 0],
      [100, 0],
    ],
  ])('%j gives %j', (shares, loads) => {
    for (const [index, load] of priorityLoads(shares).entries()) expect(load).toBeCloseTo(loads[index]!)
  })

  test('the loads are 100 percent together', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 10 }), (shares) => {
        const loads = priorityLoads(shares)
        expect(loads.reduce((sum, load) => sum + load, 0)).toBeCloseTo(100)
        expect(Math.min(...loads)).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

describe('panic', () => {
  test.each<[title: string, shares: number[], percent: number, verdict: boolean[]]>([
    ['too few, and nobody else', [0.4], 50, [true]],
    ['enough', [0.5], 50, [false]],
    ['too few, but the next one takes the rest', [0.4, 1], 50, [false, false]],
    ['all together cannot take it: by level', [0.1, 0.55], 50, [true, false]],
    ['none at all', [0, 0], 50, [true, true]],
    ['turned off', [0, 0], 0, [false, false]],
  ])('%s', (_, shares, percent, verdict) => expect(panics(shares, percent)).toEqual(verdict))
})
