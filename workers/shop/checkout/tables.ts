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
    /** What the cart was that it has come of (cart.ts): no cart is bought twice. Null where nobody knows. */
    cart: text(),
    /** JSON (steps.ts). */
    purchase: text().notNull(),
    state: text({ enum: ['running', 'done', 'undone'] }).notNull(),
    /** Milliseconds since the epoch. */
    startedAt: integer('started_at').notNull(),
    /** When its journal was last written, or it was woken. */
    movedAt: integer('moved_at').notNull(),
    /** When it came to the step that it is at, how often that has failed since, and what was said of it the last time. */
    since: integer().notNull().default(0),
    failures: integer().notNull().default(0),
    trouble: text(),
  },
  (table) => [
    uniqueIndex('checkouts_key').on(table.account, table.idempotencyKey),
    uniqueIndex('checkouts_cart').on(table.account, table.cart),
    index('checkouts_standing').on(table.state, table.movedAt),
    index('checkouts_since').on(table.state, table.since, table.id),
  ],
)

/** Nothing is ever changed here. The n-th event of a checkout is written once, whoever else runs it. */
export const checkoutEvents = sqliteTable(
  'checkout_events',
  {
    checkout: text().notNull(),
    /** From 1 on. */
    position: integer().notNull(),
    kind: text({ enum: ['begin', 'done', 'fail', 'refuse', 'give-up', 'undo', 'undone'] }).notNull(),
    step: text().notNull(),
    because: text(),
    /** Milliseconds since the epoch. */
    at: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.checkout, table.position] })],
)
