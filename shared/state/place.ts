// Where a key lives. Keys fall into 4,096 buckets for good; the buckets are spread over as many shards as the
// configuration says, so that with more of them each gives away its share and no other key moves.
import { hashOf, rankRendezvous } from '../balance/rendezvous.ts'

export const bucketCount = 4096

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

/** The shard of a bucket, from 0 on. */
export function ownerOf(bucket: number, shards: number): number {
  const ids = Array.from({ length: shards }, (_, shard) => String(shard))
  return rankRendezvous(ids, Array<number>(shards).fill(1), hashOf(String(bucket)))[0]!
}
