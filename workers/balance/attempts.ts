// The attempts of one request at one pool: one origin after the other, until one answers well; and, where the pool
// hedges or has ejected an origin meanwhile, another beside one that keeps us waiting. Whoever answers well first wins,
// and the others are given up.

import type { Preferred } from '../../shared/balance/affinity.ts'
import { type Failure, isUnwell } from '../../shared/balance/attempt.ts'
import { isHealthy } from '../../shared/balance/health.ts'
import {
  answersWell,
  beginAttempt,
  beginRequest,
  beginRetry,
  closedUntil,
  endAttempt,
  endRetry,
  isGood,
  type OriginState,
  type Outcome,
  type PoolState,
  type Retry,
  spendHedge,
} from '../../shared/balance/pool.ts'
import { candidatesOf } from '../../shared/balance/rank.ts'
import { withTrials } from '../../shared/balance/trials.ts'
import type { Pool } from '../../shared/config/schema.ts'
import { formatCandidate } from '../../shared/explain.ts'
import { requestDeadline } from '../../shared/http/request-deadline.ts'
import { parseRetryAfter } from '../../shared/http/retry-after.ts'
import type { Attempt, Ports } from '../ports.ts'
import { late, orLate } from '../within.ts'
import type { KeptBody } from './keep-body.ts'

/** What is asked, of whichever origin it will be. */
export interface Asking {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly fields: Headers
  readonly body: KeptBody
  /** Whether a second origin may get it. */
  readonly mayRepeat: boolean
  /** Whether two origins may get it at once: a safe method, and no body. */
  readonly mayHedge: boolean
  /**
   * Of work that may take so long instead of the pool's timeouts. That it does, or fails, says nothing of the origin as
   * long as one answers.
   */
  readonly workMs?: number
  /** The origins of a pool, those that are to be asked first in front; `at` in milliseconds since the epoch. */
  readonly rank: (state: PoolState, at: number) => Preferred
  /** Whether somebody asks why. */
  readonly explain: boolean
  /** When the first attempt could begin (ms since the epoch). */
  readonly begunAt: number
  /** The client's own deadline, likewise. */
  readonly deadline: number | undefined
}

/** How the attempts at a pool ended. */
export type Ending =
  | (Extract<Attempt, { kind: 'answer' }> & {
      readonly idleMs: number
      /** Whether no other origin is to be asked. */
      readonly isFinal: boolean
      readonly pool: PoolState
      readonly origin: OriginState
      readonly choice: Choice
    })
  | { readonly kind: 'failed'; readonly failure: Failure; readonly last?: AskedLast | undefined }
  /** Nobody was asked: no origin is ready, or all are ejected until then (ms since the epoch). */
  | { readonly kind: 'nobody'; readonly until?: number | undefined }

/** The origin whose attempt was the last to fail. */
type AskedLast = Pick<Extract<Ending, { kind: 'answer' }>, 'pool' | 'origin' | 'choice'>

/** Why these origins in this order, for people. */
export interface Choice {
  /** Why the first was this client's own. */
  readonly affinity: string | undefined
  /** The origins with their numbers as they were then, the first choice first; absent where nobody asks. */
  readonly candidates: readonly string[] | undefined
}

/** An attempt under way. */
interface UnderWay {
  readonly origin: OriginState
  /** Absent: it is the first attempt, or a hedge. */
  readonly retry: Retry | undefined
  readonly choice: Choice
  readonly begunAt: number
  readonly ended: Promise<Ended>
  readonly abandon: () => void
}

interface Ended {
  readonly of: UnderWay
  readonly outcome: Outcome
  readonly ending: Ending
}

/** How often a request looks whether the origin that keeps it waiting has been ejected meanwhile. */
const lookAgainMs = 250

/**
 * Asks the origins of a pool in the order of their rank; `kept` where the one that keeps this client is gone, and no
 * other may stand in. Takes at most as long as the pool's timeouts allow. */
