// The port over replicas that lag: what clients see over random histories, with bookmarks and without.

import { eq, sql } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { afterEach, describe, expect, it, test, vi } from 'vitest'
import { randomFrom } from '../../workers/cli/simulate/random.ts'
import { type BookmarkSession, type Bookmarks, laterBookmarks, OwnView } from '../../workers/db/bookmarks.ts'
import { ReadLog } from '../../workers/db/read-log.ts'
import { type Database, replicated, type Tolerance } from '../../workers/db/replicas.ts'
import { columnsOf, type D1Source } from '../../workers/db/statements.ts'
import { type Seen, violations } from '../support/consistency.ts'
import { LaggingD1 } from '../support/lagging-d1.ts'

afterEach(() => vi.restoreAllMocks())

const counters = sqliteTable('counters', { key: text().primaryKey(), value: integer().notNull() })
const keys = ['a', 'b', 'c']
const schema = `CREATE TABLE counters (key TEXT PRIMARY KEY, value INTEGER NOT NULL);
  INSERT INTO counters VALUES ${keys.map((key) => `('${key}', 0)`).join(', ')}`

const read = (key: string) => async (database: Parameters<Parameters<Database['read']>[1]>[0]) =>
  (await database.select().from(counters).where(eq(counters.key, key)))[0]!.value

const increment = (key: string) => async (database: Parameters<Parameters<Database['write']>[0]>[0]) => {
  const grown = { value: sql`${counters.value} + 1` }
  const rows = await database.update(counters).set(grown).where(eq(counters.key, key)).returning()
  return rows[0]!.value
}

/** What a session holds; `lost` says which bookmarks never get there. */
function sessionThat(lost: (bookmarks: Bookmarks) => boolean): BookmarkSession {
  let bookmark: Bookmarks = {}
  return {
    values: async () => ({ bookmark }),
    async update(judge) {
      const judged = judge({ bookmark }).bookmark
      if (!lost(judged)) bookmark = judged
    },
  }
}

interface Tried {
  readonly history: readonly Seen[]
  readonly log: ReadLog
}

/** Four clients, each with up to three requests at a time, in many isolates. One request in eight writes. */
async function tryOut(seed: number, lost: (bookmarks: Bookmarks) => boolean = () => false): Promise<Tried> {
  const random = randomFrom(seed)
  const log = new ReadLog()
  const source = new LaggingD1(schema, random)
  const history: Seen[] = []
  let tick = 0
  const client = async (name: string, session: BookmarkSession) => {
    for (let requests = 0; requests < 25; requests++) {
      // Each request finds another isolate.
      const database = replicated(
        'shop',
        source,
        () => tick,
        (event) => log.record(event),
      )
      const view = new OwnView(session)
      const key = keys[Math.floor(random() * keys.length)]!
      const kind = random() < 1 / 8 ? 'write' : 'read'
      const began = tick++
      const value =
        kind === 'write' ? await view.write(database, increment(key)) : (await view.read(database, read(key))).value
      await view.keep()
      history.push({ client: name, kind, key, value, began, ended: tick++ })
    }
  }
  const clients = ['ada', 'bob', 'cy', 'di'].flatMap((name) => {
    const session = sessionThat(lost)
    return [1, 2, 3].map(() => client(name, session))
  })
  await Promise.all(clients)
  source.close()
  return { history, log }
}

const seeds = Array.from({ length: 14 }, (_, seed) => seed)

describe('over 4,200 requests on replicas that lag', () => {
  it('everybody sees what they wrote and never less than they saw, and replicas serve 95 % of it', async () => {
    const tried = await Promise.all(seeds.map((seed) => tryOut(seed)))
    expect(tried.flatMap(({ history }) => violations(history))).toEqual([])
    const counts = tried.flatMap(({ log }) => log.report())
    const readsBy = (who: string) => counts.filter(({ by }) => by === who).reduce((sum, { reads }) => sum + reads, 0)
    const share = readsBy('replica') / (readsBy('replica') + readsBy('primary'))
    if (process.env.SHOW_NUMBERS) console.log({ replica: readsBy('replica'), primary: readsBy('primary'), share })
    expect(share).toBeGreaterThanOrEqual(0.95)
  })

  it('both are violated where bookmarks are lost, and the checker finds it', async () => {
    const tried = await Promise.all([1, 2, 3].map((seed) => tryOut(seed, () => true)))
    if (process.env.SHOW_NUMBERS) console.log(tried.map(({ history }) => violations(history).length))
    const kinds = new Set(tried.flatMap(({ history }) => violations(history)).map((violation) => violation.of))
    expect(kinds).toEqual(new Set(['read-your-writes', 'monotonic reads']))
  })

  it('a third of them lost is found too', async () => {
    const random = randomFrom(1)
    const tried = await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => tryOut(seed, () => random() < 1 / 3)))
    if (process.env.SHOW_NUMBERS) console.log(tried.map(({ history }) => violations(history).length))
    expect(tried.flatMap(({ history }) => violations(history)).length).toBeGreaterThan(0)
  })
})

