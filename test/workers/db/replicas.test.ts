// The port on D1 itself, with its sessions and bookmarks, and the replica in KV.
import { env } from 'cloudflare:workers'
import { eq, sql } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { kvReplicas } from '../../../workers/db/kv-replica.ts'
import { ReadLog } from '../../../workers/db/read-log.ts'
import { type Reader, replicated } from '../../../workers/db/replicas.ts'
import { sessionThrough } from '../../../workers/db/statements.ts'
import { holdBackground } from '../support/background.ts'
import { migrateShop, shopUnderTest } from '../support/shop.ts'

const things = sqliteTable('things', { id: text().primaryKey(), count: integer().notNull() })
const log = new ReadLog()
const database = replicated('shop', env.SHOP, Date.now, (event) => log.record(event))

beforeAll(async () => {
  await env.SHOP.exec('DROP TABLE IF EXISTS things')
  await env.SHOP.exec('CREATE TABLE things (id TEXT PRIMARY KEY, count INTEGER NOT NULL)')
})
beforeEach(() => env.SHOP.exec("DELETE FROM things; INSERT INTO things VALUES ('a', 1), ('b', 2)"))
afterEach(() => vi.restoreAllMocks())

const countOf = (id: string) => async (reader: Reader) =>
  (await reader.select().from(things).where(eq(things.id, id)))[0]?.count

describe('a database', () => {
  it('is read after what was written, by the bookmark of the write', async () => {
    for (let count = 10; count < 15; count++) {
      const set = { count }
      const { bookmark } = await database.write((writer) => writer.update(things).set(set).where(eq(things.id, 'a')))
      expect(bookmark).toMatch(/^[0-9a-f-]+$/)
      const answer = await database.read({ kind: 'bookmark', bookmark }, countOf('a'))
      expect(answer).toMatchObject({ value: count, served: [{ by: 'primary', ms: expect.any(Number) }] })
      expect(answer.bookmark! >= bookmark!).toBe(true)
    }
  })

  it('gives bookmarks that sort as they follow one another', async () => {
    const bookmarks: string[] = []
    for (let count = 0; count < 20; count++) {
      const { bookmark } = await database.write((writer) => writer.update(things).set({ count }))
      bookmarks.push(bookmark!)
    }
    expect(bookmarks.toSorted()).toEqual(bookmarks)
    expect(new Set(bookmarks).size).toBe(20)
  })

  it('takes a batch as one transaction', async () => {
    const half = database.write((writer) =>
      writer.batch([writer.update(things).set({ count: 7 }), writer.insert(things).values({ id: 'a', count: 1 })]),
    )
    await expect(half).rejects.toThrow()
    expect((await database.read({ kind: 'primary' }, countOf('a'))).value).toBe(1)
  })

  it('answers joins, counts and plain SQL as drizzle does, and refuses two columns of one name', async () => {
    const { value } = await database.read({ kind: 'primary' }, async (reader) => ({
      joined: await reader
        .select({ id: things.id, twice: sql<number>`${things.count} * 2`.as('twice') })
        .from(things)
        .orderBy(things.id),
      count: await reader.$count(things),
      plain: await reader.all(sql`SELECT count FROM things ORDER BY count DESC LIMIT 1`),
      none: await reader.select().from(things).where(eq(things.id, 'c')),
    }))
    expect(value).toEqual({
      ...{
        joined: [
          { id: 'a', twice: 2 },
          { id: 'b', twice: 4 },
        ],
        count: 2,
        plain: [{ count: 2 }],
        none: [],
      },
    })
    vi.spyOn(console, 'warn').mockReturnValue()
    const twice = database.read({ kind: 'primary' }, (reader) =>
      reader.select({ id: things.id, again: things.id }).from(things),
    )
    await expect(twice).rejects.toMatchObject({ cause: { message: expect.stringContaining('the same name') } })
  })

  it('counts what has served its reads', () => {
    expect(log.report()).toContainEqual({
      ...{ database: 'shop', tolerance: 'bookmark', by: 'primary', region: undefined, reads: 5 },
      ...{ meanMs: expect.any(Number), longestMs: expect.any(Number) },
    })
  })
})

describe('a person, where replicas have heard of nothing yet', () => {
  /** Who brings no bookmark gets a replica in which there is nothing. */
  const behind = replicated(
    'shop',
    {
      withSession(constraint) {
        const session = env.SHOP.withSession(constraint)
        if (constraint !== 'first-unconstrained') return session
        return sessionThrough(session, async (statements) =>
          (await session.batch(statements as D1PreparedStatement[])).map((result) => ({ ...result, results: [] })),
        )
      },
    },
    Date.now,
  )
  const shop = shopUnderTest({ database: behind })
  const ada = { email: 'ada@replicas.example', password: 'correct horse', name: 'Ada' }

  beforeAll(migrateShop)

  it('who has registered is known on the next request, since the bookmark is in the session', async () => {
    const client = shop.client()
    expect((await client.ask('account', 'POST', '/api/account', ada)).status).toBe(201)
    expect((await client.ask('account', 'GET', '/api/account')).status).toBe(200)
  })

  it('who logs in elsewhere is known there too', async () => {
    const client = shop.client()
    const { email, password } = ada
    expect((await client.ask('account', 'POST', '/api/account/login', { email, password })).status).toBe(200)
    expect((await client.ask('account', 'GET', '/api/account')).status).toBe(200)
  })
})

