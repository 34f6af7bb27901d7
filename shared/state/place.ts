// Where a key lives. Keys fall into 4,096 buckets for good; the buckets are spread over as many shards as the
// configuration says, so that with more of them each gives away its share and no other key moves.
import { hashOf } from '../balance/rendezvous.ts'

export const bucketCount = 4096
/** So many shards there can be. */
export const maxShards = 64

/** What a configuration says of the shards. */
export interface Layout {
  /** How many there are. */
  readonly shards: number
  /** Of the configuration: a later one knows better. */
  readonly version: number
}

/** Where somebody who goes by this layout looks for a key. */
export interface Place extends Layout {
  readonly bucket: number
}

/** No namespace has a slash in its name. */
export function bucketOf(namespace: string, key: string): number {
  return hashOf(`${namespace}/${key}`) % bucketCount
}

/** The shard of a bucket, from 0 on: the one with the highest score, so that a shard more takes its share from all. */
export function ownerOf(bucket: number, shards: number): number {
  let owner = 0
  let highest = -1
  for (let shard = 0; shard < shards; shard++) {
    const score = scoreOf(bucket, shard)
    if (score > highest) {
      owner = shard
      highest = score
    }
  }
  return owner
}

/** All that can own the bucket, by any number of shards: about five. */
export function possibleOwners(bucket: number): number[] {
  const owners: number[] = []
  let highest = -1
  for (let shard = 0; shard < maxShards; shard++) {
    const score = scoreOf(bucket, shard)
    if (score > highest) owners.push(shard)
    highest = Math.max(highest, score)
  }
  return owners
}

const scoreOf = (bucket: number, shard: number): number => hashOf(`${bucket} ${shard}`)