describe('the checker', () => {
  const seen = (kind: Seen['kind'], value: number, began: number, ended: number, more: Partial<Seen> = {}): Seen => ({
    ...{ client: 'ada', kind, key: 'a', value, began, ended },
    ...more,
  })

  test.each<[string, Seen[], string[]]>([
    ['a read of what was written', [seen('write', 1, 0, 1), seen('read', 1, 2, 3)], []],
    ['a read of more', [seen('write', 1, 0, 1), seen('read', 5, 2, 3)], []],
    ['a read of less than was written', [seen('write', 1, 0, 1), seen('read', 0, 2, 3)], ['read-your-writes']],
    ['a read of less than was read', [seen('read', 2, 0, 1), seen('read', 1, 2, 3)], ['monotonic reads']],
    ['a read that began before the write was told', [seen('write', 1, 0, 5), seen('read', 0, 2, 6)], []],
    ['another client', [seen('write', 1, 0, 1), seen('read', 0, 2, 3, { client: 'bob' })], []],
    ['another counter', [seen('write', 1, 0, 1), seen('read', 0, 2, 3, { key: 'b' })], []],
  ])('%s', (_, history, expected) => expect(violations(history).map((violation) => violation.of)).toEqual(expected))
})

describe('a read', () => {
  const on = (source: D1Source) => replicated('shop', source, () => 0)
  const never = { prepare: () => ({ bind: () => never.prepare(), all: () => new Promise<never>(() => {}) }) }

  it('that tolerates nothing is the primary’s, with all that is written', async () => {
    const database = on(new LaggingD1(schema, randomFrom(1)))
    for (let value = 1; value <= 5; value++) {
      await database.write(increment('a'))
      const answer = await database.read({ kind: 'primary' }, read('a'))
      expect(answer).toMatchObject({ value, served: [{ by: 'primary' }] })
    }
  })

  it('that tolerates all is a replica’s, and says which', async () => {
    const database = on(new LaggingD1(schema, () => 0))
    await database.write(increment('a'))
    const answer = await database.read({ kind: 'unconstrained' }, read('a'))
    expect(answer).toEqual({ value: 0, bookmark: '00000000', served: [{ by: 'replica', region: 'WEUR', ms: 0 }] })
  })

  test.each<[string, Tolerance]>([
    ['fails', { kind: 'unconstrained' }],
    ['knows no such bookmark', { kind: 'bookmark', bookmark: 'of another database' }],
  ])('finds the primary where the replica %s', async (_, tolerance) => {
    vi.spyOn(console, 'warn').mockReturnValue()
    const real = new LaggingD1(schema, randomFrom(1))
    const answer = await on({
      withSession(constraint) {
        if (constraint !== 'first-primary') throw new Error('D1_ERROR')
        return real.withSession(constraint)
      },
    }).read(tolerance, read('a'))
    expect(answer).toMatchObject({ value: 0, served: [{ by: 'primary' }] })
  })

  it('finds the primary where a replica hangs', async () => {
    vi.useFakeTimers()
    vi.spyOn(console, 'warn').mockReturnValue()
    const real = new LaggingD1(schema, randomFrom(1))
    const database = on({
      withSession: (constraint) =>
        constraint === 'first-primary'
          ? real.withSession(constraint)
          : ({ ...never, getBookmark: () => null } as never),
    })
    const answer = database.read({ kind: 'unconstrained' }, read('a'))
    await vi.advanceTimersByTimeAsync(1500)
    vi.useRealTimers()
    expect(await answer).toMatchObject({ value: 0, served: [{ by: 'primary' }] })
  })
})

