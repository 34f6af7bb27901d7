// How one service asks another: by the policy, which says who may, and never by an import.
import { type Problem, problemResponse } from '../problem.ts'

/** `payment` stands behind no route. */
export type Service = 'account' | 'catalog' | 'checkout' | 'order' | 'pages' | 'payment' | 'search'

/** What nobody but a service may ask for lies below this. */
export const internalPrefix = '/internal/'

/** Answers the request as the other service does; 403 where the policy does not let it. */
export type Calls = (from: Service, to: Service, request: Request) => Promise<Response>

/** What each was built to call; "services.policy" of the configuration may say otherwise. */
export const policy: Readonly<Record<Service, readonly Service[]>> = {
  account: [],
  catalog: ['search'],
  checkout: ['catalog', 'payment', 'order'],
  order: [],
  pages: ['account', 'catalog', 'checkout', 'order', 'search'],
  payment: [],
  search: [],
}

/** By this table alone, where there is no gateway around the services. */
export function callsTo(services: (name: Service) => (request: Request) => Promise<Response>): Calls {
  return async function call(from, to, request) {
    return policy[from].includes(to) ? services(to)(request) : problemResponse(notAllowed(from, to))
  }
}

const notAllowed = (from: Service, to: Service): Problem => ({
  status: 403,
  reason: 'not-allowed',
  detail: `The service ${from} may not call ${to}: the policy in workers/shop/calls.ts does not name it.`,
})
