// The balance phase: which origin answers? Down the route's pools, until one of an origin does.
import { type Failure, mayRetry, proxyError, statusOfFailure } from '../../shared/balance/attempt.ts'
import { type Asker, rankOrigins } from '../../shared/balance/rank.ts'
import type { Pool } from '../../shared/config/schema.ts'
import { hashKeyOf } from '../../shared/hash-key.ts'
import { contentLength } from '../../shared/http/fields.ts'
import { parseDeadline, requestDeadline } from '../../shared/http/request-deadline.ts'
import { keyedQuery } from '../../shared/key.ts'
import { type Answer, type Life, type Refused, refuse } from '../life.ts'
import { clientAddress, contentOf, isWebSocketUpgrade } from '../messages.ts'
import type { Problem } from '../problem.ts'
import { tellToken } from '../session/session.ts'
import { type Asking, askPool, type Ending, preferred } from './attempts.ts'
import { keepBody } from './keep-body.ts'
import { mirror } from './mirror.ts'
import { shareBehind } from './sharing.ts'
import { byOf, ownOriginGone, poolName, preferOwn } from './steer.ts'

/** Sends the request with these fields. Refuses where no origin gave an answer. */
export async function forward(life: Life, fields: Headers): Promise<Refused | Answer> {
  const { pools, ports, background } = life
  shareBehind(life)
  const asking = await askingOf(life, fields)
  if (asking === undefined) return refuse(cutRequest)
  mirror(life, fields, asking.target)
  let ending: Ending = { kind: 'nobody' }
  for (const state of pools) {
    if (life.session !== undefined) await tellToken(fields, life, poolName(life, state))
    const asked = askPool(asking, state, ports)
    // A client that leaves ends its request here and now: what an origin owes would count for ever.
    background(asked.catch(() => undefined))
    const ended = await asked
    if (ended.kind === 'kept') {
      if (ending.kind === 'answer') ending.abandon()
      return refuse(ownOriginGone)
    }
    ending = preferred(ending, ended)
    if (ending.kind !== 'nobody' && (!asking.mayRepeat || (ending.kind === 'answer' && ending.isFinal))) break
  }
  switch (ending.kind) {
    case 'answer':
      return { ...ending, sent: fields, by: byOf(life, ending) }
    case 'failed':
      return { ...refuse(failedProblem(ending.failure, asking.mayRepeat)), by: ending.last && byOf(life, ending.last) }
    case 'nobody':
      return refuse(ending.until === undefined ? noOrigin : allEjected(ending.until - ports.now()))
    default:
      return ending satisfies never
  }
}

/** Undefined where the client has broken off its request. */
async function askingOf(life: Life, fields: Headers): Promise<Asking | undefined> {
  const { request, method, target, route, pools, ports } = life
  // An empty one, or one that ends at this hop, tells no origin that it has run this already.
  const hasKey = Boolean(life.fields.get('idempotency-key'))
  const isRepeatable = mayRetry(method, route.retryMethods, hasKey)
  const bound = isRepeatable ? Math.min(...pools.map(({ pool }) => pool.retry.maxBodyBytes)) : 0
  const body = await keepBody(contentOf(request), contentLength(request.headers), bound)
  if (body.kind === 'cut') return undefined
  const query = route.cache.mode === 'off' ? target.query : keyedQuery(target.query, route.cache.key)
  const mayRepeat = isRepeatable && body.kind === 'kept'
  const isBare = body.kind === 'kept' && body.bytes === null
  return {
    method,
    target: `${target.path}${query}`,
    fields,
    body,
    mayRepeat,
    mayHedge: mayRepeat && isBare && isSafe(method) && !isWebSocketUpgrade(request),
    begunAt: ports.now(),
    deadline: parseDeadline(life.fields.get(requestDeadline)),
    rank: (state, at) => preferOwn(life, state, rankOrigins(state, askerOf(life, state.pool), at, ports.random)),
    explain: life.explain,
  }
}

/** What of the request says which origin of a pool is its own. */
function askerOf({ request, target, fields, session }: Life, { policy, hashOn }: Pool): Asker {
  return policy === 'hash'
    ? { hashKey: hashKeyOf(hashOn, { target, fields, address: clientAddress(request.headers), session: session?.id }) }
    : {}
}

/** RFC 9110 §9.2.1 */
const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD' || method === 'OPTIONS'

const noOrigin: Problem = {
  status: 503,
  reason: 'no-origin',
  detail: 'No origin of this route is ready to take requests.',
  headers: { 'retry-after': '5', 'proxy-status': 'weir; error=destination_unavailable' },
}

const cutRequest: Problem = {
  status: 400,
  reason: 'cut-request',
  detail: 'The request broke off before its end; no origin was asked.',
}

const longestRetryAfterSeconds = 300

/** All that are left are ejected, and the first of them is tried again in `ms` milliseconds. */
function allEjected(ms: number): Problem {
  const seconds = Math.min(Math.max(1, Math.ceil(ms / 1000)), longestRetryAfterSeconds)
  return {
    ...noOrigin,
    reason: 'all-ejected',
    detail: 'All origins of this route have failed, and none is tried again yet.',
    headers: { ...noOrigin.headers, 'retry-after': String(seconds) },
  }
}

/** `mayRepeat`: whether the request may be sent a second time. */
export function failedProblem(failure: Failure, mayRepeat: boolean): Problem {
  const isOverdue = failure === 'deadline'
  return {
    status: statusOfFailure(failure, mayRepeat),
    reason: isOverdue ? 'deadline' : `origin-${failure}`,
    detail: isOverdue
      ? 'No origin gave a response in the time that this request had; it may be tried again.'
      : mayRepeat
        ? 'No origin that could be asked gave a response; it may be tried again.'
        : 'The origin gave no response, and may have done what it was asked: look before you send it again.',
    headers: { 'retry-after': '5', 'proxy-status': `weir; error=${proxyError(failure)}` },
  }
}
