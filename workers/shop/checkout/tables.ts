import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

/** A row for each checkout: what it is about, and whether it is over. */
export const checkouts = sqliteTable(
  'checkouts',
  {
    /** Unguessable; the order's id too, and the key of every effect. */
    id: text().primaryKey(),
    account: text().notNull(),
    /** What the customer's click has as its own: the same one again means the same checkout. */
    idempotencyKey: text('idempotency_key').notNull(),
    /** JSON (steps.ts). */
    purchase: text().notNull(),
    state: text({ enum: ['running', 'done', 'undone'] }).notNull(),
    /** Milliseconds since the epoch. */
    startedAt: integer('started_at').notNull(),
    /** When its journal was last written, or it was woken. */
    movedAt: integer('moved_at').notNull(),
  },
  (table) => [
    uniqueIndex('checkouts_key').on(table.account, table.idempotencyKey),
    index('checkouts_standing').on(table.state, table.movedAt),
  ],
)

/** Nothing is ever changed here. The n-th event of a checkout is written once, whoever else runs it. */
export const checkoutEvents = sqliteTable(
  'checkout_events',
  {
    checkout: text().notNull(),
    /** From 1 on. */
    position: integer().notNull(),
    kind: text({ enum: ['begin', 'done', 'refuse', 'give-up', 'undo', 'undone'] }).notNull(),
    step: text().notNull(),
    because: text(),
    /** Milliseconds since the epoch. */
    at: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.checkout, table.position] })],
)
