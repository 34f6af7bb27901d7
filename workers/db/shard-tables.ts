// The tables of each shard beside those that are sharded, which have a column `bucket`.
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** A bucket without a row is held by its home, and by nobody else. See bucket-moves.ts. */
export const buckets = sqliteTable('buckets', {
  bucket: integer().primaryKey(),
  /**
   * held: read and written here. frozen: read here, while it is copied elsewhere. arriving: being copied to here.
   * gone: whatever is left of it here counts no more.
   */
  state: text({ enum: ['held', 'frozen', 'arriving', 'gone'] }).notNull(),
  /** Of the move that brought it into this state; a later move has a higher one. */
  version: integer().notNull(),
  /** The shard to which it goes, or is gone. */
  movedTo: integer('moved_to'),
})

/** Of a bucket that arrives: how far it has come. Without a row, what an earlier move has left here is to go first. */
export const bucketCopies = sqliteTable('bucket_copies', {
  bucket: integer().primaryKey(),
  /** The tables come by their names. */
  table: text().notNull(),
  /** The rowid, where it comes from, of the last row that is here. */
  after: integer().notNull(),
})
