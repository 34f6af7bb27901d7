// Leases on parts of a session's work, such as a checkout: one holder at a time, for a time. Each has a fencing token
// that is larger than all before it, by which whatever the holder writes to can tell that the lease has passed on.
import { asOf, type LiveSession, type SessionState } from './session.ts'

export interface Lease {
  readonly name: string
  readonly holder: string
  readonly token: number
  /** Milliseconds since the epoch. */
  readonly until: number
}

export type LeaseOutcome =
  | ({ readonly kind: 'granted' } & Lease)
  | ({ readonly kind: 'held' } & Lease)
  /** As many as a session may have are held. */
  | { readonly kind: 'tooMany'; readonly max: number }
  | { readonly kind: 'gone' }

export interface LeaseStep {
  readonly state: SessionState
  readonly outcome: LeaseOutcome
}

export const maxLeases = 16

/** Grants the lease where nobody else holds it. Whoever holds it has it prolonged, with the token that it has. */
export function acquire(state: SessionState, name: string, holder: string, ttlMs: number, at: number): LeaseStep {
  const now = asOf(state, at)
  if (now.kind !== 'live') return { state: now, outcome: { kind: 'gone' } }
  const held = heldIn(now, at)
  const before = held.find((lease) => lease.name === name)
  if (before !== undefined && before.holder !== holder) return { state: now, outcome: { ...before, kind: 'held' } }
  if (before === undefined && held.length >= maxLeases) {
    return { state: now, outcome: { kind: 'tooMany', max: maxLeases } }
  }
  const fence = before === undefined ? now.fence + 1 : now.fence
  const lease: Lease = { name, holder, token: before?.token ?? fence, until: at + ttlMs }
  const leases = [...held.filter((other) => other !== before), lease]
  return { state: { ...now, leases, fence }, outcome: { kind: 'granted', ...lease } }
}

/** Gives a lease back; false where this holder does not have it. */
export function release(
  state: SessionState,
  name: string,
  holder: string,
  at: number,
): { readonly state: SessionState; readonly released: boolean } {
  const now = asOf(state, at)
  if (now.kind !== 'live') return { state: now, released: false }
  const held = heldIn(now, at)
  const leases = held.filter((lease) => lease.name !== name || lease.holder !== holder)
  const released = leases.length < held.length
  return { state: released ? { ...now, leases } : now, released }
}

const heldIn = ({ leases }: LiveSession, at: number): readonly Lease[] => leases.filter(({ until }) => at < until)
