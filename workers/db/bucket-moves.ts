// Moves a bucket from one shard to another while both serve. Each step can fail at any point, with the process too: the
// move is taken up again from what the shards say, under a new version, and whoever went on with the old one changes
// nothing any more. Where it fails before there is no way back, the source may be written again until then.
//
//   source  held ──► frozen ──────────────► gone            (its rows are deleted)
//   target          arriving ── rows ──►           held
//
// While it is frozen the bucket is read at the source and not written; between gone and held it is neither, for one call.
// The source is gone only when the target has every row: from then on there is no way back.
import { and, eq, inArray, lt, lte, or, sql } from 'drizzle-orm'
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1'
import { ownerOf } from '../../shared/state/place.ts'
import type { BucketDirectory } from './bucket-directory.ts'
import { buckets } from './shard-tables.ts'
import type { Shards } from './shards.ts'
import { type D1Session, type D1Source, listening, primaryOf } from './statements.ts'

export type Moved =
  | { readonly kind: 'moved'; readonly rows: number }
  /** It was there already. */
  | { readonly kind: 'there' }
  /** Somebody else moves it at the same time. */
  | { readonly kind: 'overtaken' }

export type MovingShards = Pick<Shards, 'sources' | 'homes' | 'directory'>

const rowsAPage = 50

/** Ends what was begun before it begins anything. Rejects where a database does; then it is to be called again. */
export async function moveBucket(shards: MovingShards, bucket: number, to: number): Promise<Moved> {
  const { sources, homes, directory } = shards
  if (sources[to] === undefined) throw new Error(`There is no shard ${to}: there are ${sources.length}.`)
  const place = (await directory.read()).get(bucket) ?? { shard: ownerOf(bucket, homes), version: 0 }
  if (place.movingTo === undefined && place.shard === to) return { kind: 'there' }
  const target = place.movingTo ?? to
  const version = await directory.begin(bucket, place, target)
  if (version === undefined) return { kind: 'overtaken' }
  const isHome = ownerOf(bucket, homes) === place.shard
  const [source, destination] = [sources[place.shard], sources[target]]
  if (source === undefined || destination === undefined) {
    throw new Error(`The bucket ${bucket} is in a shard that is not bound any more: bind it again.`)
  }
  const from = shardOf(source)
  const move = { bucket, version, to: target, isHome, directory }
  const moved = await carryOut({ ...move, tables: await tablesOf(from) }, from, shardOf(destination)).catch(
    async (error) => {
      // Whoever writes is not to wait until a shard is back.
      await thaw(from.database, move).catch(() => undefined)
      throw error
    },
  )
  return moved.kind === 'moved' && target !== to ? moveBucket(shards, bucket, to) : moved
}

interface Move {
  readonly bucket: number
  readonly version: number
  readonly to: number
  /** The source held it before it had a row of it. */
  readonly isHome: boolean
  readonly directory: BucketDirectory
  readonly tables: readonly string[]
}

async function carryOut(move: Move, from: Shard, target: Shard): Promise<Moved> {
  const { bucket, version, to, directory } = move
  const source = from.database
  let rows = 0
  // Nothing is frozen for a target that does not answer.
  await countOf(target.database, 'buckets', bucket)
  if (await freeze(source, move)) {
    if (!(await expect(target.database, move))) return { kind: 'overtaken' }
    rows = await copy(source, target, move)
    if (!(await leave(source, move))) return { kind: 'overtaken' }
  } else if (!(await isGone(source, move))) return { kind: 'overtaken' }
  if (!(await hold(target.database, move))) return { kind: 'overtaken' }
  await clear(source, move, 'gone')
  await directory.finish(bucket, to, version)
  return { kind: 'moved', rows }
}

/** From now on nothing is written here. False where the bucket is gone already, or a later move is on. */
async function freeze(source: DrizzleD1Database, { bucket, version, to, isHome }: Move): Promise<boolean> {
  const unheardOf = isHome
    ? [source.insert(buckets).values({ bucket, state: 'held', version: 0 }).onConflictDoNothing()]
    : []
  const changes = source
    .update(buckets)
    .set({ state: 'frozen', version, movedTo: to })
    .where(and(eq(buckets.bucket, bucket), inArray(buckets.state, ['held', 'frozen']), lt(buckets.version, version)))
    .returning({ bucket: buckets.bucket })
  const results = await source.batch([...unheardOf, changes] as unknown as readonly [typeof changes])
  return (results.at(-1) ?? []).length > 0
}

/** What is not gone yet is written here again, and whoever copies it copies in vain. */
async function thaw(source: DrizzleD1Database, { bucket, version }: Pick<Move, 'bucket' | 'version'>): Promise<void> {
  await source
    .update(buckets)
    .set({ state: 'held', version, movedTo: null })
    .where(and(eq(buckets.bucket, bucket), eq(buckets.state, 'frozen'), lte(buckets.version, version)))
}

/** Whatever an earlier attempt has left here goes. False where a later move is on. */
async function expect(target: DrizzleD1Database, move: Move): Promise<boolean> {
  const { bucket, version } = move
  const expected = await target
    .insert(buckets)
    .values({ bucket, state: 'arriving', version })
    .onConflictDoUpdate({
      target: buckets.bucket,
      set: { state: 'arriving', version, movedTo: null },
      setWhere: sql`${buckets.state} IN ('gone', 'arriving') AND ${buckets.version} < ${version}`,
    })
    .returning({ bucket: buckets.bucket })
  if (expected.length > 0) await clear(target, move, 'arriving')
  return expected.length > 0
}

