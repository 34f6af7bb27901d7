// Rows over several databases, and the moves of their buckets: with faults at each step, with several who move the same
// bucket, and with clients that go on meanwhile.
import { readFileSync } from 'node:fs'
import { eq, sql } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { ownerOf } from '../../shared/state/place.ts'
import { randomFrom } from '../../workers/cli/simulate/random.ts'
import { type Bookmarks, OwnView } from '../../workers/db/bookmarks.ts'
import { bucketDirectory } from '../../workers/db/bucket-directory.ts'
import { type Moved, type MovingShards, moveBucket } from '../../workers/db/bucket-moves.ts'
import type { Allowance } from '../../workers/db/bucket-rows.ts'
import type { Database, Reader } from '../../workers/db/replicas.ts'
import {
  bucketOfAccount,
  bucketOfId,
  type Here,
  idInBucket,
  type ShardedDatabase,
  sharded,
} from '../../workers/db/shards.ts'
import { finishMoves } from '../../workers/db/spread.ts'
import type { D1Session, D1Source, Statement } from '../../workers/db/statements.ts'
import { type Seen, violations } from '../support/consistency.ts'
import { LaggingD1 } from '../support/lagging-d1.ts'

const counters = sqliteTable('counters', {
  id: text().primaryKey(),
  bucket: integer().notNull(),
  value: integer().notNull(),
})
const shardSchema = `${readFileSync('migrations/orders/0000_buckets.sql', 'utf8')};
  ${readFileSync('migrations/orders/0002_bucket_copies.sql', 'utf8')};
  CREATE TABLE counters (id TEXT PRIMARY KEY, bucket INTEGER NOT NULL, value INTEGER NOT NULL);
  CREATE TABLE notes (id TEXT PRIMARY KEY, bucket INTEGER NOT NULL, note TEXT)`
const directorySchema = `${readFileSync('migrations/0003_order_buckets.sql', 'utf8')};
  ${readFileSync('migrations/0004_moving_until.sql', 'utf8')}`

beforeEach(() => vi.spyOn(console, 'warn').mockReturnValue())
afterEach(() => vi.restoreAllMocks())

/** Where all is as D1 has it, but for what `intercept` does around a call. */
function intercepted(source: D1Source, intercept: <T>(call: () => Promise<T>) => Promise<T>): D1Source {
  const inner = new WeakMap<Statement, Statement>()
  const wrap = (statement: Statement): Statement => {
    const wrapper = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      all: () => intercept(() => statement.all()),
    }
    inner.set(wrapper, statement)
    return wrapper
  }
  return {
    withSession(constraint): D1Session {
      const session = source.withSession(constraint)
      return {
        prepare: (text) => wrap(session.prepare(text)),
        batch: (statements) => intercept(() => session.batch(statements.map((one) => inner.get(one)!))),
        getBookmark: () => session.getBookmark(),
      }
    },
  }
}

class World {
  readonly sources: readonly LaggingD1[]
  readonly directory: LaggingD1
  ticks = 0
  /** Of the movers; each move begins when whoever moved before is taken for dead. */
  clock = 0

  constructor(count: number, random: () => number) {
    this.sources = Array.from({ length: count }, () => new LaggingD1(shardSchema, random))
    this.directory = new LaggingD1(directorySchema, random)
  }

  /** What another isolate knows. */
  isolate(
    sources: readonly D1Source[] = this.sources,
    directory: D1Source = this.directory,
    now = () => 0,
  ): ShardedDatabase {
    const options = { name: 'orders', homes: 2, now }
    return sharded({ ...options, sources, directory: bucketDirectory(directory) })
  }

  move(
    bucket: number,
    to: number,
    intercept: <T>(call: () => Promise<T>) => Promise<T> = (call) => call(),
    allowance?: Allowance,
  ) {
    this.clock += 60_000
    return moveBucket(this.moving(intercept), bucket, to, allowance)
  }

