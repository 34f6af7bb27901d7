// Shards on D1 itself: what stands before each statement, moves with writes going on, and the admin API over them.
import { applyD1Migrations, createExecutionContext, createScheduledController } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { and, count, eq, sql } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { ownerOf } from '../../../shared/state/place.ts'
import { bucketDirectory } from '../../../workers/db/bucket-directory.ts'
import { type MovingShards, moveBucket } from '../../../workers/db/bucket-moves.ts'
import type { Writer } from '../../../workers/db/replicas.ts'
import { bucketOfAccount, idInBucket, sharded } from '../../../workers/db/shards.ts'
import { spread } from '../../../workers/db/spread.ts'
import worker from '../../../workers/index.ts'
import { orders as orderTable } from '../../../workers/shop/order/tables.ts'
import { memorySources } from '../support/configurations.ts'
import { gatewayOn } from '../support/gateway.ts'
import { shopUnderTest } from '../support/shop.ts'

const things = sqliteTable('things', {
  id: text().primaryKey(),
  bucket: integer().notNull(),
  count: integer().notNull(),
  bytes: text(),
})
const thingsTable = 'CREATE TABLE things (id TEXT PRIMARY KEY, bucket INTEGER NOT NULL, count INTEGER NOT NULL, bytes)'
const shards: MovingShards = {
  sources: [env.ORDERS_0, env.ORDERS_1],
  homes: 2,
  directory: bucketDirectory(env.DB),
  now: Date.now,
}
const isolate = () => sharded({ ...shards, name: 'orders', now: Date.now })

beforeAll(async () => {
  await applyD1Migrations(env.DB, env.MIGRATIONS)
  for (const database of [env.ORDERS_0, env.ORDERS_1]) {
    await applyD1Migrations(database, env.ORDERS_MIGRATIONS)
    await database.exec(thingsTable)
  }
})
afterEach(() => vi.restoreAllMocks())
// A move is some twenty calls, and the machine may be busy.
vi.setConfig({ testTimeout: 20_000 })

/** Every bucket is at home, and has no rows. */
async function empty(): Promise<void> {
  await env.DB.exec('DELETE FROM order_buckets')
  for (const database of [env.ORDERS_0, env.ORDERS_1]) {
    for (const table of ['buckets', 'orders', 'shipments', 'things']) await database.exec(`DELETE FROM ${table}`)
  }
}

const bucketAt = (home: number, from = 0): number => {
  for (let bucket = from; ; bucket++) if (ownerOf(bucket, 2) === home) return bucket
}

const grow = (bucket: number, id: string) => (writer: Writer) =>
  writer
    .insert(things)
    .values({ id, bucket, count: 1 })
    .onConflictDoUpdate({ target: things.id, set: { count: sql`${things.count} + 1` } })
    .returning()

/** For a machine that is busy. */
const patient = { deadlineMs: 20_000 }

const rowsIn = async (database: D1Database, bucket: number) =>
  (
    await database.prepare('SELECT id FROM things WHERE bucket = ? ORDER BY id').bind(bucket).all<{ id: string }>()
  ).results.map(({ id }) => id)

describe('a bucket', () => {
  it('moves with everything that is written meanwhile, and is found by whoever does not know', async () => {
    const bucket = bucketAt(0)
    const stale = isolate()
    for (let row = 0; row < 5; row++) await stale.of(bucket).write(grow(bucket, `row ${row}`))
    // Everybody counts on while it moves to and fro.
    let grown = 0
    const clients = [isolate(), stale].map(async (orders) => {
      for (let times = 0; times < 15; times++) {
        await orders.of(bucket).write(grow(bucket, 'counter'))
        grown++
      }
    })
    for (const to of [1, 0, 1]) expect(await moveBucket(shards, bucket, to)).toMatchObject({ kind: 'moved' })
    await Promise.all(clients)
    expect(grown).toBe(30)
    for (const orders of [stale, isolate()]) {
      const { value } = await orders
        .of(bucket)
        .read({ kind: 'primary' }, (reader) =>
          reader.select({ id: things.id, count: things.count }).from(things).where(eq(things.bucket, bucket)),
        )
      expect(value.length).toBe(6)
      expect(value.find(({ id }) => id === 'counter')?.count).toBe(grown)
    }
    expect(await rowsIn(env.ORDERS_0, bucket)).toEqual([])
  })

  it('is written by a batch as a whole, or not at all', async () => {
    const bucket = bucketAt(1)
    const orders = isolate().of(bucket)
    const { value, bookmark } = await orders.write((writer) =>
      writer.batch([
        writer.insert(things).values({ id: 'batch', bucket, count: 1 }),
        writer.select().from(things).where(eq(things.id, 'batch')),
      ]),
    )
    expect(value[1]).toEqual([{ id: 'batch', bucket, count: 1, bytes: null }])
    const half = orders.write((writer) =>
      writer.batch([
        writer.update(things).set({ count: 5 }).where(eq(things.id, 'batch')),
        writer.insert(things).values({ id: 'batch', bucket, count: 1 }),
      ]),
    )
    await expect(half).rejects.toThrow()
    const read = await orders.read({ kind: 'bookmark', bookmark }, (reader) =>
      reader.select().from(things).where(eq(things.id, 'batch')),
    )
    expect(read).toMatchObject({ value: [{ count: 1 }], served: [{ by: 'primary' }] })
  })

  it('is not to be written while it is frozen, nor read or written where it is not', async () => {
    const bucket = bucketAt(0, 50)
    await isolate().of(bucket).write(grow(bucket, 'frozen'))
    const set = env.ORDERS_0.prepare("INSERT OR REPLACE INTO buckets VALUES (?, 'frozen', 1, 1)").bind(bucket)
    await set.run()
    let isWritten = false
    const writing = isolate()
      .of(bucket)
      .write(grow(bucket, 'frozen'))
      .then(() => {
        isWritten = true
      })
    const read = await isolate()
      .of(bucket)
      .read({ kind: 'unconstrained' }, (reader) => reader.$count(things, eq(things.id, 'frozen')))
    expect(read.value).toBe(1)
    expect(isWritten).toBe(false)
    await env.ORDERS_0.prepare("UPDATE buckets SET state = 'held' WHERE bucket = ?").bind(bucket).run()
    await writing
  })
})

