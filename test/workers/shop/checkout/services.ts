// The services that a checkout asks, on the databases of the tests: their routes and tables are the shop's own.
import { applyD1Migrations } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { drizzle } from 'drizzle-orm/d1'
import { webCryptoSeal } from '../../../../workers/adapters/web-crypto-seal.ts'
import { bucketDirectory } from '../../../../workers/db/bucket-directory.ts'
import { replicated } from '../../../../workers/db/replicas.ts'
import { bucketOfAccount, idInBucket, sharded } from '../../../../workers/db/shards.ts'
import { serviceCalls } from '../../../../workers/services/service-calls.ts'
import { type Calls, policy, type Service } from '../../../../workers/shop/calls.ts'
import { reservationRoutes } from '../../../../workers/shop/catalog/stock.ts'
import { items } from '../../../../workers/shop/catalog/tables.ts'
import { newId } from '../../../../workers/shop/new-id.ts'
import { orderService } from '../../../../workers/shop/order/service.ts'
import { paymentService } from '../../../../workers/shop/payment/service.ts'
import type { ShopPorts } from '../../../../workers/shop/ports.ts'
import { serviceApp } from '../../../../workers/shop/service.ts'

const now = () => Date.now()

export const database = replicated('shop', env.SHOP, now)
export const orders = sharded({
  name: 'orders',
  sources: [env.ORDERS_0, env.ORDERS_1],
  homes: 2,
  directory: bucketDirectory(env.DB),
  now,
})

// What these routes need of them.
const ports = { database, orders, now } as ShopPorts
const services: Partial<Record<Service, { fetch(request: Request): Response | Promise<Response> }>> = {
  catalog: serviceApp('catalog').route(
    '/',
    reservationRoutes(ports, async () => undefined),
  ),
  order: orderService(ports),
  payment: paymentService(ports),
}

const doors = serviceCalls({
  seal: webCryptoSeal('a secret'),
  refusals: { record: async () => undefined, list: async () => undefined },
  rule: async () => undefined,
  own: policy,
  now,
})

/** Of the checkout. */
export const calls: Calls = (to, request) =>
  doors.call(
    'checkout',
    to,
    request,
    doors.behindDoor(to, async (asked) => services[to]!.fetch(asked)),
  )

/** As the checkout asks. */
export function ask(to: Service, method: string, path: string, body?: unknown): Promise<Response> {
  const json = body !== undefined && {
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  }
  return calls(to, new Request(`http://${to}.invalid/internal/${path}`, { method, ...json }))
}

export async function migrate(): Promise<void> {
  await applyD1Migrations(env.DB, env.MIGRATIONS)
  await applyD1Migrations(env.SHOP, env.SHOP_MIGRATIONS)
  await applyD1Migrations(env.ORDERS_0, env.ORDERS_MIGRATIONS)
  await applyD1Migrations(env.ORDERS_1, env.ORDERS_MIGRATIONS)
}

/** Resolves to the id of an item of which there are so many. */
export async function stockUp(stock: number): Promise<string> {
  const id = newId()
  const about = { id, title: 'A print', kind: 'print', place: 'Home', description: 'Of a print.' }
  const row = { ...about, price: 500, currency: 'GBP', stock, version: 1, createdAt: 0 }
  await drizzle(env.SHOP).insert(items).values(row)
  return id
}

export const orderId = (account: string): string => idInBucket(bucketOfAccount('orders', account), newId())

export const stateOf = (database: D1Database, table: string, column: 'id' | 'key', id: string) =>
  database.prepare(`SELECT state FROM ${table} WHERE ${column} = ?`).bind(id).first<string>('state')

/** What the databases say of a checkout, and of the item in it. */
export async function factsOf(id: string, item: string) {
  const inShards = async (table: string) => {
    const found = await Promise.all([env.ORDERS_0, env.ORDERS_1].map((shard) => stateOf(shard, table, 'id', id)))
    return found.find((state) => state !== null) ?? null
  }
  return {
    stock: await env.SHOP.prepare('SELECT stock FROM items WHERE id = ?').bind(item).first<number>('stock'),
    reservation: await stateOf(env.SHOP, 'reservations', 'key', id),
    order: await inShards('orders'),
    charge: await stateOf(env.SHOP, 'charges', 'key', id),
    shipment: await inShards('shipments'),
  }
}
