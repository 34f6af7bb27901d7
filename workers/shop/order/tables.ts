// The tables of each database of orders (`npm run migrations:orders`).
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const orders = sqliteTable(
  'orders',
  {
    /** Begins with the bucket of its account (workers/db/shards.ts). */
    id: text().primaryKey(),
    bucket: integer().notNull(),
    account: text().notNull(),
    /** shipped: all that belongs to it is done. cancelled: for good, also where it came before the order did. */
    state: text({ enum: ['placed', 'shipped', 'cancelled'] }).notNull(),
    /** JSON: a list of `{id, title, quantity, price}`. */
    lines: text().notNull(),
    /** In minor units. */
    total: integer().notNull(),
    currency: text().notNull(),
    /** Why it was cancelled. */
    because: text(),
    /** Milliseconds since the epoch. */
    createdAt: integer('created_at').notNull(),
    changedAt: integer('changed_at').notNull(),
  },
  (table) => [index('orders_account').on(table.account, table.createdAt), index('orders_bucket').on(table.bucket)],
)

/** Beside its order. */
export const shipments = sqliteTable(
  'shipments',
  {
    /** Of the order. */
    id: text().primaryKey(),
    bucket: integer().notNull(),
    /** cancelled: also where it was never booked. */
    state: text({ enum: ['booked', 'cancelled'] }).notNull(),
    /** JSON: name, street, city, country. */
    address: text().notNull(),
    /** Milliseconds since the epoch. */
    createdAt: integer('created_at').notNull(),
    changedAt: integer('changed_at').notNull(),
  },
  (table) => [index('shipments_bucket').on(table.bucket)],
)
