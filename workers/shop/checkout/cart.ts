// The cart: what is in it lives in the session, what it costs is asked of the catalog each time.
import { Hono } from 'hono'
import * as z from 'zod'
import type { Problem } from '../../problem.ts'
import { newId } from '../new-id.ts'
import type { CartLine, ShopPorts } from '../ports.ts'
import { Refused, readJson, type ShopContext, type ShopEnvironment, withSession } from '../service.ts'
import type { StoredCheckout } from './journal.ts'

/** A line of the cart and what the catalog says of it now. */
export interface PricedLine extends CartLine {
  readonly title: string
  readonly picture: string | null
  /** In minor units, of one and of all of the line. */
  readonly price: number
  readonly total: number
  /** How many there are. */
  readonly stock: number
}

export interface PricedCart {
  readonly lines: readonly PricedLine[]
  readonly total: number
  readonly currency: string
  /** Items that are not sold any more: who checks out is told, and they leave the cart. */
  readonly gone: readonly string[]
}

const mostLines = 50
const mostOfOne = 99
const currency = 'GBP'

const error = `must be how many, a whole number from 0 to ${mostOfOne}`
const quantity = z.strictObject({ quantity: z.int(error).min(0, error).max(mostOfOne, error) })

export function cartRoutes(ports: ShopPorts) {
  const app = new Hono<ShopEnvironment>()
  app.use('/api/cart', withSession(ports))
  app.use('/api/cart/*', withSession(ports))

  app.get('/api/cart', async (context) => context.json(await pricedCart(context, ports)))

  app.put('/api/cart/items/:id', async (context) => {
    const id = context.req.param('id')
    const { quantity: wanted } = await readJson(context, quantity)
    if (wanted > 0) await mustExist(ports, id)
    await change(context, (cart) => withLine(cart, id, () => wanted))
    return context.json(await pricedCart(context, ports))
  })

  app.post('/api/cart/items/:id', async (context) => {
    const id = context.req.param('id')
    const { quantity: more } = await readJson(context, quantity)
    await mustExist(ports, id)
    await change(context, (cart) => withLine(cart, id, (before) => Math.min(before + more, mostOfOne)))
    return context.json(await pricedCart(context, ports))
  })

  app.delete('/api/cart/items/:id', async (context) => {
    await change(context, (cart) => withLine(cart, context.req.param('id'), () => 0))
    return context.body(null, 204)
  })

  app.delete('/api/cart', async (context) => {
    await context.var.session.delete('cart', 'cartVersion')
    return context.body(null, 204)
  })

  return app
}

/** Two tabs that put something in at the same time both have it in. */
function change({ var: { session } }: ShopContext, judge: (cart: readonly CartLine[]) => CartLine[]): Promise<void> {
  return session.update(({ cart = [] }) => {
    const changed = judge(cart)
    if (changed.length > mostLines) throw new Refused(full)
    return { cart: changed, cartVersion: newId() }
  })
}

/**
 * Takes out what was bought, and leaves what was put in meanwhile.
 * @param isFirst false: only as long as it is the very cart that was bought, and not one that was filled since
 */
export function takeOut(
  { var: { session } }: ShopContext,
  { cart: boughtVersion, purchase }: Pick<StoredCheckout, 'cart' | 'purchase'>,
  { isFirst }: { readonly isFirst: boolean },
): Promise<void> {
  return session.update(({ cart = [], cartVersion }) => {
    if (!isFirst && cartVersion !== boughtVersion) return {}
    const left = purchase.lines.reduce(
      (rest: readonly CartLine[], { id, quantity }) => withLine(rest, id, (before) => before - quantity),
      cart,
    )
    return { cart: [...left], cartVersion: newId() }
  })
}

/** As many as there were at least: asked twice, it is in once. */
export const putBack = (context: ShopContext, lines: readonly CartLine[]): Promise<void> =>
  change(context, (cart) =>
    lines.reduce((rest, { id, quantity }) => withLine(rest, id, (before) => Math.max(before, quantity)), [...cart]),
  )

/** What is not sold any more. */
export const leaveOut = ({ var: { session } }: ShopContext, gone: readonly string[]): Promise<void> =>
  session.update(({ cart = [] }) => ({
    cart: cart.filter(({ id }) => !gone.includes(id)),
    cartVersion: newId(),
  }))

function withLine(cart: readonly CartLine[], id: string, quantityOf: (before: number) => number): CartLine[] {
  const before = cart.find((line) => line.id === id)
  const line = { id, quantity: quantityOf(before?.quantity ?? 0) }
  const changed = before === undefined ? [...cart, line] : cart.map((each) => (each === before ? line : each))
  return changed.filter((each) => each.quantity > 0)
}

/** What is in the cart of this session, at today's prices. */
export async function pricedCart({ var: { session } }: ShopContext, ports: ShopPorts): Promise<PricedCart> {
  const cart = (await session.get('cart')) ?? []
  const items = new Map((await itemsOf(ports, cart)).map((item) => [item.id, item]))
  const lines = cart.flatMap(({ id, quantity }) => {
    const item = items.get(id)
    if (item === undefined) return []
    const { title, picture, price, stock } = item
    return [{ id, quantity, title, picture, price, total: price * quantity, stock }]
  })
  const total = lines.reduce((sum, line) => sum + line.total, 0)
  return { lines, total, currency, gone: cart.flatMap(({ id }) => (items.has(id) ? [] : [id])) }
}

type CatalogItem = Pick<PricedLine, 'id' | 'title' | 'picture' | 'price' | 'stock'>

async function itemsOf({ calls }: ShopPorts, cart: readonly CartLine[]): Promise<readonly CatalogItem[]> {
  if (cart.length === 0) return []
  const ids = cart.map(({ id }) => encodeURIComponent(id)).join(',')
  const response = await calls('catalog', new Request(`${catalogUrl}?ids=${ids}`))
  if (!response.ok) throw new Refused(catalogAway)
  return ((await response.json()) as { items: CatalogItem[] }).items
}

async function mustExist({ calls }: ShopPorts, id: string): Promise<void> {
  const response = await calls('catalog', new Request(`${catalogUrl}/${encodeURIComponent(id)}`))
  if (response.status === 404) throw new Refused(noSuchItem(id))
  if (!response.ok) throw new Refused(catalogAway)
  await response.body?.cancel()
}

const catalogUrl = 'http://catalog.invalid/api/items'

const full: Problem = {
  status: 409,
  reason: 'cart-full',
  detail: `A cart has ${mostLines} different items at most: take something out first.`,
}

const noSuchItem = (id: string): Problem => ({
  status: 404,
  reason: 'no-such-item',
  detail: `There is no item ${id}: nothing was put into the cart.`,
})

const catalogAway: Problem = {
  status: 503,
  reason: 'catalog-away',
  detail: 'The catalog does not answer just now: try again in a moment.',
  headers: { 'retry-after': '1' },
}
