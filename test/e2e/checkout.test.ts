// Checking out behind the gateway, by real Workflows: the caller gets 202 and a status to watch. A process that dies in
// the middle is followed by another, which goes on where it was.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { seedItems, seedRows } from '../../workers/cli/demo/seed.ts'
import { shopConfiguration } from '../../workers/cli/demo/shop-configuration.ts'
import { type LocalGateway, startLocalGateway } from '../../workers/cli/local-gateway.ts'
import { adminToken, cacheStatus } from './support/gateway.ts'

let folder: string
let gateway: LocalGateway

const start = (more: Partial<Parameters<typeof startLocalGateway>[0]>) =>
  startLocalGateway({
    document: JSON.stringify(shopConfiguration),
    port: 0,
    adminToken,
    stateFolder: folder,
    variables: { COOKIE_SECRET: 'a secret' },
    ...more,
  })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-checkout-'))
  gateway = await start({
    entry: 'test/e2e/workers/dying.ts',
    prepare: async ({ SHOP }) => void (await seedRows(SHOP, seedItems.slice(-3))),
  })
})

afterAll(async () => {
  await gateway?.close()
  rmSync(folder, { recursive: true, force: true })
})

const item = seedItems.at(-1)!.id
const address = { name: 'Ada', street: 'Main Street 1', city: 'London', country: 'GB' }

/** Keeps its cookie, with an account and something in its cart. */
async function customer() {
  let cookie = ''
  const ask = async (method: string, path: string, json?: unknown, fields: Record<string, string> = {}) => {
    const body = json !== undefined && { body: JSON.stringify(json) }
    const headers = { cookie, ...(body && { 'content-type': 'application/json' }), ...fields }
    const response = await fetch(`${gateway.url}${path}`, { method, headers, ...body })
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
    return response
  }
  const person = { email: `${crypto.randomUUID()}@example.com`, password: 'correct horse', name: 'Ada' }
  expect((await ask('POST', '/api/account', person)).status).toBe(201)
  const fill = () => ask('PUT', `/api/cart/items/${item}`, { quantity: 1 })
  await fill()
  const checkOut = (wanted: object = { address, payment: 'card' }, key: string = crypto.randomUUID()) =>
    ask('POST', '/api/checkout', wanted, { 'idempotency-key': key })
  const session = (method: string, json?: unknown) =>
    ask(method, '/_weir/session', json, { authorization: `Bearer ${adminToken}` })
  const json = async <T>(path: string) => (await (await ask('GET', path)).json()) as T
  const ended = (place: string) =>
    vi.waitFor(
      async () => {
        const status = await json<{ state: string; because?: string; order?: string }>(place)
        expect(status.state).not.toBe('running')
        return status
      },
      { timeout: 15_000, interval: 50 },
    )
  return { ask, fill, checkOut, session, json, ended }
}

it('answers 202 with a status to watch, empties the cart, and ends with an order', async () => {
  const { checkOut, json, ended } = await customer()
  const begun = await checkOut()
  const place = begun.headers.get('location')!
  expect([begun.status, place]).toEqual([202, expect.stringMatching(/^\/api\/checkout\/[\w-]+$/)])
  expect([begun.headers.get('cache-control'), cacheStatus(begun)]).toEqual(['no-store', expect.stringContaining('fwd')])
  expect(await begun.json()).toMatchObject({ state: 'running', steps: [{ step: 'reserve' }, {}, {}, { step: 'ship' }] })
  expect(await json('/api/cart')).toMatchObject({ lines: [] })
  const { state, order } = await ended(place)
  expect(state).toBe('done')
  expect(await json(order!)).toMatchObject({
    state: 'shipped',
    lines: [{ id: item, quantity: 1 }],
    shipment: { address },
  })
  expect(await json('/api/orders')).toMatchObject({ orders: [{ state: 'shipped' }] })
  // It is nobody else's.
  const other = await customer()
  for (const path of [place, order!]) expect((await other.ask('GET', path)).status).toBe(404)
  expect((await fetch(`${gateway.url}${place}`)).status).toBe(401)
})

