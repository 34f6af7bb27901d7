// Whose rows of a bucket count in a listing: what the shards themselves say, each as it was a moment ago, and maybe in a
// copy that lags behind.
import { sql } from 'drizzle-orm'
import { ownerOf } from '../../shared/state/place.ts'
import { orderOf } from './guard.ts'
import type { Reader } from './replicas.ts'
import { buckets } from './shard-tables.ts'
import type { Here } from './shards.ts'

export const isHeld: Here = (column) =>
  sql`${column} NOT IN (SELECT bucket FROM buckets WHERE state IN ('arriving', 'gone'))`

export type Holdings = ReadonlyMap<number, typeof buckets.$inferSelect>

/** All that a copy of a shard says of buckets; of those that it has never heard of it says nothing. */
export async function holdingsOf(reader: Reader): Promise<Holdings> {
  return new Map((await reader.select().from(buckets)).map((holding) => [holding.bucket, holding]))
}

export interface Holders {
  /** By bucket, where it is not simply at home. */
  readonly holders: ReadonlyMap<number, number>
  /** Buckets that have moved while they were asked for, or whose move the copies have not heard of; and where they may be. */
  readonly unsettled: ReadonlyMap<number, number>
}

/** Who of those that have answered held which bucket, from before its rows were read until after. */
export function holdersOf(
  parts: readonly ({ readonly before: Holdings; readonly after: Holdings } | undefined)[],
  homes: number,
): Holders {
  const holders = new Map<number, number>()
  const unsettled = new Map<number, number>()
  const moved = new Set(parts.flatMap((part) => (part === undefined ? [] : [...part.after.keys()])))
  for (const bucket of moved) {
    const told = parts.flatMap((part, shard) => {
      if (part === undefined) return []
      const [before, after] = [part.before.get(bucket), part.after.get(bucket)]
      const isSame = before?.version === after?.version && before?.state === after?.state
      if (after !== undefined) return { ...after, shard, isSame, order: orderOf(after) }
      return ownerOf(bucket, homes) === shard ? { ...unmoved, shard, isSame, order: orderOf(unmoved) } : []
    })
    const last = told.reduce((one, other) => (other.order > one.order ? other : one))
    const isReadable = last.state === 'held' || last.state === 'frozen'
    if (isReadable && last.isSame) holders.set(bucket, last.shard)
    else unsettled.set(bucket, last.movedTo ?? last.shard)
  }
  return { holders, unsettled }
}

const unmoved = { state: 'held', version: 0, movedTo: null } as const
