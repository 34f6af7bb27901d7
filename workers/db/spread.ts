// Many buckets, one after another: over more shards than before, or fewer, as rendezvous hashing has it.
import { bucketCount, ownerOf } from '../../shared/state/place.ts'
import type { BucketPlace } from './bucket-directory.ts'
import { type MovingShards, moveBucket } from './bucket-moves.ts'

export interface Spread {
  readonly moved: number
  readonly rows: number
  /** Of the buckets that are not yet where they are to be. */
  readonly left: number
}

const atATime = 4

/** Moves at most so many buckets to where they belong over the first `over` shards. Rejects as moves do. */
export async function spread(shards: MovingShards, over: number, atMost: number): Promise<Spread> {
  const misplaced = misplacedOver(await shards.directory.read(), shards.homes, over)
  const queue = misplaced.slice(0, atMost)
  let [moved, rows] = [0, 0]
  const work = async () => {
    for (let bucket = queue.shift(); bucket !== undefined; bucket = queue.shift()) {
      const outcome = await moveBucket(shards, bucket, ownerOf(bucket, over))
      if (outcome.kind === 'moved') {
        moved++
        rows += outcome.rows
      }
    }
  }
  await Promise.all(Array.from({ length: atATime }, work))
  return { moved, rows, left: misplacedOver(await shards.directory.read(), shards.homes, over).length }
}

/** Ends every move that was begun and is not under way any more. */
export async function finishMoves(shards: MovingShards): Promise<void> {
  for (const [bucket, { movingTo }] of await shards.directory.read()) {
    if (movingTo !== undefined) await moveBucket(shards, bucket, movingTo)
  }
}

/** How many buckets each shard has, the moving ones where they come from. */
export function bucketsByShard(places: ReadonlyMap<number, BucketPlace>, homes: number, shards: number): number[] {
  const counts = new Array<number>(shards).fill(0)
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    const shard = placeIn(places, homes, bucket).shard
    counts[shard] = (counts[shard] ?? 0) + 1
  }
  return counts
}

function misplacedOver(places: ReadonlyMap<number, BucketPlace>, homes: number, over: number): number[] {
  return Array.from({ length: bucketCount }, (_, bucket) => bucket).filter((bucket) => {
    const { shard, movingTo } = placeIn(places, homes, bucket)
    return movingTo !== undefined || shard !== ownerOf(bucket, over)
  })
}

const placeIn = (places: ReadonlyMap<number, BucketPlace>, homes: number, bucket: number): BucketPlace =>
  places.get(bucket) ?? { shard: ownerOf(bucket, homes), version: 0 }
