// How long an origin takes, as a peak EWMA: it rises at once to what was seen, and falls over time. What is asked of
// many origins at once is not the mean but who is slow now.

export interface Latency {
  /** At `at`; milliseconds. */
  readonly ms: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** What an origin is taken to need that nobody has asked yet. */
const initialMs = 10
/** After so long without anything seen, what is left of an estimate is 1/e of it. */
const decayMs = 10_000

export const unknownLatency: Latency = { ms: initialMs, at: 0 }

/** The estimate after something took `ms` milliseconds until `at`. */
export function observed(latency: Latency, ms: number, at: number): Latency {
  if (ms >= latency.ms) return { ms, at }
  const kept = Math.exp(-Math.max(0, at - latency.at) / decayMs)
  return { ms: latency.ms * kept + ms * (1 - kept), at }
}

/**
 * Of two estimates of one origin the one that is higher at whatever time both are looked at. In any order and however
 * often, the same comes out.
 */
export function mergeLatency(left: Latency, right: Latency): Latency {
  if (left.at === 0 || right.at === 0) return left.at === 0 ? right : left
  return Math.log(left.ms / right.ms) >= (right.at - left.at) / decayMs ? left : right
}
