// How the checkout makes an order and its shipment, and unmakes them. Both go by the order's id, whatever comes twice,
// late, or in the wrong order; what is cancelled stays so.
//
//   PUT /internal/orders/ID               places it; 409 where it was cancelled before
//   PUT /internal/orders/ID/cancellation  cancels it; where it is not there yet it is noted as cancelled
//   PUT /internal/shipments/ID            ships it; 422 where nobody ships there, 409 where it was cancelled before
//   DELETE /internal/shipments/ID         cancels the shipment; where nothing was booked, nothing will ever be
import { and, eq, exists, ne, sql } from 'drizzle-orm'
import { Hono } from 'hono'
import * as z from 'zod'
import type { Writer } from '../../db/replicas.ts'
import { bucketOfId } from '../../db/shards.ts'
import type { Problem } from '../../problem.ts'
import { internalPrefix } from '../calls.ts'
import type { ShopPorts } from '../ports.ts'
import { Refused, readJson, type ShopEnvironment } from '../service.ts'
import { orders, shipments } from './tables.ts'

/** So that a total is a whole number still. */
const line = z.strictObject({
  id: z.string(),
  title: z.string(),
  quantity: z.int().min(1).max(1000),
  /** In minor units. */
  price: z.int().min(0).max(100_000_000),
})

const placing = z.strictObject({
  account: z.string().min(1),
  lines: z.array(line).min(1).max(100),
  currency: z.string().regex(/^[A-Z]{3}$/),
})

const cancelling = placing.extend({ because: z.string().max(1000) })

const shipping = z.strictObject({
  name: z.string(),
  street: z.string(),
  city: z.string(),
  /** ISO 3166-1. */
  country: z.string().regex(/^[A-Z]{2}$/),
})

/** No carrier goes to Antarctica, the French Southern Territories, or Bouvet Island. */
const outOfReach: ReadonlySet<string> = new Set(['AQ', 'TF', 'BV'])

export function makingRoutes({ orders: shards, now }: Pick<ShopPorts, 'orders' | 'now'>) {
  const app = new Hono<ShopEnvironment>()
  const orderPath = `${internalPrefix}orders/:id` as const
  const shipmentPath = `${internalPrefix}shipments/:id` as const

  app.put(orderPath, async (context) => {
    const id = context.req.param('id')
    const order = rowOf(id, await readJson(context, placing), now())
    const found = await write(id, async (db, bucket) => {
      const [, rows] = await db.batch([
        db
          .insert(orders)
          .values({ ...order, bucket, state: 'placed' })
          .onConflictDoNothing(),
        db.select({ state: orders.state }).from(orders).where(eq(orders.id, id)),
      ])
      return rows[0]!
    })
    if (found.state === 'cancelled') throw new Refused(cancelled('order'))
    return context.json({ id, ...found })
  })

  app.put(`${orderPath}/cancellation`, async (context) => {
    const id = context.req.param('id')
    const { because, ...wanted } = await readJson(context, cancelling)
    const at = now()
    await write(id, (db, bucket) =>
      db
        .insert(orders)
        .values({ ...rowOf(id, wanted, at), bucket, state: 'cancelled', because })
        .onConflictDoUpdate({
          target: orders.id,
          set: { state: 'cancelled', because, changedAt: at },
          setWhere: ne(orders.state, 'cancelled'),
        }),
    )
    return context.body(null, 204)
  })

  app.put(shipmentPath, async (context) => {
    const id = context.req.param('id')
    const address = await readJson(context, shipping)
    if (outOfReach.has(address.country)) throw new Refused(nobodyShips(address.country))
    const found = await write(id, (db) => ship(db, id, JSON.stringify(address), now()))
    if (found?.state === 'cancelled') throw new Refused(cancelled('shipment'))
    if (found === undefined) throw new Refused(nothingToShip)
    return context.json({ id, ...found })
  })

  app.delete(shipmentPath, async (context) => {
    const id = context.req.param('id')
    const at = now()
    await write(id, (db, bucket) =>
      db
        .insert(shipments)
        .values({ id, bucket, state: 'cancelled', address: '{}', createdAt: at, changedAt: at })
        .onConflictDoUpdate({
          target: shipments.id,
          set: { state: 'cancelled', changedAt: at },
          setWhere: eq(shipments.state, 'booked'),
        }),
    )
    return context.body(null, 204)
  })

  /** Rejects where the shard does not answer; then nobody knows whether it was written. */
  async function write<T>(id: string, query: (db: Writer, bucket: number) => Promise<T>): Promise<T> {
    const bucket = bucketOfId(id)
    if (bucket === undefined) throw new Refused(noBucket)
    return (await shards.of(bucket).write((db) => query(db, bucket))).value
  }

  return app
}

/** In one transaction: what is booked belongs to an order that was placed, and makes it a shipped one. */
async function ship(db: Writer, id: string, address: string, at: number) {
  const booked = db
    .select({ one: sql`1` })
    .from(shipments)
    .where(and(eq(shipments.id, id), eq(shipments.state, 'booked')))
  const isPlaced = and(eq(orders.id, id), eq(orders.state, 'placed'))
  const shipment = {
    ...{ id: orders.id, bucket: orders.bucket, state: sql`'booked'`.as('state') },
    address: sql`${address}`.as('address'),
    ...{ createdAt: sql`${at}`.as('created_at'), changedAt: sql`${at}`.as('changed_at') },
  }
  const [, , rows] = await db.batch([
    db.insert(shipments).select(db.select(shipment).from(orders).where(isPlaced)).onConflictDoNothing(),
    db
      .update(orders)
      .set({ state: 'shipped', changedAt: at })
      .where(and(isPlaced, exists(booked))),
    db.select({ state: shipments.state }).from(shipments).where(eq(shipments.id, id)),
  ])
  return rows[0]
}

const rowOf = (id: string, { account, lines, currency }: z.output<typeof placing>, at: number) => ({
  ...{ id, account, currency, lines: JSON.stringify(lines), createdAt: at, changedAt: at },
  total: lines.reduce((total, { price, quantity }) => total + price * quantity, 0),
})

const cancelled = (what: string): Problem => ({
  status: 409,
  reason: 'cancelled',
  detail: `This ${what} was cancelled, and stays so: begin a new one.`,
})

const nobodyShips = (country: string): Problem => ({
  status: 422,
  reason: 'out-of-reach',
  detail: `No carrier goes to ${country}: give an address elsewhere.`,
})

const nothingToShip: Problem = { status: 409, reason: 'no-such-order', detail: 'There is no such order to ship.' }

const noBucket: Problem = {
  status: 422,
  reason: 'no-such-id',
  detail: 'The id of an order begins with its bucket, three hexadecimal digits.',
}
