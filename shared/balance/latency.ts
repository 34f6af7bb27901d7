// How long an origin takes, as a peak EWMA: it rises at once to what was seen, and falls over time. What is asked of
// many origins at once is not the mean but who is slow now.
import type { OriginState, Outcome } from './pool.ts'

export interface Latency {
  readonly ms: number
  /** Until then it holds, and from then on it falls; milliseconds since the epoch, 0 where nothing is known. */
  readonly at: number
}

/** After so long without anything seen, what is left of an estimate is 1/e of it. */
const decayMs = 10_000
/** What a refusal counts as: it comes fast, and would look like the fastest origin of all. */
const refusalMs = 5000
/** What nobody is taken to be faster than. */
const leastMs = 10
const maxRetryAfterMs = 300_000

export const unknownLatency: Latency = { ms: 0, at: 0 }

const isKnown = (latency: Latency): boolean => latency.at > 0

/** What is left of an estimate at `at`. */
export function remainingMs({ ms, at: since }: Latency, at: number): number {
  return at <= since ? ms : ms * Math.exp((since - at) / decayMs)
}

/** The estimate after something took `ms` milliseconds until `at`. */
function observed(latency: Latency, ms: number, at: number): Latency {
  const since = Math.max(at, latency.at)
  if (ms >= latency.ms) return { ms, at: since }
  const kept = Math.exp((latency.at - since) / decayMs)
  return { ms: latency.ms * kept + ms * (1 - kept), at: since }
}

/** The estimate after something has taken `ms` milliseconds until `at` and was not over yet: it never falls by that. */
function observedAtLeast(latency: Latency, ms: number, at: number): Latency {
  return ms > remainingMs(latency, at) ? { ms, at } : latency
}

/**
 * The estimate after an attempt. A failure took `timeoutMs` at least, so that to fail fast does not look fast. What was
 * given up teaches that it was slow, but never that it was fast. Who refuses holds what that counts as for as long as
 * its Retry-After says, up to five minutes.
 */
export function latencyAfter(latency: Latency, outcome: Outcome, timeoutMs: number, at: number): Latency {
  switch (outcome.kind) {
    case 'cancelled':
      return observedAtLeast(latency, expectedAfter(outcome.ms), at)
    case 'failed':
      return observed(latency, Math.max(outcome.ms, timeoutMs), at)
    case 'answer': {
      if (!isRefusal(outcome.status)) return observed(latency, outcome.ms, at)
      const { ms, at: since } = observed(latency, Math.max(outcome.ms, refusalMs), at)
      return { ms, at: Math.max(since, at + Math.min(outcome.retryAfterMs ?? 0, maxRetryAfterMs)) }
    }
    default:
      return outcome satisfies never
  }
}

/** An origin, or a gateway before it, that does not serve at all. A 500 may be the request's own doing. */
const isRefusal = (status: number): boolean => status === 429 || status === 502 || status === 503 || status === 504

/**
 * Of two estimates of one origin the one that is higher at whatever time both are looked at. In any order and however
 * often, the same comes out.
 */
export function mergeLatency(left: Latency, right: Latency): Latency {
  if (!isKnown(left) || !isKnown(right)) return isKnown(left) ? left : right
  return Math.log(left.ms / right.ms) >= (right.at - left.at) / decayMs ? left : right
}

/** What this isolate can tell others: its estimate, raised to what those under way are expected to take. */
export function shownLatency(origin: OriginState, at: number): Latency {
  return observedAtLeast(origin.latency, underWayMs(origin, at), at)
}

/** Who has been silent for so long is best expected to take as long again. */
const expectedAfter = (silentMs: number): number => 2 * silentMs

/** What those under way are expected to take, by the silence since the last answer: a slow origin shows before it answers. */
function underWayMs({ unanswered, silentSince }: OriginState, at: number): number {
  return unanswered === 0 ? 0 : Math.max(0, expectedAfter(at - silentSince))
}

/**
 * What an attempt that begins at `at` is expected to take, at least 10 ms: below that, chance tells more than the origin does. `typicalMs` is what the origins of the pool
 * take: what nobody has asked yet is taken for one of them, so that it is not flooded, and what nobody has asked for
 * long falls to it and no further.
 */
export function expectedMs(origin: OriginState, typicalMs: number, at: number): number {
  const { latency } = origin
  const known = isKnown(latency) ? Math.max(remainingMs(latency, at), Math.min(latency.ms, typicalMs)) : typicalMs
  return Math.max(leastMs, known, underWayMs(origin, at))
}

/** The median (the lower one) of what is left of the estimates; 0 where nothing is known. */
export function typicalMs(origins: readonly OriginState[], at: number): number {
  const known = origins.filter(({ latency }) => isKnown(latency))
  const sorted = Float64Array.from(known, ({ latency }) => remainingMs(latency, at)).sort()
  return sorted[(sorted.length - 1) >> 1] ?? 0
}
