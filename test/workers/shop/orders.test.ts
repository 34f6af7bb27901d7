// What was ordered: by whom it is seen, and out of which shards it comes.
import { applyD1Migrations } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, expect, test, vi } from 'vitest'
import { ownerOf } from '../../../shared/state/place.ts'
import { bucketOfAccount, idInBucket } from '../../../workers/db/shards.ts'
import type { CartLine } from '../../../workers/shop/ports.ts'
import { migrateShop, type ShopClient, shopUnderTest } from '../support/shop.ts'
import { stockUp } from './checkout/services.ts'

const shop = shopUnderTest()

beforeAll(async () => {
  await migrateShop()
  await applyD1Migrations(env.DB, env.MIGRATIONS)
  await Promise.all([env.ORDERS_0, env.ORDERS_1].map((shard) => applyD1Migrations(shard, env.ORDERS_MIGRATIONS)))
})

/** With as many orders as `titles`, the last the newest. */
async function customer(...titles: string[]) {
  const client = shop.client()
  await client.register()
  const { id: account } = await (await client.ask('account', 'GET', '/api/account')).json<{ id: string }>()
  const ids: string[] = []
  for (const title of titles) {
    const id = idInBucket(bucketOfAccount('orders', account), `order-${title}`)
    const lines = [{ id: `item-${title}`, title, quantity: 1, price: 500 }]
    const order = { account, lines, currency: 'GBP' }
    const response = await shop.internal('order', 'PUT', `orders/${id}`, order)
    expect(response.status).toBe(200)
    ids.push(id)
  }
  return { client, account, ids }
}

const orderOf = (client: ShopClient, id: string) => client.ask('order', 'GET', `/api/orders/${id}`)

test('orders are seen by who has ordered, and are not there for anybody else', async () => {
  const { client, ids } = await customer('tea', 'toast')
  const list = await client.ask('order', 'GET', '/api/orders')
  expect([list.status, list.headers.get('cache-control')]).toEqual([200, 'no-store'])
  const { orders } = await list.json<{ orders: { id: string }[] }>()
  expect(orders.map(({ id }) => id).sort()).toEqual([...ids].sort())
  expect(await (await orderOf(client, ids[0]!)).json()).toMatchObject({
    ...{ id: ids[0], state: 'placed', total: 500, currency: 'GBP', lines: [{ title: 'tea', quantity: 1 }] },
  })
  const other = await customer()
  const refused = [
    await orderOf(other.client, ids[0]!),
    await orderOf(shop.client(), ids[0]!),
    await orderOf(client, `${ids[0]}x`),
    await orderOf(client, 'nothing'),
  ]
  expect(refused.map(({ status }) => status)).toEqual([404, 401, 404, 404])
  expect(await (await other.client.ask('order', 'GET', '/api/orders')).json()).toEqual({ orders: [] })
})

test('orders are listed by pages, to the last, and those of one moment are none too few', async () => {
  vi.spyOn(Date, 'now').mockReturnValue(Date.now())
  const { client, ids } = await customer('1', '2', '3', '4', '5')
  const listed: string[][] = []
  for (let path: string | undefined = '/api/orders?limit=2'; path !== undefined; ) {
    const response = await client.ask('order', 'GET', path)
    const page = await response.json<{ orders: { id: string }[]; next?: string }>()
    listed.push(page.orders.map(({ id }) => id))
    path = /^<([^>]*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
    expect(path?.includes(page.next ?? '?')).toBe(page.next === undefined ? undefined : true)
  }
  vi.restoreAllMocks()
  expect(listed).toEqual([[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]])
  const wrong = await client.ask('order', 'GET', '/api/orders?after=yesterday')
  expect([wrong.status, (await wrong.json<{ detail: string }>()).detail]).toEqual([
    422,
    'after: must be the "next" of another answer',
  ])
})

test('the page of orders says where older ones are', async () => {
  const { client, account, ids } = await customer('newest')
  const bucket = bucketOfAccount('orders', account)
  const shard = [env.ORDERS_0, env.ORDERS_1][ownerOf(bucket, 2)]!
  const fill = `INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
    SELECT ? || 'old' || i, ?, ?, 'shipped', '[]', i, 'GBP', NULL, i, i FROM n`
  await shard.prepare(fill).bind(ids[0]!.slice(0, 3), bucket, account).run()
  const first = await (await client.ask('pages', 'GET', '/orders')).text()
  const more = /href="([^"]*)" rel="next"/.exec(first)?.[1]
  const second = await (await client.ask('pages', 'GET', more ?? '')).text()
  const shown = (page: string) => page.split('<tr><td>').length - 1
  expect([shown(first), shown(second), second.includes('rel="next"')]).toEqual([50, 11, false])
})

