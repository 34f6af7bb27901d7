// The purges in D1: the primary copy. Rows that no longer say anything are deleted as new ones come.
import { asc, type SQL, sql } from 'drizzle-orm'
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1'
import { foldPurges, type Purge, type PurgeRecord, type PurgeTarget } from '../../shared/purge.ts'
import type { PurgeDatabase } from '../configuration.ts'
import { purges } from '../db/schema.ts'
import { within } from '../within.ts'

/** Values go as JSON, of which D1 takes 2 MB in one parameter: at most 3 KB each in UTF-8. */
const targetsPerStatement = 400
const tidyPatienceMs = 1000

interface Row extends Purge {
  readonly id: number
}

/** Its methods throw what D1 throws; callers bound the time. */
export function d1Purges(binding: D1Database): PurgeDatabase {
  const database = drizzle(binding)
  return {
    async read() {
      return toPurgeRecord(await selectPurges(database))
    },
    async append(targets, now) {
      // A batch is one transaction: nobody else takes the epoch, and what is read holds all before it.
      const [first, ...others] = chunksOf(targets)
      const results = await database.batch([
        database.insert(purges).select(rowsOf(first ?? [], sql`coalesce(max(epoch), 0) + 1`, now)),
        ...others.map((chunk) => database.insert(purges).select(rowsOf(chunk, sql`max(epoch)`, now))),
        selectPurges(database),
      ])
      const rows = results.at(-1) as Row[]
      await within(tidyPatienceMs, () => tidy(database, rows))
      return toPurgeRecord(rows)
    },
  }
}

/** For a batch too. */
export const selectPurges = (database: DrizzleD1Database) =>
  database.select().from(purges).orderBy(asc(purges.epoch), asc(purges.id))

/** `rows` in the order of their epochs. */
export function toPurgeRecord(rows: readonly Row[]): PurgeRecord {
  const { purges: kept, floor } = foldPurges(rows)
  return { epoch: rows.at(-1)?.epoch ?? 0, floor, list: kept.map(({ id: _, ...purge }) => purge) }
}

/** A row for each target, in the order of the table's columns. */
function rowsOf(targets: readonly PurgeTarget[], epoch: SQL, now: number): SQL {
  // The clocks of two isolates may differ, but a newer purge is never older.
  const at = sql`max(${now}, coalesce((SELECT at FROM purges ORDER BY epoch DESC LIMIT 1), 0))`
  return sql`SELECT NULL, (SELECT ${epoch} FROM purges), value ->> 'kind', value ->> 'value', value ->> 'soft', ${at}
             FROM json_each(${JSON.stringify(targets)})`
}

function chunksOf(targets: readonly PurgeTarget[]): PurgeTarget[][] {
  const count = Math.ceil(targets.length / targetsPerStatement)
  return Array.from({ length: count }, (_, index) =>
    targets.slice(index * targetsPerStatement, (index + 1) * targetsPerStatement),
  )
}

/**
 * Deletes what folding leaves out. The floor becomes a row of its own, a hard purge of everything, so that the newest
 * epoch is never lost. Rows that came since `rows` were read change nothing: what is useless stays so.
 */
async function tidy(database: DrizzleD1Database, rows: readonly Row[]): Promise<void> {
  const { purges: kept, floor } = foldPurges(rows)
  const floorRow = rows.find(({ epoch, kind, soft }) => epoch === floor && kind === 'everything' && !soft)
  const needed = new Set([...kept, floorRow].map((row) => row?.id))
  const useless = rows.flatMap(({ id }) => (needed.has(id) ? [] : [id]))
  if (useless.length === 0) return
  const { at = 0 } = rows.find(({ epoch }) => epoch === floor) ?? {}
  const addFloor = database.insert(purges).values({ epoch: floor, kind: 'everything', value: '', soft: false, at })
  const remove = database.delete(purges).where(sql`id IN (SELECT value FROM json_each(${JSON.stringify(useless)}))`)
  await (floor > 0 && floorRow === undefined ? database.batch([addFloor, remove]) : remove)
}