describe('many buckets', () => {
  it('spread over a shard more, and back, and each row is in one place', async () => {
    // One shard at first: half of the buckets are to go to the second one.
    const one = { ...shards, homes: 1, directory: bucketDirectory(env.DB) }
    await empty()
    const orders = sharded({ ...one, name: 'orders', now: Date.now })
    const accounts = Array.from({ length: 3 }, (_, index) => `account ${index}`)
    for (const account of accounts) {
      const bucket = bucketOfAccount('orders', account)
      await orders.of(bucket).write(grow(bucket, account))
    }
    const done = await spread(one, 2, 4)
    expect(done.moved).toBe(4)
    for (const account of accounts)
      await moveBucket(one, bucketOfAccount('orders', account), ownerOf(bucketOfAccount('orders', account), 2))
    const listed = await orders.gather((reader, here) =>
      reader
        .select()
        .from(things)
        .where(and(here(things.bucket), eq(things.count, 1))),
    )
    expect(listed.rows.map(({ id }) => id).sort()).toEqual(accounts)
    for (const [shard, database] of [env.ORDERS_0, env.ORDERS_1].entries()) {
      const { results } = await database.prepare('SELECT bucket FROM things').all<{ bucket: number }>()
      expect(results.every(({ bucket }) => ownerOf(bucket, 2) === shard)).toBe(true)
    }
    const places = await one.directory.read()
    expect((await spread(one, 1, places.size)).left).toBe(0)
    const counts = await orders.gather((reader, here) =>
      reader
        .select({ bucket: things.bucket, rows: count() })
        .from(things)
        .where(here(things.bucket))
        .groupBy(things.bucket),
    )
    expect(counts.rows.length).toBe(3)
    expect((await env.ORDERS_1.prepare('SELECT * FROM things').all()).results).toEqual([])
  })
})

