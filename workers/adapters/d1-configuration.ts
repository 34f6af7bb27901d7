// The record of configurations in D1: the primary copy, with its history.
import { desc, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { ConfigurationDatabase, ConfigurationRecord } from '../configuration.ts'
import { configurations } from '../db/schema.ts'

/** Its methods throw what D1 throws; callers bound the time. */
export function d1Configuration(binding: D1Database): ConfigurationDatabase {
  const database = drizzle(binding)
  return {
    async read() {
      const { version, document } = configurations
      return database.select({ version, document }).from(configurations).orderBy(desc(version)).limit(1).get()
    },
    async append(document, expectedVersion, now) {
      // One statement, so that of two writers who saw the same version only one succeeds.
      const condition =
        expectedVersion === undefined ? sql`` : sql`HAVING coalesce(max(version), 0) = ${expectedVersion}`
      const row = await database.get<Pick<ConfigurationRecord, 'version'> | undefined>(
        sql`INSERT INTO configurations (version, document, created_at)
            SELECT coalesce(max(version), 0) + 1, ${document}, ${now} FROM configurations ${condition}
            RETURNING version`,
      )
      return row === undefined || row === null ? undefined : { version: row.version, document }
    },
  }
}
