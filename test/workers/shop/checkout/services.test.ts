// What a checkout asks of other services counts once, however often it is asked, and stays undone when it was undone:
// before, after, or while it was done.
import { beforeAll, describe, expect, it, test } from 'vitest'
import type { Service } from '../../../../workers/shop/calls.ts'
import { ask, factsOf, migrate, orderId, stockUp } from './services.ts'
import { purchase } from './world.ts'

beforeAll(migrate)

const { account, lines, currency, address } = purchase
const order = { account, lines, currency }

interface Pair {
  readonly fact: 'reservation' | 'order' | 'charge' | 'shipment'
  readonly to: Service
  readonly path: (id: string) => string
  readonly body: (item: string) => unknown
  readonly undo: (id: string) => [method: string, path: string, body?: unknown]
  readonly done: string
  readonly undone: string
}

const pairs: Pair[] = [
  {
    ...{ fact: 'reservation', to: 'catalog', done: 'held', undone: 'released' },
    path: (id) => `reservations/${id}`,
    body: (item) => ({ lines: [{ id: item, quantity: 2 }] }),
    undo: (id) => ['DELETE', `reservations/${id}`],
  },
  {
    ...{ fact: 'order', to: 'order', done: 'placed', undone: 'cancelled' },
    path: (id) => `orders/${id}`,
    body: () => order,
    undo: (id) => ['PUT', `orders/${id}/cancellation`, { ...order, because: 'for a test' }],
  },
  {
    ...{ fact: 'charge', to: 'payment', done: 'charged', undone: 'refunded' },
    path: (id) => `charges/${id}`,
    body: () => ({ amount: 1000, currency, payment: 'card' }),
    undo: (id) => ['DELETE', `charges/${id}`],
  },
  {
    ...{ fact: 'shipment', to: 'order', done: 'booked', undone: 'cancelled' },
    path: (id) => `shipments/${id}`,
    body: () => address,
    undo: (id) => ['DELETE', `shipments/${id}`],
  },
]

describe.each(pairs)('$fact', ({ fact, to, path, body, undo, done, undone }) => {
  async function prepared() {
    const [id, item] = [orderId('ada'), await stockUp(3)]
    if (fact === 'shipment') await ask('order', 'PUT', `orders/${id}`, order)
    return {
      perform: async () => (await ask(to, 'PUT', path(id), body(item))).status,
      undo: async () => (await ask(to, ...undo(id))).status,
      facts: () => factsOf(id, item),
    }
  }

  it('counts once', async () => {
    const { perform, facts } = await prepared()
    const statuses = [...(await Promise.all([perform(), perform()])), await perform()]
    expect(statuses.every((status) => status === 200 || status === 201)).toBe(true)
    expect(await facts()).toMatchObject({ [fact]: done, stock: fact === 'reservation' ? 1 : 3 })
  })

  it('is undone once', async () => {
    const { perform, undo: unmake, facts } = await prepared()
    await perform()
    expect([...(await Promise.all([unmake(), unmake()])), await unmake()]).toEqual([204, 204, 204])
    expect(await facts()).toMatchObject({ [fact]: undone, stock: 3 })
  })

  it('is refused when it comes after it was undone', async () => {
    const { perform, undo: unmake, facts } = await prepared()
    expect(await unmake()).toBe(204)
    expect(await perform()).toBe(409)
    expect(await facts()).toMatchObject({ [fact]: undone, stock: 3 })
  })

  it('is undone whichever of both comes first', async () => {
    const { perform, undo: unmake, facts } = await prepared()
    const [status] = await Promise.all([perform(), unmake(), perform()])
    expect([200, 201, 409]).toContain(status)
    expect(await facts()).toMatchObject({ [fact]: undone, stock: 3 })
  })
})

test('nothing is reserved where there is not enough of all', async () => {
  const [id, item, scarce] = [orderId('ada'), await stockUp(3), await stockUp(1)]
  const wanted = [item, scarce].map((each) => ({ id: each, quantity: 2 }))
  expect((await ask('catalog', 'PUT', `reservations/${id}`, { lines: wanted })).status).toBe(409)
  expect(await factsOf(id, item)).toMatchObject({ reservation: null, stock: 3 })
})

test('the last one is sold once', async () => {
  const item = await stockUp(1)
  const wanted = { lines: [{ id: item, quantity: 1 }] }
  const buyers = Array.from({ length: 5 }, () => ask('catalog', 'PUT', `reservations/${orderId('ada')}`, wanted))
  const statuses = (await Promise.all(buyers)).map(({ status }) => status)
  expect(statuses.sort()).toEqual([201, 409, 409, 409, 409])
})

test('a declined payment charges nothing, now and later', async () => {
  const id = orderId('ada')
  const declined = { amount: 1000, currency, payment: 'declined' }
  expect((await ask('payment', 'PUT', `charges/${id}`, declined)).status).toBe(402)
  expect((await ask('payment', 'PUT', `charges/${id}`, { ...declined, payment: 'card' })).status).toBe(402)
  expect((await ask('payment', 'DELETE', `charges/${id}`)).status).toBe(204)
  expect(await (await ask('payment', 'GET', `charges/${id}`)).json()).toMatchObject({ state: 'declined' })
})

test('a key is for one amount', async () => {
  const path = `charges/${orderId('ada')}`
  await ask('payment', 'PUT', path, { amount: 1000, currency, payment: 'card' })
  expect((await ask('payment', 'PUT', path, { amount: 999, currency, payment: 'card' })).status).toBe(422)
  expect(await (await ask('payment', 'GET', path)).json()).toMatchObject({ amount: 1000 })
})

test('what is no amount is neither charged nor ordered', async () => {
  const id = orderId('ada')
  for (const amount of [-1, 0.5, 2 ** 53, 1e300]) {
    expect((await ask('payment', 'PUT', `charges/${id}`, { amount, currency, payment: 'card' })).status).toBe(422)
  }
  for (const wrong of [{ quantity: 0 }, { quantity: -2 }, { quantity: 1e9 }, { price: -1 }, { price: 2 ** 52 }]) {
    const odd = { ...order, lines: [{ ...lines[0], ...wrong }] }
    expect((await ask('order', 'PUT', `orders/${id}`, odd)).status).toBe(422)
  }
  expect(await factsOf(id, 'nothing')).toMatchObject({ order: null, charge: null })
})

test('nothing is shipped that was not ordered, that was cancelled, or where nobody goes', async () => {
  const id = orderId('ada')
  expect((await ask('order', 'PUT', `shipments/${id}`, address)).status).toBe(409)
  await ask('order', 'PUT', `orders/${id}`, order)
  const far = await ask('order', 'PUT', `shipments/${id}`, { ...address, country: 'AQ' })
  expect([far.status, (await far.json<{ detail: string }>()).detail]).toEqual([422, expect.stringContaining('AQ')])
  await ask('order', 'PUT', `orders/${id}/cancellation`, { ...order, because: 'for a test' })
  expect((await ask('order', 'PUT', `shipments/${id}`, address)).status).toBe(409)
})
