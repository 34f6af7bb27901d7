import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const accounts = sqliteTable('accounts', {
  /** Unguessable: 128 random bits. */
  id: text().primaryKey(),
  /** In lower case. */
  email: text().notNull().unique(),
  name: text().notNull(),
  /** How it was derived, its salt and the outcome (password.ts). */
  password: text().notNull(),
  /** Milliseconds since the epoch. */
  createdAt: integer('created_at').notNull(),
})