test('an order has a page still when its checkout is forgotten', async () => {
  const { client, ids } = await customer('tea')
  const page = await client.ask('pages', 'GET', `/orders/${ids[0]}`)
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('was placed')])
  const { client: other } = await customer()
  expect((await other.ask('pages', 'GET', `/orders/${ids[0]}`)).status).toBe(404)
})

/** How this shop begins a checkout, and what the cart has afterwards. */
async function checkingOut(begin: (client: ShopClient, other: string) => Promise<unknown>) {
  const [item, other] = [await stockUp(9), await stockUp(9)]
  let client: ShopClient | undefined
  const meanwhile = { wakeCheckout: async () => void (await begin(client!, other)) }
  client = shopUnderTest(meanwhile).client()
  await client.register()
  await client.ask('checkout', 'PUT', `/api/cart/items/${item}`, { quantity: 2 })
  const order = { address: { name: 'Ada', street: 'Main Street 1', city: 'London', country: 'GB' }, payment: 'card' }
  const checkOut = () =>
    client.ask('checkout', 'POST', '/api/checkout', order, { 'idempotency-key': crypto.randomUUID() })
  const cart = async () => {
    const { lines } = await (await client.ask('checkout', 'GET', '/api/cart')).json<{ lines: CartLine[] }>()
    return lines.map(({ id, quantity }) => ({ id, quantity }))
  }
  return { item, other, client, checkOut, cart }
}

test('what is put into the cart while it is checked out stays in it', async () => {
  const { item, other, checkOut, cart } = await checkingOut(async (client, other) => {
    await client.ask('checkout', 'POST', `/api/cart/items/${other}`, { quantity: 1 })
    await client.ask('checkout', 'POST', `/api/cart/items/${item}`, { quantity: 3 })
  })
  expect((await checkOut()).status).toBe(202)
  expect(await cart()).toEqual(Object.entries({ [item]: 3, [other]: 1 }).map(([id, quantity]) => ({ id, quantity })))
})

test('what is not sold any more leaves the cart of who checks out, and the rest can be bought', async () => {
  const { item, other, client, checkOut, cart } = await checkingOut(async () => undefined)
  await client.ask('checkout', 'PUT', `/api/cart/items/${other}`, { quantity: 1 })
  await env.SHOP.prepare('DELETE FROM items WHERE id = ?').bind(item).run()
  const refused = await checkOut()
  expect([refused.status, await refused.json()]).toMatchObject([409, { reason: 'cart-changed' }])
  expect(await cart()).toEqual([{ id: other, quantity: 1 }])
  expect((await checkOut()).status).toBe(202)
})

test('who checks out twice at once, with two keys, has bought once', async () => {
  const { checkOut } = await checkingOut(async () => undefined)
  const answers = await Promise.all([checkOut(), checkOut(), checkOut()])
  const places = answers.flatMap(({ status, headers }) => (status === 202 ? [headers.get('location')] : []))
  expect(new Set(places).size).toBe(1)
  for (const { status } of answers) expect([202, 409]).toContain(status)
})

test('what is bought lately comes from all shards, in nobody’s name, and says which is missing', async () => {
  const shards = new Set<number>()
  for (let tries = 0; shards.size < 2 && tries < 20; tries++) {
    const { account } = await customer(`shoe ${tries}`)
    const { results } = await env.ORDERS_0.prepare('SELECT id FROM orders WHERE account = ?').bind(account).all()
    shards.add(results.length > 0 ? 0 : 1)
  }
  const whole = await shop.client().ask('order', 'GET', '/api/bought')
  expect(whole.headers.get('cache-control')).toContain('s-maxage=30')
  const text = await whole.text()
  expect(text).toMatch(/"title":"shoe \d+"/)
  expect(text).not.toContain('account')
  const warnings = vi.spyOn(console, 'warn').mockReturnValue()
  await env.ORDERS_1.prepare('ALTER TABLE orders RENAME TO away').run()
  const partial = await shop.client().ask('order', 'GET', '/api/bought')
  await env.ORDERS_1.prepare('ALTER TABLE away RENAME TO orders').run()
  expect([partial.status, partial.headers.get('cache-control')]).toEqual([200, 'no-store'])
  const { items, missing } = await partial.json<{ items: { title: string }[]; missing: string[] }>()
  expect(missing).toEqual(['orders-1'])
  expect(items.length).toBeGreaterThan(0)
  warnings.mockRestore()
})
