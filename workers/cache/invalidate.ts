// What an unsafe request has changed is not served from the store any more (RFC 9111 §4.4).

import { sidesOf } from '../../shared/balance/steering.ts'
import type { Route } from '../../shared/config/schema.ts'
import { canonicalTarget, type Target } from '../../shared/http/target.ts'
import { cacheKey } from '../../shared/key.ts'
import type { Snapshot } from '../../shared/snapshot.ts'
import type { Life } from '../life.ts'
import type { ResponseStore } from '../ports.ts'

const safe = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/**
 * Lets go of the target in all its variants, and of what Location and Content-Location name on the same origin; also of
 * what is being fetched meanwhile, as it may be older than the change. At most 250 ms.
 */
export async function invalidate(life: Life, response: Response, responseTime: number): Promise<void> {
  const { method, target, ports } = life
  if (safe.has(method) || response.status >= 400) return
  const named = ['location', 'content-location'].flatMap((name) => sameOrigin(target, response.headers.get(name)))
  const keys = [target, ...named].flatMap((each) => keysOf(life, each))
  await Promise.all([...new Set(keys)].map((key) => ports.store.forget(key, responseTime)))
}

/** The same for these URLs of inner routes, which the gateway has changed itself. */
export async function letGo(
  urls: readonly string[],
  { innerRouter }: Snapshot,
  store: Pick<ResponseStore, 'forget'>,
  at: number,
): Promise<void> {
  const keys = urls.flatMap((url) => {
    const target = canonicalTarget(url)
    const routing = target.ok ? innerRouter('GET', target.value) : undefined
    return target.ok && routing?.kind === 'route' ? keysOfRoute(routing.route, target.value) : []
  })
  await Promise.all(keys.map((key) => store.forget(key, at)))
}

function sameOrigin(target: Target, reference: string | null): Target[] {
  if (reference === null) return []
  const url = URL.parse(reference, `${target.scheme}://${target.host}${target.path}${target.query}`)
  const named = url === null ? undefined : canonicalTarget(url.href)
  return named?.ok && named.value.scheme === target.scheme && named.value.host === target.host ? [named.value] : []
}

/** The key of the request's own target, where the reference names nothing else and its route is cached. */
export function keyOfTarget(life: Life, reference: string | null): string | undefined {
  const [named] = sameOrigin(life.target, reference)
  if (named?.path !== life.target.path || named.query !== life.target.query) return undefined
  const route = cachedRoute(life, named)
  if (route === undefined) return undefined
  if (route === life.route) return cacheKey(named, route.cache.key, life.course.side)
  // Which side of another route this client would be on is not known here.
  return sidesOf(route).length === 1 && !route.steering.keyed ? cacheKey(named, route.cache.key) : undefined
}

function keysOf(life: Life, target: Target): string[] {
  const route = cachedRoute(life, target)
  return route === undefined ? [] : keysOfRoute(route, target)
}

const keysOfRoute = (route: Route, target: Target): string[] =>
  sidesOf(route).map((side) => cacheKey(target, route.cache.key, side))

function cachedRoute({ snapshot }: Life, target: Target): Route | undefined {
  const routing = snapshot.router('GET', target)
  return routing.kind === 'route' && routing.route.cache.mode !== 'off' ? routing.route : undefined
}
