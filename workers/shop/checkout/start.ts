// How a cart becomes a checkout: 202 as soon as it is written down that it has to be done. What becomes of it is watched
// at the place that the answer names.
//
//   POST /api/checkout      with an Idempotency-Key: the same one again, or the same cart, means the same checkout
//   GET /api/checkout/ID    how far it is
//   POST /api/checkout/ID/cart   what was in it is in the cart again, where it came to nothing
import { Hono } from 'hono'
import * as z from 'zod'
import { bucketOfAccount, idInBucket } from '../../db/shards.ts'
import type { Problem } from '../../problem.ts'
import { within } from '../../within.ts'
import { newId } from '../new-id.ts'
import type { ShopPorts } from '../ports.ts'
import { checked, Refused, readJson, type ShopContext, type ShopEnvironment, userOf, withSession } from '../service.ts'
import { leaveOut, type PricedCart, type PricedLine, pricedCart, putBack, takeOut } from './cart.ts'
import type { StoredCheckout } from './journal.ts'
import { statusOf } from './status.ts'
import { address, purchase } from './steps.ts'
import { type WatchTools, wakeIfStanding } from './watch.ts'

const order = z.strictObject({
  address,
  payment: z.string('must be what is charged, such as "card"').trim().min(1, 'must not be empty').max(100),
  /** What the customer has seen, in minor units: where the prices have changed since, nothing is bought. */
  total: z.int().min(0).optional(),
})

type Wanted = z.output<typeof order>

const patienceMs = 2_000

export function startRoutes(ports: ShopPorts, tools: WatchTools) {
  const { journal, wake, now } = tools
  const app = new Hono<ShopEnvironment>()
  app.use('/api/checkout', withSession(ports))
  app.use('/api/checkout/*', withSession(ports))

  app.post('/api/checkout', async (context) => {
    const account = await userOf(context)
    const idempotencyKey = context.req.header('idempotency-key')?.trim() ?? ''
    if (idempotencyKey === '' || idempotencyKey.length > 200) throw new Refused(noKey)
    const wanted = await readJson(context, order)
    // The cart is empty when the client asks again because it has not heard the answer.
    const earlier = await journal.find(account, idempotencyKey)
    if (earlier !== undefined) return again(context, earlier, wanted, idempotencyKey)
    const cart = await buyableCart(context, ports, wanted)
    const bought = {
      account,
      lines: cart.lines.map(({ id, title, quantity, price }) => ({ id, title, quantity, price })),
      currency: cart.currency,
      ...{ address: wanted.address, payment: wanted.payment },
    }
    // The order goes by it too, in its account's bucket.
    const id = idInBucket(bucketOfAccount('orders', account), newId())
    const version = await context.var.session.get('cartVersion')
    const opening = { id, idempotencyKey, cart: version, purchase: checked(bought, purchase), at: now() }
    const checkout = await journal.open(opening)
    if (checkout.id !== id) return again(context, checkout, wanted, idempotencyKey)
    // Where this fails the watch begins it, soon.
    await within(patienceMs, () => wake(id))
    await takeOut(context, checkout, { isFirst: true })
    return accepted(checkout)
  })

  app.get('/api/checkout/:id', async (context) => {
    const checkout = await ownCheckout(context, context.req.param('id'))
    if (checkout.state !== 'running') return Response.json(statusOf(checkout))
    await wakeIfStanding(checkout.id, tools)
    return Response.json(statusOf(checkout), { headers: { 'retry-after': '1' } })
  })

  app.post('/api/checkout/:id/cart', async (context) => {
    const checkout = await ownCheckout(context, context.req.param('id'))
    if (checkout.state !== 'undone') throw new Refused(notUndone)
    await putBack(context, checkout.purchase.lines)
    return context.json(await pricedCart(context, ports))
  })

  async function ownCheckout(context: ShopContext, id: string): Promise<StoredCheckout> {
    const account = await userOf(context)
    const checkout = await journal.read(id)
    if (checkout === undefined || checkout.purchase.account !== account) throw new Refused(noCheckout)
    return checkout
  }

  return app
}

async function buyableCart(context: ShopContext, ports: ShopPorts, { total }: Wanted): Promise<PricedCart> {
  const cart = await pricedCart(context, ports)
  if (cart.gone.length > 0) {
    await leaveOut(context, cart.gone)
    throw new Refused(cartChanged)
  }
  if (cart.lines.length === 0) throw new Refused(cartEmpty)
  // Most who come too late hear of it while their cart is full still; the stock itself is asked by the first step.
  const scarce = cart.lines.find(({ quantity, stock }) => quantity > stock)
  if (scarce !== undefined) throw new Refused(outOfStock(scarce))
  if (total !== undefined && total !== cart.total) throw new Refused(pricesChanged)
  return cart
}

/** What was begun already, by this key or with this cart; whoever began it may have died before it had emptied the cart. */
async function again(context: ShopContext, checkout: StoredCheckout, wanted: Wanted, key: string): Promise<Response> {
  if (checkout.idempotencyKey === key && !isWhatWasWanted(checkout, wanted)) throw new Refused(keyReused)
  const version = await context.var.session.get('cartVersion')
  if (version === checkout.cart) await takeOut(context, checkout, { isFirst: false })
  return accepted(checkout)
}

const isWhatWasWanted = ({ purchase }: StoredCheckout, { address, payment }: Wanted): boolean =>
  JSON.stringify([purchase.address, purchase.payment]) === JSON.stringify([address, payment])

function accepted(checkout: StoredCheckout): Response {
  const headers = { location: `/api/checkout/${checkout.id}`, 'retry-after': '1' }
  return Response.json(statusOf(checkout), { status: 202, headers })
}

const noKey: Problem = {
  status: 400,
  reason: 'no-idempotency-key',
  detail:
    'Send an Idempotency-Key of 1 to 200 characters, a new one for each checkout and the same when you ask again: ' +
    'so nothing is bought twice.',
}

const cartEmpty: Problem = { status: 409, reason: 'cart-empty', detail: 'There is nothing in the cart to check out.' }

const cartChanged: Problem = {
  status: 409,
  reason: 'cart-changed',
  detail: 'Something in the cart is not sold any more, and was taken out: look at the cart, and check out again.',
}

const outOfStock = ({ title, stock }: PricedLine): Problem => ({
  status: 409,
  reason: 'out-of-stock',
  detail: `There are only ${stock} of "${title}": change the cart, and check out again.`,
})

const keyReused: Problem = {
  status: 422,
  reason: 'idempotency-key-reused',
  detail: 'There is a checkout of this Idempotency-Key to another address or by another payment: choose a new key.',
}

const pricesChanged: Problem = {
  status: 409,
  reason: 'prices-changed',
  detail: 'The cart costs something else now: look at it, and check out again.',
}

const noCheckout: Problem = { status: 404, reason: 'no-such-checkout', detail: 'You have no checkout by this id.' }

const notUndone: Problem = {
  status: 409,
  reason: 'checkout-not-undone',
  detail: 'What was in this checkout was bought, or is about to be.',
}
