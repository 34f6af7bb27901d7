// The cart of a visitor. It lives in their session, one value an item (`cart.moon=2`), so that any origin can serve it,
// and two tabs that add two items at once lose none.
import { type Answer, passing, personal, Refused, refusal, seeOther } from './answers.ts'
import { readFields } from './form.ts'
import type { Gateway } from './gateway.ts'
import { allGoods, type Good, goodOf } from './goods.ts'
import { cartPage } from './pages.ts'
import { removing, setting, type Values, valuesOf } from './session.ts'
import type { Ask } from './shop.ts'

/** One line of a cart. */
export type CartLine = { good: Good; quantity: number }

const mostOfOne = 99
const prefix = 'cart.'

/** GET /cart */
export async function showCart({ origin, request, at, gateway }: Ask): Promise<Answer> {
  return personal(cartPage({ origin, at }, await linesOf(gateway, valuesOf(request))))
}

/** GET /cart.json */
export async function cartAsJson({ origin, request, gateway }: Ask): Promise<Answer> {
  const lines = await linesOf(gateway, valuesOf(request))
  const totalPence = lines.reduce((sum, { good, quantity }) => sum + good.pricePence * quantity, 0)
  return passing(200, {
    origin,
    cart: lines.map(({ good: { id, name }, quantity }) => ({ id, name, quantity })),
    totalPence,
  })
}

/** POST /cart with `item`, one more of which is wanted, or with the `quantity` that is: 0 takes it out. */
export async function changeCart({ request, gateway }: Ask): Promise<Answer> {
  const form = await readFields(request)
  const id = form.get('item') ?? ''
  if ((await goodOf(gateway, id)) === undefined) return refusal(404, `there is no item ${id}`)
  const wanted = form.get('quantity')
  const quantity = wanted === null ? quantityOf(valuesOf(request), id) + 1 : Number(wanted || Number.NaN)
  if (!Number.isInteger(quantity) || quantity < 0 || quantity > mostOfOne) {
    throw new Refused(400, `the quantity is a whole number from 0 to ${mostOfOne}`)
  }
  return seeOther('/cart', quantity === 0 ? removing(prefix + id) : setting(prefix + id, quantity))
}

async function linesOf(gateway: Gateway | undefined, session: Values): Promise<CartLine[]> {
  if (![...session.keys()].some((key) => key.startsWith(prefix))) return []
  const goods = await allGoods(gateway)
  return goods.map((good) => ({ good, quantity: quantityOf(session, good.id) })).filter(({ quantity }) => quantity > 0)
}

function quantityOf(session: Values, id: string): number {
  const quantity = session.get(prefix + id)
  return typeof quantity === 'number' ? quantity : 0
}
