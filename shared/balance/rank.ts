// In which order are the origins of a pool asked? Who is a candidate, by state and health; which priority takes the
// request; and who within it, by the policy. Nobody is left out: who is no candidate comes last, for what requests show
// goes before what is believed of an origin.
import { isHealthy } from './health.ts'
import { remainingMs } from './latency.ts'
import { rankLeastRequest } from './least-request.ts'
import { rankPeakEwma } from './peak-ewma.ts'
import type { Level, OriginState, PoolState } from './pool.ts'
import { panics, priorityLoads } from './priority.ts'
import { rankRandom } from './random.ts'
import { boundLoad, hashOf, rankRendezvous } from './rendezvous.ts'
import { rankRoundRobin } from './round-robin.ts'
import { slowStart } from './slow-start.ts'

/** What of a request bears on who gets it. */
export interface Asker {
  /** What the hash policy hashes; where it is absent, chance decides. */
  readonly hashKey?: string | undefined
}

/**
 * All origins that are not off, first choice first: the candidates of the priority that takes this request, those of
 * the other priorities in their order, then the unhealthy ones, then those that are drained. Advances the pool's turns
 * by one. `at` in milliseconds since the epoch; `random` gives numbers in [0, 1).
 */
export function rankOrigins(state: PoolState, asker: Asker, at: number, random: () => number): OriginState[] {
  const { levels, draining } = state
  const shares = levels.map(({ origins }) => healthyShare(origins, at))
  const inPanic = panics(shares, state.pool.panicPercent)
  const order: OriginState[] = []
  const unhealthy: OriginState[] = []
  for (const index of fromLevel(drawLevel(shares, random), levels.length)) {
    const level = levels[index]!
    const weights = weightsOf(level.origins, inPanic[index]!, at)
    if (shares[index]! > 0 || inPanic[index]!)
      for (const place of rankLevel(state, level, weights, asker, at, random)) order.push(level.origins[place]!)
    for (let place = 0; place < weights.length; place++) if (weights[place] === 0) unhealthy.push(level.origins[place]!)
  }
  order.push(...unhealthy, ...draining)
  return order
}

/** All levels by priority, but this one first. */
function fromLevel(first: number, count: number): number[] {
  const indices = [first]
  for (let index = 0; index < count; index++) if (index !== first) indices.push(index)
  return indices.slice(0, count)
}

function healthyShare(origins: readonly OriginState[], at: number): number {
  let count = 0
  for (const { health } of origins) if (isHealthy(health, at)) count++
  return count / origins.length
}

/** The weight of each that counts at `at`; 0 for who is no candidate. */
function weightsOf(origins: readonly OriginState[], inPanic: boolean, at: number): number[] {
  return origins.map(({ origin, health }) =>
    inPanic || isHealthy(health, at) ? origin.weight * slowStart(health.recoveredAt, at) : 0,
  )
}

/** Which priority takes the request: the first, unless it cannot take all. */
function drawLevel(shares: readonly number[], random: () => number): number {
  if (shares.length < 2 || shares[0] === 1) return 0
  const loads = priorityLoads(shares)
  let rest = random() * 100
  for (let index = 0; index < loads.length; index++) {
    rest -= loads[index]!
    if (rest < 0) return index
  }
  return 0
}

function rankLevel(
  { pool }: PoolState,
  { origins, turns }: Level,
  weights: readonly number[],
  asker: Asker,
  at: number,
  random: () => number,
): readonly number[] {
  // Of so many the order matters: as many as there are attempts, and one that hedges.
  const places = pool.retry.tries + 1
  switch (pool.policy) {
    case 'round-robin':
      return rankRoundRobin(weights, turns)
    case 'random':
      return rankRandom(weights, random)
    case 'least-request':
      return rankLeastRequest(origins, weights, places, random)
    case 'peak-ewma':
      return rankPeakEwma(origins, weights, places, at, random)
    case 'hash': {
      const key = asker.hashKey === undefined ? random() * 2 ** 32 : hashOf(asker.hashKey)
      const ids = origins.map(({ origin }) => origin.id)
      const inFlight = origins.map((origin) => origin.inFlight)
      return boundLoad(rankRendezvous(ids, weights, key), weights, inFlight)
    }
    default:
      return pool.policy satisfies never
  }
}

/** An origin as the ranking sees it, for who asks why. */
export interface Candidate {
  readonly id: string
  readonly priority: number
  /** What counts of its weight now; 0 where it is no candidate. */
  readonly weight: number
  /** Attempts under way in this isolate. */
  readonly inFlight: number
  /** What is left of the estimate; absent where it has not answered yet. */
  readonly latencyMs?: number
  readonly healthy: boolean
  readonly why: 'ready' | 'slow-start' | 'panic' | 'unhealthy' | 'drain'
}

/** The numbers behind a ranking at `at`, in the order of the configuration. */
export function candidatesOf(state: PoolState, at: number): Candidate[] {
  const { levels, pool } = state
  const inPanic = panics(
    levels.map(({ origins }) => healthyShare(origins, at)),
    pool.panicPercent,
  )
  const panicking = new Set(levels.flatMap(({ origins }, index) => (inPanic[index]! ? origins : [])))
  return state.origins.map((each) => {
    const { origin, inFlight, latency, health } = each
    const healthy = isHealthy(health, at)
    const isPanic = panicking.has(each)
    const part = slowStart(health.recoveredAt, at)
    const isCandidate = origin.state !== 'drain' && (healthy || isPanic)
    return {
      id: origin.id,
      priority: origin.priority,
      weight: isCandidate ? origin.weight * part : 0,
      inFlight,
      ...(latency.at > 0 && { latencyMs: Math.round(remainingMs(latency, at)) }),
      healthy,
      why: whyOf(origin.state === 'drain', isPanic, healthy, part),
    }
  })
}

function whyOf(isDrained: boolean, isPanic: boolean, healthy: boolean, part: number): Candidate['why'] {
  if (isDrained) return 'drain'
  if (isPanic) return 'panic'
  if (!healthy) return 'unhealthy'
  return part < 1 ? 'slow-start' : 'ready'
}
