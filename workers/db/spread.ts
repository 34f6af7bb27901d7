// Many buckets, one after another: over more shards than before, or fewer, as rendezvous hashing has it.
import { bucketCount, ownerOf } from '../../shared/state/place.ts'
import type { BucketPlace } from './bucket-directory.ts'
import { type MovingShards, moveBucket, statementsAMove } from './bucket-moves.ts'
import { usualAllowance } from './bucket-rows.ts'

export interface Spread {
  readonly moved: number
  /** By this call; of a bucket that has more than one call can copy the next copies on. */
  readonly rows: number
  /** Of the buckets that are not yet where they are to be. */
  readonly left: number
}

const atATime = 4

/** Moves at most so many buckets to where they belong over the first `over` shards. Rejects as moves do, when all are tried. */
export async function spread(shards: MovingShards, over: number, atMost: number): Promise<Spread> {
  const misplaced = misplacedOver(await shards.directory.read(), shards.homes, over)
  const moves = misplaced.slice(0, atMost).map((bucket) => ({ bucket, to: ownerOf(bucket, over) }))
  const done = await moveAll(shards, moves)
  return { ...done, left: misplacedOver(await shards.directory.read(), shards.homes, over).length }
}

/** Ends the moves that were begun and whose movers are dead, or goes on with them. Rejects where one fails, when all are tried. */
export async function finishMoves(shards: MovingShards): Promise<void> {
  const places = await shards.directory.read()
  const begun = [...places].flatMap(([bucket, { movingTo: to }]) => (to === undefined ? [] : { bucket, to }))
  await moveAll(shards, begun)
}

/** A shard that is down keeps nothing from moving between the others. */
async function moveAll(shards: MovingShards, moves: readonly { readonly bucket: number; readonly to: number }[]) {
  const queue = [...moves]
  const allowance = usualAllowance()
  const errors: unknown[] = []
  let [moved, rows] = [0, 0]
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (allowance.statements < statementsAMove) return
      try {
        const outcome = await moveBucket(shards, next.bucket, next.to, allowance)
        if (outcome.kind === 'moved') moved++
        if ('rows' in outcome) rows += outcome.rows
      } catch (error) {
        errors.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: atATime }, work))
  if (errors.length > 0) throw new AggregateError(errors, `${errors.length} of ${moves.length} moves failed.`)
  return { moved, rows }
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
