// The copy of the shared state in D1.

import { sql } from 'drizzle-orm'
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1'
import { state } from '../db/schema.ts'
import type { StateDatabase, StateRecord } from '../ports/state-port.ts'

export function d1State(binding: D1Database): StateDatabase {
  const database = drizzle(binding)
  return {
    async save(records) {
      const [first, ...others] = records.map((record) => upsert(database, record))
      // A batch is one transaction.
      if (first !== undefined) await database.batch([first, ...others])
    },
  }
}

const taken = {
  version: sql`excluded.version`,
  contentType: sql`excluded.content_type`,
  value: sql`excluded.value`,
  expiresAt: sql`excluded.expires_at`,
  deleted: sql`excluded.deleted`,
  at: sql`excluded.at`,
}

/** What comes late, or twice, changes nothing. */
function upsert(database: DrizzleD1Database, record: StateRecord) {
  const { namespace, key, version, content, expiresAt = null, savedAt } = record
  return database
    .insert(state)
    .values({
      namespace,
      key,
      version,
      contentType: content?.type ?? null,
      value: content === undefined ? null : sql`${content.bytes}`,
      expiresAt,
      deleted: content === undefined,
      at: savedAt,
    })
    .onConflictDoUpdate({
      target: [state.namespace, state.key],
      set: taken,
      setWhere: sql`excluded.version > ${state.version}`,
    })
}