describe('the orders of the shop', () => {
  // Bound as the Worker finds a third database; its tables stand beside the shop's, which are others.
  const three = { ...env, ADMIN_TOKEN: 'a-token', ORDERS_2: env.SHOP }
  const orders = sharded({ ...shards, sources: [...shards.sources, env.SHOP], name: 'orders', now: Date.now })
  const shop = shopUnderTest({ orders })
  /** Their buckets are of the third shard, as soon as there is one. */
  const accounts = Array.from({ length: 200 }, (_, index) => `person ${index}`)
    .filter((account) => ownerOf(bucketOfAccount('orders', account), 3) === 2)
    .slice(0, 4)
  const buckets = accounts.map((account) => bucketOfAccount('orders', account))
  const lines = [{ id: 'item', title: 'A raft', quantity: 1, price: 500 }]

  const place = async (account: string, unguessable: string) => {
    const id = idInBucket(bucketOfAccount('orders', account), unguessable)
    const { status } = await shop.internal('order', 'PUT', `orders/${id}`, { account, lines, currency: 'GBP' })
    return { id, status }
  }
  /** On a machine that is busy a move may take longer than a write waits: it is asked for again, as by the checkout. */
  const placeAtLast = async (account: string, unguessable: string): Promise<string> => {
    const { id, status } = await place(account, unguessable)
    if (status === 200) return id
    expect(status).toBe(503)
    return placeAtLast(account, unguessable)
  }
  const ask = async (path: string, body?: object) => {
    const headers = { authorization: `Bearer ${three.ADMIN_TOKEN}` }
    const init = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) }
    const request = new Request(`http://gateway.test/_weir/api/shards${path}`, init)
    const response = await worker.fetch(request as never, three, createExecutionContext())
    return (await response.json()) as { shards: { shard: string; buckets: number }[]; moving: unknown[]; kind: string }
  }
  const ids = async () => {
    const { rows, missing } = await orders.gather(
      (reader, here) =>
        reader.select({ id: orderTable.id, bucket: orderTable.bucket }).from(orderTable).where(here(orderTable.bucket)),
      patient,
    )
    expect(missing).toEqual([])
    return rows.map(({ id }) => id).sort()
  }

  beforeAll(async () => {
    await env.DB.exec('DELETE FROM order_buckets')
    for (const database of [env.ORDERS_0, env.ORDERS_1]) await database.exec('DELETE FROM buckets')
    await applyD1Migrations(env.SHOP, env.SHOP_MIGRATIONS)
    await applyD1Migrations(env.SHOP, env.ORDERS_MIGRATIONS)
    await env.SHOP.exec('DROP TABLE IF EXISTS things')
    await env.SHOP.exec(thingsTable)
  })

  it('get a third shard while they are made: none is lost, and each is in one place', async () => {
    expect((await ask('')).shards.map(({ buckets }) => buckets > 1900)).toEqual([true, true, false])
    const made: string[] = []
    let isMoving = true
    const customers = accounts.map(async (account) => {
      for (let order = 0; isMoving || order < 3; order++) {
        made.push(await placeAtLast(account, `${order}`))
      }
    })
    const moved = []
    for (const account of accounts) moved.push((await ask('/move', { account, to: 2 })).kind)
    isMoving = false
    await Promise.all(customers)
    expect(moved).toEqual(accounts.map(() => 'moved'))
    expect(await ids()).toEqual(made.sort())
    const { results } = await env.SHOP.prepare('SELECT id FROM orders ORDER BY id').all<{ id: string }>()
    expect(results.map(({ id }) => id)).toEqual(made)
    const spreading = await ask('/spread', { atMost: 3 })
    expect(spreading).toMatchObject({ moved: 3, rows: 0 })
    expect((await ask('')).shards[2]).toEqual({ shard: 'orders-2', buckets: accounts.length + 3 })
  })

  it('move on by the clock where a move has died', async () => {
    const before = await ids()
    const bucket = buckets[0]!
    const at = (await shards.directory.read()).get(bucket)!
    const version = await shards.directory.begin(bucket, at, 0, 0)
    const frozen = "UPDATE buckets SET state = 'frozen', version = ?, moved_to = 0 WHERE bucket = ?"
    await env.SHOP.prepare(frozen).bind(version, bucket).run()
    expect((await ask('')).moving).toEqual([{ bucket, to: 'orders-0' }])
    const waiting = placeAtLast(accounts[0]!, 'waits')
    await worker.scheduled(createScheduledController(), three)
    const id = await waiting
    expect((await ask('')).moving).toEqual([])
    expect(await ids()).toEqual([...before, id].sort())
    const { results } = await env.ORDERS_0.prepare('SELECT DISTINCT bucket FROM orders').all()
    expect(results).toEqual([{ bucket }])
  })

  it('of a shard that is down are away, and those of the others are not', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    vi.spyOn(console, 'warn').mockReturnValue()
    await env.SHOP.exec('ALTER TABLE buckets RENAME TO away')
    const made = await Promise.all(accounts.map((account) => place(account, 'while it is down')))
    const listed = await shop.client().ask('order', 'GET', '/api/bought')
    await env.SHOP.exec('ALTER TABLE away RENAME TO buckets')
    expect(made.map(({ status }) => status)).toEqual([200, 503, 503, 503])
    expect(await listed.json()).toEqual({
      items: expect.arrayContaining([{ id: 'item', title: 'A raft' }]),
      missing: ['orders-2'],
    })
  })

  it('are read while their bucket is on its way; who would write is asked to come again after 5 s', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    const [account] = accounts
    const bucket = buckets[0]!
    await env.ORDERS_0.prepare("UPDATE buckets SET state = 'frozen' WHERE bucket = ?").bind(bucket).run()
    let now = Date.now()
    const hurried = sharded({ ...shards, name: 'orders', now: () => (now += 1000) })
    const impatient = shopUnderTest({ orders: hurried })
    const path = `orders/${idInBucket(bucket, 'frozen')}`
    const response = await impatient.internal('order', 'PUT', path, { account, lines, currency: 'GBP' })
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    expect((await ids()).length).toBeGreaterThan(0)
    const { value } = await hurried.of(bucket).read({ kind: 'primary' }, (reader) => reader.$count(orderTable))
    expect(value).toBeGreaterThan(0)
    await env.ORDERS_0.prepare("UPDATE buckets SET state = 'held' WHERE bucket = ?").bind(bucket).run()
  })
})

