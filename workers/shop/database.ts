// The shop's database, read and written at its primary.
import { drizzle } from 'drizzle-orm/d1'
import type { ShopDatabase } from './ports.ts'

export function primaryDatabase(binding: D1Database): ShopDatabase {
  const database = drizzle(binding)
  return {
    read: (_, query) => query(database),
    write: async (query) => ({ value: await query(database), bookmark: undefined }),
  }
}
