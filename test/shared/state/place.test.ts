import { expect, it } from 'vitest'
import { bucketCount, bucketOf, maxShards, ownerOf, possibleOwners } from '../../../shared/state/place.ts'

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

const buckets = Array.from({ length: bucketCount }, (_, bucket) => bucket)

it.each([
  [4, 7],
  [4, 5],
  [7, 8],
  [1, 2],
  [32, 64],
])('from %i shards to %i their share moves, within 2 points, to the new ones alone; and back again', (from, to) => {
  const moved = buckets.filter((bucket) => ownerOf(bucket, from) !== ownerOf(bucket, to))
  expect(Math.abs(moved.length / bucketCount - (to - from) / to)).toBeLessThan(0.02)
  for (const bucket of moved) expect(ownerOf(bucket, to)).toBeGreaterThanOrEqual(from)
})

it('whoever can own a bucket is known, and they are few', () => {
  const all = buckets.map(possibleOwners)
  for (const [bucket, owners] of all.entries()) {
    if (bucket % 64 > 0) continue
    const counts = Array.from({ length: maxShards }, (_, index) => index + 1)
    expect(new Set(owners)).toEqual(new Set(counts.map((shards) => ownerOf(bucket, shards))))
  }
  expect(all.flat().length / bucketCount).toBeLessThan(5)
})
