import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** An FTS5 table, made by migrations/shop/0001_search.sql: drizzle knows no virtual tables. */
export const documents = sqliteTable('documents', {
  id: text().notNull(),
  version: integer().notNull(),
  /** JSON: the item, as the catalog shows it. */
  item: text().notNull(),
  title: text().notNull(),
  place: text().notNull(),
  kind: text().notNull(),
  description: text().notNull(),
})
