// The checkout: the cart, and what becomes an order of it.
import type { ShopPorts } from '../ports.ts'
import { serviceApp } from '../service.ts'
import { cartRoutes } from './cart.ts'
import { startRoutes } from './start.ts'
import type { WatchTools } from './watch.ts'

export function checkoutService(ports: ShopPorts, tools: WatchTools) {
  const app = serviceApp('checkout')
  app.route('/', cartRoutes(ports))
  app.route('/', startRoutes(ports, tools))
  return app
}
