// What one isolate knows of a pool: the only state of the balancer. It changes where a request comes to the pool, where
// an attempt begins and where it ends; everything else is judgement over it.
import type { Origin, Pool } from '../config/schema.ts'
import type { Failure } from './attempt.ts'
import { type Budget, earned, givenBack, owed, spent, startBudget } from './budget.ts'
import { ejectionRule, judged, judgedSilent, owedAnswers } from './ejection.ts'
import { begun, type Evidence, type Health, healthy, isHealthy } from './health.ts'
import { type Latency, latencyAfter, unknownLatency } from './latency.ts'
import { type RoundRobinState, startRoundRobin } from './round-robin.ts'

/** A pool made ready for choosing; one per configuration and isolate. */
export interface PoolState {
  readonly pool: Pool
  /** All but those that are off, in the order of the configuration. */
  readonly origins: readonly OriginState[]
  /** Those that are ready, by priority. */
  readonly levels: readonly Level[]
  /** Those that are drained. */
  readonly draining: readonly OriginState[]
  /** Attempts that failed since the last one that did not, as far as this isolate knows. */
  failuresInARow: number
  /** Of attempts beyond the first of each request. */
  retryBudget: Budget
  hedgeBudget: Budget
}

/** The ready origins of one priority. */
export interface Level {
  readonly origins: readonly OriginState[]
  /** Of round robin, in the order of `origins`. */
  readonly turns: RoundRobinState
}

export interface OriginState {
  readonly origin: Origin
  /** Attempts under way in this isolate. */
  inFlight: number
  /** Attempts under way that began after its last answer, and when the first of them did (ms since the epoch). */
  unanswered: number
  silentSince: number
  latency: Latency
  health: Health
}

/** How an attempt ended; `ms` is the time to the head of the response, or to the failure. */
export type Outcome =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly ms: number
      /** What a 429 or 503 has said of when to come again. */
      readonly retryAfterMs?: number | undefined
    }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly ms: number }
  /** It was given up for reasons that say nothing of the origin, but that it had not answered by then. */
  | { readonly kind: 'cancelled'; readonly ms: number }

/** Of a pool with little traffic: an origin's death may meet several requests at once, its slowness fewer. */
const spare = { retries: 10, hedges: 3 }

/** `random` gives numbers in [0, 1): each isolate starts its turns elsewhere. */
export function startPool(pool: Pool, random: () => number): PoolState {
  const origins = pool.origins
    .filter(({ state }) => state !== 'off')
    .map(
      (origin): OriginState => ({
        origin,
        inFlight: 0,
        unanswered: 0,
        silentSince: 0,
        latency: unknownLatency,
        health: healthy,
      }),
    )
  const ready = origins.filter(({ origin }) => origin.state === 'ready')
  const priorities = [...new Set(ready.map(({ origin }) => origin.priority))].sort((left, right) => left - right)
  const levels = priorities.map((priority): Level => {
    const level = ready.filter(({ origin }) => origin.priority === priority)
    const weights = level.map(({ origin }) => origin.weight)
    return { origins: level, turns: startRoundRobin(weights, random()) }
  })
  const draining = origins.filter(({ origin }) => origin.state === 'drain')
  const budgets = { retryBudget: startBudget(spare.retries), hedgeBudget: startBudget(spare.hedges) }
  return { pool, origins, levels, draining, failuresInARow: 0, ...budgets }
}

/** A request has come to the pool. Here and below `at` is in milliseconds since the epoch. */
export function beginRequest(state: PoolState, at: number): void {
  const { retry, hedge } = state.pool
  state.retryBudget = earned(state.retryBudget, retry.budgetPercent, at)
  if (hedge !== undefined) state.hedgeBudget = earned(state.hedgeBudget, hedge.budgetPercent, at)
}

/** How a retry stands with the budget: `spent` of it, or `lent`, and to be paid only if it comes to nothing. */
export type Retry = 'spent' | 'lent'

/**
 * Asks the budget for one more attempt, at this origin, because another has failed; undefined where there is none. An
 * origin that has answered well throughout is asked also where the budget is empty: who fails beside it does not end it.
 * What is spare is for a failure now and then, not for a pool that is known to fail: each isolate has its own.
 */
