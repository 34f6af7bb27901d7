// The shop: small services, each with its own routes and tables, which stand behind the gateway's routes as origins
// (`"url": "service:catalog"`) and ask each other by the policy in calls.ts.
import type { ServiceName } from '../../shared/config/inner-origin.ts'
import type { CheckoutPort } from '../ports/checkout-port.ts'
import type { InnerOrigin } from '../ports.ts'
import { problemResponse } from '../problem.ts'
import type { ServiceCalls } from '../services/service-calls.ts'
import { accountService } from './account/service.ts'
import { type Calls, internalPrefix, type Service } from './calls.ts'
import { indexBehind } from './catalog/indexing.ts'
import { removeAllUnshown } from './catalog/pictures.ts'
import { catalogService } from './catalog/service.ts'
import type { CheckoutTools } from './checkout/advance.ts'
import { forgetEffects, serviceEffects } from './checkout/effects.ts'
import { checkoutJournal } from './checkout/journal.ts'
import { oversightOf } from './checkout/oversight.ts'
import { checkoutService } from './checkout/service.ts'
import { watchCheckouts } from './checkout/watch.ts'
import { orderService } from './order/service.ts'
import { pagesService } from './pages/service.ts'
import { paymentService } from './payment/service.ts'
import type { ShopPorts } from './ports.ts'
import { searchService } from './search/service.ts'

export interface Shop {
  /** What stands behind `service:NAME`; undefined for a name that no service has. */
  origin(name: string): InnerOrigin | undefined
  /** As this service asks others. */
  callsOf(name: Service): Calls
  /** What the run of a checkout works with. */
  readonly checkouts: CheckoutTools
  readonly oversight: CheckoutPort
  /**
   * Has checkouts that stand still run again, forgets those that are long over, tells the search what it has missed, and
   * removes pictures that no item shows any more.
   * Rejects where they cannot be read.
   */
  watch(): Promise<void>
  /** The same for those who call a service by its name, with an identity. */
  callable(name: string): InnerOrigin | undefined
}

export interface ShopSurroundings extends Omit<ShopPorts, 'calls' | 'callOut'> {
  readonly doors: ServiceCalls
  /** Sends a request outside, in the name of a service. */
  readonly outside: (from: string, request: Request) => Promise<Response>
}

export function createShop(given: ShopSurroundings): Shop {
  const { doors } = given
  const inside = (name: Service) => doors.behindDoor(name, ask(name))
  const callsOf =
    (from: Service): Calls =>
    (to, request) =>
      doors.call(from, to, request, inside(to))
  const portsOf = (name: Service): ShopPorts => {
    return { ...given, calls: callsOf(name), callOut: (request) => given.outside(name, request) }
  }
  const journal = checkoutJournal(given.database)
  const watching = { journal, wake: given.wakeCheckout, now: given.now }
  const services: Partial<Record<Service, { fetch(request: Request): Response | Promise<Response> }>> = {
    account: accountService(portsOf('account')),
    catalog: catalogService(portsOf('catalog')),
    checkout: checkoutService(portsOf('checkout'), watching),
    order: orderService(portsOf('order')),
    pages: pagesService(portsOf('pages')),
    payment: paymentService(portsOf('payment')),
    search: searchService(portsOf('search')),
  }
  const ask = (name: Service) => async (request: Request) => services[name]?.fetch(request) ?? noService(name)
  const isOpen = (name: string): name is ServiceName => Object.hasOwn(services, name) && name !== 'payment'
  return {
    callsOf,
    origin: (name) => (isOpen(name) ? facing(ask(name)) : undefined),
    callable: (name) => (isOpen(name) ? doors.behindDoor(name, facing(ask(name))) : undefined),
    checkouts: { journal, effects: serviceEffects(callsOf('checkout')), now: given.now },
    oversight: oversightOf(watching),
    async watch() {
      await indexBehind(portsOf('catalog'))
      await removeAllUnshown(portsOf('catalog'), nowhere)
      await watchCheckouts(watching, (ids) => forgetEffects(callsOf('checkout'), ids))
    },
  }
}

/** What is asked of the gateway by the clock is asked under no host of its own; what is purged is purged by its tag. */
const nowhere = 'http://shop.invalid/'

/** What comes from outside gets nothing of what services do for each other. */
function facing(answer: InnerOrigin): InnerOrigin {
  return async (request) =>
    new URL(request.url).pathname.startsWith(internalPrefix) ? problemResponse(internal) : answer(request)
}

const internal = { status: 404, reason: 'not-found', detail: 'There is nothing here.' } as const

const noService = (name: string) =>
  problemResponse({ status: 503, reason: 'no-service', detail: `There is no service ${name} in this deployment.` })
