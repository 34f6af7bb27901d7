// The shop behind the gateway: which service answers which paths, and which of them may know who asks.
const service = (name: string) => ({ origins: [{ url: `service:${name}` }], ejection: { maxPercent: 0 } })

const read = ['GET', 'HEAD']
const written = ['POST', 'PUT', 'PATCH', 'DELETE']
/** What is somebody's own: the service has the session, and the cache has nothing. */
const personal = { session: true, cache: { mode: 'off' } }

/** By their names. */
export const shopPools = Object.fromEntries(
  ['account', 'catalog', 'checkout', 'order', 'pages', 'search'].map((name) => [name, service(name)]),
)

export const apiRoutes = [
  { id: 'items', path: '/api/items*', methods: read, pools: ['catalog'] },
  { id: 'items-write', path: '/api/items*', methods: written, pools: ['catalog'], ...personal },
  { id: 'kinds', path: '/api/kinds', methods: read, pools: ['catalog'] },
  { id: 'search', path: '/api/search', methods: read, pools: ['search'] },
  { id: 'bought', path: '/api/bought', methods: read, pools: ['order'] },
  { id: 'account', path: '/api/account*', pools: ['account'], ...personal },
  { id: 'cart', path: '/api/cart*', pools: ['checkout'], ...personal },
  { id: 'checkout', path: '/api/checkout*', pools: ['checkout'], ...personal },
  { id: 'orders', path: '/api/orders*', pools: ['order'], ...personal },
]

/** `pools`: whoever serves the pages. */
export const pageRoutes = (pools: readonly string[]) => [
  ...['/account*', '/cart*', '/checkout*', '/orders*', '/sell*'].map((path) => ({ path, pools, ...personal })),
  { id: 'pages', path: '/*', methods: read, pools },
]

/** How large the pages show pictures. */
const shopMedia = { thumbnails: { card: { width: 320, height: 240, fit: 'cover', format: 'webp' } } }

/** The shop alone, all of it in this deployment. */
export const shopConfiguration = {
  pools: shopPools,
  routes: [...apiRoutes, ...pageRoutes(['pages'])],
  media: shopMedia,
}
