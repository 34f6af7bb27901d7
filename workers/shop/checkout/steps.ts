// What a checkout is made of. Each step has an effect in another service, under the checkout's id as its key, and an
// undoing. In this order nobody is ever charged without an order: it is there before the charge, and is cancelled only
// when the charge is refunded.
import * as z from 'zod'

export const checkoutSteps = ['reserve', 'order', 'charge', 'ship'] as const
export type CheckoutStep = (typeof checkoutSteps)[number]

const text = (most: number) => z.string().trim().min(1).max(most)

const line = z.strictObject({
  /** Of the item. */
  id: text(100),
  title: text(200),
  quantity: z.int().min(1).max(99),
  /** In minor units. */
  price: z.int().min(0).max(100_000_000),
})

export const address = z.strictObject({
  name: text(100),
  street: text(200),
  city: text(100),
  /** ISO 3166-1. */
  country: z.string().regex(/^[A-Z]{2}$/, 'must be a country of two capital letters, such as DE'),
})

/** Everything that the effects need to know; fixed when the checkout begins. */
export const purchase = z.strictObject({
  account: text(100),
  lines: z.array(line).min(1).max(50),
  /** ISO 4217. */
  currency: z.string().regex(/^[A-Z]{3}$/),
  address,
  /** What the payment service charges. */
  payment: text(100),
})

export type Purchase = z.infer<typeof purchase>

/** In minor units. */
export const totalOf = ({ lines }: Pick<Purchase, 'lines'>): number =>
  lines.reduce((total, { price, quantity }) => total + price * quantity, 0)
