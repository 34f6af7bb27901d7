// A checkout on the real services and databases, whose process dies after every write of its journal and after every
// effect, before anybody knows of it. In advance.test.ts there are other faults, and more of them at once.
import { env } from 'cloudflare:workers'
import { beforeAll, expect, it, test, vi } from 'vitest'
import { follow } from '../../../../shared/saga.ts'
import { ownerOf } from '../../../../shared/state/place.ts'
import { bucketOfId } from '../../../../workers/db/shards.ts'
import { advance, type CheckoutTools, type Journal, sagaOf } from '../../../../workers/shop/checkout/advance.ts'
import { forgetEffects, serviceEffects } from '../../../../workers/shop/checkout/effects.ts'
import { checkoutJournal } from '../../../../workers/shop/checkout/journal.ts'
import type { Purchase } from '../../../../workers/shop/checkout/steps.ts'
import { wakeIfStanding, watchCheckouts } from '../../../../workers/shop/checkout/watch.ts'
import { calls, database, factsOf, migrate, orderId, stateOf, stockUp } from './services.ts'
import { Calls, ChargedWithoutOrder, Clock, type Fault, purchase, runToEnd } from './world.ts'

beforeAll(migrate)

const journal = checkoutJournal(database)
const effects = serviceEffects(calls)

const done = { reservation: 'held', stock: 3, order: 'shipped', charge: 'charged', shipment: 'booked' }
/** Each scenario, what its end is, and what the databases say then. */
const scenarios: [title: string, change: Partial<Purchase>, stock: number, end: string, facts: object][] = [
  ['all goes well', {}, 5, 'done', done],
  [
    ...(['nobody ships there', { address: { ...purchase.address, country: 'AQ' } }, 5, 'undone'] as const),
    { reservation: 'released', stock: 5, order: 'cancelled', charge: 'refunded', shipment: 'cancelled' },
  ],
  [
    ...(['the payment is declined', { payment: 'declined' }, 5, 'undone'] as const),
    { reservation: 'released', stock: 5, order: 'cancelled', charge: 'declined', shipment: null },
  ],
  [
    ...(['it is sold out', {}, 1, 'undone'] as const),
    { reservation: 'released', stock: 1, order: null, charge: null, shipment: null },
  ],
]

/** A checkout of its own; `count` is of the points where its process may die. */
async function outcome(change: Partial<Purchase>, stock: number, faultOf: (point: number) => Fault | undefined) {
  const clock = new Clock()
  const { id, tools, told } = await opened(change, stock, Date.now(), clock)
  const points = new Calls(faultOf)
  // Reading changes nothing: it is no point.
  const begin = () => {
    const faulty = points.begin(tools)
    const own: Journal = { ...journal, append: faulty.journal.append }
    return { ...faulty, journal: own }
  }
  const end = await runToEnd(id, begin, clock.wait)
  return { count: points.count, told: await told(end) }
}

async function opened(change: Partial<Purchase>, stock: number, at = Date.now(), clock = new Clock()) {
  const [id, item] = [orderId('ada'), await stockUp(stock)]
  const lines = [{ id: item, title: 'A print', quantity: 2, price: 500 }]
  await journal.open({ id, idempotencyKey: id, purchase: { ...purchase, lines, ...change }, at })
  const tools: CheckoutTools = { journal, effects: watched(id), now: () => Date.now() + clock.now() }
  const told = async (end: string) => {
    return { end, stored: (await journal.read(id))?.state, facts: await factsOf(id, item) }
  }
  return { id, tools, told }
}

test.each(scenarios)('%s', async (_, change, stock, end, facts) => {
  const { told } = await outcome(change, stock, () => undefined)
  expect(told).toEqual({ end, stored: end, facts })
})

// On the way forward, and from there on all the way back: each effect and its undoing. Before a point it is as after the
// one before.
test.each([
  ['forward', 0, 12],
  ['back', 1, 24],
] as const)(
  'its process dies after any point on the way %s',
  async (_, index, points) => {
    const [, change, stock, end, facts] = scenarios[index]!
    const first = points - 12
    const deaths = Array.from({ length: 12 }, async (_, after) => {
      const point = first + after
      const { count, told } = await outcome(change, stock, (at) => (at === point ? 'dead after' : undefined))
      expect(count, `point ${point}`).toBeGreaterThanOrEqual(points)
      expect(told, `point ${point}`).toEqual({ end, stored: end, facts })
    })
    await Promise.all(deaths)
  },
  20_000,
)

/** As in the middle of a move, where nothing may be written. Resolves to the shard that has the bucket. */
async function freeze(id: string): Promise<D1Database> {
  const bucket = bucketOfId(id)!
  const home = [env.ORDERS_0, env.ORDERS_1][ownerOf(bucket, 2)]!
  await home.prepare("INSERT INTO buckets (bucket, state, version) VALUES (?, 'frozen', 1)").bind(bucket).run()
  return home
}

