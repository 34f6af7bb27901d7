// The rows of a bucket as they go from one shard to another: by pages, each of which is noted where it arrives, in the same
// transaction. So whoever goes on where another has died begins with the next page, and no page arrives twice.
import { eq, sql } from 'drizzle-orm'
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1'
import { bucketCopies } from './shard-tables.ts'
import { type D1Session, type D1Source, listening, primaryOf, sessionThrough } from './statements.ts'

/** How much the moves of one call may do together. */
export interface Allowance {
  /** To shards, and left. */
  statements: number
  readonly rowsAPage: number
}

/** A Worker may send 1,000 statements in one call; the rest is for the directory, and for what else the call does. */
export const usualAllowance = (): Allowance => ({ statements: 700, rowsAPage: 1000 })

/** A shard at its primary. */
export interface Shard {
  readonly session: D1Session
  readonly database: DrizzleD1Database
}

/** `beat` comes before everything that is sent. */
export function shardOf(source: D1Source, allowance: Allowance, beat: () => Promise<unknown>): Shard {
  const primary = primaryOf('of a shard', source)
  const session = sessionThrough(primary, async (statements) => {
    allowance.statements -= statements.length
    await beat()
    return primary.batch(statements)
  })
  return { session, database: drizzle(listening(session)) }
}

export interface Table {
  readonly name: string
  readonly columns: readonly string[]
}

/** Every table that has a column `bucket`, by their names: none can be forgotten. All shards have the same. */
export async function tablesOf({ session }: Shard): Promise<Table[]> {
  const { results } = await session.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all()
  const names = (results as { readonly name: string }[]).map(({ name }) => name).filter(isOurs)
  const described = await session.batch(names.map((name) => session.prepare(`PRAGMA table_info(${quoted(name)})`)))
  const tables = names.map((name, index) => {
    const columns = (described[index]?.results ?? []) as readonly { readonly name: string }[]
    return { name, columns: columns.map(({ name }) => name) }
  })
  return tables.filter(({ columns }) => columns.includes('bucket'))
}

/** D1 and SQLite have tables of their own, which nobody may look into. */
const isOurs = (name: string): boolean => !/^(bucket_copies|buckets)$|^(_cf_|sqlite_|d1_)/.test(name)

export interface Page {
  /** A JSON text each. */
  readonly rows: readonly string[]
  /** The rowid of the last one. */
  readonly end: number
}

const mostBytes = 500_000

/** As JSON, which SQLite reads as it was, so that a page is one value, whatever is in it. */
export async function pageOf(
  { database }: Shard,
  { name, columns }: Table,
  bucket: number,
  after: number,
  most: number,
): Promise<Page> {
  const values = columns.map((column) => {
    const id = sql.identifier(column)
    return sql`CASE typeof(${id}) WHEN 'blob' THEN '{"hex":"' || hex(${id}) || '"}' ELSE json_quote(${id}) END`
  })
  const found = await database.all<{ readonly at: number; readonly row: string }>(
    sql`SELECT at, row FROM (
        SELECT at, row, sum(length(row)) OVER (ORDER BY at) - length(row) AS before FROM (
          SELECT rowid AS at, '[' || ${sql.join(values, sql` || ',' || `)} || ']' AS row FROM ${sql.identifier(name)}
          WHERE bucket = ${bucket} AND rowid > ${after} ORDER BY rowid LIMIT ${most}))
      WHERE before < ${mostBytes} ORDER BY at`,
  )
  return { rows: found.map(({ row }) => row), end: found.at(-1)?.at ?? after }
}

/** How far it is. */
export interface Copied {
  readonly table: string
  readonly after: number
}

/** The first page is still to come, and nothing is left of what an earlier move has brought. */
export const nothingCopied: Copied = { table: '', after: -1 }

export async function copiedOf({ database }: Shard, bucket: number): Promise<Copied | undefined> {
  const [copied] = await database.select().from(bucketCopies).where(eq(bucketCopies.bucket, bucket))
  return copied
}

/** A page, and that it has come, where it is still expected; false where it is not. Not by drizzle, whose batches take no SQL. */
export async function keep(
  { session }: Shard,
  { name, columns }: Table,
  { rows, end }: Page,
  { bucket, version }: { readonly bucket: number; readonly version: number },
): Promise<boolean> {
  const values = columns.map((_, index) => {
    const at = `'$[${index}]`
    return `CASE json_type(value, ${at}') WHEN 'object' THEN unhex(value ->> ${at}.hex') ELSE value ->> ${at}' END`
  })
  const [, noted] = await session.batch([
    session
      .prepare(
        `INSERT INTO ${quoted(name)} (${columns.map(quoted).join(', ')})
         SELECT ${values.join(', ')} FROM json_each(?1) WHERE ${isExpected('?2', '?3')}`,
      )
      .bind(`[${rows.join(',')}]`, bucket, version),
    session.prepare(noting).bind(bucket, version, name, end),
  ])
  return noted?.results.length === 1
}

const isExpected = (bucket: string, version: string): string =>
  `EXISTS (SELECT 1 FROM buckets WHERE bucket = ${bucket} AND state = 'arriving' AND version = ${version})`

const noting = `INSERT INTO bucket_copies (bucket, "table", after) SELECT ?1, ?3, ?4 WHERE ${isExpected('?1', '?2')}
  ON CONFLICT (bucket) DO UPDATE SET "table" = excluded."table", after = excluded.after RETURNING bucket`

export async function noteNothing({ session }: Shard, bucket: number, version: number): Promise<boolean> {
  const { table, after } = nothingCopied
  const { results } = await session.prepare(noting).bind(bucket, version, table, after).all()
  return results.length === 1
}

/** Deletes so many rows at most of those that count for nothing, since the bucket is `state` here. Whether some are left. */
export async function clearSome(
  { session }: Shard,
  { name }: Table,
  { bucket, version }: { readonly bucket: number; readonly version: number },
  state: 'arriving' | 'gone',
  most: number,
): Promise<boolean> {
  const useless = `SELECT rowid FROM ${quoted(name)} WHERE bucket = ?1 AND
    EXISTS (SELECT 1 FROM buckets WHERE bucket = ?1 AND state = '${state}' AND version <= ?2)`
  const [, left] = await session.batch([
    session.prepare(`DELETE FROM ${quoted(name)} WHERE rowid IN (${useless} LIMIT ?3)`).bind(bucket, version, most),
    session.prepare(`${useless} LIMIT 1`).bind(bucket, version),
  ])
  return left?.results.length === 1
}

export async function countOf({ database }: Shard, table: string, bucket: number): Promise<number> {
  const [row] = await database.all<{ count: number }>(
    sql`SELECT count(*) AS count FROM ${sql.identifier(table)} WHERE bucket = ${bucket}`,
  )
  return row?.count ?? 0
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
