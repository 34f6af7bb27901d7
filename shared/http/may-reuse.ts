// May a stored response answer this request? (RFC 9111 §4, RFC 5861.) Pure judgement over its head at one instant.
import type { CacheControl } from './cache-control.ts'

/** Absolute, in milliseconds; each end is exclusive. */
export interface StoredInstants {
  readonly storedAt: number
  readonly freshUntil: number
  /** Served stale while one refresh goes on behind it. */
  readonly graceUntil: number
  /** Served stale because the origin failed. */
  readonly errorGraceUntil: number
  /** Served stale because the pool is sick. */
  readonly sickGraceUntil: number
  /** Held until then, if only for its validator. */
  readonly keepUntil: number
  /** Seconds at `storedAt`. */
  readonly initialAge: number
  /** Whether the origin forbids what is stale, even to a client that would take it (RFC 9111 §4.2.4). */
  readonly neverStale: boolean
  /** Whether the origin says that it stays as it is while it is fresh: then a reload gets it too (RFC 8246 §2). */
  readonly immutable: boolean
}

/** An answer from the store; both in whole seconds, `ttl` negative where it is stale (RFC 9211 §2.4). */
export interface FromStore {
  readonly age: number
  readonly ttl: number
}

export type Reuse =
  | (FromStore & { readonly kind: 'hit' })
  /** To be served at once, and refreshed behind it. */
  | (FromStore & { readonly kind: 'stale' })
  /** To be validated; the forward reason of RFC 9211 §2.2. */
  | { readonly kind: 'validate'; readonly because: 'stale' | 'request' }

/** Seconds since the response was generated (RFC 9111 §4.2.3). */
export function currentAge(stored: StoredInstants, now: number): number {
  return stored.initialAge + Math.max(0, now - stored.storedAt) / 1000
}

/** Age and time to live at one instant. */
export function fromStore(stored: StoredInstants, now: number): FromStore {
  return { age: Math.floor(currentAge(stored, now)), ttl: Math.floor((stored.freshUntil - now) / 1000) }
}

/**
 * `request` are the client's directives; pass those of an absent field where the route ignores the client's.
 * `sick` is whether the pool that would be asked is known to fail.
 */
export function mayReuse(stored: StoredInstants, request: CacheControl, now: number, sick: boolean): Reuse {
  const age = currentAge(stored, now)
  const staleness = (now - stored.freshUntil) / 1000
  const isFresh = now < stored.freshUntil
  const refused =
    request.noCache ||
    (request.maxAge !== undefined && age > request.maxAge && !(isFresh && stored.immutable)) ||
    (request.minFresh !== undefined && -staleness < request.minFresh)
  if (isFresh) {
    return refused ? { kind: 'validate', because: 'request' } : { kind: 'hit', ...fromStore(stored, now) }
  }
  if (!refused) {
    const until = sick ? Math.max(stored.graceUntil, stored.errorGraceUntil, stored.sickGraceUntil) : stored.graceUntil
    if (now < until) return { kind: 'stale', ...fromStore(stored, now) }
    const taken = request.maxStale !== undefined && staleness <= request.maxStale
    if (taken && !stored.neverStale) return { kind: 'hit', ...fromStore(stored, now) }
  }
  return { kind: 'validate', because: 'stale' }
}

/** Whether a stored response may stand in for an answer that failed (RFC 5861 §4); the request may allow it too. */
export function mayStandIn(stored: StoredInstants, request: CacheControl, now: number, sick: boolean): boolean {
  const until = sick ? Math.max(stored.errorGraceUntil, stored.sickGraceUntil) : stored.errorGraceUntil
  if (now < until) return true
  const staleness = (now - stored.freshUntil) / 1000
  return !stored.neverStale && request.staleIfError !== undefined && staleness < request.staleIfError
}

/** The same as if its freshness had ended at `at` (ms), and the times that count from there with it. */
export function staleSince<S extends StoredInstants>(stored: S, at: number): S {
  const earlier = Math.max(0, stored.freshUntil - at)
  return {
    ...stored,
    freshUntil: stored.freshUntil - earlier,
    graceUntil: stored.graceUntil - earlier,
    errorGraceUntil: stored.errorGraceUntil - earlier,
    sickGraceUntil: stored.sickGraceUntil - earlier,
  }
}