/** Never charged without an order: looked for after every effect. */
function watched(id: string): CheckoutTools['effects'] {
  const look = async () => {
    if ((await stateOf(env.SHOP, 'charges', 'key', id)) !== 'charged') return
    const states = await Promise.all([env.ORDERS_0, env.ORDERS_1].map((shard) => stateOf(shard, 'orders', 'id', id)))
    if (!states.some((state) => state === 'placed' || state === 'shipped')) throw new ChargedWithoutOrder()
  }
  return {
    async perform(...given) {
      const outcome = await effects.perform(...given)
      await look()
      return outcome
    },
    async undo(...given) {
      await effects.undo(...given)
      await look()
    },
  }
}

test.each(scenarios)('twenty who run it at once have each effect once: %s', async (_, change, stock, end, facts) => {
  const { id, tools, told } = await opened(change, stock)
  const ends = await Promise.all(
    Array.from({ length: 20 }, () =>
      runToEnd(
        id,
        () => tools,
        () => scheduler.wait(20),
      ),
    ),
  )
  expect([...new Set(ends), await told(end)]).toEqual([end, { end, stored: end, facts }])
})

test('while the bucket of its order moves it is tried again, and there is one order in the end', async () => {
  const { id, tools, told } = await opened({}, 5)
  const shard = await freeze(id)
  await advance(id, tools)
  const clock = vi.spyOn(Date, 'now')
  const errors = vi.spyOn(console, 'error').mockReturnValue()
  for (let at = Date.now(), tries = 0; tries < 3; tries++) {
    clock.mockImplementation(() => (at += 3000))
    await expect(advance(id, tools)).rejects.toThrow('of the service order: 503')
  }
  clock.mockRestore()
  errors.mockRestore()
  await shard.prepare('DELETE FROM buckets').run()
  const end = await runToEnd(id, () => tools)
  expect(await told(end)).toEqual({ end: 'done', stored: 'done', facts: done })
})

it('the same key means the same checkout, of one account', async () => {
  const open = (account: string) => {
    const opening = { id: orderId(account), idempotencyKey: 'k', purchase: { ...purchase, account }, at: 1 }
    return journal.open(opening)
  }
  const [first, second, other] = [await open('ada'), await open('ada'), await open('bob')]
  expect(second).toEqual(first)
  expect(other.id).not.toBe(first.id)
  expect(await journal.find('ada', 'k')).toEqual(first)
  expect(await journal.find('eve', 'k')).toBeUndefined()
})

it('of those who write at the same place in a journal one has written, and the others are told so', async () => {
  const { id } = await opened({}, 5)
  const nothing = sagaOf({ events: [] })
  const begin = { kind: 'begin', step: 'reserve', at: 1 } as const
  const giveUp = { kind: 'give-up', step: 'reserve', because: 'for a test' } as const
  const told = await Promise.all(
    [giveUp, begin, giveUp, begin].map((event) => {
      const next = follow(nothing, event)
      return next.ok && journal.append(id, event, next.value, 1)
    }),
  )
  expect(told.filter(Boolean)).toHaveLength(1)
  const written = await journal.read(id)
  expect(written?.events).toEqual([told[0] || told[2] ? giveUp : begin])
  expect(written?.state).toBe(told[0] || told[2] ? 'undone' : 'running')
})

it('finds what stands still, and one of many wakes it; its pauses grow', async () => {
  await env.SHOP.prepare("UPDATE checkouts SET state = 'done'").run()
  const id = orderId('ada')
  await journal.open({ id, idempotencyKey: id, purchase, at: 0 })
  expect(await journal.standing(29_999, 10)).toEqual([])
  expect(await journal.standing(30_000, 10)).toEqual([id])
  const claims = await Promise.all([1, 2, 3].map(() => journal.claim(id, 30_000)))
  expect(claims.filter(Boolean)).toHaveLength(1)
  expect(await journal.standing(59_999, 10)).toEqual([])
  // After a day, every ten minutes.
  const day = 86_400_000
  expect(await journal.claim(id, day)).toBe(true)
  expect(await journal.standing(day + 599_999, 10)).toEqual([])
  expect(await journal.standing(day + 600_000, 10)).toEqual([id])
})

const minute = 60_000