  moving(intercept: <T>(call: () => Promise<T>) => Promise<T> = (call) => call()): MovingShards {
    const sources = this.sources.map((source) => intercepted(source, intercept))
    const directory = bucketDirectory(intercepted(this.directory, intercept))
    return { sources, homes: 2, directory, now: () => this.clock }
  }

  /** What a shard says of a bucket. */
  async stateOf(bucket: number, shard: number): Promise<string | undefined> {
    const session = this.sources[shard]!.withSession('first-primary')
    const { results } = await session.prepare('SELECT state FROM buckets WHERE bucket = ?').bind(bucket).all()
    return (results[0] as { state: string } | undefined)?.state
  }

  /** The ids in each shard, whether they count or not. */
  async ids(): Promise<string[][]> {
    return Promise.all(
      this.sources.map(async (source) => {
        const { results } = await source
          .withSession('first-primary')
          .prepare('SELECT id FROM counters ORDER BY id')
          .all()
        return (results as { id: string }[]).map(({ id }) => id)
      }),
    )
  }

  close(): void {
    for (const database of [...this.sources, this.directory]) database.close()
  }
}

type Query<T> = (database: Parameters<Parameters<Database['write']>[0]>[0]) => Promise<T>

const increment =
  (bucket: number, id: string): Query<number> =>
  async (database) => {
    const grown = { value: sql`${counters.value} + 1` }
    const insert = database.insert(counters).values({ id, bucket, value: 1 })
    const rows = await insert.onConflictDoUpdate({ target: counters.id, set: grown }).returning()
    return rows[0]!.value
  }

const countOf =
  (id: string) =>
  async (database: Parameters<Parameters<Database['read']>[1]>[0]): Promise<number> =>
    (await database.select().from(counters).where(eq(counters.id, id)))[0]?.value ?? 0

const bucketAt = (home: number, from = 0): number => {
  for (let bucket = from; ; bucket++) if (ownerOf(bucket, 2) === home) return bucket
}

