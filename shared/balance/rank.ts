// In which order are the origins of a pool asked? The policy ranks within each priority; lower priorities first.
import type { OriginState, PoolState } from './pool.ts'
import { rankRandom } from './random.ts'
import { rankRoundRobin } from './round-robin.ts'

/** The ready origins, first choice first. Advances the pool's turns by one. `random` gives numbers in [0, 1). */
export function rankOrigins(state: PoolState, random: () => number): OriginState[] {
  const ready = state.origins.filter(({ origin }) => origin.state === 'ready')
  const priorities = [...new Set(ready.map(({ origin }) => origin.priority))].sort((left, right) => left - right)
  return priorities.flatMap((priority) => {
    const level = ready.filter(({ origin }) => origin.priority === priority)
    if (level.length === 1) return level
    const weights = level.map(({ origin }) => origin.weight)
    const order =
      state.pool.policy === 'random' ? rankRandom(weights, random) : rankRoundRobin(weights, state.turns.get(priority)!)
    return order.map((index) => level[index]!)
  })
}
