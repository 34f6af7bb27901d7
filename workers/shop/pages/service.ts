// The pages that a person uses: forms and links, nothing that a script would have to do. They have no tables: all that they
// show and change, they ask of the other services. What everybody may see is kept by the gateway, all else by nobody.
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { newId } from '../new-id.ts'
import type { ShopPorts } from '../ports.ts'
import { Refused, type ShopContext, serviceApp, sharedText } from '../service.ts'
import { type Answer, askForAll, askForClient } from './ask.ts'
import { formOf } from './form.ts'
import { layout, type Page } from './layout.ts'
import { sell } from './sell.ts'
import { styleSheet } from './style.ts'
import {
  accountPage,
  browsePage,
  cartPage,
  checkoutPage,
  checkoutStatusPage,
  itemPage,
  orderPage,
  ordersPage,
  problemPage,
  type ShownAccount,
  type ShownCart,
  type ShownCheckout,
  type ShownItem,
  type ShownKind,
  type ShownOrder,
  type ShownOrders,
  searchPage,
} from './views.ts'

const styleSeconds = 3600
const catalogSeconds = 300
const searchSeconds = 30
const ordersAPage = 50

export function pagesService(ports: ShopPorts) {
  const app = serviceApp('pages')

  app.use(async function nothingFromElsewhere(context, next) {
    await next()
    context.header('content-security-policy', policy)
    context.header('x-content-type-options', 'nosniff')
  })

  // A form of another site is not sent in anybody's name, whatever cookies a browser sends with it.
  app.use(async function ownFormsOnly(context, next) {
    const isSafe = context.req.method === 'GET' || context.req.method === 'HEAD'
    if (isSafe || isOwnForm(context)) return next()
    return show(context, problemPage('Refused', 'This form was sent by another site.'), 403)
  })

  app.onError((error, context) => {
    if (error instanceof Refused) {
      const { status, detail, headers = {} } = error.problem
      for (const [name, value] of Object.entries(headers)) context.header(name, value)
      return show(context, problemPage('That did not work', detail), status)
    }
    console.error(error)
    context.header('retry-after', '1')
    return show(context, problemPage('That did not work', 'The shop failed at this: try again in a moment.'), 503)
  })

  // For everybody ───────────────────────────────────────────────────────────────────────────────────────────────────

  app.get('/style.css', (context) =>
    sharedText(context, styleSheet, 'text/css', { seconds: styleSeconds, tags: ['pages'] }),
  )

  app.get('/', async (context) => {
    const query = new URLSearchParams()
    for (const name of ['after', 'kind']) {
      const value = context.req.query(name)
      if (value !== undefined) query.set(name, value)
    }
    const [found, counted] = await Promise.all([
      askForAll<{ items: ShownItem[]; next?: string }>(ports, 'catalog', `/api/items?${query}`),
      askForAll<{ kinds: ShownKind[] }>(ports, 'catalog', '/api/kinds'),
    ])
    if (found.value === undefined) return refused(context, found)
    // Without the counts the page is as good.
    const browsed = { ...found.value, kind: context.req.query('kind'), kinds: counted.value?.kinds ?? [] }
    return showToAll(context, browsePage(browsed), found, catalogSeconds)
  })

  app.get('/items/:id', async (context) => {
    const path = `/api/items/${encodeURIComponent(context.req.param('id'))}`
    const found = await askForAll<ShownItem>(ports, 'catalog', path)
    if (found.status === 404) return show(context, problemPage('Not here', noItem), 404)
    if (found.value === undefined) return refused(context, found)
    return showToAll(context, itemPage(found.value), found, catalogSeconds)
  })

  app.get('/search', async (context) => {
    const query = new URLSearchParams({ q: context.req.query('q') ?? '' })
    const found = await askForAll<{ q: string; items: ShownItem[] }>(ports, 'search', `/api/search?${query}`)
    if (found.value === undefined) return refused(context, found)
    return showToAll(context, searchPage(found.value.q, found.value.items), found, searchSeconds)
  })

  // For one ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  const cartOf = (context: ShopContext) => askForClient<ShownCart>(context, ports, 'checkout', '/api/cart')
  const accountOf = (context: ShopContext) => askForClient<ShownAccount>(context, ports, 'account', '/api/account')

  app.get('/cart', async (context) => {
    const cart = await cartOf(context)
    return cart.value === undefined ? refused(context, cart) : show(context, cartPage(cart.value))
  })

  app.post('/cart/items/:id', async (context) => {
    const form = await formOf(context)
    const path = `/api/cart/items/${encodeURIComponent(context.req.param('id'))}`
    const isMore = form.more !== undefined
    const json = { quantity: Number(isMore ? form.more : form.quantity) }
    const asking = { method: isMore ? 'POST' : 'PUT', json }
    const changed = await askForClient<ShownCart>(context, ports, 'checkout', path, asking)
    if (changed.value !== undefined) return context.redirect('/cart', 303)
    const cart = await cartOf(context)
    if (cart.value === undefined) return refused(context, changed)
    return show(context, cartPage(cart.value, changed.problem), changed.status)
  })

  app.get('/account', async (context) => {
    const account = await accountOf(context)
    if (account.value === undefined && account.status !== 401) return refused(context, account)
    return show(context, accountPage(account.value, '/account'))
  })

  for (const [page, path] of [
    ['/account/login', '/api/account/login'],
    ['/account/register', '/api/account'],
  ] as const) {
    app.post(page, async (context) => {
      const { next, ...json } = await formOf(context)
      const known = await askForClient(context, ports, 'account', path, { method: 'POST', json })
      const target = placeHere(next)
      if (known.value !== undefined) return context.redirect(target, 303)
      return show(context, accountPage(undefined, target, known.problem), known.status)
    })
  }

  app.post('/account/logout', async (context) => {
    const gone = await askForClient(context, ports, 'account', '/api/account/logout', { method: 'POST' })
    return gone.problem === undefined ? context.redirect('/', 303) : refused(context, gone)
  })

  app.get('/checkout', async (context) => {
    const account = await accountOf(context)
    if (account.status === 401) return show(context, accountPage(undefined, '/checkout'))
    const cart = await cartOf(context)
    if (cart.value === undefined) return refused(context, cart)
    return cart.value.lines.length === 0
      ? context.redirect('/cart', 303)
      : show(context, checkoutPage(cart.value, newId()))
  })

  app.post('/checkout', async (context) => {
    const { key, total, payment, ...address } = await formOf(context)
    const begun = await askForClient(context, ports, 'checkout', '/api/checkout', {
      method: 'POST',
      headers: { 'idempotency-key': String(key) },
      json: { address, payment, total: Number(total) },
    })
    const id = begun.headers.get('location')?.split('/').at(-1)
    if (begun.problem === undefined && id !== undefined) return context.redirect(`/orders/${id}`, 303)
    const cart = await cartOf(context)
    if (begun.status === 401 || cart.value === undefined) return refused(context, begun)
    return show(context, checkoutPage(cart.value, newId(), begun.problem), begun.status)
  })

  app.get('/orders', async (context) => {
    const after = context.req.query('after')
    const path = `/api/orders?${new URLSearchParams({ ...(after && { after }), limit: String(ordersAPage) })}`
    const orders = await askForClient<ShownOrders>(context, ports, 'order', path)
    if (orders.status === 401) return show(context, accountPage(undefined, '/orders'))
    return orders.value === undefined ? refused(context, orders) : show(context, ordersPage(orders.value))
  })

  app.get('/orders/:id', async (context) => {
    const id = encodeURIComponent(context.req.param('id'))
    const status = await askForClient<ShownCheckout>(context, ports, 'checkout', `/api/checkout/${id}`)
    if (status.value !== undefined) return show(context, checkoutStatusPage(status.value))
    if (status.status !== 404) return refused(context, status)
    const order = await askForClient<ShownOrder>(context, ports, 'order', `/api/orders/${id}`)
    return order.value === undefined ? refused(context, status) : show(context, orderPage(order.value))
  })

  app.post('/orders/:id/cart', async (context) => {
    const path = `/api/checkout/${encodeURIComponent(context.req.param('id'))}/cart`
    const again = await askForClient<ShownCart>(context, ports, 'checkout', path, { method: 'POST' })
    return again.value === undefined ? refused(context, again) : context.redirect('/cart', 303)
  })

  sell(app, ports, { show, accountOf })

  app.notFound((context) => show(context, problemPage('Not here', 'There is no such page.'), 404))

  return app
}

