// Moves a bucket from one shard to another while both serve. Each step can fail at any point, with the process too: the
// move is taken up again from what the shards say, under a new version, and whoever went on with the old one changes
// nothing any more. Where it fails before there is no way back, the source may be written again until then.
//
//   source  held ──► frozen ──────────────► gone            (its rows are deleted)
//   target          arriving ── rows ──►           held
//
// While it is frozen the bucket is read at the source and not written; between gone and held it is neither, for one call.
// The source is gone only when the target has every row: from then on there is no way back.
//
// A bucket may have more rows than one call can copy. Where a call ends before, the next goes on with the page after the last
// that has arrived, if the source was frozen all the time. Whoever moves a bucket says every few seconds that they are alive;
// only where nothing was heard of them for a while does somebody else take the move up.
import { and, eq, inArray, lt, lte, or, sql } from 'drizzle-orm'
import type { DrizzleD1Database } from 'drizzle-orm/d1'
import { ownerOf } from '../../shared/state/place.ts'
import type { BucketDirectory } from './bucket-directory.ts'
import {
  type Allowance,
  type Copied,
  clearSome,
  copiedOf,
  countOf,
  keep,
  noteNothing,
  nothingCopied,
  pageOf,
  type Shard,
  shardOf,
  type Table,
  tablesOf,
  usualAllowance,
} from './bucket-rows.ts'
import { bucketCopies, buckets } from './shard-tables.ts'
import type { Shards } from './shards.ts'

export type Moved =
  /** By this call so many rows. */
  | { readonly kind: 'moved'; readonly rows: number }
  /** There is more to do than one call can: the next goes on. */
  | { readonly kind: 'under-way'; readonly rows: number }
  /** It was there already. */
  | { readonly kind: 'there' }
  /** Somebody else moves it at the same time. */
  | { readonly kind: 'overtaken' }

export type MovingShards = Pick<Shards, 'sources' | 'homes' | 'directory' | 'now'>

/** What a move without rows sends to its shards. */
export const statementsAMove = 60
/** What it takes to end one whose rows are all there. */
const statementsToEnd = 25

/** Longer than a statement takes; who is slower is overtaken, and has copied in vain. Meanwhile nobody writes to the bucket. */
const aliveMs = 15_000
const beatMs = 3_000

/** Ends what was begun before it begins anything. Rejects where a database does; then it is to be called again. */
export async function moveBucket(
  shards: MovingShards,
  bucket: number,
  to: number,
  allowance = usualAllowance(),
): Promise<Moved> {
  const { sources, homes, directory, now } = shards
  if (sources[to] === undefined) throw new Error(`There is no shard ${to}: there are ${sources.length}.`)
  const place = (await directory.read()).get(bucket) ?? { shard: ownerOf(bucket, homes), version: 0 }
  if (place.movingTo === undefined && place.shard === to) return { kind: 'there' }
  if ((place.movingUntil ?? 0) > now()) return { kind: 'overtaken' }
  const target = place.movingTo ?? to
  const version = await directory.begin(bucket, place, target, now() + aliveMs)
  if (version === undefined) return { kind: 'overtaken' }
  const isHome = ownerOf(bucket, homes) === place.shard
  const [source, destination] = [sources[place.shard], sources[target]]
  if (source === undefined || destination === undefined) {
    throw new Error(`The bucket ${bucket} is in a shard that is not bound any more: bind it again.`)
  }
  const beat = heartbeat(directory, bucket, version, now)
  const [from, there] = [shardOf(source, allowance, beat), shardOf(destination, allowance, beat)]
  const move = { bucket, version, to: target, isHome, directory, allowance }
  const letGo = () => directory.keep(bucket, version, 0)
  const moved = await carryOut(move, from, there).catch(async (error) => {
    // Whoever writes is not to wait until a shard is back.
    await thaw(from.database, move).catch(() => undefined)
    await letGo().catch(() => undefined)
    throw error
  })
  if (moved.kind === 'under-way') await letGo()
  return moved.kind === 'moved' && target !== to ? moveBucket(shards, bucket, to, allowance) : moved
}

/** Says now and then that the move goes on. Where that fails, or it has become another's, its version will tell. */
function heartbeat(directory: BucketDirectory, bucket: number, version: number, now: () => number) {
  let nextAt = now() + beatMs
  return async (): Promise<void> => {
    if (now() < nextAt) return
    nextAt = now() + beatMs
    await directory.keep(bucket, version, now() + aliveMs).catch(() => undefined)
  }
}

interface Move {
  readonly bucket: number
  readonly version: number
  readonly to: number
  /** The source held it before it had a row of it. */
  readonly isHome: boolean
  readonly directory: BucketDirectory
  readonly allowance: Allowance
}

async function carryOut(move: Move, from: Shard, target: Shard): Promise<Moved> {
  const { bucket, version, to, directory } = move
  const source = from.database
  const tables = await tablesOf(from)
  let rows = 0
  // Nothing is frozen for a target that does not answer.
  await countOf(target, 'buckets', bucket)
  const before = await freeze(source, move)
  if (before !== undefined) {
    if (!(await expect(target.database, move, before))) return { kind: 'overtaken' }
    const copied = await copy(from, target, move, tables)
    rows = copied.rows
    if (copied.stopped !== undefined) return { kind: copied.stopped, rows }
    if (!(await leave(source, move))) return { kind: 'overtaken' }
  } else if (!(await isGone(source, move))) return { kind: 'overtaken' }
  if (!(await hold(target.database, move))) return { kind: 'overtaken' }
  if (!(await clear(from, move, tables, 'gone'))) return { kind: 'under-way', rows }
  await directory.finish(bucket, to, version)
  return { kind: 'moved', rows }
}

