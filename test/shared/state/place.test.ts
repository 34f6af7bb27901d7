import { expect, it } from 'vitest'
import { bucketCount, bucketOf, ownerOf } from '../../../shared/state/place.ts'

it('a key keeps its bucket for good: these are stored under them', () => {
  expect([bucketOf('cart', 'ada'), bucketOf('cart', 'bob'), bucketOf('n', 'a/b')]).toMatchInlineSnapshot(`
    [
      836,
      721,
      2541,
    ]
  `)
})

it('keys spread evenly over the buckets, and buckets over the shards', () => {
  const keys = Array.from({ length: 100_000 }, (_, index) => bucketOf('cart', `user-${index}`))
  const shards = Array<number>(7).fill(0)
  for (const bucket of keys) shards[ownerOf(bucket, 7)]!++
  expect(new Set(keys).size).toBe(bucketCount)
  expect(Math.max(...shards) / (keys.length / 7)).toBeLessThan(1.1)
})

it('one shard has all', () => {
  for (let bucket = 0; bucket < bucketCount; bucket += 97) expect(ownerOf(bucket, 1)).toBe(0)
})