const noItem = 'There is no such print, or it is not sold any more. Look around for others, or search.'

/** Pages have no script, and what they show is the shop's own; no other site has them in a frame. */
const policy = [
  "default-src 'none'",
  "img-src 'self' data:",
  "style-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** As browsers say by themselves; who says nothing is none, and has no cookies but its own. */
function isOwnForm({ req }: ShopContext): boolean {
  const site = req.header('sec-fetch-site')
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  const origin = req.header('origin')
  return origin === undefined || URL.parse(origin)?.host === new URL(req.url).host
}

async function show(context: ShopContext, page: Page, status = 200): Promise<Response> {
  context.header('cache-control', 'no-store')
  return context.html(await layout(page), status as ContentfulStatusCode)
}

/** It is purged with what it shows. */
async function showToAll(context: ShopContext, page: Page, { headers }: Answer<unknown>, seconds: number) {
  const tags = headers.get('cache-tag')?.split(',') ?? []
  return sharedText(context, await layout(page), 'text/html; charset=utf-8', { seconds, tags })
}

function refused(context: ShopContext, { status, problem }: Answer<unknown>): Promise<Response> {
  if (status === 401) return show(context, accountPage(undefined, '/account'), 401)
  return show(context, problemPage(status === 404 ? 'Not here' : 'That did not work', problem ?? ''), status)
}

/** A path of this shop; never a place elsewhere. */
const placeHere = (next: unknown): string => (typeof next === 'string' && /^\/[a-z]*$/.test(next) ? next : '/account')
