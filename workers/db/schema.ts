// The tables of the gateway's own database. `npm run migrations` turns a change of this file into a migration.
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Every configuration there was; the one with the highest version is in force. */
export const configurations = sqliteTable('configurations', {
  version: integer().primaryKey(),
  /** JSON, as the user wrote it: no defaults filled in. */
  document: text().notNull(),
  /** Milliseconds since the epoch. */
  createdAt: integer('created_at').notNull(),
})
