import { describe, expect, it, test } from 'vitest'
import { errorsOf, smallest, withOrigin, withPool, withRoute } from './example.ts'

const twoOrigins = (first: object, second: object) => withPool({ origins: [first, second] })
const twoRoutes = (first: object, second: object) => ({
  ...smallest(),
  routes: [first, second].map((route) => ({ path: '/*', pools: ['web'], ...route })),
})
const withHotTier = (hotTier: unknown) => ({ ...smallest(), hotTier })
const SAME_ORIGIN =
  'is "a", the id of origins[0] (the default is the host and port of the URL): give each an "id" of its own'
const sameRoute = (id: string) => `is "${id}", the id of routes[0]: give each an "id" of its own`
const FORCE = 'is required with "mode": "force": say how long responses are fresh'

describe('errors between fields', () => {
  test.each<[title: string, document: unknown, path: string, message: string]>([
    [
      'same origin id',
      twoOrigins({ id: 'a', url: 'http://x' }, { id: 'a', url: 'http://y' }),
      'pools.web.origins[1].id',
      SAME_ORIGIN,
    ],
    [
      'same origin url',
      twoOrigins({ url: 'http://a:80' }, { url: 'http://A/' }),
      'pools.web.origins[1].id',
      SAME_ORIGIN,
    ],
    [
      'an id that is the host of another',
      twoOrigins({ url: 'http://a' }, { id: 'a', url: 'http://b' }),
      'pools.web.origins[1].id',
      SAME_ORIGIN,
    ],
    ['same route id', twoRoutes({ id: 'x' }, { id: 'x' }), 'routes[1].id', sameRoute('x')],
    ['an id that is the default of another', twoRoutes({ id: 'route-2' }, {}), 'routes[1].id', sameRoute('route-2')],
    [
      'a credential of two pools',
      {
        ...smallest(),
        pools: {
          web: { ...smallest().pools.web, credentials: [`sha256:${'ab'.repeat(32)}`] },
          other: { ...smallest().pools.web, credentials: [`SHA256:${'AB'.repeat(32)}`.replace('SHA', 'sha')] },
        },
      },
      'pools.other.credentials[0]',
      'is a credential of the pool "web" already: give each pool its own',
    ],
    [
      'no such pool',
      withRoute({ pools: ['web', 'wbe'] }),
      'routes[0].pools[1]',
      'names no pool: the pools are web; got "wbe"',
    ],
    [
      'what objects have',
      withRoute({ pools: ['toString'] }),
      'routes[0].pools[0]',
      'names no pool: the pools are web; got "toString"',
    ],
    [
      'a pool twice',
      withRoute({ pools: ['web', 'web'] }),
      'routes[0].pools[1]',
      'names the pool "web" a second time: remove it',
    ],
    [
      'a tcp probe with a path',
      withPool({ monitor: { type: 'tcp', path: '/up' } }),
      'pools.web.monitor.path',
      'has no meaning with "type": "tcp", which sends no request: remove it',
    ],
    [
      'a body that HEAD never has',
      withPool({ monitor: { method: 'HEAD', expectBody: 'ok' } }),
      'pools.web.monitor.expectBody',
      'has no meaning with "method": "HEAD", whose responses have no body: use GET',
    ],
    [
      'a region twice',
      withPool({ monitor: { regions: ['weur', 'enam', 'weur'] } }),
      'pools.web.monitor.regions[2]',
      'names the region "weur" a second time: remove it',
    ],
    [
      'a probe of what is inside the gateway',
      withPool({ origins: [{ url: 'service:catalog' }], monitor: {} }),
      'pools.web.monitor',
      'cannot probe "service:catalog", which is inside the gateway: remove it',
    ],
    ['force without ttlSeconds', withRoute({ cache: { mode: 'force' } }), 'routes[0].cache.ttlSeconds', FORCE],
    [
      'a batch for paths of another route',
      withRoute({ path: '/shop/*', batch: { path: '/items/:id', to: '/items?ids={ids}' } }),
      'routes[0].batch.path',
      'is "/items/:id", but the route takes "/shop/*": put it on the route that takes all of these paths',
    ],
    [
      'a batch for paths of which the route takes some',
      withRoute({ path: '/items/a*', batch: { path: '/items/:id', to: '/items?ids={ids}' } }),
      'routes[0].batch.path',
      'is "/items/:id", but the route takes "/items/a*": put it on the route that takes all of these paths',
    ],
    [
      'all origins off',
      withOrigin({ state: 'off' }),
      'pools.web.origins',
      'are all "off": set the state of at least one to "ready"',
    ],
    [
      'an entry beyond all that is held',
      withHotTier({ entryBytes: 2000, totalBytes: 1999 }),
      'hotTier.entryBytes',
      'is 2000, more than "totalBytes" (1999): write at most 1999',
    ],
    [
      'the usual entry beyond all that is held',
      withHotTier({ totalBytes: 1999 }),
      'hotTier.entryBytes',
      'is 65536 by default, more than "totalBytes" (1999): write at most 1999',
    ],
  ])('%s', (_title, document, path, message) => {
    expect(errorsOf(document)).toEqual([[path, message]])
  })

  it('refuses a pool called __proto__', () => {
    const document = JSON.parse(JSON.stringify(smallest()).replace('"web":', '"__proto__":{"origins":[]},"web":'))
    expect(errorsOf(document)).toEqual([['pools.__proto__', 'is a reserved name: choose another']])
  })

  it('lists twenty pools at most', () => {
    const pools = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`p${index}`, smallest().pools.web]))
    const [[, message] = []] = errorsOf({ pools, routes: [{ path: '/*', pools: ['web'] }] })
    expect(message).toMatch(/the pools are p0, p1, .*, p19 and 5 more; got "web"$/)
  })
})

describe('no error', () => {
  test.each<[title: string, document: unknown]>([
    [
      'the same origin in two pools',
      { ...smallest(), pools: { web: smallest().pools.web, other: smallest().pools.web } },
    ],
    ['the same url under two ids', twoOrigins({ url: 'http://a' }, { id: 'b', url: 'http://a' })],
    ['some origins off', twoOrigins({ url: 'http://a', state: 'off' }, { url: 'http://b', state: 'drain' })],
    ['ttlSeconds without force', withRoute({ cache: { ttlSeconds: 5 } })],
    ['force with ttlSeconds 0', withRoute({ cache: { mode: 'force', ttlSeconds: 0 } })],
    ['a batch for all of a route', withRoute({ path: '/items/:item', batch: { path: '/items/:id', to: '/{ids}' } })],
    ['a batch for some of a route', withRoute({ batch: { path: '/items/:id', to: '/elsewhere?ids={ids}' } })],
    ['an entry as large as all that is held', withHotTier({ entryBytes: 2000, totalBytes: 2000 })],
    ['an entry, and the hot tier off', withHotTier({ entryBytes: 2000, totalBytes: 0 })],
    ['grace longer than freshness', withRoute({ cache: { ttlSeconds: 1, graceSeconds: 60 } })],
  ])('%s', (_title, document) => {
    expect(errorsOf(document)).toEqual([])
  })
})
