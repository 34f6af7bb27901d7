// The payment service: a ledger of play money that stands behind no route, for the checkout alone. A charge goes by its
// key, whatever comes twice, late, or in the wrong order.
//
//   PUT     charges it; 402 where it is declined, 409 where it was refunded before
//   DELETE  refunds it; where nothing was charged, nothing will ever be
//   GET     what became of it
//   POST …/forgotten   those of checkouts that are over for long: their keys never come again
import { eq } from 'drizzle-orm'
import * as z from 'zod'
import type { Problem } from '../../problem.ts'
import { internalPrefix } from '../calls.ts'
import { forgetting, isAmong } from '../forgetting.ts'
import type { ShopPorts } from '../ports.ts'
import { Refused, readJson, serviceApp } from '../service.ts'
import { charges } from './tables.ts'

const wanted = z.strictObject({
  /** In minor units. */
  amount: z.int().min(0),
  /** ISO 4217. */
  currency: z.string().regex(/^[A-Z]{3}$/),
  /** What is charged, such as a token of a card. */
  payment: z.string().min(1).max(100),
})

/** Play money: every payment is good but one. */
const isGood = (payment: string): boolean => payment !== 'declined'

export function paymentService({ database, now }: Pick<ShopPorts, 'database' | 'now'>) {
  const app = serviceApp('payment')
  const path = `${internalPrefix}charges/:key` as const

  app.put(path, async (context) => {
    const key = context.req.param('key')
    const { amount, currency, payment } = await readJson(context, wanted)
    const at = now()
    const state = isGood(payment) ? 'charged' : 'declined'
    const { value: charge } = await database.write(async (db) => {
      const row = { key, state, amount, currency, createdAt: at, changedAt: at } as const
      const [, rows] = await db.batch([
        db.insert(charges).values(row).onConflictDoNothing(),
        db.select().from(charges).where(eq(charges.key, key)),
      ])
      return rows[0]!
    })
    if (charge.state === 'refunded') throw new Refused(refunded)
    if (charge.amount !== amount || charge.currency !== currency) throw new Refused(otherCharge)
    if (charge.state === 'declined') throw new Refused(declined)
    return context.json(charge)
  })

  app.delete(path, async (context) => {
    const key = context.req.param('key')
    const at = now()
    const nothing = { key, state: 'refunded', amount: 0, currency: '', createdAt: at, changedAt: at } as const
    await database.write((db) =>
      db
        .insert(charges)
        .values(nothing)
        .onConflictDoUpdate({
          target: charges.key,
          set: { state: 'refunded', changedAt: at },
          setWhere: eq(charges.state, 'charged'),
        }),
    )
    return context.body(null, 204)
  })

  app.post(`${internalPrefix}charges/forgotten`, async (context) => {
    const { keys } = await readJson(context, forgetting)
    await database.write((db) => db.delete(charges).where(isAmong(charges.key, keys)))
    return context.body(null, 204)
  })

  app.get(path, async (context) => {
    const key = context.req.param('key')
    const { value: rows } = await database.read({ kind: 'primary' }, (db) =>
      db.select().from(charges).where(eq(charges.key, key)).limit(1),
    )
    if (rows[0] === undefined) throw new Refused(noCharge)
    return context.json(rows[0])
  })

  return app
}

const declined: Problem = {
  status: 402,
  reason: 'declined',
  detail: 'The payment was declined. Nothing was charged.',
}

const refunded: Problem = {
  status: 409,
  reason: 'refunded',
  detail: 'This charge was refunded, and is not made again: take a new key.',
}

const otherCharge: Problem = {
  status: 422,
  reason: 'other-charge',
  detail: 'This key belongs to a charge of another amount: take a new key.',
}

const noCharge: Problem = { status: 404, reason: 'no-such-charge', detail: 'Nothing was charged under this key.' }