describe('a point query', () => {
  it('goes to the shard of its bucket alone', async () => {
    const world = new World(2, randomFrom(1))
    for (const shard of [0, 1]) {
      const down = intercepted(world.sources[1 - shard]!, async () => Promise.reject(new Error('down')))
      const orders = world.isolate(world.sources.map((source, index) => (index === shard ? source : down)))
      const bucket = bucketAt(shard)
      await orders.of(bucket).write(increment(bucket, `of ${shard}`))
      expect((await orders.of(bucket).read({ kind: 'primary' }, countOf(`of ${shard}`))).value).toBe(1)
      await expect(orders.of(bucketAt(1 - shard)).read({ kind: 'unconstrained' }, countOf('a'))).rejects.toThrow()
    }
    expect(await world.ids()).toEqual([['of 0'], ['of 1']])
  })

  it('finds what has moved, though nobody has told, and with the directory away', async () => {
    const world = new World(3, randomFrom(1))
    const bucket = bucketAt(0)
    const away = intercepted(world.directory, async () => Promise.reject(new Error('away')))
    const isolates = [world.isolate(), world.isolate(world.sources, away)]
    for (const to of [1, 2, 0, 2]) {
      for (const orders of isolates) await orders.of(bucket).write(increment(bucket, 'a'))
      expect(await world.move(bucket, to)).toEqual({ kind: 'moved', rows: 1 })
    }
    for (const orders of isolates) {
      expect((await orders.of(bucket).read({ kind: 'primary' }, countOf('a'))).value).toBe(8)
    }
    expect(await world.ids()).toEqual([[], [], ['a']])
  })

  it('is answered by the new shard when the old one is down', async () => {
    const world = new World(2, randomFrom(1))
    const bucket = bucketAt(0)
    await world.isolate().of(bucket).write(increment(bucket, 'a'))
    await world.move(bucket, 1)
    const down = intercepted(world.sources[0]!, async () => Promise.reject(new Error('down')))
    const orders = world.isolate([down, world.sources[1]!])
    expect((await orders.of(bucket).read({ kind: 'primary' }, countOf('a'))).value).toBe(1)
  })

  it.each(['text', '0000ffff.7.00000001', '0000ffff.1.00000001', '00000009.0.00000009'])(
    'is answered whatever the bookmark says: %s',
    async (bookmark) => {
      const orders = new World(2, randomFrom(1)).isolate()
      const bucket = bucketAt(0)
      await orders.of(bucket).write(increment(bucket, 'a'))
      expect((await orders.of(bucket).read({ kind: 'bookmark', bookmark }, countOf('a'))).value).toBeLessThan(2)
    },
  )

  it('that fails for what it says fails as it would anywhere, and is not asked twice', async () => {
    const orders = new World(2, randomFrom(1)).isolate()
    const wrong = vi.fn((database: Parameters<Parameters<Database['write']>[0]>[0]) =>
      database.run(sql`INSERT nonsense`),
    )
    await expect(orders.of(1).write(wrong)).rejects.toThrow(/nonsense/)
    expect(wrong).toHaveBeenCalledOnce()
  })

  it('that has written, and whose answer is lost, is not written again where the bucket goes next', async () => {
    const world = new World(2, randomFrom(1))
    const bucket = bucketAt(0)
    let isLost = false
    const losing = intercepted(world.sources[0]!, async (call) => {
      const result = await call()
      if (isLost) return result
      isLost = true
      await world.move(bucket, 1)
      throw new Error('lost')
    })
    const orders = world.isolate([losing, world.sources[1]!])
    await expect(orders.of(bucket).write(increment(bucket, 'a'))).rejects.toMatchObject({ cause: { message: 'lost' } })
    expect((await orders.of(bucket).read({ kind: 'primary' }, countOf('a'))).value).toBe(1)
  })

  it('that may have written to a shard which is down since is not written again, and the next one finds the bucket', async () => {
    const world = new World(2, randomFrom(1))
    const bucket = bucketAt(0)
    let at = 0
    let isDown = false
    const dying = intercepted(world.sources[0]!, async (call) => {
      if (isDown) throw new Error('down')
      const result = await call()
      isDown = at > 0
      if (isDown) await world.move(bucket, 1)
      if (isDown) throw new Error('lost')
      return result
    })
    const orders = world.isolate([dying, world.sources[1]!], world.directory, () => at)
    await orders.of(bucket).read({ kind: 'primary' }, countOf('a'))
    at = 60_000
    await expect(orders.of(bucket).write(increment(bucket, 'a'))).rejects.toThrow()
    expect((await orders.of(bucket).write(increment(bucket, 'a'))).value).toBe(2)
  })

  it('that writes twice in one call is refused, since a move could come between', async () => {
    const orders = new World(2, randomFrom(1)).isolate()
    const twice = orders.of(1).write(async (database) => {
      await increment(1, 'a')(database)
      await increment(1, 'a')(database)
    })
    await expect(twice).rejects.toMatchObject({ cause: { message: expect.stringContaining('one batch') } })
  })
})

const list = (database: Reader, here: Here) => database.select().from(counters).where(here(counters.bucket))

describe('a listing', () => {
  const filled = async () => {
    const world = new World(2, randomFrom(1))
    for (const [id, bucket] of [['a', bucketAt(0)] as const, ['b', bucketAt(1)] as const]) {
      await world.isolate().of(bucket).write(increment(bucket, id))
    }
    return world
  }

  it('gathers from all', async () => {
    const gathered = await (await filled()).isolate().gather(list, { tolerance: { kind: 'primary' } })
    expect(gathered).toMatchObject({ rows: [{ id: 'a' }, { id: 'b' }], missing: [] })
  })

  test.each<[string, () => Promise<never>]>([
    ['down', () => Promise.reject(new Error('down'))],
    ['silent', () => new Promise(() => {})],
  ])('says which shard is missing where one is %s', async (_, answer) => {
    const world = await filled()
    const orders = world.isolate([world.sources[0]!, intercepted(world.sources[1]!, answer)])
    const gathered = await orders.gather(list, { tolerance: { kind: 'primary' }, deadlineMs: 100 })
    expect(gathered).toMatchObject({ rows: [{ id: 'a' }], missing: ['orders-1'] })
  })
})

