// In which order are the origins of a pool asked? The policy ranks within each priority; lower priorities first.
import type { Origin, Pool } from '../config/schema.ts'
import { rankRandom } from './random.ts'
import { type RoundRobinState, rankRoundRobin, startRoundRobin } from './round-robin.ts'

/** A pool made ready for choosing; one per configuration and isolate. */
export interface PoolState {
  readonly pool: Pool
  readonly levels: readonly Level[]
  /** Attempts that failed since the last one that did not, as far as this isolate knows. */
  failuresInARow: number
}

interface Level {
  readonly origins: readonly Origin[]
  readonly weights: readonly number[]
  readonly turns: RoundRobinState
}

/** Groups the ready origins by priority. `random` in [0, 1). */
export function startPool(pool: Pool, random: () => number): PoolState {
  const ready = pool.origins.filter((origin) => origin.state === 'ready')
  const priorities = [...new Set(ready.map((origin) => origin.priority))].sort((left, right) => left - right)
  const levels = priorities.map((priority) => {
    const origins = ready.filter((origin) => origin.priority === priority)
    const weights = origins.map((origin) => origin.weight)
    return { origins, weights, turns: startRoundRobin(weights, random()) }
  })
  return { pool, levels, failuresInARow: 0 }
}

/** The ready origins, first choice first. Advances the pool's turns by one. */
export function rankOrigins(state: PoolState, random: () => number): Origin[] {
  return state.levels.flatMap((level) => {
    if (level.origins.length === 1) return level.origins
    const order =
      state.pool.policy === 'random' ? rankRandom(level.weights, random) : rankRoundRobin(level.weights, level.turns)
    return order.map((index) => level.origins[index]!)
  })
}

/** Takes down how an attempt at an origin of the pool ended. */
export function noteAttempt(state: PoolState, failed: boolean): void {
  state.failuresInARow = failed ? state.failuresInARow + 1 : 0
}

/** Whether the pool is known to fail: as many attempts in a row as eject an origin. */
export function isSick(state: PoolState): boolean {
  return state.failuresInARow >= state.pool.ejection.failures
}
