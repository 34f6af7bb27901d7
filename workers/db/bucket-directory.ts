// Which shard holds which bucket, in the gateway's own database. The shards themselves know better, and say where a
// bucket has gone: without this table requests are only slower to find it.
import { and, eq, isNotNull, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { orderBuckets } from './schema.ts'
import { type D1Source, listening, primaryOf } from './statements.ts'

export interface BucketPlace {
  readonly shard: number
  readonly version: number
  readonly movingTo?: number | undefined
  /** ms since the epoch: before then nobody else takes the move up. */
  readonly movingUntil?: number
}

/** Rejects as D1 does, or after 10 s. */
export interface BucketDirectory {
  /** Those that were ever moved, by their numbers. */
  read(): Promise<ReadonlyMap<number, BucketPlace>>
  /** Claims a move: the new version, or undefined where somebody else was faster. */
  begin(bucket: number, from: BucketPlace, to: number, until: number): Promise<number | undefined>
  /** Keeps the claim until then. False where it is another's by now. */
  keep(bucket: number, version: number, until: number): Promise<boolean>
  /** Ends the move with that version, unless there is a later one. */
  finish(bucket: number, to: number, version: number): Promise<void>
  /** Of the buckets that are on their way. */
  moving(): Promise<number[]>
}

export function bucketDirectory(source: D1Source): BucketDirectory {
  const database = () => drizzle(listening(primaryOf('of the buckets', source)))
  return {
    async read() {
      const rows = await database().select().from(orderBuckets)
      return new Map(
        rows.map(({ bucket, movingTo, movingUntil, ...place }) => [
          bucket,
          movingTo === null ? place : { ...place, movingTo, movingUntil },
        ]),
      )
    },
    async begin(bucket, from, movingTo, movingUntil) {
      const { shard, version } = from
      // A move that has ended meanwhile has the same version still, but is no longer on its way.
      const isAsRead = sql`${orderBuckets.version} = ${version} AND ${orderBuckets.shard} = ${shard}
        AND ${orderBuckets.movingTo} IS ${from.movingTo ?? null}
        AND (${orderBuckets.movingTo} IS NULL OR ${orderBuckets.movingUntil} = ${from.movingUntil ?? 0})`
      const claimed = await database()
        .insert(orderBuckets)
        .values({ bucket, shard, version: version + 1, movingTo, movingUntil })
        .onConflictDoUpdate({
          target: orderBuckets.bucket,
          set: { version: version + 1, movingTo, movingUntil },
          setWhere: isAsRead,
        })
        .returning({ version: orderBuckets.version })
      return claimed[0]?.version
    },
    async keep(bucket, version, movingUntil) {
      const kept = await database()
        .update(orderBuckets)
        .set({ movingUntil })
        .where(
          and(eq(orderBuckets.bucket, bucket), eq(orderBuckets.version, version), isNotNull(orderBuckets.movingTo)),
        )
        .returning({ bucket: orderBuckets.bucket })
      return kept.length === 1
    },
    async finish(bucket, shard, version) {
      await database()
        .update(orderBuckets)
        .set({ shard, movingTo: null, movingUntil: 0 })
        .where(and(eq(orderBuckets.bucket, bucket), eq(orderBuckets.version, version)))
    },
    async moving() {
      const rows = await database().select().from(orderBuckets).where(isNotNull(orderBuckets.movingTo))
      return rows.map(({ bucket }) => bucket)
    },
  }
}