export async function askPool(
  asking: Asking,
  state: PoolState,
  ports: Ports,
): Promise<Ending | { readonly kind: 'kept' }> {
  const { pool } = state
  const until = closedUntil(state, ports.now())
  if (until !== undefined) return { kind: 'nobody', until }
  const deadline = deadlineOf(asking, asking.workMs ?? pool.timeouts.totalMs)
  if (Number.isFinite(deadline)) asking.fields.set(requestDeadline, String(deadline))
  beginRequest(state, ports.now())

  const rankedAt = ports.now()
  const ranked = asking.rank(state, rankedAt)
  if (ranked.kind === 'none') return { kind: 'kept' }
  const affinity = ranked.because
  const order = affinity === undefined ? withTrials(ranked.order, asking.mayRepeat, rankedAt) : [...ranked.order]
  const again = order.slice(0, 1)
  const choice = { affinity, candidates: asking.explain ? toldOf(state, order, rankedAt) : undefined }
  const begin = (origin: OriginState, retry?: Retry) => {
    order.splice(order.indexOf(origin), 1)
    return beginAt({ origin, retry, choice }, asking, state, deadline, ports)
  }
  let ending: Ending = { kind: 'nobody' }
  let underWay: UnderWay[] = []
  let triesLeft = asking.mayRepeat ? pool.retry.tries : 1
  let hedge = asking.mayHedge ? pool.hedge : undefined
  for (;;) {
    if (underWay.length === 0) {
      // A connection that was kept may have been closed meanwhile: the only origin there is gets another chance.
      if (order.length === 0 && ending.kind === 'failed' && ending.failure === 'connection')
        order.push(...again.splice(0))
      if (order.length === 0 || triesLeft === 0) return ending
      const at = ports.now()
      if (at >= deadline) return preferred(ending, overdue(ending))
      const isFirst = ending.kind === 'nobody'
      const next = (isFirst ? healthyOf(order, at) : anotherOf(order, pool, at)) ?? order[0]!
      const retry = isFirst ? undefined : beginRetry(state, next, at)
      if (!isFirst && retry === undefined) return ending
      triesLeft--
      underWay.push(begin(next, retry))
    }
    const looksAgain = asking.mayHedge && order.length > 0
    const first = await firstOf(underWay, looksAgain ? (hedge?.afterMs ?? lookAgainMs) : undefined)
    const at = ports.now()
    if (first === late) {
      const another = anotherOf(order, pool, at)
      if (hedge !== undefined) {
        hedge = undefined
        if (another !== undefined && spendHedge(state, at)) underWay.push(begin(another))
      } else if (another !== undefined && triesLeft > 0 && underWay.every(isEjected)) {
        const retry = beginRetry(state, another, at)
        if (retry === undefined) continue
        triesLeft--
        underWay.push(begin(another, retry))
      }
      continue
    }
    const { origin, retry } = first.of
    endAttempt(state, origin, first.outcome, at)
    if (retry !== undefined) endRetry(state, retry, isGood(first.outcome), at)
    underWay = underWay.filter((attempt) => attempt !== first.of)
    ending = preferred(ending, first.ending)
    if (ending.kind !== 'answer' || !ending.isFinal) continue
    for (const attempt of underWay) giveUp(attempt, state, at)
    return ending
  }
}

/** Of two endings the one that the client is told: an origin's answer before none, a later one before an earlier one. */
export function preferred(before: Ending, now: Ending): Ending {
  if (now.kind === 'nobody') return before.kind === 'nobody' && before.until === undefined ? now : before
  if (before.kind !== 'answer') return now
  if (now.kind === 'failed') return before
  before.abandon()
  return now
}

/** What is told of these origins, in their order. */
function toldOf(state: PoolState, order: readonly OriginState[], at: number): string[] {
  const candidates = new Map(candidatesOf(state, at).map((candidate) => [candidate.id, candidate]))
  return order.map(({ origin }) => formatCandidate(candidates.get(origin.id)!))
}

/** There is no time left for another attempt. */
function overdue(before: Ending): Ending {
  return { kind: 'failed', failure: 'deadline', last: before.kind === 'failed' ? before.last : undefined }
}

const isEjected = ({ origin }: UnderWay): boolean => origin.health.ejected !== undefined

/** The first that is healthy by now. */
function healthyOf(order: readonly OriginState[], at: number): OriginState | undefined {
  return order.find(({ health }) => isHealthy(health, at))
}

/** Who is to help where another fails, or keeps us waiting: whoever answers well, for the rank may not have seen yet who does not. */
function anotherOf(order: readonly OriginState[], pool: Pool, at: number): OriginState | undefined {
  return order.find((each) => each.origin.state === 'ready' && answersWell(each, pool, at)) ?? healthyOf(order, at)
}

