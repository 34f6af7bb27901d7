import { expect, test } from 'vitest'
import { Marks } from '../../../workers/adapters/cache-api-marks.ts'

test('the latest time counts, in whatever order it is told', () => {
  const marks = new Marks()
  expect(marks.since('a')).toBe(0)
  marks.set('a', 20)
  marks.set('a', 10)
  marks.set('b', 30)
  expect([marks.since('a'), marks.since('b'), marks.since('c')]).toEqual([20, 30, 0])
})

test('what was let go longest ago is forgotten first, and what is let go again is not', () => {
  const marks = new Marks()
  for (let each = 0; each < 1_000; each++) marks.set(`key ${each}`, each + 1)
  marks.set('key 0', 2_000)
  marks.set('one more', 2_001)
  expect(marks.since('key 0')).toBe(2_000)
  expect(marks.since('key 1')).toBe(0)
  expect(marks.since('key 2')).toBe(3)
})