export function beginRetry(state: PoolState, origin: OriginState, at: number): Retry | undefined {
  if (state.pool.retry.budgetPercent === 0) return undefined
  const isWell = answersWell(origin, state.pool, at)
  if (isWell && hasNotFailed(origin)) return 'lent'
  const left = spent(state.retryBudget, at, isWell || !isSick(state))
  if (left === undefined) return undefined
  if (isWell) return 'lent'
  state.retryBudget = left
  return 'spent'
}

/** `isGood`: it has answered well. */
export function endRetry(state: PoolState, retry: Retry, isGood: boolean, at: number): void {
  if (isGood && retry === 'spent') state.retryBudget = givenBack(state.retryBudget)
  if (!isGood && retry === 'lent') state.retryBudget = owed(state.retryBudget, at)
}

/** Whether nothing speaks against it: neither its last answer, nor that it owes one for half the time that one may take. */
export function answersWell({ health, unanswered, silentSince }: OriginState, { timeouts }: Pool, at: number): boolean {
  if (!isHealthy(health, at) || health.failuresInARow > 0) return false
  return unanswered === 0 || at - silentSince < timeouts.headersMs / 2
}

const hasNotFailed = ({ health: { recent } }: OriginState): boolean => recent.attempts > 0 && recent.failures === 0

/** Whether the budget has one more attempt because another keeps us waiting; if so, it is spent. */
export function spendHedge(state: PoolState, at: number): boolean {
  const left = (state.pool.hedge?.budgetPercent ?? 0) > 0 ? spent(state.hedgeBudget, at) : undefined
  if (left !== undefined) state.hedgeBudget = left
  return left !== undefined
}

/** `isUpload`: the client still sends what the origin is to answer; until then it is not the origin that is silent. */
export function beginAttempt(origin: OriginState, at: number, isUpload = false): void {
  origin.inFlight++
  if (!isUpload && origin.unanswered++ === 0) origin.silentSince = at
  origin.health = begun(origin.health, at)
}

export function endAttempt(state: PoolState, origin: OriginState, outcome: Outcome, at: number): void {
  origin.inFlight--
  origin.unanswered = outcome.kind === 'answer' ? 0 : Math.max(0, origin.unanswered - 1)
  origin.latency = latencyAfter(origin.latency, outcome, state.pool.timeouts.headersMs, at)
  if (outcome.kind !== 'cancelled') state.failuresInARow = isFailure(outcome) ? state.failuresInARow + 1 : 0
  const rule = ejectionRule(state.pool)
  const othersOf = (one: OriginState) => state.origins.filter((other) => other !== one).map(({ health }) => health)
  origin.health = judged(origin.health, evidenceOf(outcome), othersOf(origin), rule, at)
  for (const other of state.origins) {
    const { health, unanswered, silentSince } = other
    if (other === origin || unanswered < owedAnswers) continue
    other.health = judgedSilent(health, at - silentSince, othersOf(other), rule, at)
  }
}

/** Whether an origin has answered well. */
export function isGood(outcome: Outcome): boolean {
  return outcome.kind === 'answer' && !isFailure(outcome)
}

function evidenceOf(outcome: Outcome): Evidence {
  const { ms } = outcome
  if (outcome.kind === 'cancelled') return { kind: 'given-up', ms }
  if (!isFailure(outcome)) return { kind: 'good', ms }
  return { kind: 'bad', ms, retryAfterMs: outcome.kind === 'answer' ? outcome.retryAfterMs : undefined }
}

/** What counts against an origin: that no response came, or one that says that the origin is unwell. */
function isFailure(outcome: Exclude<Outcome, { kind: 'cancelled' }>): boolean {
  return outcome.kind === 'failed' || isGatewayError(outcome.status)
}

const isGatewayError = (status: number): boolean => status === 500 || status === 502 || status === 503 || status === 504

/** Whether the pool is known to fail: as many attempts in a row as eject an origin. */
export function isSick(state: PoolState): boolean {
  return state.failuresInARow >= state.pool.ejection.failures
}

/**
 * Until when no origin of the pool is to be asked (ms since the epoch): all of them are ejected, and panic does not say
 * otherwise. Undefined where one may be asked.
 */
export function closedUntil({ pool, levels }: PoolState, at: number): number | undefined {
  const ready = levels.flatMap(({ origins }) => origins)
  if (pool.panicPercent > 0 || ready.length === 0) return undefined
  const isClosed = ready.every(({ health }) => health.ejected !== undefined && !isHealthy(health, at))
  if (!isClosed) return undefined
  return Math.max(at, Math.min(...ready.map(({ health }) => health.ejected?.until ?? at)))
}