describe('a listing of what has moved', () => {
  it('is whole with the directory away', async () => {
    const world = new World(3, randomFrom(1))
    const bucket = bucketAt(0)
    await world.isolate().of(bucket).write(increment(bucket, 'a'))
    await world.move(bucket, 2)
    const away = intercepted(world.directory, async () => Promise.reject(new Error('away')))
    const gathered = await world.isolate(world.sources, away).gather(list, { tolerance: { kind: 'primary' } })
    expect(gathered).toMatchObject({ rows: [{ id: 'a' }], missing: [] })
  })

  it('is whole where the replicas have not heard of the move yet', async () => {
    // The first replica, which hears of the next change at each call, until it hears of none any more.
    const random = { value: 0.04 }
    const world = new World(2, () => random.value)
    const bucket = bucketAt(0)
    const orders = world.isolate()
    await orders.of(bucket).write(increment(bucket, 'a'))
    await orders.gather(list)
    expect((await orders.gather(list)).rows).toMatchObject([{ id: 'a' }])
    random.value = 0.1
    await world.move(bucket, 1)
    for (const isolate of [orders, world.isolate()]) {
      expect(await isolate.gather(list)).toMatchObject({ rows: [{ id: 'a' }], missing: [] })
    }
  })

  it('is whole where a bucket leaves a shard, or comes to it, between any two of its answers', async () => {
    const world = new World(2, randomFrom(1))
    const bucket = bucketAt(0)
    await world.isolate().of(bucket).write(increment(bucket, 'a'))
    for (const source of world.sources) source.lags = false
    let to = 1
    for (const watched of [0, 1]) {
      for (let nth = 1; nth <= 3; nth++) {
        let calls = 0
        const moving = intercepted(world.sources[watched]!, async (call) => {
          const result = await call()
          if (++calls === nth) expect(await world.move(bucket, to)).toMatchObject({ kind: 'moved' })
          return result
        })
        const sources = world.sources.map((source, shard) => (shard === watched ? moving : source))
        const gathered = await world.isolate(sources).gather(list, { tolerance: { kind: 'primary' } })
        expect(gathered).toMatchObject({ rows: [{ id: 'a' }], missing: [] })
        to = 1 - to
      }
    }
  })

  it('says what is missing where it has gone to a shard that is down', async () => {
    const world = new World(2, randomFrom(1))
    const bucket = bucketAt(0)
    await world.isolate().of(bucket).write(increment(bucket, 'a'))
    await world.move(bucket, 1)
    const down = intercepted(world.sources[1]!, async () => Promise.reject(new Error('down')))
    const gathered = await world.isolate([world.sources[0]!, down]).gather(list, { tolerance: { kind: 'primary' } })
    expect(gathered).toEqual({ rows: [], missing: ['orders-1'] })
  })
})