describe('bookmarks in a session', () => {
  const database = () => replicated('shop', new LaggingD1(schema, randomFrom(1)), () => 0)

  it('are not begun with by somebody who only reads', async () => {
    const update = vi.fn()
    const view = new OwnView({ values: async () => ({}), update })
    await view.read(database(), read('a'))
    await view.keep()
    expect(update).not.toHaveBeenCalled()
  })

  it('are not written again where nothing is newer', async () => {
    const update = vi.fn()
    const view = new OwnView({ values: async () => ({ bookmark: { shop: '00000009' } }), update })
    await view.read(database(), read('a'))
    await view.keep()
    expect(update).not.toHaveBeenCalled()
  })

  /** A session in which somebody has put this. */
  function sessionWith(bookmark: unknown) {
    let held = bookmark
    const update: BookmarkSession['update'] = async (judge) => {
      held = judge({ bookmark: held as Bookmarks }).bookmark
    }
    return { values: async () => ({ bookmark: held as Bookmarks }), update, held: () => held }
  }

  it.each([[null], ['text'], [7], [['a']], [{ shop: 7 }], [{ shop: 'garbage' }], [{ shop: 'f'.repeat(1000) }]])(
    'that are none are as if there were none: %j',
    async (garbage) => {
      vi.spyOn(console, 'warn').mockReturnValue()
      const session = sessionWith(garbage)
      const shop = database()
      const view = new OwnView(session)
      expect((await view.read(shop, read('a'))).served).toMatchObject([{ by: 'replica' }])
      await view.write(shop, increment('a'))
      await view.keep()
      expect(session.held()).toEqual({ shop: '00000001' })
      expect((await new OwnView(session).read(shop, read('a'))).value).toBe(1)
      expect(console.warn).not.toHaveBeenCalled()
    },
  )

  it('of a database that has been another one are let go of, and cost one read', async () => {
    vi.spyOn(console, 'warn').mockReturnValue()
    const real = new LaggingD1(schema, randomFrom(1))
    const shop = replicated(
      'shop',
      {
        withSession(constraint) {
          if (constraint === '00000999') throw new Error('D1_ERROR: no such bookmark')
          return real.withSession(constraint)
        },
      },
      () => 0,
    )
    await shop.write(increment('a'))
    const session = sessionWith({ shop: '00000999', other: '00000999' })
    const view = new OwnView(session)
    expect(await view.read(shop, read('a'))).toMatchObject({ value: 1, served: [{ by: 'primary' }] })
    await view.keep()
    expect(session.held()).toEqual({ shop: '00000001', other: '00000999' })
    expect(await new OwnView(session).read(shop, read('a'))).toMatchObject({ value: 1, served: [{ by: 'replica' }] })
    expect(console.warn).toHaveBeenCalledOnce()
  })

  it('that another request has put there meanwhile stay', async () => {
    vi.spyOn(console, 'warn').mockReturnValue()
    const session = sessionWith({ shop: '00000999' })
    const view = new OwnView(session)
    const answered = { value: 0, served: [], bookmark: '00000002' }
    await view.read({ name: 'shop', read: async () => answered as never, write: vi.fn() }, read('a'))
    await session.update(() => ({ bookmark: { shop: '00000003' } }))
    await view.keep()
    expect(session.held()).toEqual({ shop: '00000003' })
  })

  it('never go back', () => {
    expect(laterBookmarks({ shop: '2', orders: '1' }, { shop: '1', orders: '3', more: '1' })).toEqual({
      ...{ shop: '2', orders: '3', more: '1' },
    })
  })
})

test('reads are counted by who has served them', () => {
  const log = new ReadLog()
  const event = { database: 'shop', tolerance: 'bookmark', served: { by: 'replica', region: 'WEUR', ms: 2 } } as const
  log.record(event)
  log.record({ ...event, served: { ...event.served, ms: 6 } })
  log.record({ ...event, served: { by: 'primary', ms: 9 } })
  const shop = { database: 'shop', tolerance: 'bookmark' }
  expect(log.report()).toEqual([
    { ...shop, by: 'replica', region: 'WEUR', reads: 2, meanMs: 4, longestMs: 6 },
    { ...shop, by: 'primary', region: undefined, reads: 1, meanMs: 9, longestMs: 9 },
  ])
})

test.each([
  ['select 1', 1],
  ['select "a", "b" from "t"', 2],
  ['select distinct "t"."a, from", max("b", 1) from "t"', 2],
  ["select ', from', (select 1, 2 from x) from t", 2],
  ['select * from t', undefined],
  ['insert into t values (1, 2)', undefined],
])('the columns of %s', (text, count) => expect(columnsOf(text)).toBe(count))