/** In milliseconds since the epoch. What is sent once is bounded by the client's deadline alone: it may be a long upload. */
function deadlineOf({ body, begunAt, deadline }: Asking, totalMs: number): number {
  const own = body.kind === 'kept' ? begunAt + totalMs : Number.POSITIVE_INFINITY
  return Math.min(own, deadline ?? own)
}

/** The first of them to end, or `late` after `ms` milliseconds; undefined: however long it takes. */
function firstOf(underWay: readonly UnderWay[], ms: number | undefined): Promise<Ended | typeof late> {
  const first = Promise.race(underWay.map(({ ended }) => ended))
  return ms === undefined ? first : orLate(ms, first)
}

function giveUp({ origin, retry, begunAt, abandon }: UnderWay, state: PoolState, at: number): void {
  abandon()
  if (retry !== undefined) endRetry(state, retry, false, at)
  endAttempt(state, origin, { kind: 'cancelled', ms: at - begunAt }, at)
}

function beginAt(
  chosen: Pick<UnderWay, 'origin' | 'retry' | 'choice'>,
  asking: Asking,
  state: PoolState,
  deadline: number,
  ports: Ports,
): UnderWay {
  const { origin, choice } = chosen
  const { method, target, fields, body, workMs } = asking
  const { idleMs } = state.pool.timeouts
  const headersMs = workMs ?? state.pool.timeouts.headersMs
  const begunAt = ports.now()
  const leftMs = deadline - begunAt
  // Of an upload or of work nobody says that the origin is silent.
  beginAttempt(origin, begunAt, body.kind === 'once' || workMs !== undefined)
  const { attempt: sent, abandon } = ports.origins.send({
    url: `${origin.origin.url}${target}`,
    method,
    fields,
    body: body.kind === 'kept' ? body.bytes : body.stream,
    headersMs: Math.min(headersMs, leftMs),
    leftMs: body.kind === 'once' && Number.isFinite(leftMs) ? leftMs : undefined,
    rule: state.pool.static,
  })
  const judged = (outcome: Outcome) => (workMs === undefined ? outcome : ofWork(outcome, origin))
  const ended = sent.then((attempt): Ended => {
    const ms = ports.now() - begunAt
    if (attempt.kind === 'answer') {
      const isFinal = !asking.mayRepeat || !isUnwell(attempt.response.status)
      return {
        of,
        outcome: judged(answered(attempt.response, ms, ports)),
        ending: { ...attempt, idleMs, isFinal, pool: state, origin, choice },
      }
    }
    const isOverdue = attempt.failure === 'timeout' && leftMs <= headersMs
    const failure = isOverdue ? 'deadline' : attempt.failure
    // Whoever was given little of its time, or not all of the request, has not failed.
    const isCut = attempt.clientLeft || (isOverdue && (deadline === asking.deadline || leftMs < headersMs / 2))
    const outcome: Outcome = isCut ? { kind: 'cancelled', ms } : { kind: 'failed', failure, ms }
    return { of, outcome: judged(outcome), ending: { kind: 'failed', failure, last: { pool: state, origin, choice } } }
  })
  const of: UnderWay = { ...chosen, begunAt, ended, abandon }
  return of
}

/** An origin that answers is as quick as ever, and one that is still at work has not failed. */
function ofWork(outcome: Outcome, { health }: OriginState): Outcome {
  const { ms } = outcome
  if (outcome.kind === 'answer') {
    return isUnwell(outcome.status) ? outcome : { kind: 'answer', status: 200, ms: Math.min(ms, health.typical.ms) }
  }
  const isLate = outcome.kind === 'failed' && (outcome.failure === 'timeout' || outcome.failure === 'deadline')
  return isLate || outcome.kind === 'cancelled' ? { kind: 'cancelled', ms: 0 } : outcome
}

function answered({ status, headers }: Response, ms: number, { now }: Ports): Outcome {
  const isBusy = status === 429 || status === 503
  return {
    kind: 'answer',
    status,
    ms,
    retryAfterMs: isBusy ? parseRetryAfter(headers.get('retry-after'), now()) : undefined,
  }
}
