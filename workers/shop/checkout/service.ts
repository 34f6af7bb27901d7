// The checkout: the cart, and what becomes an order of it.
import type { ShopPorts } from '../ports.ts'
import { serviceApp } from '../service.ts'
import { cartRoutes } from './cart.ts'

export function checkoutService(ports: ShopPorts) {
  const app = serviceApp('checkout')
  app.route('/', cartRoutes(ports))
  return app
}
