import { expect, test } from 'vitest'
import { LetGo } from '../../../workers/adapters/let-go.ts'

test('the latest time counts, in whatever order it is told', () => {
  const letGo = new LetGo()
  expect(letGo.since('a')).toBe(0)
  letGo.note('a', 20)
  letGo.note('a', 10)
  letGo.note('b', 30)
  expect([letGo.since('a'), letGo.since('b'), letGo.since('c')]).toEqual([20, 30, 0])
})

test('what was let go longest ago is forgotten first, and what is let go again is not', () => {
  const letGo = new LetGo()
  for (let each = 0; each < 1_000; each++) letGo.note(`key ${each}`, each + 1)
  letGo.note('key 0', 2_000)
  letGo.note('one more', 2_001)
  expect(letGo.since('key 0')).toBe(2_000)
  expect(letGo.since('key 1')).toBe(0)
  expect(letGo.since('key 2')).toBe(3)
})