describe('/_weir/api/shards', () => {
  const gateway = gatewayOn(memorySources())
  const url = 'http://gateway.test/_weir/api/shards'
  const post = (path: string, body: unknown) =>
    gateway.ask(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) })

  it('says who has how many, and moves one', async () => {
    await empty()
    const before = (await (await gateway.ask(url)).json()) as { shards: { buckets: number }[]; moving: unknown[] }
    expect(before.shards.reduce((sum, { buckets }) => sum + buckets, 0)).toBe(4096)
    const account = 'ada'
    const bucket = bucketOfAccount('orders', account)
    const to = 1 - ownerOf(bucket, 2)
    await isolate().of(bucket).write(grow(bucket, 'of ada'))
    const moved = await post('/move', { account, to })
    expect([moved.status, await moved.json()]).toEqual([200, { bucket, to: `orders-${to}`, kind: 'moved', rows: 1 }])
    const after = (await (await gateway.ask(url)).json()) as typeof before
    expect(after.shards[to]!.buckets).toBe(before.shards[to]!.buckets + 1)
    const back = await post('/spread', {})
    expect(await back.json()).toEqual({ moved: 1, rows: 1, left: 0 })
  })

  it.each([
    ['/move', { bucket: 4096, to: 1 }],
    ['/move', { bucket: 1, to: 2 }],
    ['/move', { to: 1 }],
    ['/spread', { over: 3 }],
    ['/spread', { atMost: 1000 }],
  ])('refuses POST %s %j, and says what to send', async (path, body) => {
    const response = await post(path, body)
    expect(response.status).toBe(422)
    expect(((await response.json()) as { detail: string }).detail).toMatch(/^Send \{.*Nothing was changed\.$/)
  })

  it.each(['/move', '/spread'])('moves nothing for a POST %s that was cut', async (path) => {
    const response = await gateway.ask(`${url}${path}`, { method: 'POST', body: '{"over": 1' })
    expect([response.status, await response.json()]).toMatchObject([400, { reason: 'not-json' }])
  })

  it('says when a database does not answer, and that nothing is lost', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    vi.spyOn(console, 'warn').mockReturnValue()
    const bucket = bucketAt(0, 77)
    await isolate().of(bucket).write(grow(bucket, 'kept'))
    await env.ORDERS_1.exec('ALTER TABLE buckets RENAME TO away')
    const failed = await post('/move', { bucket, to: 1 })
    expect([failed.status, failed.headers.get('retry-after')]).toEqual([503, '5'])
    await env.ORDERS_1.exec('ALTER TABLE away RENAME TO buckets')
    expect((await post('/move', { bucket, to: 1 })).status).toBe(200)
    expect(await rowsIn(env.ORDERS_1, bucket)).toEqual(['kept'])
  })

  it('ends in one place when several move the same bucket to and fro at the same time, and a listing goes on', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    vi.spyOn(console, 'warn').mockReturnValue()
    const bucket = bucketAt(0, 120)
    for (let row = 0; row < 5; row++)
      await isolate()
        .of(bucket)
        .write(grow(bucket, `moved ${row}`))
    const orders = isolate()
    const list = () =>
      orders.gather(
        (reader, here) =>
          reader
            .select()
            .from(things)
            .where(and(here(things.bucket), eq(things.bucket, bucket))),
        patient,
      )
    const moves = Promise.all([1, 0, 1, 1].map((to) => post('/move', { bucket, to })))
    const listed = await Promise.all([list(), list(), list()])
    // Whoever was overtaken is told so, or finds that what was copied is gone.
    for (const { status } of await moves) expect([200, 409, 503]).toContain(status)
    for (const { rows, missing } of [...listed, await list()]) {
      expect([rows.length, new Set(rows.map(({ id }) => id)).size, missing]).toEqual([5, 5, []])
    }
    expect((await post('/move', { bucket, to: 1 })).status).toBe(200)
    expect([await rowsIn(env.ORDERS_0, bucket), (await rowsIn(env.ORDERS_1, bucket)).length]).toEqual([[], 5])
  })

  it('is for administrators', async () => {
    for (const path of ['shards', 'reads']) {
      const headers = { authorization: 'Bearer wrong' }
      expect((await gateway.ask(`http://gateway.test/_weir/api/${path}`, { headers })).status).toBe(401)
    }
  })
})
