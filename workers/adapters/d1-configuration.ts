// The record of configurations in D1: the primary copy, with its history.
import { desc, max, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { ConfigurationDatabase, ConfigurationRecord } from '../configuration.ts'
import { configurations, purges } from '../db/schema.ts'
import { selectPurges, toPurgeRecord } from './d1-purges.ts'

/** Its methods throw what D1 throws; callers bound the time. */
export function d1Configuration(binding: D1Database): ConfigurationDatabase {
  const database = drizzle(binding)
  return {
    async read() {
      const { version, document } = configurations
      // A batch is one transaction: both parts are of one instant.
      const [[newest], rows] = await database.batch([
        database.select({ version, document }).from(configurations).orderBy(desc(version)).limit(1),
        selectPurges(database),
      ])
      return newest && { ...newest, ...(rows.length > 0 && { purges: toPurgeRecord(rows) }) }
    },
    async newest() {
      const [[configuration], [purge]] = await database.batch([
        database.select({ version: max(configurations.version) }).from(configurations),
        database.select({ epoch: max(purges.epoch) }).from(purges),
      ])
      return { version: configuration?.version ?? 0, epoch: purge?.epoch ?? 0 }
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