it('undoes all, and says why', async () => {
  const { ask, checkOut, json, ended } = await customer()
  const stock = async () => (await json<{ stock: number }>(`/api/items/${item}`)).stock
  const before = await stock()
  const begun = await checkOut({ address, payment: 'declined' })
  const place = begun.headers.get('location')!
  const { state, because } = await ended(place)
  expect({ state, because }).toEqual({ state: 'undone', because: 'The payment was declined. Nothing was charged.' })
  expect(await json('/api/orders')).toMatchObject({ orders: [{ state: 'cancelled', because }] })
  expect(await stock()).toBe(before)
  // Whoever tries again does not have to fill the cart again.
  expect(await json('/api/cart')).toMatchObject({ lines: [] })
  const page = place.replace('/api/checkout', '/orders')
  expect(await (await ask('GET', page)).text()).toContain(`action="${page}/cart"`)
  for (const path of [`${page}/cart`, `${place}/cart`]) expect((await ask('POST', path)).ok).toBe(true)
  expect(await json('/api/cart')).toMatchObject({ lines: [{ id: item, quantity: 1 }] })
  expect((await (await customer()).ask('POST', `${place}/cart`)).status).toBe(404)
  const bought = (await checkOut()).headers.get('location')!
  await ended(bought)
  expect((await ask('POST', `${bought}/cart`)).status).toBe(409)
})

it('the same key means the same checkout', async () => {
  const { ask, fill, checkOut, json } = await customer()
  const key = crypto.randomUUID()
  const first = await checkOut(undefined, key)
  await fill()
  const second = await checkOut(undefined, key)
  expect([second.status, second.headers.get('location')]).toEqual([202, first.headers.get('location')])
  expect(await json('/api/cart')).toMatchObject({ lines: [{ id: item }] })
  expect((await ask('DELETE', '/api/cart')).status).toBe(204)
})

it('a cart is bought once, whatever the key, also where nobody heard that it was', async () => {
  const { ask, checkOut, session, json } = await customer()
  const { cart, cartVersion } = (await (await session('GET')).json()) as Record<string, unknown>
  const key = crypto.randomUUID()
  const first = await checkOut(undefined, key)
  // As if whoever began it had died before it emptied the cart.
  const full = async () => {
    expect((await session('PATCH', { cart, cartVersion })).status).toBe(200)
    expect(await json('/api/cart')).toMatchObject({ lines: [{ id: item }] })
  }
  for (const again of [crypto.randomUUID(), key]) {
    await full()
    const second = await checkOut(undefined, again)
    expect([second.status, second.headers.get('location')]).toEqual([202, first.headers.get('location')])
    expect(await json('/api/cart')).toMatchObject({ lines: [] })
  }
  // With something more in it, it is another one.
  await full()
  await ask('POST', `/api/cart/items/${item}`, { quantity: 1 })
  const third = await checkOut()
  expect([third.status, third.headers.get('location') === first.headers.get('location')]).toEqual([202, false])
})

it('a key is of one address and one payment', async () => {
  const { checkOut } = await customer()
  const key = crypto.randomUUID()
  expect((await checkOut(undefined, key)).status).toBe(202)
  for (const other of [
    { address, payment: 'cash' },
    { address: { ...address, city: 'Rome' }, payment: 'card' },
  ]) {
    const refused = await checkOut(other, key)
    expect([refused.status, await refused.json()]).toMatchObject([422, { reason: 'idempotency-key-reused' }])
  }
})

