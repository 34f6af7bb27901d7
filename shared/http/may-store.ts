// May this response be stored, and until when is it fresh? (RFC 9111 §3.) In doubt: no, with the reason.
// The route's rule sets lifetimes; it never makes shareable what is somebody's own.
import type { CacheRule } from '../config/schema.ts'
import { initialAge } from './age.ts'
import type { CacheControl } from './cache-control.ts'
import type { Fields } from './fields.ts'
import { heuristicLifetime, type Lifetime, statedLifetime } from './freshness.ts'
import { hasNoContent } from './status.ts'
import { type ResponseDirectives, responseDirectives } from './targeted.ts'

export interface Exchange {
  readonly method: string
  readonly requestFields: Fields
  readonly requestCacheControl: CacheControl
  readonly status: number
  readonly responseFields: Fields
  /** Milliseconds since the epoch. */
  readonly requestTime: number
  readonly responseTime: number
}

export type Admission =
  | {
      readonly kind: 'store'
      /** Absolute, in milliseconds. */
      readonly storedAt: number
      readonly freshUntil: number
      /** Seconds at `storedAt`. */
      readonly initialAge: number
      /** Whether the origin said in words that it may be shared, even if asked with Authorization. */
      readonly shareable: boolean
    }
  | { readonly kind: 'uncacheable'; readonly because: NoStoreReason }

export type NoStoreReason =
  | 'mode-off'
  | 'method'
  | 'status'
  | 'private'
  | 'no-store'
  | 'no-cache'
  | 'request-no-store'
  | 'authorization'
  | 'set-cookie'
  | 'cookie'
  | 'vary'
  | 'event-stream'
  | 'framing'
  | 'length'
  | 'no-lifetime'
  | 'stale-on-arrival'

/** The statuses that a lifetime of the route's own applies to; an error needs the origin's word. */
const routeTtlStatuses = new Set([200, 203, 204, 300, 301, 308, 404, 410])

/** Judges a response by its head, before its body flows. */
export function mayStore(exchange: Exchange, rule: CacheRule): Admission {
  const directives = responseDirectives(exchange.responseFields)
  const because =
    personal(exchange, directives.cacheControl) ?? unstorable(exchange) ?? forbidden(exchange, directives, rule)
  if (because !== undefined) return { kind: 'uncacheable', because }
  const lifetime = lifetimeOf(exchange, directives, rule)
  if (lifetime === undefined) return { kind: 'uncacheable', because: 'no-lifetime' }
  const cookie = exchange.requestFields.get('cookie') !== null
  // Nobody said that this may be shared, and the request said who asks.
  if (cookie && rule.mode === 'respect' && (lifetime.by === 'route' || lifetime.by === 'last-modified')) {
    return { kind: 'uncacheable', because: 'cookie' }
  }
  return admit(exchange, lifetime, rule, isShareable(directives.cacheControl))
}

/** RFC 9111 §3.5 */
function isShareable({ public: isPublic, sMaxage, mustRevalidate }: CacheControl): boolean {
  return isPublic || sMaxage !== undefined || mustRevalidate
}

/** What is somebody's own, whatever the route says. */
function personal(exchange: Exchange, cacheControl: CacheControl): NoStoreReason | undefined {
  if (cacheControl.private) return 'private'
  if (exchange.responseFields.get('set-cookie') !== null) return 'set-cookie'
  if (exchange.requestFields.get('authorization') !== null && !isShareable(cacheControl)) return 'authorization'
  return undefined
}

/** What has no whole body that a later request could be answered with. */
function unstorable({ method, status, responseFields }: Exchange): NoStoreReason | undefined {
  if (method !== 'GET') return 'method'
  if (status < 200 || status > 599 || status === 206 || status === 304) return 'status'
  if (responseFields.get('vary') !== null) return 'vary'
  if (responseFields.get('content-type')?.toLowerCase().startsWith('text/event-stream') === true) return 'event-stream'
  const length = responseFields.get('content-length')
  if (length !== null && !/^\d+$/.test(length)) return 'length'
  // A body that ends where the connection ends cannot be told from one that was cut (RFC 9112 §8).
  if (!hasNoContent(status) && length === null && !isChunked(responseFields)) return 'framing'
  return undefined
}

function isChunked(fields: Fields): boolean {
  return fields.get('transfer-encoding')?.toLowerCase().includes('chunked') === true
}

/** What the directives of either side forbid; a forced route overrides them where its own lifetime applies. */
function forbidden(
  exchange: Exchange,
  { cacheControl }: ResponseDirectives,
  rule: CacheRule,
): NoStoreReason | undefined {
  if (rule.mode === 'off') return 'mode-off'
  if (rule.mode === 'force' && routeTtlStatuses.has(exchange.status)) return undefined
  if (exchange.requestCacheControl.noStore) return 'request-no-store'
  if (cacheControl.noStore) return 'no-store'
  if (cacheControl.noCache) return 'no-cache'
  return undefined
}

function lifetimeOf(exchange: Exchange, directives: ResponseDirectives, rule: CacheRule): Lifetime | undefined {
  const { status, responseFields, responseTime } = exchange
  const route: Lifetime | undefined =
    rule.ttlSeconds !== undefined && routeTtlStatuses.has(status)
      ? { seconds: rule.ttlSeconds, by: 'route' }
      : undefined
  if (rule.mode === 'force' && route !== undefined) return route
  return (
    statedLifetime(directives.cacheControl, directives.targeted, responseFields, responseTime) ??
    route ??
    (rule.ttlSeconds === undefined ? heuristicLifetime(status, responseFields, responseTime) : undefined)
  )
}

function admit(exchange: Exchange, lifetime: Lifetime, rule: CacheRule, shareable: boolean): Admission {
  const { responseFields, requestTime, responseTime } = exchange
  const age = initialAge(responseFields, requestTime, responseTime)
  // A forced lifetime counts from now: the route says how long this cache keeps it, however old it came.
  const left = rule.mode === 'force' && lifetime.by === 'route' ? lifetime.seconds : lifetime.seconds - age
  if (left <= 0) return { kind: 'uncacheable', because: 'stale-on-arrival' }
  return { kind: 'store', storedAt: responseTime, freshUntil: responseTime + left * 1000, initialAge: age, shareable }
}
