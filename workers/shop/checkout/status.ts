// What the customer is told of a checkout.
import { stepStates, type ToldStep } from '../../../shared/saga.ts'
import { sagaOf } from './advance.ts'
import type { StoredCheckout } from './journal.ts'
import { totalOf } from './steps.ts'

export interface CheckoutStatus {
  readonly id: string
  /** undone: nothing was bought, and nothing is owed. */
  readonly state: 'running' | 'done' | 'undone'
  /** Why it is undone, or is about to be. */
  readonly because?: string
  readonly steps: readonly ToldStep[]
  /** In minor units. */
  readonly total: number
  readonly currency: string
  /** RFC 3339. */
  readonly startedAt: string
  readonly changedAt: string
  /** Where the order is, when all is done. */
  readonly order?: string
}

export function statusOf(checkout: StoredCheckout): CheckoutStatus {
  const { id, state, purchase, startedAt, movedAt } = checkout
  const saga = sagaOf(checkout)
  return {
    ...{ id, state },
    ...(saga.because !== undefined && { because: saga.because }),
    steps: stepStates(saga),
    ...{ total: totalOf(purchase), currency: purchase.currency },
    ...{ startedAt: new Date(startedAt).toISOString(), changedAt: new Date(movedAt).toISOString() },
    ...(state === 'done' && { order: `/api/orders/${id}` }),
  }
}
