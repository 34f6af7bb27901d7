// What one isolate knows of a pool: the only state of the balancer. It changes in two places, where an attempt begins
// and where it ends; everything else is judgement over it.
import type { Origin, Pool } from '../config/schema.ts'
import type { Failure } from './attempt.ts'
import { type Health, healthy, noted } from './health.ts'
import { type Latency, observed, unknownLatency } from './latency.ts'
import { type RoundRobinState, startRoundRobin } from './round-robin.ts'

/** A pool made ready for choosing; one per configuration and isolate. */
export interface PoolState {
  readonly pool: Pool
  /** All but those that are off, in the order of the configuration. */
  readonly origins: readonly OriginState[]
  /** The turns of round robin, by priority. */
  readonly turns: ReadonlyMap<number, RoundRobinState>
  /** Attempts that failed since the last one that did not, as far as this isolate knows. */
  failuresInARow: number
}

export interface OriginState {
  readonly origin: Origin
  /** Attempts under way in this isolate. */
  inFlight: number
  latency: Latency
  health: Health
}

/** How an attempt ended; `ms` is the time to the head of the response, or to the failure. */
export type Outcome =
  | { readonly kind: 'answer'; readonly status: number; readonly ms: number; readonly retryAfterMs?: number }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly ms: number }
  /** It was given up for reasons that say nothing of the origin. */
  | { readonly kind: 'cancelled' }

/** `random` gives numbers in [0, 1): each isolate starts its turns elsewhere. */
export function startPool(pool: Pool, random: () => number): PoolState {
  const origins = pool.origins
    .filter(({ state }) => state !== 'off')
    .map((origin): OriginState => ({ origin, inFlight: 0, latency: unknownLatency, health: healthy }))
  const priorities = new Set(origins.map(({ origin }) => origin.priority))
  const turns = [...priorities].map((priority): [number, RoundRobinState] => {
    const level = origins.filter(({ origin }) => origin.priority === priority && origin.state === 'ready')
    return [
      priority,
      startRoundRobin(
        level.map(({ origin }) => origin.weight),
        random(),
      ),
    ]
  })
  return { pool, origins, turns: new Map(turns), failuresInARow: 0 }
}

export function beginAttempt(origin: OriginState): void {
  origin.inFlight++
}

/** `at` in milliseconds since the epoch. */
export function endAttempt(state: PoolState, origin: OriginState, outcome: Outcome, at: number): void {
  origin.inFlight--
  if (outcome.kind === 'cancelled') return
  const failed = isFailure(outcome)
  state.failuresInARow = failed ? state.failuresInARow + 1 : 0
  origin.latency = observed(origin.latency, outcome.ms, at)
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
