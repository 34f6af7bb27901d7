// What the steps of a checkout ask of other services, under its id: the stock of the catalog, the order, the payment, the
// shipment. Each of them keeps what it was asked under that id, so that it may be asked again.
import type { Calls, Service } from '../calls.ts'
import { internalPrefix } from '../calls.ts'
import type { Effects, Outcome } from './advance.ts'
import { type CheckoutStep, type Purchase, totalOf } from './steps.ts'

interface Ask {
  readonly to: Service
  readonly method: 'PUT' | 'DELETE'
  /** Below the path that is for services alone. */
  readonly path: string
  readonly body?: unknown
}

const orderOf = ({ account, lines, currency }: Purchase) => ({ account, lines, currency })

const performing: Readonly<Record<CheckoutStep, (id: string, purchase: Purchase) => Ask>> = {
  reserve: (id, { lines }) => {
    const body = { lines: lines.map((line) => ({ id: line.id, quantity: line.quantity })) }
    return { to: 'catalog', method: 'PUT', path: `reservations/${id}`, body }
  },
  order: (id, purchase) => ({ to: 'order', method: 'PUT', path: `orders/${id}`, body: orderOf(purchase) }),
  charge: (id, purchase) => {
    const body = { amount: totalOf(purchase), currency: purchase.currency, payment: purchase.payment }
    return { to: 'payment', method: 'PUT', path: `charges/${id}`, body }
  },
  ship: (id, { address }) => ({ to: 'order', method: 'PUT', path: `shipments/${id}`, body: address }),
}

const undoing: Readonly<Record<CheckoutStep, (id: string, purchase: Purchase, because: string) => Ask>> = {
  reserve: (id) => ({ to: 'catalog', method: 'DELETE', path: `reservations/${id}` }),
  order: (id, purchase, because) => {
    const body = { ...orderOf(purchase), because: because.slice(0, 1000) }
    return { to: 'order', method: 'PUT', path: `orders/${id}/cancellation`, body }
  },
  charge: (id) => ({ to: 'payment', method: 'DELETE', path: `charges/${id}` }),
  ship: (id) => ({ to: 'order', method: 'DELETE', path: `shipments/${id}` }),
}

/** What no service changes its mind about; everything else may be otherwise the next time. */
const refusals: ReadonlySet<number> = new Set([402, 409, 422])

export function serviceEffects(calls: Calls): Effects {
  async function ask({ to, method, path, body }: Ask): Promise<Outcome> {
    const json = body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }
    const request = new Request(`http://${to}.invalid${internalPrefix}${path}`, { method, ...json })
    const response = await calls(to, request)
    const text = await response.text()
    if (response.ok) return { kind: 'done' }
    const because = detailOf(text)
    if (refusals.has(response.status)) return { kind: 'refused', because }
    throw new Error(`${method} ${path} of the service ${to}: ${response.status}. ${because}`)
  }

  return {
    perform: (step, id, purchase) => ask(performing[step](id, purchase)),
    async undo(step, id, purchase, because) {
      const outcome = await ask(undoing[step](id, purchase, because))
      if (outcome.kind === 'refused') throw new Error(`${step} cannot be undone: ${outcome.because}`)
    },
  }
}

/** Has those who keep something under these ids let go of it. What was ordered, and shipped, is the customer's. */
export async function forgetEffects(calls: Calls, ids: readonly string[]): Promise<void> {
  const places = [
    ['catalog', 'reservations/forgotten'],
    ['payment', 'charges/forgotten'],
  ] as const
  for (const [to, path] of places) {
    const headers = { 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify({ keys: ids }) }
    const { ok, status } = await calls(to, new Request(`http://${to}.invalid${internalPrefix}${path}`, init))
    if (!ok) throw new Error(`The service ${to} has not forgotten what is long over: ${status}.`)
  }
}

/** Of a problem document. */
function detailOf(text: string): string {
  try {
    const { detail } = JSON.parse(text) as { readonly detail?: unknown }
    return typeof detail === 'string' ? detail : ''
  } catch {
    return ''
  }
}
