// A discrete-event simulation over the real core: isolates that each see their part of the requests rank real pools,
// begin attempts and end them. Only the origins and the clock are made up. The same seed gives the same result.
import { type Latency, mergeLatency, shownLatency } from '../../shared/balance/latency.ts'
import { beginAttempt, endAttempt, type OriginState, type PoolState, startPool } from '../../shared/balance/pool.ts'
import { rankOrigins } from '../../shared/balance/rank.ts'
import type { Pool } from '../../shared/config/schema.ts'
import { Events } from '../../workers/cli/simulate/events.ts'
import { randomFrom } from '../../workers/cli/simulate/random.ts'

export interface Trace {
  readonly pool: Pool
  readonly seconds: number
  readonly requestsPerSecond: number
  /** How long origin number `origin` takes for a request that it gets after `ms`; `random` gives numbers in [0, 1). */
  serviceMs(origin: number, ms: number, random: () => number): number
}

export interface Setting {
  /** Each has a state of its own; every request goes to one of them by chance. */
  readonly isolates: number
  /** Whether they share what they know of latencies; at most so often each. */
  readonly shareEveryMs?: number | undefined
  readonly seed: number
}

export interface Result {
  readonly requests: number
  /** Sorted. */
  readonly latenciesMs: Float64Array
  readonly attempts: number
  /** By origin. */
  readonly attemptsOf: readonly number[]
}

interface Isolate {
  readonly state: PoolState
  requests: number
  hedges: number
}

interface Exchange {
  readonly isolate: Isolate
  readonly order: readonly OriginState[]
  readonly arrivedAt: number
  readonly underWay: { readonly origin: OriginState; readonly begunAt: number }[]
  answered: boolean
}

/** Some time after 1970: 0 is when nothing is known. */
const startMs = 1_000_000_000_000

export function simulate(trace: Trace, setting: Setting): Result {
  const { pool, requestsPerSecond } = trace
  const random = randomFrom(setting.seed)
  const events = new Events()
  const shared = new Map<string, Latency>()
  const numberOf = new Map(pool.origins.map(({ id }, index) => [id, index]))
  const attemptsOf = pool.origins.map(() => 0)
  const latencies: number[] = []
  const endMs = startMs + 1000 * trace.seconds
  const isolates = Array.from({ length: setting.isolates }, (): Isolate => {
    return { state: startPool(pool, random), requests: 0, hedges: 0 }
  })

  const arrive = (at: number): void => {
    const next = at - (1000 / requestsPerSecond) * Math.log(1 - random())
    if (next < endMs) events.add(next, arrive)
    const isolate = isolates[Math.floor(random() * isolates.length)]!
    isolate.requests++
    const hashKey = `client-${Math.floor(random() * 10_000)}`
    const order = rankOrigins(isolate.state, { hashKey }, at, random)
    const exchange: Exchange = { isolate, order, arrivedAt: at, underWay: [], answered: false }
    begin(exchange, order[0]!, at)
    if (pool.hedge !== undefined) events.add(at + pool.hedge.afterMs, (later) => hedge(exchange, later))
  }

  const begin = (exchange: Exchange, origin: OriginState, at: number): void => {
    const number = numberOf.get(origin.origin.id)!
    attemptsOf[number]!++
    beginAttempt(origin, at)
    exchange.underWay.push({ origin, begunAt: at })
    events.add(at + trace.serviceMs(number, at - startMs, random), (later) => answer(exchange, origin, later))
  }

  const answer = (exchange: Exchange, origin: OriginState, at: number): void => {
    if (exchange.answered) return
    exchange.answered = true
    latencies.push(at - exchange.arrivedAt)
    for (const attempt of exchange.underWay) {
      const ms = at - attempt.begunAt
      const outcome =
        attempt.origin === origin
          ? ({ kind: 'answer', status: 200, ms } as const)
          : ({ kind: 'cancelled', ms } as const)
      endAttempt(exchange.isolate.state, attempt.origin, outcome, at)
    }
  }

  const hedge = (exchange: Exchange, at: number): void => {
    const { isolate, order, answered } = exchange
    const budget = 1 + (isolate.requests * (pool.hedge?.budgetPercent ?? 0)) / 100
    if (answered || order.length < 2 || isolate.hedges + 1 > budget) return
    isolate.hedges++
    begin(exchange, order[1]!, at)
  }

  const share = (isolate: Isolate, at: number): void => {
    for (const origin of isolate.state.origins) {
      const { id } = origin.origin
      const shown = shownLatency(origin, at)
      const known = mergeLatency(shared.get(id) ?? shown, shown)
      shared.set(id, known)
      origin.latency = mergeLatency(origin.latency, known)
    }
    if (at < endMs) events.add(at + setting.shareEveryMs!, (later) => share(isolate, later))
  }

  events.add(startMs, arrive)
  const { shareEveryMs } = setting
  if (shareEveryMs !== undefined)
    for (const isolate of isolates) events.add(startMs + random() * shareEveryMs, (at) => share(isolate, at))
  events.run()
  return {
    requests: latencies.length,
    latenciesMs: Float64Array.from(latencies).sort(),
    attempts: attemptsOf.reduce((sum, count) => sum + count, 0),
    attemptsOf,
  }
}
