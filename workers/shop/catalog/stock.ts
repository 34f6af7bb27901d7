// The stock, for the checkout alone: what it reserves is out of the stock at once, and all of it or nothing. Both are known
// by the checkout's key: done twice, they are done once, until the checkout is forgotten and they with it.
import { and, eq, ne, sql } from 'drizzle-orm'
import { Hono } from 'hono'
import * as z from 'zod'
import type { Problem } from '../../problem.ts'
import { internalPrefix } from '../calls.ts'
import { forgetting, isAmong } from '../forgetting.ts'
import { newId } from '../new-id.ts'
import type { ShopPorts } from '../ports.ts'
import { Refused, readJson, type ShopEnvironment } from '../service.ts'
import { itemTag, listTag } from './item.ts'
import { items, reservations } from './tables.ts'

const wanted = z.strictObject({
  lines: z
    .array(z.strictObject({ id: z.string(), quantity: z.int().min(1).max(1000) }))
    .min(1)
    .max(100)
    .refine((lines) => new Set(lines.map(({ id }) => id)).size === lines.length, 'must name each item once'),
})

type Lines = z.output<typeof wanted>['lines']

export function reservationRoutes({ database, now }: ShopPorts, changed: (tags: readonly string[]) => Promise<void>) {
  const app = new Hono<ShopEnvironment>()
  const path = `${internalPrefix}reservations/:key` as const

  app.put(path, async (context) => {
    const key = context.req.param('key')
    const { lines } = await readJson(context, wanted)
    const { value } = await database.write((db) => reserve(db, key, lines, now()))
    if (value === 'released') throw new Refused(alreadyReleased)
    if (value === 'short') throw new Refused(outOfStock)
    if (value === 'new') await changed(tagsOf(lines))
    return context.json({ key, state: 'held' }, value === 'new' ? 201 : 200)
  })

  app.post(`${internalPrefix}reservations/forgotten`, async (context) => {
    const { keys } = await readJson(context, forgetting)
    await database.write((db) => db.delete(reservations).where(isAmong(reservations.key, keys)))
    return context.body(null, 204)
  })

  app.delete(path, async (context) => {
    const { value: lines } = await database.write((db) => release(db, context.req.param('key'), now()))
    if (lines !== undefined) await changed(tagsOf(lines))
    return context.body(null, 204)
  })

  return app
}

type Database = Parameters<Parameters<ShopPorts['database']['write']>[0]>[0]

/** In one transaction: nothing is reserved unless there is enough of everything, and a key is noted once. */
async function reserve(db: Database, key: string, lines: Lines, at: number) {
  const text = JSON.stringify(lines)
  // By this it is known that this very call has noted the key.
  const claim = newId()
  const enough = sql`(SELECT count(*) FROM json_each(${text}) AS line JOIN items ON items.id = line.value ->> 'id'
    WHERE items.stock >= CAST(line.value ->> 'quantity' AS INTEGER)) = ${lines.length}`
  const noted = db
    .insert(reservations)
    .select(sql`SELECT ${key}, ${text}, 'held', ${claim}, ${at} WHERE ${enough}`)
    .onConflictDoNothing()
  const taken = lines.map(({ id, quantity }) =>
    db
      .update(items)
      .set({ stock: sql`${items.stock} - ${quantity}`, version: sql`${items.version} + 1` })
      .where(and(eq(items.id, id), sql`EXISTS (SELECT 1 FROM reservations WHERE key = ${key} AND claim = ${claim})`)),
  )
  const found = db.select().from(reservations).where(eq(reservations.key, key))
  const results = await db.batch([noted, ...taken, found])
  const [row] = results.at(-1) as (typeof reservations.$inferSelect)[]
  if (row === undefined) return 'short'
  return row.claim === claim ? 'new' : row.state
}

/** In one transaction. What was not reserved is noted as released, so that it is not reserved any more. */
async function release(db: Database, key: string, at: number): Promise<Lines | undefined> {
  const held = sql`FROM reservations, json_each(reservations.lines) AS line
    WHERE reservations.key = ${key} AND reservations.state = 'held'`
  const quantity = sql`(SELECT CAST(line.value ->> 'quantity' AS INTEGER) ${held} AND line.value ->> 'id' = items.id)`
  const released = { key, lines: '[]', state: 'released' as const, claim: '', at }
  const [before] = await db.batch([
    db.select().from(reservations).where(eq(reservations.key, key)),
    db
      .update(items)
      .set({ stock: sql`${items.stock} + ${quantity}`, version: sql`${items.version} + 1` })
      .where(sql`${items.id} IN (SELECT line.value ->> 'id' ${held})`),
    db
      .insert(reservations)
      .values(released)
      .onConflictDoUpdate({
        target: reservations.key,
        set: { state: 'released', at },
        setWhere: ne(reservations.state, 'released'),
      }),
  ])
  const [row] = before
  return row?.state === 'held' ? (JSON.parse(row.lines) as Lines) : undefined
}

const tagsOf = (lines: Lines): string[] => [listTag, ...lines.map(({ id }) => itemTag(id))]

const outOfStock: Problem = {
  status: 409,
  reason: 'out-of-stock',
  detail: 'There is not enough of all that was asked for. Nothing was reserved.',
}

const alreadyReleased: Problem = {
  status: 409,
  reason: 'already-released',
  detail: 'What was reserved under this key has been released: take a new key.',
}
