// A checkout on the real services and databases, whose process dies after every write of its journal and after every
// effect, before anybody knows of it. In advance.test.ts there are other faults, and more of them at once.
import { env } from 'cloudflare:workers'
import { beforeAll, expect, it, test } from 'vitest'
import type { CheckoutTools, Journal } from '../../../../workers/shop/checkout/advance.ts'
import { serviceEffects } from '../../../../workers/shop/checkout/effects.ts'
import { checkoutJournal } from '../../../../workers/shop/checkout/journal.ts'
import type { Purchase } from '../../../../workers/shop/checkout/steps.ts'
import { calls, database, factsOf, migrate, orderId, stateOf, stockUp } from './services.ts'
import { Calls, ChargedWithoutOrder, type Fault, purchase, runToEnd } from './world.ts'

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
  const [id, item] = [orderId('ada'), await stockUp(stock)]
  const lines = [{ id: item, title: 'A print', quantity: 2, price: 500 }]
  await journal.open({ id, idempotencyKey: id, purchase: { ...purchase, lines, ...change }, at: Date.now() })
  const points = new Calls(faultOf)
  const tools: CheckoutTools = { journal, effects: watched(id), now: () => Date.now() }
  // Reading changes nothing: it is no point.
  const begin = () => {
    const faulty = points.begin(tools)
    const own: Journal = { read: journal.read, append: faulty.journal.append }
    return { ...faulty, journal: own }
  }
  const end = await runToEnd(id, begin)
  return { count: points.count, told: { end, stored: (await journal.read(id))?.state, facts: await factsOf(id, item) } }
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
