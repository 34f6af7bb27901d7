// Weighted random order: each place is drawn from the origins that are left, in proportion to their weights.

/** The indices of the origins whose weight is above 0, first choice first. `random` gives numbers in [0, 1). */
export function rankRandom(weights: readonly number[], random: () => number): number[] {
  let { left, total } = urnOf(weights)
  const order: number[] = []
  while (left.length > 0) {
    const place = draw(left, weights, random() * total)
    const [chosen] = left.splice(place, 1) as [number]
    order.push(chosen)
    total -= weights[chosen]!
  }
  return order
}

/** Those who can be drawn, and what their weights come to. */
export function urnOf(weights: readonly number[]): { readonly left: number[]; readonly total: number } {
  const left: number[] = []
  let total = 0
  for (let index = 0; index < weights.length; index++) {
    if (weights[index]! === 0) continue
    left.push(index)
    total += weights[index]!
  }
  return { left, total }
}

function draw(left: readonly number[], weights: readonly number[], point: number): number {
  let rest = point
  for (let place = 0; place < left.length; place++) {
    rest -= weights[left[place]!]!
    if (rest < 0) return place
  }
  return left.length - 1
}
