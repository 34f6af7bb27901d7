import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** One row for each key, for as long as it may come again: nothing is charged twice, and what was refunded is never charged again. */
export const charges = sqliteTable('charges', {
  /** The idempotency key: whoever comes with it again means the same charge. */
  key: text().primaryKey(),
  /** refunded: also where it was never charged, so that a charge that comes late is refused. */
  state: text({ enum: ['charged', 'declined', 'refunded'] }).notNull(),
  /** In minor units; what was charged, and stays so where it was refunded. */
  amount: integer().notNull(),
  /** ISO 4217; empty where nothing was ever charged. */
  currency: text().notNull(),
  /** Milliseconds since the epoch. */
  createdAt: integer('created_at').notNull(),
  changedAt: integer('changed_at').notNull(),
})
