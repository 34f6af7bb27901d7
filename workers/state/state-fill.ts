// Asks a route of the gateway itself for what is missing in the shared state: as anybody's GET, in nobody's name. What
// may not be shared is not kept, and nobody gets it.

import type { CacheRule, Route } from '../../shared/config/schema.ts'
import type { NamespaceRule } from '../../shared/config/state.ts'
import { requestDirectives } from '../../shared/http/cache-control.ts'
import { changesSession } from '../../shared/http/fields.ts'
import { mayStore } from '../../shared/http/may-store.ts'
import { canonicalTarget } from '../../shared/http/target.ts'
import type { Snapshot } from '../../shared/snapshot.ts'
import type { Filled } from '../../shared/state/fill.ts'
import type { Content } from '../../shared/state/operation.ts'
import { keepBody } from '../balance/keep-body.ts'
import { late, orLate } from '../within.ts'

export interface FillTools {
  /** The life of a request; `heard` is told what an origin has answered, as it came. */
  readonly proxy: (request: Request, heard: (response: Response) => void) => Promise<Response>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

const patienceMs = 15_000

/** Never rejects. `url` is that of the request that misses the key: a route for any host is asked on its host. */
export async function fillFrom(
  rule: NamespaceRule & { readonly fill: NonNullable<NamespaceRule['fill']> },
  key: string,
  url: string,
  snapshot: Snapshot,
  tools: FillTools,
): Promise<Filled> {
  const found = wayTo(rule.fill, key, url, snapshot)
  if ('because' in found) return { kind: 'failed', ...found }
  const leaving = new AbortController()
  try {
    const filled = await orLate(patienceMs, ask(found, rule, leaving.signal, tools))
    return filled === late ? failed('it took too long') : filled
  } catch (error) {
    console.warn(`The key ${key} could not be filled:`, error)
    return failed('its answer broke off')
  } finally {
    leaving.abort()
  }
}

const failed = (because: string): Filled => ({ kind: 'failed', because })

interface Way {
  readonly url: string
  readonly route: Route
}

/** Where the key is asked for, or why it cannot be. */
function wayTo(
  fill: NonNullable<NamespaceRule['fill']>,
  key: string,
  asked: string,
  { config, router }: Snapshot,
): Way | { readonly because: string } {
  const named = config.routes.find(({ id }) => id === fill.route)!
  const url = new URL(asked)
  if (!named.host.includes('*')) url.host = named.host
  // A key such as ".." would be another path.
  const path = fill.path.replace('{key}', () => encodeURIComponent(key).replace(/^\.{1,2}$/, 'invalid/'))
  const target = canonicalTarget(`${url.origin}${path}`)
  if (!target.ok || path.includes('invalid/')) return { because: 'the key cannot be part of a path' }
  const routing = router('GET', target.value)
  if (routing.kind === 'route' && routing.route.id === fill.route)
    return { url: `${url.origin}${path}`, route: routing.route }
  return { because: `a GET of ${path} is not taken by the route "${fill.route}", but by one before it or none` }
}

async function ask({ url, route }: Way, rule: NamespaceRule, signal: AbortSignal, tools: FillTools): Promise<Filled> {
  const requestTime = tools.now()
  const asked = new Request(url, { headers: { 'accept-encoding': 'identity' }, signal })
  let told: Headers | undefined
  const response = await tools.proxy(asked, (heard) => {
    told = heard.status === 200 ? new Headers(heard.headers) : undefined
  })
  const { status, headers } = response
  // What an origin says to caches alone is not in what clients get.
  const verdict = verdictOn(status, told ?? headers, route.cache, rule, requestTime, tools.now())
  if (status !== 200 || 'because' in verdict) {
    await response.body?.cancel()
    if (status === 404 || status === 410) return { kind: 'missing' }
    return failed('because' in verdict ? verdict.because : `its status was ${status}`)
  }
  const kept = await keepBody(response.body, undefined, rule.maxBytes)
  if (kept.kind === 'cut') return failed('its answer broke off')
  if (kept.kind === 'once') {
    await kept.stream.cancel().catch(() => undefined)
    return failed(`it has more than the ${rule.maxBytes} bytes of "maxBytes"`)
  }
  const type = headers.get('content-type') ?? 'application/octet-stream'
  const content: Content = { type, bytes: kept.bytes ?? new Uint8Array() }
  return { kind: 'content', content, ttlSeconds: verdict.ttlSeconds }
}

/** Whether everybody may have the answer, and for how long. */
function verdictOn(
  status: number,
  headers: Headers,
  cache: CacheRule,
  { ttlSeconds }: NamespaceRule,
  requestTime: number,
  responseTime: number,
): { readonly ttlSeconds: number } | { readonly because: string } {
  if (status !== 200) return { because: `its status was ${status}` }
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') return { because: 'it came coded' }
  if (changesSession(headers)) return { because: 'it is about a session, which is one client’s alone' }
  const lifetime = ttlSeconds ?? cache.ttlSeconds
  const admission = mayStore(
    {
      method: 'GET',
      requestFields: new Headers(),
      requestCacheControl: requestDirectives(null),
      status,
      responseFields: headers,
      requestTime,
      responseTime,
      bodyIsWhole: true,
      unlisted: [],
      hasCookies: false,
      hasLongField: false,
    },
    { ...cache, mode: cache.mode === 'off' ? 'respect' : cache.mode, ...(lifetime && { ttlSeconds: lifetime }) },
  )
  if (admission.kind === 'uncacheable') return { because: `it may not be shared or kept (${admission.because})` }
  const freshSeconds = Math.floor((admission.freshUntil - responseTime) / 1000)
  if (freshSeconds < 1) return { because: 'it is not fresh for a second' }
  return { ttlSeconds: ttlSeconds ?? freshSeconds }
}