describe('a move', () => {
  /** The nth call of the move fails, before it does anything, or when all of it is done; or from then on all fail. */
  const failing = (nth: number, when: 'before' | 'after' | 'from then on') => {
    let calls = 0
    return async <T>(call: () => Promise<T>): Promise<T> => {
      const isFault = ++calls === nth
      if (when === 'from then on' && calls >= nth) throw new Error('crashed')
      if (isFault && when === 'before') throw new Error('crashed')
      const result = await call()
      if (isFault) throw new Error('crashed')
      return result
    }
  }

  const bucket = bucketAt(0)

  test.each(['before', 'after', 'from then on'] as const)(
    'that crashes %s any of its steps is taken up again, and nothing is lost',
    async (when) => {
      let points = 0
      for (let isOver = false; !isOver; points++) {
        const world = new World(2, randomFrom(points))
        const [writer, other] = [world.isolate(), world.isolate()]
        for (let row = 0; row < 3; row++) await writer.of(bucket).write(increment(bucket, `before ${row}`))
        const moving = world.move(bucket, 1, failing(points + 1, when)).then(
          () => true,
          () => false,
        )
        // Somebody who writes meanwhile, and may have to wait for the bucket.
        const writing = writer.of(bucket).write(increment(bucket, 'meanwhile'))
        isOver = await moving
        if (!isOver) await world.move(bucket, 1)
        await writing
        await other.of(bucket).write(increment(bucket, 'after'))
        expect(await world.ids()).toEqual([[], ['after', 'before 0', 'before 1', 'before 2', 'meanwhile']])
        world.close()
      }
      if (process.env.SHOW_NUMBERS) console.log({ when, points })
      expect(points).toBeGreaterThan(15)
    },
  )

  it('to a shard that fails leaves the bucket where it is, to be written, also where an earlier one has died', async () => {
    const world = new World(2, randomFrom(1))
    const orders = world.isolate()
    await orders.of(bucket).write(increment(bucket, 'a'))
    const away = intercepted(world.sources[1]!, async () => Promise.reject(new Error('down')))
    const toNobody = () => moveBucket({ ...world.moving(), sources: [world.sources[0]!, away] }, bucket, 1)
    await expect(toNobody()).rejects.toThrow()
    expect((await orders.of(bucket).write(increment(bucket, 'a'))).value).toBe(2)
    await expect(world.move(bucket, 1, failing(8, 'from then on'))).rejects.toThrow()
    expect(await world.stateOf(bucket, 0)).toBe('frozen')
    world.clock += 60_000
    await expect(toNobody()).rejects.toThrow()
    expect((await orders.of(bucket).write(increment(bucket, 'a'))).value).toBe(3)
    expect(await world.move(bucket, 1)).toMatchObject({ kind: 'moved' })
    expect((await orders.of(bucket).write(increment(bucket, 'a'))).value).toBe(4)
  })

  it('is ended by the clock for each bucket, whatever becomes of the others', async () => {
    const world = new World(3, randomFrom(1))
    const directory = bucketDirectory(world.directory)
    const [stuck, free] = [bucketAt(0), bucketAt(0, bucketAt(0) + 1)]
    await directory.begin(stuck, { shard: 0, version: 0 }, 1, 0)
    await directory.begin(free, { shard: 0, version: 0 }, 2, 0)
    const down = intercepted(world.sources[1]!, async () => Promise.reject(new Error('down')))
    const shards = { ...world.moving(), sources: [world.sources[0]!, down, world.sources[2]!] }
    await expect(finishMoves(shards)).rejects.toThrow(/1 of 2/)
    const after = await directory.read()
    expect([after.get(stuck)?.movingTo, after.get(free)]).toEqual([1, { shard: 2, version: 2 }])
    await finishMoves(world.moving())
    expect(await directory.moving()).toEqual([])
  })

  /** Of all kinds that SQLite has. */
  const noted = async (world: World, count: number) => {
    const insert = sql`INSERT INTO notes
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
      SELECT 'note ' || i, ${bucket}, CASE i % 6 WHEN 0 THEN 'naïve "quotes" '' [] {"hex":"00"} ' || i WHEN 1 THEN NULL
        WHEN 2 THEN 2.0 WHEN 3 THEN 9007199254740993 + i WHEN 4 THEN x'00ff' ELSE '' END FROM n`
    await world
      .isolate()
      .of(bucket)
      .write(async (database) => database.run(insert))
  }
  const notes = (world: World) =>
    Promise.all(
      world.sources.map(async (source) => {
        const all = 'SELECT id, bucket, quote(note) AS note, typeof(note) AS type FROM notes ORDER BY id'
        return (await source.withSession('first-primary').prepare(all).all()).results
      }),
    )

  it('takes all tables that have a bucket, by pages, with whatever is in them', async () => {
    const world = new World(2, randomFrom(1))
    const orders = world.isolate()
    await noted(world, 1200)
    const other = bucketAt(0, bucket + 1)
    await orders.of(other).write(increment(other, 'stays'))
    const [before] = await notes(world)
    expect(await world.move(bucket, 1)).toEqual({ kind: 'moved', rows: 1200 })
    expect(await notes(world)).toEqual([[], before])
    expect(await world.ids()).toEqual([['stays'], []])
    expect(await world.move(bucket, 1)).toEqual({ kind: 'there' })
  })

  /** One call sends little more than it takes to begin, and a few pages of ten rows. */
  const little = (): Allowance => ({ statements: 52, rowsAPage: 6 })

  it('of more rows than one call can copy goes on in the next, with the page that it had come to', async () => {
    const world = new World(2, randomFrom(1))
    await noted(world, 120)
    const [before] = await notes(world)
    const calls: Moved[] = []
    const allowances: number[] = []
    while (calls.at(-1)?.kind !== 'moved') {
      const allowance = little()
      calls.push(await world.move(bucket, 1, undefined, allowance))
      allowances.push(allowance.statements)
      const read = world
        .isolate()
        .of(bucket)
        .read({ kind: 'primary' }, (db) => db.$count(sql`notes`))
      if (calls.at(-1)?.kind === 'under-way') expect((await read).value).toBeGreaterThanOrEqual(120)
    }
    expect(calls.length).toBeGreaterThan(5)
    expect(Math.min(...allowances)).toBeGreaterThanOrEqual(0)
    // Each page was copied once.
    expect(calls.reduce((sum, call) => sum + ('rows' in call ? call.rows : 0), 0)).toBe(120)
    expect(await notes(world)).toEqual([[], before])
  })

  test.each(['before', 'after', 'from then on'] as const)(
    'in several calls, of which one crashes %s any of its steps, loses nothing, and copies nothing twice',
    async (when) => {
      let points = 0
      // What crashes before one step is as after the one before it, but for an answer that is lost.
      for (let isOver = false; !isOver; points += when === 'from then on' ? 1 : 2) {
        const world = new World(2, randomFrom(points))
        await noted(world, 32)
        const [before] = await notes(world)
        const crash = failing(points + 1, when)
        let moved: Moved | undefined
        isOver = true
        // As many calls as it takes; who has crashed says nothing, and another goes on.
        for (let calls = 0; moved?.kind !== 'moved' && moved?.kind !== 'there'; calls++) {
          expect(calls).toBeLessThan(30)
          moved = await world.move(bucket, 1, isOver ? crash : undefined, little()).catch(() => {
            isOver = false
            return undefined
          })
        }
        await world.isolate().of(bucket).write(increment(bucket, 'after'))
        expect(await notes(world), `point ${points}`).toEqual([[], before])
        expect(await world.ids()).toEqual([[], ['after']])
        world.close()
      }
      expect(points).toBeGreaterThan(50)
    },
  )

  it('is left to whoever carries it out for as long as they are alive, however long that takes', async () => {
    const world = new World(2, randomFrom(1))
    await noted(world, 120)
    const others: Promise<Moved>[] = []
    const directory = bucketDirectory(world.directory)
    const slow = async <T>(call: () => Promise<T>): Promise<T> => {
      world.clock += 3_000
      await finishMoves(world.moving())
      if ((await directory.moving()).length > 0) others.push(moveBucket(world.moving(), bucket, 1))
      return call()
    }
    const shards = world.moving(slow)
    expect(await moveBucket(shards, bucket, 1, { statements: 700, rowsAPage: 10 })).toEqual({
      kind: 'moved',
      rows: 120,
    })
    expect(others.length).toBeGreaterThan(20)
    for (const other of await Promise.all(others)) expect(other.kind).toBe('overtaken')
    expect((await directory.read()).get(bucket)).toEqual({ shard: 1, version: 1 })
  })

  it('is taken up by the clock when nothing was heard of its mover for a while', async () => {
    const world = new World(2, randomFrom(1))
    await noted(world, 12)
    await expect(world.move(bucket, 1, failing(14, 'from then on'))).rejects.toThrow()
    const places = async () => (await bucketDirectory(world.directory).read()).get(bucket)
    await finishMoves(world.moving())
    world.clock += 14_999
    await finishMoves(world.moving())
    expect(await places()).toMatchObject({ version: 1, movingTo: 1 })
    world.clock += 1
    await finishMoves(world.moving())
    expect(await places()).toEqual({ shard: 1, version: 2 })
  })

  it('begins where an earlier version of the gateway has ended one, and left until when it was claimed', async () => {
    const world = new World(2, randomFrom(1))
    const left = 'INSERT INTO order_buckets (bucket, shard, version, moving_until) VALUES (?, 0, 2, 5)'
    await world.directory.withSession('first-primary').prepare(left).bind(bucket).all()
    expect(await world.move(bucket, 1)).toMatchObject({ kind: 'moved' })
  })

  it('that was left when nobody noted yet how far it had come begins its copies anew', async () => {
    const world = new World(2, randomFrom(1))
    await noted(world, 12)
    const [before] = await notes(world)
    await bucketDirectory(world.directory).begin(bucket, { shard: 0, version: 0 }, 1, 0)
    const [source, target] = world.sources.map((each) => each.withSession('first-primary'))
    const state = 'INSERT OR REPLACE INTO buckets VALUES (?, ?, 1, ?)'
    await source!.prepare(state).bind(bucket, 'frozen', 1).all()
    await target!.prepare(state).bind(bucket, 'arriving', null).all()
    await target!.prepare('INSERT INTO notes VALUES (?, ?, ?)').bind('note 1', bucket, 'a first row').all()
    expect(await world.move(bucket, 1)).toEqual({ kind: 'moved', rows: 12 })
    expect(await notes(world)).toEqual([[], before])
  })

  it('that has ended meanwhile is not begun again by somebody who saw it under way', async () => {
    const world = new World(2, randomFrom(1))
    const directory = bucketDirectory(world.directory)
    expect(await directory.begin(bucket, { shard: 0, version: 0 }, 1, 0)).toBe(1)
    const seen = (await directory.read()).get(bucket)!
    expect(seen).toEqual({ shard: 0, version: 1, movingTo: 1, movingUntil: 0 })
    await directory.finish(bucket, 1, 1)
    expect(await directory.begin(bucket, seen, 1, 0)).toBeUndefined()
    expect((await directory.read()).get(bucket)).toEqual({ shard: 1, version: 1 })
  })

  it('to a shard that there is not changes nothing', async () => {
    const world = new World(2, randomFrom(1))
    await expect(world.move(bucket, 7)).rejects.toThrow('There is no shard 7: there are 2.')
    await world.isolate().of(bucket).write(increment(bucket, 'a'))
    expect(await world.move(bucket, 1)).toMatchObject({ kind: 'moved' })
  })
})

