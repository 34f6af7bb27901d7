// Rows that are spread over several databases: each belongs to one of 4,096 buckets for good, and each bucket to one
// shard at a time. A point query goes to one shard; a listing gathers from all, and says which one is missing.
import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import { bucketCount, bucketOf, ownerOf } from '../../shared/state/place.ts'
import { late, orLate, within } from '../within.ts'
import type { BucketDirectory, BucketPlace } from './bucket-directory.ts'
import { guarded, type NotHere, notHereIn, orderOf, type Stay } from './guard.ts'
import { holdersOf, holdingsOf, isHeld } from './holders.ts'
import { type Answered, type Database, type ReadEvent, type Reader, replicated, type Tolerance } from './replicas.ts'
import type { D1Source } from './statements.ts'

export interface Shards {
  /** Such as `orders`; its databases are `orders-0`, `orders-1` and so on. */
  readonly name: string
  readonly sources: readonly D1Source[]
  /** So many shards there were when the first row was written: never to be changed. */
  readonly homes: number
  readonly directory: BucketDirectory
  readonly now: () => number
  readonly onRead?: (event: ReadEvent) => void
}

/** Which rows a listing is about, for its WHERE. */
export type Here = (bucketColumn: SQLWrapper) => SQL

export interface Gathered<T> {
  /** Of all shards, one shard's after the other's. */
  readonly rows: readonly T[]
  /** The databases that failed, or had not answered by the deadline: what they hold is not among the rows. */
  readonly missing: readonly string[]
}

export interface ShardedDatabase {
  /**
   * A bucket as a database of its own. A write is one statement, or one batch; it may be asked for again where the bucket
   * has moved, and then nothing was written before. Rejects with `BucketMoving` where it could not be had for 5 s.
   */
  of(bucket: number): Database
  /** `query` is asked of every shard at the same time, and may be asked once more for a bucket that is just moving. */
  gather<T extends { readonly bucket: number }>(
    query: (database: Reader, here: Here) => Promise<T[]>,
    options?: { readonly tolerance?: Tolerance; readonly deadlineMs?: number },
  ): Promise<Gathered<T>>
}

/** The bucket is on its way for longer than it should be; the tool, or the next minute, will bring it there. */
export class BucketMoving extends Error {
  override readonly name = 'BucketMoving'
}

/** The bucket of an account's rows. */
export const bucketOfAccount = (name: string, account: string): number => bucketOf(name, account)

/** An id that tells its bucket: three hexadecimal digits before something unguessable. */
export const idInBucket = (bucket: number, unguessable: string): string =>
  `${bucket.toString(16).padStart(3, '0')}${unguessable}`

/** Undefined for what is no such id. */
export function bucketOfId(id: string): number | undefined {
  const [digits] = /^[0-9a-f]{3}/.exec(id) ?? []
  return digits === undefined ? undefined : Number.parseInt(digits, 16) % bucketCount
}

const movingPatienceMs = 5000
const movingPauseMs = 20
const longestPauseMs = 200
const directoryPatienceMs = 500
const directoryAgeMs = 10_000
const gatherDeadlineMs = 2000
/** The rest is for what has moved meanwhile. */
const shardsShare = 0.75
const anyCopy: Tolerance = { kind: 'unconstrained' }

