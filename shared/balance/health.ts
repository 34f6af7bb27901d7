// Whether an origin is to be asked. Its attempts show it, and the monitor says it. When an origin is ejected, and for how
// long, is for ejection.ts.

/** All instants are milliseconds since the epoch. */
export interface Health {
  /** Attempts that failed since the last one that did not. */
  readonly failuresInARow: number
  readonly recent: Recent
  readonly typical: Typical
  readonly ejected: Ejected | undefined
  /** Ejections in a row: each lasts longer than the one before. */
  readonly ejections: number
  /** When its last ejection, or the monitor's, came to an end: from then on it gets its share little by little. */
  readonly recoveredAt: number | undefined
  /** The monitor's word, and since when that is its word. */
  readonly monitor: 'up' | 'down' | undefined
  readonly monitorSince: number
}

/** Attempts that ended within the last seconds. */
export interface Recent {
  readonly since: number
  readonly attempts: number
  readonly failures: number
}

/**
 * What an answer usually takes: a running median, which goes a step up where one took longer and a step down where it
 * did not. So it hears of all answers becoming slow, and not of slow pages among others.
 */
export interface Typical {
  readonly ms: number
  readonly samples: number
}

export type EjectionReason = 'failures' | 'failure-rate' | 'latency' | 'silence' | 'retry-after'

export interface Ejected {
  readonly because: EjectionReason
  readonly at: number
  /** From then on it is half open: one attempt at a time tries it. */
  readonly until: number
  /** When the trial under way began. */
  readonly trialAt: number | undefined
}

/** What an attempt has shown of its origin; `ms` is how long it took, or, of one given up, what it would have taken at least. */
export type Evidence =
  | { readonly kind: 'good'; readonly ms: number }
  /** `retryAfterMs`: the origin itself has said when to come again. */
  | { readonly kind: 'bad'; readonly ms: number; readonly retryAfterMs?: number | undefined }
  | { readonly kind: 'given-up'; readonly ms: number }

const recentMs = 10_000
/** A trial of which nobody has heard again for so long is over: its request may have been ended by the platform. */
const longestTrialMs = 60_000
const typicalStep = 1.2

const nothingSeen = {
  failuresInARow: 0,
  recent: { since: 0, attempts: 0, failures: 0 },
  typical: { ms: 0, samples: 0 },
}

export const healthy: Health = {
  ...nothingSeen,
  ejected: undefined,
  ejections: 0,
  recoveredAt: undefined,
  monitor: undefined,
  monitorSince: 0,
}

/** Whether an origin is to be asked before those that are not healthy. One that is half open is, by one attempt. */
export function isHealthy(health: Health, at: number): boolean {
  if (health.ejected !== undefined) return isForTrial(health, at)
  return health.monitor !== 'down'
}

/** Whether it is half open, and the next attempt is its trial. */
export function isForTrial({ ejected }: Health, at: number): boolean {
  if (ejected === undefined || at < ejected.until) return false
  return ejected.trialAt === undefined || at - ejected.trialAt >= longestTrialMs
}

/** An attempt begins. */
export function begun(health: Health, at: number): Health {
  if (health.ejected === undefined || !isForTrial(health, at)) return health
  return { ...health, ejected: { ...health.ejected, trialAt: at } }
}

/** What is counted when an attempt has ended. */
export function counted(health: Health, { kind, ms }: Evidence, at: number): Health {
  switch (kind) {
    case 'given-up':
      return ms > health.typical.ms ? { ...health, typical: stepped(health.typical, ms) } : health
    case 'bad':
      return { ...health, failuresInARow: health.failuresInARow + 1, recent: added(health.recent, 1, at) }
    case 'good':
      return {
        ...health,
        failuresInARow: 0,
        recent: added(health.recent, 0, at),
        typical: stepped(health.typical, ms),
      }
    default:
      return kind satisfies never
  }
}

function added({ since, attempts, failures }: Recent, failure: 0 | 1, at: number): Recent {
  if (at - since >= recentMs) return { since: at, attempts: 1, failures: failure }
  return { since, attempts: attempts + 1, failures: failures + failure }
}

function stepped({ ms, samples }: Typical, seen: number): Typical {
  if (samples === 0) return { ms: Math.max(seen, 1), samples: 1 }
  const next = seen > ms ? Math.min(ms * typicalStep, seen) : Math.max(ms / typicalStep, seen, 1)
  return { ms: next, samples: samples + 1 }
}

/** It comes back, and what was seen before does not count against it any more. */
export function recovered(health: Health, at: number): Health {
  return { ...health, ...nothingSeen, ejected: undefined, recoveredAt: at }
}

/**
 * The monitor's word, which has been its word `since` then; told again it changes nothing. Where it becomes `up` for one
 * that is ejected, the trial comes at once: that the origin is well, requests are to show.
 */
export function toldByMonitor(health: Health, word: 'up' | 'down', since: number): Health {
  if (health.monitor === word && health.monitorSince === since) return health
  const told = { ...health, monitor: word, monitorSince: since }
  if (word === 'down' || health.monitor !== 'down') return told
  const { ejected } = health
  if (ejected !== undefined) return { ...told, ejected: { ...ejected, until: Math.min(ejected.until, since) } }
  return isHealthy(health, since) ? told : { ...told, recoveredAt: since }
}
