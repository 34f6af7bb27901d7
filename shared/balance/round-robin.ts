// Smooth weighted round robin (nginx's law): every origin gains its weight, the richest is taken and pays the total.
// Turns are spread, never bunched: weights 5, 1, 1 give a a b a c a a.

/** What each origin has gained so far. One per pool and isolate; the start is random so that isolates do not march in step. */
export interface RoundRobinState {
  readonly credit: number[]
}

/**
 * A state some turns into the cycle; `random` in [0, 1) says how many.
 * All weights are positive integers.
 */
export function startRoundRobin(weights: readonly number[], random: number): RoundRobinState {
  const state: RoundRobinState = { credit: weights.map(() => 0) }
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  // The cycle's length is at most the total; beyond a thousand turns the start is random enough.
  const turns = Math.floor(random * Math.min(total, 1000))
  for (let turn = 0; turn < turns; turn++) rankRoundRobin(weights, state)
  return state
}

/**
 * The indices of the origins whose weight is above 0, first choice first; the others follow by credit. Advances `state`
 * by one turn; whoever has weight 0 neither gains nor pays. At least one weight is above 0.
 */
export function rankRoundRobin(weights: readonly number[], state: RoundRobinState): number[] {
  const { credit } = state
  const rest: number[] = []
  let total = 0
  let chosen = -1
  for (let index = 0; index < weights.length; index++) {
    if (weights[index]! === 0) continue
    credit[index] = credit[index]! + weights[index]!
    total += weights[index]!
    if (chosen < 0) chosen = index
    else if (credit[index]! > credit[chosen]!) {
      rest.push(chosen)
      chosen = index
    } else rest.push(index)
  }
  credit[chosen] = credit[chosen]! - total
  rest.sort((left, right) => credit[right]! - credit[left]!)
  return [chosen, ...rest]
}
