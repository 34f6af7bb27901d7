// May this response be stored, and until when is it fresh? (RFC 9111 §3.) In doubt: no, with the reason.
// The route's rule sets lifetimes; it never makes shareable what is somebody's own.
import type { CacheRule } from '../config/schema.ts'
import { initialAge as initialAgeOf } from './age.ts'
import type { CacheControl } from './cache-control.ts'
import { type Fields, isForgeable } from './fields.ts'
import { heuristicLifetime, heuristicStatuses, type Lifetime, statedLifetime } from './freshness.ts'
import type { StoredInstants } from './may-reuse.ts'
import { hasNoContent, isUnderstood } from './status.ts'
import { type ResponseDirectives, responseDirectives } from './targeted.ts'
import { isPersonal, maxUnlisted } from './unkeyed.ts'
import { parseVary } from './vary.ts'

export interface Exchange {
  readonly method: string
  readonly requestFields: Fields
  readonly requestCacheControl: CacheControl
  readonly status: number
  readonly responseFields: Fields
  /** Milliseconds since the epoch. */
  readonly requestTime: number
  readonly responseTime: number
  /** Whether the body is at hand already, so that its framing does not matter. */
  readonly bodyIsWhole?: boolean
  /** Names of fields that the origin has seen and that are not keyed, beside those that everybody sends. */
  readonly unlisted: readonly string[]
  /** Whether the origin has seen cookies that are not keyed. */
  readonly hasCookies: boolean
  /** Whether a field of the request is unusually long. */
  readonly hasLongField: boolean
  /** Whether Content-Location says that the answer to a POST is what a GET of its target would give. */
  readonly isOfTarget?: boolean
}

export type Admission =
  | (StoredInstants & {
      readonly kind: 'store'
      /** Whether the origin said in words that it may be shared, even if asked with Authorization. */
      readonly shareable: boolean
      /** The names of the request fields that select this response. */
      readonly vary: readonly string[]
      /** It answers only requests that carry all of these fields: they may have changed it. */
      readonly unlisted: readonly string[]
    })
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
  | 'session'
  | 'cookie'
  | 'unkeyed-field'
  | 'request-error'
  | 'reflection'
  | 'other-pool'
  | 'vary'
  | 'event-stream'
  | 'framing'
  | 'length'
  | 'no-lifetime'
  | 'stale-on-arrival'

/** What only this request made so: another one's answer may well be stored. */
const ofThisRequest: ReadonlySet<NoStoreReason> = new Set([
  ...([
    'method',
    'request-no-store',
    'authorization',
    'cookie',
    'unkeyed-field',
    'reflection',
    'other-pool',
    'request-error',
  ] as const),
])

/** Whether the next answer to such a request will hardly be storable either. */
export function isLasting(because: NoStoreReason): boolean {
  return !ofThisRequest.has(because)
}

/** The statuses that a lifetime of the route's own applies to; an error needs the origin's word. */
const routeTtlStatuses = new Set([200, 203, 204, 300, 301, 308, 404, 410])

/** Judges a response by its head, before its body flows. */
export function mayStore(exchange: Exchange, rule: CacheRule): Admission {
  const directives = responseDirectives(exchange.responseFields)
  const vary = varyOf(exchange)
  const because =
    personal(exchange, directives.cacheControl) ?? unstorable(exchange) ?? forbidden(exchange, directives, rule)
  if (because !== undefined) return uncacheable(because)
  if (vary === '*' || vary.some(isOurs)) return uncacheable('vary')
  const lifetime = lifetimeOf(exchange, directives, rule)
  // RFC 9111 §3: nothing permits it, neither a word nor the status.
  if (lifetime.by === 'nobody' && !directives.cacheControl.public && !heuristicStatuses.has(exchange.status)) {
    return uncacheable('no-lifetime')
  }
  // RFC 9110 §9.3.3: the answer to a POST has to say in words how long it is fresh.
  if (exchange.method === 'POST' && isOnlyAssumed(lifetime)) return uncacheable('method')
  const unlisted = exchange.unlisted.filter((name) => !vary.includes(name))
  if (unlisted.length > maxUnlisted) return uncacheable('unkeyed-field')
  // The request may have said who asks: then the origin has to say in words that others may have the answer.
  if (rule.mode === 'respect' && !isShared(directives)) {
    const isMine = isOnlyAssumed(lifetime) || !isAsset(exchange.responseFields)
    if (exchange.hasCookies && isMine && !vary.includes('cookie')) return uncacheable('cookie')
    if (unlisted.some(isPersonal)) return uncacheable('unkeyed-field')
  }
  const instants = instantsOf(exchange, directives.cacheControl, lifetime, rule)
  if (instants.keepUntil <= instants.storedAt) {
    if (directives.cacheControl.noCache) return uncacheable('no-cache')
    return uncacheable(lifetime.by === 'nobody' ? 'no-lifetime' : 'stale-on-arrival')
  }
  if (isOfRequest(exchange)) return uncacheable('request-error')
  return { kind: 'store', ...instants, shareable: isShareable(directives.cacheControl), vary, unlisted }
}

/** What selects it: the origin's Vary, and Origin where the answer allows that one alone and does not say so. */
function varyOf({ requestFields, responseFields }: Exchange): readonly string[] | '*' {
  const vary = parseVary(responseFields.get('vary'))
  const allowed = responseFields.get('access-control-allow-origin')
  if (vary === '*' || allowed === null || allowed === '*' || requestFields.get('origin') === null) return vary
  return [...new Set([...vary, 'origin'])]
}

