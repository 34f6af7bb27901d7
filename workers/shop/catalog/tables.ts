import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const items = sqliteTable(
  'items',
  {
    id: text().primaryKey(),
    title: text().notNull(),
    kind: text().notNull(),
    place: text().notNull(),
    description: text().notNull(),
    /** In minor units of the currency. */
    price: integer().notNull(),
    currency: text().notNull(),
    /** What nobody has reserved. */
    stock: integer().notNull(),
    /** The path of a picture among the media; null for none. */
    picture: text(),
    /** Of the account that offers it; null for the shop itself. */
    seller: text(),
    /** Counts up with every change. */
    version: integer().notNull(),
    /** The version that the search knows. */
    indexed: integer().notNull().default(0),
    /** Milliseconds since the epoch. */
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    index('items_newest').on(table.createdAt, table.id),
    index('items_kind').on(table.kind, table.createdAt),
    index('items_picture').on(table.picture),
  ],
)

/** Of items that are gone, or have another one, until they are removed from the media. */
export const unshownPictures = sqliteTable('unshown_pictures', {
  /** Among the media. */
  path: text().primaryKey(),
  /** Milliseconds since the epoch. */
  at: integer().notNull(),
})

/** What checkouts have taken out of the stock. The key is the checkout's, so that a repeat takes nothing again. */
export const reservations = sqliteTable('reservations', {
  key: text().primaryKey(),
  /** JSON: a list of `{id, quantity}`. */
  lines: text().notNull(),
  state: text({ enum: ['held', 'released'] }).notNull(),
  /** Of the call that has noted it. */
  claim: text().notNull(),
  /** Milliseconds since the epoch. */
  at: integer().notNull(),
})
