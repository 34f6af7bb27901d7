import { expect, test } from 'vitest'
import { parseDocument } from '../../shared/config/parse.ts'
import { canonicalTarget } from '../../shared/http/target.ts'
import { noPurges } from '../../shared/purge.ts'
import { makeSnapshot, namedPools } from '../../shared/snapshot.ts'

function snapshotOf(media: object = {}) {
  const pools = { web: { origins: [{ url: 'http://127.0.0.1:9001' }] } }
  const parsed = parseDocument({ pools, routes: [{ path: '/*', pools: ['web'] }], media })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return makeSnapshot(1, parsed.value.config, noPurges, () => 0)
}

function routeOf(snapshot: ReturnType<typeof snapshotOf>, target: string, method = 'GET') {
  const canonical = canonicalTarget(`http://a.test${target}`)
  const routing = canonical.ok ? snapshot.innerRouter(method, canonical.value) : undefined
  return routing?.kind === 'route' ? routing.route : undefined
}

test('an inner route has a pool of its own, with one origin that is inside', () => {
  const snapshot = snapshotOf()
  const route = routeOf(snapshot, '/_weir/media/a.jpg')!
  const [pool = ''] = route.pools
  expect(snapshot.pools.get(pool)?.origins.map(({ origin }) => origin.url)).toEqual(['weir:media'])
  // It is ejected never, and asked once.
  expect(snapshot.pools.get(pool)?.pool).toMatchObject({ ejection: { maxPercent: 0 }, retry: { tries: 1 } })
  expect([...namedPools(snapshot).keys()]).toEqual(['web'])
})

test('what the gateway has not got has no route, nor has what changes something', () => {
  const snapshot = snapshotOf()
  expect(routeOf(snapshot, '/_weir/media/a.jpg', 'PUT')).toBeUndefined()
  expect(routeOf(snapshot, '/_weir/api/config')).toBeUndefined()
  expect(routeOf(snapshot, '/page')).toBeUndefined()
})

test('the pool, and with it the key, is another one under other rules, and the same under the same', () => {
  const poolOf = (media: object) => routeOf(snapshotOf(media), '/_weir/media/a.jpg')!.pools[0]
  const names = [{}, { read: 'closed' }, { thumbnails: { card: { width: 3 } } }].map(poolOf)
  expect(new Set(names).size).toBe(3)
  expect(poolOf({ read: 'open' })).toBe(poolOf({}))
})