/** What the gateway says of each request by itself cannot be told from the client's fields; scheme and host are keyed. */
function isOurs(name: string): boolean {
  return isForgeable(name) && name !== 'x-forwarded-proto' && name !== 'x-forwarded-host'
}

const uncacheable = (because: NoStoreReason): Admission => ({ kind: 'uncacheable', because })

function isOnlyAssumed({ by }: Lifetime): boolean {
  return by === 'route' || by === 'last-modified' || by === 'nobody'
}

/** Whether the origin says in words that a shared cache may give it to others. */
function isShared({ cacheControl, targeted }: ResponseDirectives): boolean {
  return cacheControl.public || cacheControl.sMaxage !== undefined || targeted
}

/** Whether it is of a kind that is the same for everybody: no page, and no data. */
function isAsset(fields: Fields): boolean {
  return /^(?:image|audio|video|font)\/|^text\/(?:css|javascript)\b|^application\/(?:javascript|wasm)\b/i.test(
    fields.get('content-type')?.trim() ?? '',
  )
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

/** These are about the request's own range or conditions. */
const ofThisRequestAlone = new Set([206, 304, 412, 416])
/** These tell that something in the request was wrong, which the next one may not have. */
const ofRequest = new Set([401, 403, 406, 407, 413, 415, 417, 421, 425, 426, 428, 429, 431])

/** Whether an error may be what this very request has caused: stored, it would be everybody's. */
function isOfRequest({ status, requestFields, hasLongField }: Exchange): boolean {
  const isOdd = hasLongField || requestFields.get('range') !== null
  return ofRequest.has(status) || (isOdd && (status === 400 || status === 501))
}

/** What has no whole body that a later request could be answered with. */
function unstorable({
  method,
  status,
  responseFields,
  bodyIsWhole = false,
  isOfTarget = false,
}: Exchange): NoStoreReason | undefined {
  if (method !== 'GET' && !(method === 'POST' && isOfTarget)) return 'method'
  if (status < 200 || status > 599 || ofThisRequestAlone.has(status)) return 'status'
  if (responseFields.get('content-type')?.toLowerCase().startsWith('text/event-stream') === true) return 'event-stream'
  const length = responseFields.get('content-length')
  if (length !== null && !/^\d+$/.test(length)) return 'length'
  // A body that ends where the connection ends cannot be told from one that was cut (RFC 9112 §8).
  if (!bodyIsWhole && !hasNoContent(status) && length === null && !isChunked(responseFields)) return 'framing'
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
  if (isForced(exchange, rule)) return undefined
  if (exchange.requestCacheControl.noStore) return 'request-no-store'
  // RFC 9111 §5.2.2.3: who understands the status goes by what the status says, and not by no-store.
  if (cacheControl.mustUnderstand) return isUnderstood(exchange.status) ? undefined : 'status'
  return cacheControl.noStore ? 'no-store' : undefined
}

function isForced({ status }: Exchange, rule: CacheRule): boolean {
  return rule.mode === 'force' && routeTtlStatuses.has(status)
}

function lifetimeOf(exchange: Exchange, directives: ResponseDirectives, rule: CacheRule): Lifetime {
  const { status, responseFields, responseTime } = exchange
  const route: Lifetime | undefined =
    rule.ttlSeconds !== undefined && routeTtlStatuses.has(status)
      ? { seconds: rule.ttlSeconds, by: 'route' }
      : undefined
  if (rule.mode === 'force' && route !== undefined) return route
  const { cacheControl, targeted } = directives
  return (
    statedLifetime(cacheControl, targeted, responseFields, responseTime) ??
    route ??
    (rule.ttlSeconds === undefined
      ? heuristicLifetime(status, cacheControl.public, responseFields, responseTime)
      : undefined) ?? { seconds: 0, by: 'nobody' }
  )
}

function instantsOf(exchange: Exchange, origin: CacheControl, lifetime: Lifetime, rule: CacheRule): StoredInstants {
  const { status, responseFields, requestTime, responseTime: storedAt } = exchange
  const initialAge = initialAgeOf(responseFields, requestTime, storedAt)
  const forced = isForced(exchange, rule)
  // A forced lifetime counts from now: the route says how long this cache keeps it, however old it came.
  const left = forced ? lifetime.seconds : lifetime.seconds - initialAge
  const mustValidate = !forced && origin.noCache
  const freshUntil = mustValidate ? storedAt : storedAt + left * 1000
  const forbidden = !forced && (origin.noCache || origin.mustRevalidate || origin.proxyRevalidate)
  // An error that is stale is no better than a new one.
  const graced = !forbidden && status < 500
  const until = (seconds: number) => freshUntil + (graced ? seconds * 1000 : 0)
  const graceUntil = until((forced ? undefined : origin.staleWhileRevalidate) ?? rule.graceSeconds)
  const errorGraceUntil = until((forced ? undefined : origin.staleIfError) ?? rule.errorGraceSeconds)
  const sickGraceUntil = until(rule.sickGraceSeconds)
  const isValidatable = responseFields.get('etag') !== null || responseFields.get('last-modified') !== null
  const keepUntil = isValidatable ? Math.max(freshUntil, storedAt) + rule.keepSeconds * 1000 : freshUntil
  return {
    storedAt,
    freshUntil,
    graceUntil,
    errorGraceUntil,
    sickGraceUntil,
    keepUntil: Math.max(keepUntil, graceUntil, errorGraceUntil, sickGraceUntil),
    initialAge,
    // RFC 9111 §5.2.2.10: s-maxage means proxy-revalidate too.
    neverStale: forbidden || (!forced && origin.sMaxage !== undefined),
    immutable: origin.immutable,
  }
}
