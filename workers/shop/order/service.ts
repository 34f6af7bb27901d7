// The order service: orders and their shipments, each account's in the shard of its bucket. Whoever is logged in sees
// their own; the checkout makes them.
import { and, eq, sql } from 'drizzle-orm'
import * as z from 'zod'
import { bucketOfAccount, bucketOfId } from '../../db/shards.ts'
import type { Problem } from '../../problem.ts'
import { listedAfter, newestFirst, pageOf, pageQuery } from '../listing.ts'
import type { ShopPorts } from '../ports.ts'
import { checked, Refused, serviceApp, userOf, withSession } from '../service.ts'
import { latelyRoutes } from './lately.ts'
import { makingRoutes } from './making.ts'
import { orders, shipments } from './tables.ts'

const listing = z.strictObject(pageQuery(100))

/** What a checkout does to an order is not in the session's bookmark. */
const asItIs = { kind: 'primary' } as const

export function orderService(ports: ShopPorts) {
  const app = serviceApp('order')
  app.use('/api/orders', withSession(ports))
  app.use('/api/orders/*', withSession(ports))

  app.get('/api/orders', async (context) => {
    const account = await userOf(context)
    const { after, limit } = checked(context.req.query(), listing)
    const shard = ports.orders.of(bucketOfAccount('orders', account))
    const { value: rows } = await shard.read(asItIs, (db) =>
      db
        .select()
        .from(orders)
        .where(and(eq(orders.account, account), listedAfter(orders, after)))
        .orderBy(...newestFirst(orders))
        .limit(limit + 1),
    )
    const { shown, next } = pageOf(rows, limit)
    if (next !== undefined) context.header('link', `</api/orders?after=${next}&limit=${limit}>; rel="next"`)
    return context.json({ orders: shown.map(orderOf), next })
  })

  app.get('/api/orders/:id', async (context) => {
    const account = await userOf(context)
    const id = context.req.param('id')
    const bucket = bucketOfId(id)
    if (bucket === undefined) throw new Refused(noOrder)
    const { value: rows } = await ports.orders.of(bucket).read(asItIs, (db) =>
      db
        .select({
          order: orders,
          shipped: sql<string | null>`${shipments.state}`.as('shipped'),
          address: shipments.address,
        })
        .from(orders)
        .leftJoin(shipments, eq(shipments.id, orders.id))
        .where(and(eq(orders.id, id), eq(orders.account, account)))
        .limit(1),
    )
    const [found] = rows
    if (found === undefined) throw new Refused(noOrder)
    const { order, shipped, address } = found
    const shipment = shipped === 'booked' && { shipment: { address: JSON.parse(address ?? '{}') } }
    return context.json({ ...orderOf(order), ...shipment })
  })

  app.route('/', latelyRoutes(ports))
  app.route('/', makingRoutes(ports))
  return app
}

function orderOf(row: typeof orders.$inferSelect) {
  const { id, state, lines, total, currency, because, createdAt, changedAt } = row
  return {
    ...{ id, state, lines: JSON.parse(lines), total, currency, ...(because !== null && { because }) },
    ...{ createdAt: new Date(createdAt).toISOString(), changedAt: new Date(changedAt).toISOString() },
  }
}

const noOrder: Problem = { status: 404, reason: 'no-such-order', detail: 'You have no order by this id.' }