/** What the bucket was before: from now on nothing is written here. Undefined where it is gone, or a later move is on. */
async function freeze(source: DrizzleD1Database, move: Move): Promise<typeof buckets.$inferSelect | undefined> {
  const { bucket, version, to, isHome } = move
  const unheardOf = isHome
    ? [source.insert(buckets).values({ bucket, state: 'held', version: 0 }).onConflictDoNothing()]
    : []
  const isWhole = and(
    eq(buckets.bucket, bucket),
    inArray(buckets.state, ['held', 'frozen']),
    lt(buckets.version, version),
  )
  const found = source.select().from(buckets).where(isWhole)
  const changes = source.update(buckets).set({ state: 'frozen', version, movedTo: to }).where(isWhole)
  const results = await source.batch([...unheardOf, found, changes] as unknown as readonly [typeof found])
  return results[unheardOf.length as 0][0]
}

/** What is not gone yet is written here again, and whoever copies it copies in vain. */
async function thaw(source: DrizzleD1Database, { bucket, version }: Pick<Move, 'bucket' | 'version'>): Promise<void> {
  await source
    .update(buckets)
    .set({ state: 'held', version, movedTo: null })
    .where(and(eq(buckets.bucket, bucket), eq(buckets.state, 'frozen'), lte(buckets.version, version)))
}

/**
 * What has arrived counts if the source was frozen since, under the same versions; else it is noted that it has to go.
 * False where a later move is on.
 */
async function expect(
  target: DrizzleD1Database,
  { bucket, version }: Move,
  before: typeof buckets.$inferSelect,
): Promise<boolean> {
  const isArriving = and(eq(buckets.bucket, bucket), eq(buckets.state, 'arriving'))
  if (before.state === 'frozen') {
    const goesOn = await target
      .update(buckets)
      .set({ version })
      .where(and(isArriving, eq(buckets.version, before.version)))
      .returning({ bucket: buckets.bucket })
    if (goesOn.length > 0) return true
  }
  const [expected] = await target.batch([
    target
      .insert(buckets)
      .values({ bucket, state: 'arriving', version })
      .onConflictDoUpdate({
        target: buckets.bucket,
        set: { state: 'arriving', version, movedTo: null },
        setWhere: sql`${buckets.state} IN ('gone', 'arriving') AND ${buckets.version} < ${version}`,
      })
      .returning({ bucket: buckets.bucket }),
    target
      .delete(bucketCopies)
      .where(
        and(
          eq(bucketCopies.bucket, bucket),
          sql`EXISTS (SELECT 1 FROM ${buckets} WHERE ${and(isArriving, eq(buckets.version, version))})`,
        ),
      ),
  ])
  return expected.length > 0
}

/** All rows, by pages, from where another has left off. Throws where the target has not as many in the end. */
async function copy(
  from: Shard,
  target: Shard,
  move: Move,
  tables: readonly Table[],
): Promise<{ rows: number; stopped?: 'under-way' | 'overtaken' }> {
  const { bucket, version, allowance } = move
  let copied = await copiedOf(target, bucket)
  let rows = 0
  if (copied === undefined) {
    if (!(await clear(target, move, tables, 'arriving'))) return { rows, stopped: 'under-way' }
    if (!(await noteNothing(target, bucket, version))) return { rows, stopped: 'overtaken' }
    copied = nothingCopied
  }
  for (const table of tables.filter(({ name }) => name >= copied.table)) {
    for (let after = afterIn(table, copied); ; ) {
      if (isEnough(move)) return { rows, stopped: 'under-way' }
      const page = await pageOf(from, table, bucket, after, allowance.rowsAPage)
      if (page.rows.length === 0) break
      if (!(await keep(target, table, page, move))) return { rows, stopped: 'overtaken' }
      after = page.end
      rows += page.rows.length
    }
  }
  for (const { name } of tables) {
    const [there, here] = [await countOf(from, name, bucket), await countOf(target, name, bucket)]
    if (there !== here)
      throw new Error(`Of ${there} rows in ${name} ${here} have arrived. Nothing is lost: move again.`)
  }
  return { rows }
}

const afterIn = ({ name }: Table, copied: Copied): number =>
  name === copied.table ? copied.after : nothingCopied.after

/** Before each page: whether this call has to end here. */
const isEnough = ({ allowance }: Move): boolean => allowance.statements < statementsToEnd

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
  const [held] = await target.batch([
    target
      .update(buckets)
      .set({ state: 'held', version })
      .where(and(eq(buckets.bucket, bucket), isOurs))
      .returning({ bucket: buckets.bucket }),
    target.delete(bucketCopies).where(eq(bucketCopies.bucket, bucket)),
  ])
  return held.length > 0
}

/** Deletes the bucket's rows where they count for nothing. False where that was too much for this call. */
async function clear(shard: Shard, move: Move, tables: readonly Table[], state: 'arriving' | 'gone'): Promise<boolean> {
  for (const table of tables) {
    for (;;) {
      if (isEnough(move)) return false
      if (!(await clearSome(shard, table, move, state, move.allowance.rowsAPage))) break
    }
  }
  return true
}
