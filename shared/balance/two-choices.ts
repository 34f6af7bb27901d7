// The power of two choices: of two origins that are drawn, the better one. To take the best of all would send everybody
// to the same one.
//
// Both are drawn by weight, the second from those that are left: a bad one is never compared with itself. The first one
// stays unless the second costs less, so that the weights hold exactly where all are alike. Where costs only scatter,
// the second one costs less half of the time, and as heavy ones are drawn first more often, that would carry requests
// from them to the light ones: so of those small steps towards the light as many are taken as lead back.

import { urnOf } from './random.ts'

/** Beyond this ratio one cost is clearly higher than another, and no scatter. */
const clearRatio = 2

/**
 * The indices of all origins whose weight is above 0. The first `places` are chosen by two draws each, from those that
 * are left; the others follow as they come. `random` gives numbers in [0, 1).
 */
export function rankByTwoChoices(
  weights: readonly number[],
  costOf: (index: number) => number,
  places: number,
  random: () => number,
): number[] {
  let { left, total } = urnOf(weights)
  const order: number[] = []
  while (left.length > 1 && order.length < places) {
    const first = draw(left, weights, -1, random() * total)
    const beside = total - weights[left[first]!]!
    const second = draw(left, weights, first, random() * beside)
    // A pair is drawn in this order 1 ÷ `beside` as often, and in the other 1 ÷ its counterpart.
    const stepsBack = beside / (total - weights[left[second]!]!)
    const [ownCost, otherCost] = [costOf(left[first]!), costOf(left[second]!)]
    const isBetter = otherCost * clearRatio < ownCost || (otherCost < ownCost && random() < stepsBack)
    const place = isBetter ? second : first
    const chosen = left[place]!
    order.push(chosen)
    total -= weights[chosen]!
    left[place] = left.at(-1)!
    left.pop()
  }
  order.push(...left)
  return order
}

/** The place in `left` where `point` of the weights before it is used up; `except` is passed over. */
function draw(left: readonly number[], weights: readonly number[], except: number, point: number): number {
  let rest = point
  let last = -1
  for (let place = 0; place < left.length; place++) {
    if (place === except) continue
    rest -= weights[left[place]!]!
    if (rest < 0) return place
    last = place
  }
  return last
}