export function sharded(shards: Shards): ShardedDatabase {
  const { name, sources, homes, now, onRead } = shards
  const map = placesOf(shards)
  const nameOf = (shard: number) => `${name}-${shard}`

  /** One shard's part in a bucket. */
  function databaseAt(bucket: number, shard: number, use: 'read' | 'write') {
    const source = sources[shard]
    if (source === undefined) throw new Error(`There is no database ${nameOf(shard)}: bind it in wrangler.toml.`)
    const guard = guarded(source, bucket, ownerOf(bucket, homes) === shard, use)
    return { ...guard, database: replicated(nameOf(shard), guard.source, now, onRead) }
  }

  /** `ask` finds the bucket, wherever it has gone. What may have been written is not written again. */
  async function find<T>(
    bucket: number,
    first: BucketPlace,
    use: 'read' | 'write',
    ask: (place: BucketPlace) => Promise<T>,
  ): Promise<T> {
    const until = now() + movingPatienceMs
    let place = first
    for (let hops = 1; ; hops++) {
      try {
        return await ask(place)
      } catch (error) {
        const refusal = notHereIn(error)
        const next = refusal === undefined ? await map.newer(bucket, place) : await map.after(bucket, place, refusal)
        if (next === undefined || (refusal === undefined && use === 'write')) throw error
        if (now() > until) throw new BucketMoving(`A bucket of ${name} is on its way to another shard: try again.`)
        if (next.shard === place.shard || hops > 2) await pause(Math.min(movingPauseMs * hops, longestPauseMs))
        place = next
      }
    }
  }

  const of = (bucket: number): Database => ({
    name: `${name}.${bucket}`,
    async read(tolerance, query) {
      const carried = tolerance.kind === 'bookmark' ? parseMark(tolerance.bookmark) : undefined
      const known = await map.placeOf(bucket)
      const isLater = carried !== undefined && carried.version > known.version && sources[carried.shard] !== undefined
      const first = isLater ? carried : known
      return find(bucket, first, 'read', async (place) => {
        const { database, stay } = databaseAt(bucket, place.shard, 'read')
        const answer = await database.read(toleranceAt(place, tolerance, carried), query)
        return { ...answer, bookmark: markOf(stay(), place.shard, answer.bookmark) }
      })
    },
    async write(query) {
      return find(bucket, await map.placeOf(bucket), 'write', async (place) => {
        const { database, stay } = databaseAt(bucket, place.shard, 'write')
        const written = await database.write(query)
        return { ...written, bookmark: markOf(stay(), place.shard, written.bookmark) }
      })
    },
  })

  return {
    of,
    async gather(query, { tolerance = anyCopy, deadlineMs = gatherDeadlineMs } = {}) {
      const shardsUntil = now() + deadlineMs * shardsShare
      const until = now() + deadlineMs
      const missing = new Set<string>()
      /** Undefined for what is missing. */
      const inTime = async <T>(from: string, end: number, answer: Promise<Answered<T>>): Promise<T | undefined> => {
        try {
          const given = await orLate(Math.max(0, end - now()), answer)
          if (given !== late) return given.value
          console.warn(`A listing goes without ${from}, which has not answered in time.`)
        } catch (error) {
          console.warn(`A listing goes without ${from}:`, error)
        }
        missing.add(from)
        return undefined
      }
      const parts = await Promise.all(
        sources.map(async (source, shard) => {
          const database = replicated(nameOf(shard), source, now, onRead)
          const part = database.read(tolerance, async (reader) => {
            const before = await holdingsOf(reader)
            const rows = await query(reader, isHeld)
            return { rows, before, after: await holdingsOf(reader) }
          })
          return inTime(nameOf(shard), shardsUntil, part)
        }),
      )
      const { holders, unsettled } = holdersOf(parts, homes)
      const isHolder = (bucket: number, shard: number) =>
        !unsettled.has(bucket) && (holders.get(bucket) ?? ownerOf(bucket, homes)) === shard
      const settled = parts.flatMap((part, shard) => (part?.rows ?? []).filter(({ bucket }) => isHolder(bucket, shard)))
      const asked = await Promise.all(
        [...unsettled].map(async ([bucket, shard]) => {
          if (missing.has(nameOf(shard))) return []
          const here: Here = (column) => sql`${column} = ${bucket}`
          const answer = of(bucket).read({ kind: 'primary' }, (reader) => query(reader, here))
          return (await inTime(nameOf(shard), until, answer)) ?? []
        }),
      )
      return { rows: [...settled, ...asked.flat()], missing: [...missing].sort() }
    },
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

// Places ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What this isolate knows of where buckets are. It may be old: the shards say so. */
function placesOf({ homes, directory, now }: Shards) {
  const known = new Map<number, BucketPlace>()
  let readAt = Number.NEGATIVE_INFINITY

  function learn(bucket: number, place: BucketPlace): BucketPlace {
    const held = known.get(bucket)
    if (held !== undefined && held.version > place.version) return held
    known.set(bucket, place)
    return place
  }

  async function read(): Promise<void> {
    readAt = now()
    // Without it the shards themselves are asked, and say where a bucket has gone.
    const places = await within(directoryPatienceMs, () => directory.read())
    for (const [bucket, place] of places ?? []) learn(bucket, place)
  }

  async function placeOf(bucket: number): Promise<BucketPlace> {
    if (readAt === Number.NEGATIVE_INFINITY) await read()
    return known.get(bucket) ?? { shard: ownerOf(bucket, homes), version: 0 }
  }

  return {
    placeOf,
    /** Where to look after a shard has said that it is not there; the same place where it is on its way. */
    async after(bucket: number, place: BucketPlace, { holding }: NotHere): Promise<BucketPlace> {
      const { state, version, movedTo } = holding
      if (state === 'gone' && movedTo !== null) {
        // A move that is taken up again has a later version, until it has ended, and has come as far as before.
        const told = known.get(bucket)
        const isTakenUp = told?.shard === place.shard && told.movingTo === movedTo
        return learn(bucket, { shard: movedTo, version: isTakenUp ? Math.max(version, told.version) : version })
      }
      if (state === 'never' || state === 'arriving') {
        await read()
        return placeOf(bucket)
      }
      return place
    },
    /** Where a shard fails, the bucket may have left it long ago. Undefined if not. */
    async newer(bucket: number, { shard, version }: BucketPlace): Promise<BucketPlace | undefined> {
      if (now() - readAt > directoryAgeMs) await read()
      const place = await placeOf(bucket)
      return place.version > version && place.shard !== shard ? place : undefined
    },
  }
}

// Bookmarks ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** A bookmark of a shard's database, and when the bucket was there: they sort as they follow one another. */
interface Mark extends BucketPlace {
  readonly bookmark: string
}

function markOf({ state, version }: Stay, shard: number, bookmark: string | undefined): string | undefined {
  const order = orderOf({ state, version })
  return bookmark && `${order.toString(16).padStart(8, '0')}.${shard}.${bookmark}`
}

function parseMark(text: string | undefined): Mark | undefined {
  const [, order, shard, bookmark] = /^([0-9a-f]{8})\.(\d+)\.(.+)$/.exec(text ?? '') ?? []
  if (order === undefined || shard === undefined || bookmark === undefined) return undefined
  return { version: Number.parseInt(order, 16) >> 1, shard: Number(shard), bookmark }
}

/** A bookmark of the shard from which the bucket has come says nothing of the replicas of the one where it is. */
function toleranceAt(place: BucketPlace, tolerance: Tolerance, carried: Mark | undefined): Tolerance {
  if (tolerance.kind !== 'bookmark') return tolerance
  if (carried === undefined) return { kind: 'bookmark', bookmark: undefined }
  const isSame = carried.shard === place.shard && carried.version >= place.version
  return isSame ? { kind: 'bookmark', bookmark: carried.bookmark } : { kind: 'primary' }
}
