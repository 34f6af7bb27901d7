// Hands over the buckets that belong to other shards and that nobody asks for, a few at a time.
import { type Claim, heirOf } from '../../shared/state/buckets.ts'
import type { StatePage } from '../../shared/state/page.ts'
import { type Layout, ownerOf, type Place } from '../../shared/state/place.ts'
import type { BucketMoves } from './bucket-moves.ts'
import type { StateBuckets } from './state-buckets.ts'

const atOnce = 8
const inOneTurn = 256

/** Has the shard adopt what is at this place. */
export type Adopt = (shard: number, place: Place) => Promise<Claim | undefined>

/** How many buckets are still to be handed over, and whether one of them could not be. Never rejects. */
export async function sweep(
  me: number,
  layout: Layout,
  buckets: StateBuckets,
  moves: BucketMoves<StatePage>,
  adopt: Adopt,
): Promise<{ readonly left: number; readonly failed: boolean }> {
  const leaving = buckets.all().flatMap(({ bucket, state }) => {
    const place = heirOf(bucket, state, me, layout)
    return place === undefined ? [] : [{ place, to: toWhom(state.claim, me, place) }]
  })
  const turn = leaving.slice(0, inOneTurn)
  let failed = 0
  const work = async () => {
    for (let next = turn.shift(); next !== undefined; next = turn.shift()) {
      const { place, to } = next
      const claim = await adopt(to, place).catch(() => undefined)
      if (claim === undefined) failed++
      else moves.release(place.bucket, claim)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return { left: Math.max(0, leaving.length - inOneTurn) + failed, failed: failed > 0 }
}

const toWhom = ({ shard }: Claim, me: number, { bucket, shards }: Place): number =>
  shard === me ? ownerOf(bucket, shards) : shard
