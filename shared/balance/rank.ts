// In which order are the origins of a pool asked? The policy ranks within each priority; lower priorities first.
import { isHealthy } from './health.ts'
import type { OriginState, PoolState } from './pool.ts'
import { rankRandom } from './random.ts'
import { rankRoundRobin } from './round-robin.ts'

/**
 * The ready origins, first choice first; those that are not healthy come last. Advances the pool's turns by one.
 * `random` gives numbers in [0, 1); `at` in milliseconds since the epoch.
 */
export function rankOrigins(state: PoolState, random: () => number, at: number): OriginState[] {
  const ready = state.origins.filter(({ origin }) => origin.state === 'ready')
  const priorities = [...new Set(ready.map(({ origin }) => origin.priority))].sort((left, right) => left - right)
  const order = priorities.flatMap((priority) => {
    const level = ready.filter(({ origin }) => origin.priority === priority)
    if (level.length === 1) return level
    const weights = level.map(({ origin }) => origin.weight)
    const order =
      state.pool.policy === 'random' ? rankRandom(weights, random) : rankRoundRobin(weights, state.turns.get(priority)!)
    return order.map((index) => level[index]!)
  })
  const isCandidate = ({ health }: OriginState) => isHealthy(health, at)
  return [...order.filter(isCandidate), ...order.filter((origin) => !isCandidate(origin))]
}
