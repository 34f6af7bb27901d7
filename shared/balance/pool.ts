// What one isolate knows of a pool: the only state of the balancer. It changes in two places, where an attempt begins
// and where it ends; everything else is judgement over it.
import type { Origin, Pool } from '../config/schema.ts'
import type { Failure } from './attempt.ts'
import { type Health, healthy, noted } from './health.ts'
import { type Latency, latencyAfter, unknownLatency } from './latency.ts'
import { type RoundRobinState, startRoundRobin } from './round-robin.ts'

/** A pool made ready for choosing; one per configuration and isolate. */
export interface PoolState {
  readonly pool: Pool
  /** All but those that are off, in the order of the configuration. */
  readonly origins: readonly OriginState[]
  /** Those that are ready, by priority. */
  readonly levels: readonly Level[]
  /** Those that are drained. */
  readonly draining: readonly OriginState[]
  /** Attempts that failed since the last one that did not, as far as this isolate knows. */
  failuresInARow: number
}

/** The ready origins of one priority. */
export interface Level {
  readonly origins: readonly OriginState[]
  /** Of round robin, in the order of `origins`. */
  readonly turns: RoundRobinState
}

export interface OriginState {
  readonly origin: Origin
  /** Attempts under way in this isolate. */
  inFlight: number
  /** Attempts under way that began after its last answer, and when the first of them did (ms since the epoch). */
  unanswered: number
  silentSince: number
  latency: Latency
  health: Health
}

/** How an attempt ended; `ms` is the time to the head of the response, to the failure, or until it was given up. */
export type Outcome =
  | { readonly kind: 'answer'; readonly status: number; readonly ms: number; readonly retryAfterMs?: number }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly ms: number }
  /** It was given up for reasons that say nothing of the origin. */
  | { readonly kind: 'cancelled'; readonly ms: number }

/** `random` gives numbers in [0, 1): each isolate starts its turns elsewhere. */
export function startPool(pool: Pool, random: () => number): PoolState {
  const origins = pool.origins
    .filter(({ state }) => state !== 'off')
    .map(
      (origin): OriginState => ({
        origin,
        inFlight: 0,
        unanswered: 0,
        silentSince: 0,
        latency: unknownLatency,
        health: healthy,
      }),
    )
  const ready = origins.filter(({ origin }) => origin.state === 'ready')
  const priorities = [...new Set(ready.map(({ origin }) => origin.priority))].sort((left, right) => left - right)
  const levels = priorities.map((priority): Level => {
    const level = ready.filter(({ origin }) => origin.priority === priority)
    const weights = level.map(({ origin }) => origin.weight)
    return { origins: level, turns: startRoundRobin(weights, random()) }
  })
  const draining = origins.filter(({ origin }) => origin.state === 'drain')
  return { pool, origins, levels, draining, failuresInARow: 0 }
}

/** `at` in milliseconds since the epoch, as with `endAttempt`. */
export function beginAttempt(origin: OriginState, at: number): void {
  origin.inFlight++
  if (origin.unanswered++ === 0) origin.silentSince = at
}

/** `at` in milliseconds since the epoch. */
export function endAttempt(state: PoolState, origin: OriginState, outcome: Outcome, at: number): void {
  origin.inFlight--
  origin.unanswered = outcome.kind === 'answer' ? 0 : Math.max(0, origin.unanswered - 1)
  origin.latency = latencyAfter(origin.latency, outcome, state.pool.timeouts.headersMs, at)
  if (outcome.kind === 'cancelled') return
  const failed = isFailure(outcome)
  state.failuresInARow = failed ? state.failuresInARow + 1 : 0
  origin.health = noted(origin.health, failed)
}

/** What counts against an origin: that no response came, or one that says that the origin is unwell. */
export function isFailure(outcome: Exclude<Outcome, { kind: 'cancelled' }>): boolean {
  return outcome.kind === 'failed' || isGatewayError(outcome.status)
}

const isGatewayError = (status: number): boolean => status === 500 || status === 502 || status === 503 || status === 504

/** Whether the pool is known to fail: as many attempts in a row as eject an origin. */
export function isSick(state: PoolState): boolean {
  return state.failuresInARow >= state.pool.ejection.failures
}
