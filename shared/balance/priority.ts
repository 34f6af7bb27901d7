// How the load is shared between priorities (Envoy's law): the first one gets all of it until more than two in seven of
// its origins are gone; then what it cannot take spills over to the next ones.

/** A priority can take this much more than the share of it that is healthy. */
const overprovisioning = 1.4

/** What each priority gets, in percent, from the share of its origins that are healthy, in [0, 1]. Nothing is lost. */
export function priorityLoads(healthyShares: readonly number[]): number[] {
  const total = capacity(healthyShares)
  if (total === 0) return healthyShares.map((_, index) => (index === 0 ? 100 : 0))
  let rest = 100
  return healthyShares.map((share) => {
    const load = Math.min(rest, (100 * healthOf(share)) / Math.min(100, total))
    rest -= load
    return load
  })
}

/**
 * Which priorities use all of their origins, healthy or not, because too few are left: those with less than
 * `panicPercent` of them, once all priorities together cannot take the load.
 */
export function panics(healthyShares: readonly number[], panicPercent: number): boolean[] {
  const isShort = capacity(healthyShares) < 100
  return healthyShares.map((share) => isShort && 100 * share < panicPercent)
}

const healthOf = (share: number): number => Math.min(100, overprovisioning * 100 * share)

const capacity = (shares: readonly number[]): number => shares.reduce((sum, share) => sum + healthOf(share), 0)
