// Weighted random order: each place is drawn from the origins that are left, in proportion to their weights.

/** The indices of the origins, first choice first. `random` gives numbers in [0, 1); all weights are positive. */
export function rankRandom(weights: readonly number[], random: () => number): number[] {
  const left = weights.map((_, index) => index)
  const order: number[] = []
  while (left.length > 0) order.push(...left.splice(draw(left, weights, random()), 1))
  return order
}

function draw(left: readonly number[], weights: readonly number[], random: number): number {
  let rest = random * left.reduce((sum, index) => sum + weights[index]!, 0)
  for (let place = 0; place < left.length; place++) {
    rest -= weights[left[place]!]!
    if (rest < 0) return place
  }
  return left.length - 1
}