it('what cannot be undone is listed with its reason, its journal does not grow, and it ends when it can', async () => {
  const { id, tools, told } = await opened({ address: { ...purchase.address, country: 'AQ' } }, 5)
  const { undo } = tools.effects
  const stuck = { ...tools.effects, undo: (...given: Parameters<typeof undo>) => orAway(undo, given) }
  const lengths: number[] = []
  // Four on the way there, one back, and three that fail.
  for (let moves = 1; moves <= 8; moves++) {
    const away = await advance(id, { ...tools, effects: stuck }).catch(String)
    if (away?.includes('away')) lengths.push((await journal.read(id))!.events.length)
  }
  expect([lengths.length, new Set(lengths).size]).toEqual([3, 1])
  const found = async (state: 'stuck' | 'running', after: number) => {
    const listed = await journal.list({ state, limit: 100 }, Date.now() + after)
    return listed.find((each) => each.id === id)
  }
  expect(await found('stuck', 4 * minute)).toBeUndefined()
  expect(await found('stuck', 6 * minute)).toMatchObject({
    failures: 3,
    trouble: 'The bank is away.',
    state: 'running',
  })
  expect(await runToEnd(id, () => tools)).toBe('undone')
  expect(await told('undone')).toMatchObject({ facts: { charge: 'refunded', order: 'cancelled' } })
  expect([await found('stuck', 6 * minute), await found('running', 0)]).toEqual([undefined, undefined])
  expect(await journal.read(id)).toMatchObject({ failures: 0, trouble: null })
})

type Undo = CheckoutTools['effects']['undo']

const orAway = (undo: Undo, given: Parameters<Undo>): Promise<void> =>
  given[0] === 'charge' ? Promise.reject(new Error('The bank is away.')) : undo(...given)

it('that a run cannot be begun is noted, and the next who looks tries again', async () => {
  const { id } = await opened({}, 5, 0)
  const wake = () => Promise.reject(new Error('There is no Workflow.'))
  const warnings = vi.spyOn(console, 'warn').mockReturnValue()
  await wakeIfStanding(id, { journal, wake, now: () => minute })
  warnings.mockRestore()
  const trouble = 'Its run could not be begun: Error: There is no Workflow.'
  expect(await journal.read(id)).toMatchObject({ since: 0, failures: 1, trouble })
  expect(await journal.claim(id, 2 * minute)).toBe(true)
})

it('pages of a list follow one another', async () => {
  await env.SHOP.prepare('DELETE FROM checkouts').run()
  const ids: string[] = []
  for (const at of [1, 2, 2, 3]) ids.push((await opened({}, 1, at)).id)
  const pages = []
  for (let after: { since: number; id: string } | undefined; pages.length < 3; ) {
    const page = await journal.list({ state: 'running', limit: 2, after }, 0)
    pages.push(page.map(({ id }) => id))
    after = page.at(-1)
  }
  expect(pages.map(({ length }) => length)).toEqual([2, 2, 0])
  expect(pages.flat().sort()).toEqual(ids.sort())
})

it('forgets what has been over for 90 days, some at a time, and nothing else', async () => {
  await env.SHOP.prepare('DELETE FROM checkouts').run()
  const [old, older, running, newer] = [await ended(1), await ended(0), (await opened({}, 5, 0)).id, await ended(2)]
  const kept = 90 * 86_400_000
  const left = async () => {
    const rows = await env.SHOP.prepare('SELECT id FROM checkouts').all<{ id: string }>()
    return rows.results.map(({ id }) => id).sort()
  }
  const keys = async (table: string) => {
    const rows = await env.SHOP.prepare(`SELECT key FROM ${table}`).all<{ key: string }>()
    return rows.results.map(({ key }) => key).filter((key) => [old, older, running, newer].includes(key))
  }
  expect(await journal.longOver(kept - 1, 10)).toEqual([])
  expect(await journal.longOver(kept + 1, 1)).toEqual([older])
  expect(await journal.longOver(kept + 2, 10)).toEqual([older, old, newer])
  await advance(running, { journal, effects, now: () => 0 })
  await env.SHOP.prepare('UPDATE checkouts SET moved_at = 0 WHERE id = ?').bind(running).run()
  // What others keep of it goes first, and where they cannot be asked nothing does.
  const watch = { journal, wake: async () => undefined, now: () => kept + 1 }
  await expect(watchCheckouts(watch, () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect(await left()).toEqual([old, older, running, newer].sort())
  await watchCheckouts(watch, (ids) => forgetEffects(calls, ids))
  expect(await left()).toEqual([running, newer].sort())
  expect((await keys('reservations')).sort()).toEqual([running, newer].sort())
  expect(await keys('charges')).toEqual([newer])
  await journal.forget([running])
  const events = 'SELECT DISTINCT checkout FROM checkout_events WHERE checkout IN (?, ?, ?)'
  const { results } = await env.SHOP.prepare(events).bind(old, older, newer).all()
  expect(results).toEqual([{ checkout: newer }])
  // As the cron does.
  await watchCheckouts({ ...watch, now: () => kept + 2 }, (ids) => forgetEffects(calls, ids))
  expect(await left()).toEqual([running])
})

/** One that is over since then. */
async function ended(at: number): Promise<string> {
  const { id, tools } = await opened({ payment: 'declined' }, 5)
  expect(await runToEnd(id, () => tools)).toBe('undone')
  await env.SHOP.prepare('UPDATE checkouts SET moved_at = ? WHERE id = ?').bind(at, id).run()
  return id
}