describe('a replica in KV', () => {
  let later = 0
  const held = holdBackground()
  const load = vi.fn(async (id: string) => (await database.read({ kind: 'primary' }, countOf(id))).value)
  const { background } = held
  const replicaNamed = (name: string, namespace = env.CONFIG) =>
    kvReplicas({ namespace, background, now: () => Date.now() + later, onRead: (event) => log.record(event) })({
      ...{ name, staleSeconds: 60, load },
    })

  beforeEach(() => {
    later = 0
    load.mockClear()
  })

  it('is asked instead of the database, until what it has is older than it says', async () => {
    const replica = replicaNamed('old')
    expect(await replica.read('a')).toMatchObject({ value: 1, by: 'primary' })
    await held.settled()
    await env.SHOP.exec('UPDATE things SET count = 9')
    later = 59_000
    expect(await replica.read('a')).toMatchObject({ value: 1, by: 'kv' })
    expect((await replica.read('a'))?.ageMs).toBeGreaterThanOrEqual(59_000)
    expect(load).toHaveBeenCalledOnce()
    later = 61_000
    expect(await replica.read('a')).toMatchObject({ value: 9, by: 'primary' })
    await held.settled()
  })

  it('has what was written when the write is told', async () => {
    const replica = replicaNamed('written')
    await replica.read('a')
    await held.settled()
    await env.SHOP.exec('UPDATE things SET count = 9')
    expect(await replica.renew('a')).toBe(true)
    expect(await replica.read('a')).toMatchObject({ value: 9, by: 'kv' })
    await env.SHOP.exec('DELETE FROM things')
    expect(await replica.renew('a')).toBe(true)
    expect(await replica.read('a')).toBeUndefined()
  })

  it('that fails is passed over for the database', async () => {
    vi.spyOn(console, 'warn').mockReturnValue()
    const failing = async () => Promise.reject(new Error('KV is away'))
    const replica = replicaNamed('failing', { get: failing, put: failing, delete: failing } as never)
    expect(await replica.read('a')).toMatchObject({ value: 1, by: 'primary' })
    await held.settled()
    expect(await replica.renew('a')).toBe(false)
  })

  it('has what was read before a write no longer than it says, though it comes to KV after the write', async () => {
    const replica = replicaNamed('racing')
    let isAnswered: (() => void) | undefined
    load.mockImplementationOnce(async (id) => {
      const { value } = await database.read({ kind: 'primary' }, countOf(id))
      await new Promise<void>((resolve) => {
        isAnswered = resolve
      })
      return value
    })
    const before = replica.read('a')
    await vi.waitFor(() => expect(isAnswered).toBeDefined())
    await env.SHOP.exec('UPDATE things SET count = 9')
    later = 10_000
    expect(await replica.renew('a')).toBe(true)
    isAnswered!()
    expect(await before).toMatchObject({ value: 1, ageMs: expect.closeTo(10_000, -4) })
    await held.settled()
    later = 59_000
    expect(await replica.read('a')).toMatchObject({ value: 1, by: 'kv' })
    later = 60_500
    expect(await replica.read('a')).toMatchObject({ value: 9, by: 'primary' })
    await held.settled()
    expect(await replica.read('a')).toMatchObject({ value: 9, by: 'kv' })
  })

  it.each<[string, unknown]>([
    ['something else', { count: 1 }],
    ['nothing', { at: Date.now() }],
    ['what a clock has written that is an hour ahead', { value: 5, at: Date.now() + 3_600_000 }],
    ['no JSON', undefined],
  ])('where somebody has put %s is as none', async (name, content) => {
    vi.spyOn(console, 'warn').mockReturnValue()
    await env.CONFIG.put(`replica/${name}/a`, content === undefined ? '{' : JSON.stringify(content))
    expect(await replicaNamed(name).read('a')).toMatchObject({ value: 1, by: 'primary' })
    await held.settled()
    expect(await replicaNamed(name).read('a')).toMatchObject({ value: 1, by: 'kv' })
  })

  it('counts what it has served, and says so where the database fails after a write', async () => {
    expect(log.report()).toContainEqual(
      expect.objectContaining({ database: 'old', tolerance: 'bounded', by: 'kv', reads: 2 }),
    )
    vi.spyOn(console, 'warn').mockReturnValue()
    load.mockRejectedValueOnce(new Error('D1 is away'))
    expect(await replicaNamed('away').renew('a')).toBe(false)
  })
})
