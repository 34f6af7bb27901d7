// Rendezvous hashing: every origin has a score for the key, and the highest takes it. When an origin goes, only its keys
// move, and they spread over all others by weight; when its weight grows, it takes keys and gives none away.

/** An origin with more than this times its fair share of what is under way passes its keys on. */
const loadFactor = 1.25

/** The indices of the origins whose weight is above 0, first choice first. `key` is what `hashOf` gives. */
export function rankRendezvous(ids: readonly string[], weights: readonly number[], key: number): number[] {
  const scores = ids.map((id, index) => scoreOf(weights[index]!, mixed(key ^ hashOf(id))))
  const order: number[] = []
  for (let index = 0; index < ids.length; index++) if (weights[index]! > 0) order.push(index)
  return order.sort((left, right) => scores[right]! - scores[left]!)
}

/** −w ÷ ln(h): of several, each is the greatest as often as its weight says. `hash` becomes h in (0, 1). */
const scoreOf = (weight: number, hash: number): number => -weight / Math.log((hash + 0.5) / 2 ** 32)

/**
 * The same order, but those that have more under way than 1.25 times their fair share of all that is under way, and
 * more than one, come behind the others: one hot key does not end its origin.
 */
export function boundLoad(order: readonly number[], weights: readonly number[], inFlight: readonly number[]): number[] {
  let total = 0
  let allWeights = 0
  for (const index of order) {
    total += inFlight[index]!
    allWeights += weights[index]!
  }
  const isOver = (index: number): boolean =>
    inFlight[index]! > Math.max(1, (loadFactor * total * weights[index]!) / allWeights)
  return [...order.filter((index) => !isOver(index)), ...order.filter(isOver)]
}

/** 32 bits of a text: FNV-1a over its UTF-16 units, and the end of MurmurHash3, without which like texts stay alike. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return mixed(hash)
}

/** Every bit of the input changes half of the bits that come out (MurmurHash3's fmix32). */
function mixed(bits: number): number {
  let hash = bits
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
