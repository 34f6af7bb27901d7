import fc from 'fast-check'
import { expect, test } from 'vitest'
import { boundLoad, hashOf, rankRendezvous } from '../../../shared/balance/rendezvous.ts'

const ids = Array.from({ length: 10 }, (_, index) => `origin-${index}.example.com`)
const first = (names: readonly string[], weights: readonly number[], key: string) =>
  names[rankRendezvous(names, weights, hashOf(key))[0]!]!

function counts(weights: readonly number[], keyOf: (index: number) => string, keys = 100_000): number[] {
  const count = new Map(ids.map((id) => [id, 0]))
  for (let index = 0; index < keys; index++) {
    const id = first(ids, weights, keyOf(index))
    count.set(id, count.get(id)! + 1)
  }
  return [...count.values()]
}

const even = ids.map(() => 1)

test.each<[string, (index: number) => string]>([
  ['numbers', String],
  ['addresses', (index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`],
  ['paths', (index) => `/products/${index.toString(36)}/details`],
])('100,000 keys on ten origins lie even: %s', (_, keyOf) => {
  const shares = counts(even, keyOf)
  expect(Math.max(...shares) / 10_000).toBeLessThan(1.05)
  expect(Math.min(...shares) / 10_000).toBeGreaterThan(0.95)
})

test('keys lie by weight', () => {
  const weights = ids.map((_, index) => index + 1)
  for (const [index, count] of counts(weights, String, 20_000).entries())
    expect(Math.abs(count / 20_000 - (index + 1) / 55)).toBeLessThan(0.01)
})

test('when one origin goes only its keys move, to all others', () => {
  const left = even.with(3, 0)
  const gone = new Set<string>()
  for (let index = 0; index < 2000; index++) {
    const [before, after] = [first(ids, even, `key ${index}`), first(ids, left, `key ${index}`)]
    if (before === ids[3]) gone.add(after)
    else expect(after).toBe(before)
  }
  expect(gone.size).toBe(9)
})

test('an origin that becomes heavier takes keys and gives none away', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(9), (key, heavier) => {
      const [before, after] = [first(ids, even, key), first(ids, even.with(heavier, 3), key)]
      expect([before, ids[heavier]]).toContain(after)
    }),
  )
})

test.each<[title: string, inFlight: number[], order: number[]]>([
  ['nothing is under way', [0, 0, 0], [2, 0, 1]],
  ['one alone never is too much', [0, 0, 1], [2, 0, 1]],
  ['two where the others have none', [0, 0, 2], [0, 1, 2]],
  ['within its share and a quarter', [4, 4, 5], [2, 0, 1]],
  ['beyond it', [4, 3, 6], [0, 1, 2]],
  ['the next one is beyond it too', [5, 1, 5], [1, 2, 0]],
])('bounded load: %s', (_, inFlight, order) => expect(boundLoad([2, 0, 1], [1, 1, 1], inFlight)).toEqual(order))

test('bounded load is by weight', () => {
  expect(boundLoad([0, 1], [9, 1], [9, 1])).toEqual([0, 1])
  expect(boundLoad([1, 0], [9, 1], [5, 5])).toEqual([0, 1])
})