it('refuses what cannot be bought, and says what to do', async () => {
  const { ask, checkOut } = await customer()
  const refused = async (response: Response) => [
    response.status,
    ((await response.json()) as { reason: string }).reason,
  ]
  expect(await refused(await ask('POST', '/api/checkout', { address, payment: 'card' }))).toEqual([
    ...[400, 'no-idempotency-key'],
  ])
  expect(await refused(await checkOut({ address: { ...address, country: 'England' }, payment: 'card' }))).toEqual([
    ...[422, 'invalid'],
  ])
  expect(await refused(await checkOut({ address, payment: 'card', total: 1 }))).toEqual([409, 'prices-changed'])
  await ask('PUT', `/api/cart/items/${item}`, { quantity: 99 })
  expect(await refused(await checkOut())).toEqual([409, 'out-of-stock'])
  await ask('DELETE', '/api/cart')
  expect(await refused(await checkOut())).toEqual([409, 'cart-empty'])
  const stranger = await fetch(`${gateway.url}/api/checkout`, { method: 'POST', body: '{}' })
  expect(await refused(stranger)).toEqual([401, 'not-logged-in'])
})

it('goes on where a process has died between the charge and the shipment, at once where the administrator says so', async () => {
  const { fill, checkOut, json, ended } = await customer()
  const begin = async () => {
    await fill()
    const begun = await checkOut({ address: { ...address, city: 'Atlantis' }, payment: 'card' })
    return begun.headers.get('location')!
  }
  const places = [await begin(), await begin()] as const
  const steps = async (place: string) =>
    (await json<{ steps: { state: string }[] }>(place)).steps.map(({ state }) => state).join(' ')
  const patience = { timeout: 15_000, interval: 50 }
  for (const place of places) {
    await vi.waitFor(async () => expect(await steps(place)).toBe('done done done waiting'), patience)
  }
  await gateway.close()
  const [looked, stuck] = places.map((place) => place.slice('/api/checkout/'.length)) as [string, string]
  gateway = await start({
    async prepare({ SHOP }) {
      // As if half a minute had passed: whoever looks at it then has it run again.
      await SHOP.prepare('UPDATE checkouts SET moved_at = 0 WHERE id = ?').bind(looked).run()
      // As if it had failed an hour ago, and the next try were far.
      const [failed, next] = [Date.now() - 3_600_000, Date.now() + 3_600_000]
      const sql = 'UPDATE checkouts SET since = ?, moved_at = ?, failures = 7, trouble = ? WHERE id = ?'
      await SHOP.prepare(sql).bind(failed, next, 'The carrier is away.', stuck).run()
    },
  })
  for (const place of places) {
    if (place === places[1]) {
      const listed: unknown = await (await admin('GET', '?state=stuck')).json()
      expect(listed).toMatchObject({
        checkouts: [{ id: stuck, state: 'running', failures: 7, trouble: 'The carrier is away.' }],
      })
      expect(JSON.stringify(listed)).not.toContain('Atlantis')
      expect((await admin('POST', `/${stuck}/retry`)).status).toBe(202)
    }
    const { state, order } = await ended(place)
    expect(state).toBe('done')
    expect(await json(order!)).toMatchObject({ state: 'shipped', shipment: { address: { city: 'Atlantis' } } })
  }
  expect(await (await admin('GET')).json()).toEqual({ checkouts: [] })
  expect((await admin('POST', `/${stuck}/retry`)).status).toBe(409)
})

const admin = (method: string, rest = '', token = adminToken) =>
  fetch(`${gateway.url}/_weir/api/checkouts${rest}`, { method, headers: { authorization: `Bearer ${token}` } })

it('the administrator alone sees all checkouts, page by page', async () => {
  const page = async (query: string) =>
    (await (await admin('GET', query)).json()) as { checkouts: { id: string }[]; next?: string }
  const all = (await page('?state=done')).checkouts.map(({ id }) => id)
  const one = await page('?state=done&limit=1')
  const rest = await page(`?state=done&cursor=${one.next}`)
  expect([...one.checkouts, ...rest.checkouts].map(({ id }) => id)).toEqual(all)
  const statuses = [
    await admin('GET', '', 'wrong'),
    await admin('GET', '?state=lost'),
    await admin('GET', '?limit=0'),
    await admin('GET', '?cursor=x'),
    await admin('POST', '/nothing/retry'),
    await admin('DELETE'),
  ].map(({ status }) => status)
  expect(statuses).toEqual([401, 422, 422, 422, 404, 405])
})
