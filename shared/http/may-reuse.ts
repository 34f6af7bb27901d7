// May a stored response answer this request? (RFC 9111 §4.) Pure judgement over its head at one instant.
import type { CacheControl } from './cache-control.ts'

export interface StoredInstants {
  /** Absolute, in milliseconds. */
  readonly storedAt: number
  readonly freshUntil: number
  /** Seconds at `storedAt`. */
  readonly initialAge: number
}

export type Reuse =
  /** Both in whole seconds. */
  | { readonly kind: 'hit'; readonly age: number; readonly ttl: number }
  /** The forward reason of RFC 9211 §2.2. */
  | { readonly kind: 'forward'; readonly because: 'stale' | 'request' }

/** Seconds since the response was generated (RFC 9111 §4.2.3). */
export function currentAge(stored: StoredInstants, now: number): number {
  return stored.initialAge + Math.max(0, now - stored.storedAt) / 1000
}

/** `request` are the client's directives; pass those of an absent field where the route ignores the client's. */
export function mayReuse(stored: StoredInstants, request: CacheControl, now: number): Reuse {
  if (now >= stored.freshUntil) return { kind: 'forward', because: 'stale' }
  const age = currentAge(stored, now)
  const ttl = (stored.freshUntil - now) / 1000
  const refused =
    request.noCache ||
    (request.maxAge !== undefined && age > request.maxAge) ||
    (request.minFresh !== undefined && ttl < request.minFresh)
  if (refused) return { kind: 'forward', because: 'request' }
  return { kind: 'hit', age: Math.floor(age), ttl: Math.floor(ttl) }
}
