// The tables of the gateway's own database. `npm run migrations` turns a change of this file into a migration.
import { blob, index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Every configuration there was; the one with the highest version is in force. */
export const configurations = sqliteTable('configurations', {
  version: integer().primaryKey(),
  /** JSON, as the user wrote it: no defaults filled in. */
  document: text().notNull(),
  /** Milliseconds since the epoch. */
  createdAt: integer('created_at').notNull(),
})

/**
 * One row for each target of a purge; those of one request share its epoch. The newest row is never deleted, since the
 * next epoch is counted from it.
 */
export const purges = sqliteTable(
  'purges',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    epoch: integer().notNull(),
    kind: text({ enum: ['url', 'tag', 'prefix', 'host', 'everything'] }).notNull(),
    /** Empty for everything. */
    value: text().notNull(),
    soft: integer({ mode: 'boolean' }).notNull(),
    /** Milliseconds since the epoch of the clock. */
    at: integer().notNull(),
  },
  (table) => [index('purges_epoch').on(table.epoch)],
)

/** The shared state of the namespaces that are written here too, as it was a moment ago; a key that was removed stays. */
export const state = sqliteTable(
  'state',
  {
    namespace: text().notNull(),
    key: text().notNull(),
    /** Counts up with every change of the key; what is older is never written. */
    version: integer().notNull(),
    contentType: text('content_type'),
    /** Null where the key was removed. */
    value: blob({ mode: 'buffer' }),
    /** When the value ends, in milliseconds since the epoch; null: never. */
    expiresAt: integer('expires_at'),
    deleted: integer({ mode: 'boolean' }).notNull(),
    /** When it was written here, in milliseconds since the epoch. */
    at: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.namespace, table.key] })],
)

/** Where the buckets of orders live that were ever moved, see bucket-moves.ts; all others live at home. */
export const orderBuckets = sqliteTable('order_buckets', {
  bucket: integer().primaryKey(),
  shard: integer().notNull(),
  /** Counts up with every attempt at a move. */
  version: integer().notNull(),
  /** The shard to which a move is under way. */
  movingTo: integer('moving_to'),
  /** Whoever carries it out was alive, and says so again until then; in milliseconds since the epoch. */
  movingUntil: integer('moving_until').notNull().default(0),
})
