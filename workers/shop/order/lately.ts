// What is bought lately, out of all shards of the orders: titles, and nobody's name. A shard that fails, or has not answered in
// time, is named as missing; then the others' part is told, and kept by nobody.
//
//   GET /api/bought
import { and, desc, ne } from 'drizzle-orm'
import { Hono } from 'hono'
import type { ShopPorts } from '../ports.ts'
import { type ShopEnvironment, sharedJson } from '../service.ts'
import { orders } from './tables.ts'

const mostShown = 12
const keptSeconds = 30
const deadlineMs = 1_000

export function latelyRoutes({ orders: shards }: Pick<ShopPorts, 'orders'>) {
  const app = new Hono<ShopEnvironment>()

  app.get('/api/bought', async (context) => {
    const { bucket, lines, createdAt } = orders
    const { rows, missing } = await shards.gather(
      (db, here) =>
        db
          .select({ bucket, lines, createdAt })
          .from(orders)
          .where(and(here(bucket), ne(orders.state, 'cancelled')))
          .orderBy(desc(createdAt))
          .limit(mostShown),
      { deadlineMs },
    )
    const newest = [...rows].sort((a, b) => b.createdAt - a.createdAt)
    const bought = { items: newest.flatMap(titlesOf).slice(0, mostShown), missing }
    if (missing.length > 0) return context.json(bought)
    return sharedJson(context, bought, { seconds: keptSeconds, tags: ['bought'] })
  })

  return app
}

const titlesOf = ({ lines }: { readonly lines: string }) =>
  (JSON.parse(lines) as { id: string; title: string }[]).map(({ id, title }) => ({ id, title }))
