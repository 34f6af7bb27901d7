// Checkouts as the administrator sees them: which get nowhere, and why. Where somebody lives is not told.
import { stepStates } from '../../../shared/saga.ts'
import type { CheckoutPort, ListedCheckout, RetriedCheckout } from '../../ports/checkout-port.ts'
import { late, orLate, within } from '../../within.ts'
import { sagaOf } from './advance.ts'
import type { StoredCheckout } from './journal.ts'
import { totalOf } from './steps.ts'
import type { WatchTools } from './watch.ts'

const patienceMs = 10_000

export function oversightOf({ journal, wake, now }: WatchTools): CheckoutPort {
  async function retry(id: string): Promise<RetriedCheckout> {
    const checkout = await journal.read(id)
    if (checkout === undefined) return 'absent'
    if (checkout.state !== 'running') return 'over'
    await wake(id)
    return 'begun'
  }

  return {
    list: (query) => within(patienceMs, async () => (await journal.list(query, now())).map(listed)),
    async retry(id) {
      try {
        const retried = await orLate(patienceMs, retry(id))
        return retried === late ? 'away' : retried
      } catch (error) {
        console.warn('A checkout was not begun again:', error)
        return 'away'
      }
    },
  }
}

function listed(checkout: StoredCheckout): ListedCheckout {
  const { id, purchase, state, startedAt, since, failures, trouble } = checkout
  const saga = sagaOf(checkout)
  return {
    ...{ id, account: purchase.account, state },
    ...(saga.because !== undefined && { because: saga.because }),
    ...{ steps: stepStates(saga), total: totalOf(purchase), currency: purchase.currency },
    ...{ startedAt, since, failures, ...(trouble !== null && { trouble }) },
  }
}