/** All rows, by pages. Throws where the target has not as many in the end. */
async function copy(source: DrizzleD1Database, target: Shard, move: Move): Promise<number> {
  let copied = 0
  for (const table of move.tables) {
    for (let after = -1, rows = rowsAPage; rows === rowsAPage; ) {
      const page = await pageOf(source, table, move.bucket, after)
      await keep(target, table, page, move)
      after = page.at(-1)?.after ?? after
      rows = page.length
      copied += rows
    }
    const [there, here] = [
      await countOf(source, table, move.bucket),
      await countOf(target.database, table, move.bucket),
    ]
    if (there !== here)
      throw new Error(`Of ${there} rows in ${table} ${here} have arrived. Nothing is lost: move again.`)
  }
  return copied
}

async function leave(source: DrizzleD1Database, { bucket, version }: Move): Promise<boolean> {
  const left = await source
    .update(buckets)
    .set({ state: 'gone' })
    .where(and(eq(buckets.bucket, bucket), eq(buckets.state, 'frozen'), eq(buckets.version, version)))
    .returning({ bucket: buckets.bucket })
  return left.length > 0
}

/** To where this move goes: then the target has all. */
async function isGone(source: DrizzleD1Database, { bucket, version, to }: Move): Promise<boolean> {
  const found = await source
    .select()
    .from(buckets)
    .where(
      and(
        eq(buckets.bucket, bucket),
        eq(buckets.state, 'gone'),
        eq(buckets.movedTo, to),
        lte(buckets.version, version),
      ),
    )
  return found.length > 0
}

async function hold(target: DrizzleD1Database, { bucket, version }: Move): Promise<boolean> {
  const isOurs = or(
    and(eq(buckets.state, 'arriving'), lte(buckets.version, version)),
    // By an earlier attempt.
    and(eq(buckets.state, 'held'), lte(buckets.version, version)),
  )
  const held = await target
    .update(buckets)
    .set({ state: 'held', version })
    .where(and(eq(buckets.bucket, bucket), isOurs))
    .returning({ bucket: buckets.bucket })
  return held.length > 0
}

/** Deletes the bucket's rows where they count for nothing. */
async function clear(database: DrizzleD1Database, move: Move, state: 'arriving' | 'gone'): Promise<void> {
  const { bucket, version, tables } = move
  const isUseless = sql`EXISTS (SELECT 1 FROM buckets WHERE bucket = ${bucket} AND state = ${state} AND version <= ${version})`
  for (const table of tables) {
    await database.run(sql`DELETE FROM ${sql.identifier(table)} WHERE bucket = ${bucket} AND ${isUseless}`)
  }
}

// Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface CopiedRow {
  readonly after: number
  readonly row: Readonly<Record<string, unknown>>
}

/** Every table that has a column `bucket`: none can be forgotten. All shards have the same. */
async function tablesOf({ session }: Shard): Promise<string[]> {
  const { results } = await session.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
  const names = (results as { readonly name: string }[]).map(({ name }) => name).filter(isOurs)
  const described = await session.batch(names.map((name) => session.prepare(`PRAGMA table_info(${quoted(name)})`)))
  return names.filter((_, index) => {
    const columns = (described[index]?.results ?? []) as readonly { readonly name: string }[]
    return columns.some(({ name }) => name === 'bucket')
  })
}

/** D1 and SQLite have tables of their own, which nobody may look into. */
const isOurs = (name: string): boolean => name !== 'buckets' && !/^(_cf_|sqlite_|d1_)/.test(name)

async function pageOf(database: DrizzleD1Database, table: string, bucket: number, after: number): Promise<CopiedRow[]> {
  const rows = await database.all<Record<string, unknown>>(
    sql`SELECT rowid AS "copied after", * FROM ${sql.identifier(table)} WHERE bucket = ${bucket} AND rowid > ${after}
        ORDER BY rowid LIMIT ${rowsAPage}`,
  )
  return rows.map(({ 'copied after': at, ...row }) => ({ after: Number(at), row }))
}

/** Not by drizzle, whose batches take no statements in SQL. */
async function keep(target: Shard, table: string, page: readonly CopiedRow[], move: Move): Promise<void> {
  if (page.length === 0) return
  const inserts = page.map(({ row }) => {
    const columns = Object.keys(row).map(quoted).join(', ')
    const values = Object.keys(row).map(() => '?')
    const isExpected = `EXISTS (SELECT 1 FROM buckets WHERE bucket = ? AND state = 'arriving' AND version = ?)`
    return target.session
      .prepare(`INSERT INTO ${quoted(table)} (${columns}) SELECT ${values.join(', ')} WHERE ${isExpected}`)
      .bind(...Object.values(row), move.bucket, move.version)
  })
  await target.session.batch(inserts)
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

async function countOf(database: DrizzleD1Database, table: string, bucket: number): Promise<number> {
  const [row] = await database.all<{ count: number }>(
    sql`SELECT count(*) AS count FROM ${sql.identifier(table)} WHERE bucket = ${bucket}`,
  )
  return row?.count ?? 0
}

/** At its primary. */
interface Shard {
  readonly session: D1Session
  readonly database: DrizzleD1Database
}

function shardOf(source: D1Source): Shard {
  const session = primaryOf('of a shard', source)
  return { session, database: drizzle(listening(session)) }
}