describe('while buckets move to and fro, some of the moves crash, and replicas lag', () => {
  const seeds = Array.from({ length: Number(process.env.SEEDS ?? 4) }, (_, seed) => seed)
  const places = [bucketAt(0), bucketAt(1), bucketAt(0, 100)]

  it('everybody sees their own writes and never less than before, nothing is lost or twice, and listings are whole', async () => {
    let served = 0
    for (const seed of seeds) {
      const random = randomFrom(seed)
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
      const world = new World(3, random)
      const isolates = [world.isolate(), world.isolate(), world.isolate()]
      const history: Seen[] = []
      let clients = 0

      const client = async (bucket: number, client: string) => {
        let bookmark: Bookmarks = {}
        const session = {
          values: async () => ({ bookmark }),
          update: async (judge: (values: { bookmark: Bookmarks }) => { bookmark: Bookmarks }) => {
            bookmark = judge({ bookmark }).bookmark
          },
        }
        const id = `of ${bucket}`
        for (let requests = 0; requests < 30; requests++) {
          const view = new OwnView(session)
          const database = pick(isolates).of(bucket)
          const kind = random() < 0.3 ? 'write' : 'read'
          const began = world.ticks++
          const value =
            kind === 'write'
              ? await view.write(database, increment(bucket, id))
              : (await view.read(database, countOf(id))).value
          await view.keep()
          history.push({ client, kind, key: id, value, began, ended: world.ticks++ })
        }
        clients--
      }
      let isListing = true
      // Until nobody waits for a move that has crashed.
      const mover = async () => {
        while (clients > 0 || isListing) {
          const crash = async <T>(call: () => Promise<T>): Promise<T> => {
            if (random() < 0.01) throw new Error('crashed')
            // For so long that another one takes the move up.
            if (random() < 0.05) await new Promise((resolve) => setTimeout(resolve, 5))
            const result = await call()
            if (random() < 0.01) throw new Error('crashed')
            return result
          }
          await world.move(pick(places), pick([0, 1, 2]), crash).catch(() => undefined)
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
      }
      const lister = async () => {
        while (clients > 0) {
          const began = world.ticks++
          const { rows, missing } = await pick(isolates).gather(
            (database, here) => database.select().from(counters).where(here(counters.bucket)),
            { tolerance: { kind: 'primary' }, deadlineMs: 1_000_000 },
          )
          expect(missing).toEqual([])
          expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
          for (const { key, value, ended } of history) {
            if (ended < began) expect(rows.find(({ id }) => id === key)?.value ?? 0).toBeGreaterThanOrEqual(value)
          }
          await new Promise((resolve) => setTimeout(resolve, 2))
        }
        isListing = false
      }
      const requests = places.flatMap((bucket) => [
        client(bucket, `ada of ${bucket}`),
        client(bucket, `bob of ${bucket}`),
      ])
      clients = requests.length
      await Promise.all([...requests, mover(), mover(), lister()])
      const directory = bucketDirectory(world.directory)
      for (const bucket of await directory.moving()) await world.move(bucket, 2)
      expect(await directory.moving()).toEqual([])
      expect(violations(history)).toEqual([])
      for (const bucket of places) {
        const writes = history.filter(({ key, kind }) => key === `of ${bucket}` && kind === 'write').length
        const { value } = await world
          .isolate()
          .of(bucket)
          .read({ kind: 'primary' }, countOf(`of ${bucket}`))
        expect(value).toBe(writes)
      }
      const ids = await world.ids()
      expect(ids.flat().length).toBe(new Set(ids.flat()).size)
      served += history.length
      world.close()
    }
    expect(served).toBe(seeds.length * places.length * 2 * 30)
  })
})

describe('ids', () => {
  it('tell the bucket', () => {
    for (const bucket of [0, 15, 4095]) expect(bucketOfId(idInBucket(bucket, 'zz'))).toBe(bucket)
    expect(bucketOfId('xyz')).toBeUndefined()
  })

  it('of an account are all in one bucket', () => {
    expect(bucketOfAccount('orders', 'ada')).toBe(bucketOfAccount('orders', 'ada'))
    expect(bucketOfAccount('orders', 'ada')).not.toBe(bucketOfAccount('orders', 'bob'))
  })
})
