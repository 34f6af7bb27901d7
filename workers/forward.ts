// The balance phase: which origin answers? Down the route's pools, along each pool's ranking, until one does.
import { type Failure, mayRetry, proxyError, statusOfFailure } from '../shared/balance/attempt.ts'
import { beginAttempt, endAttempt, type Outcome } from '../shared/balance/pool.ts'
import { rankOrigins } from '../shared/balance/rank.ts'
import { contentLength } from '../shared/http/fields.ts'
import { keyedQuery } from '../shared/key.ts'
import { keepBody } from './keep-body.ts'
import { type Answer, type Life, type Refused, refuse } from './life.ts'
import { contentOf } from './messages.ts'
import { mirror } from './mirror.ts'
import type { Attempt } from './ports.ts'
import type { Problem } from './problem.ts'
import { answeredBy, ownOriginGone, preferOwn } from './steer.ts'

/** Sends the request with these fields. Refuses where no origin gave an answer. */
export async function forward(life: Life, fields: Headers): Promise<Refused | Answer> {
  const { request, method, target, route, pools, ports } = life
  const retryable = mayRetry(method, route.retryMethods, request.headers.has('idempotency-key'))
  const bound = retryable ? Math.min(...pools.map(({ pool }) => pool.retry.maxBodyBytes)) : 0
  const body = await keepBody(contentOf(request), contentLength(request.headers), bound)
  const query = route.cache.mode === 'off' ? target.query : keyedQuery(target.query, route.cache.key)
  mirror(life, fields, `${target.path}${query}`)
  let failure: Failure | undefined
  for (const state of pools) {
    const { retry, timeouts } = state.pool
    const preferred = preferOwn(life, state, rankOrigins(state, ports.random))
    if (preferred.kind === 'none') return refuse(ownOriginGone)
    for (const chosen of preferred.order.slice(0, retry.tries)) {
      const begun = ports.now()
      beginAttempt(chosen)
      const attempt = await ports.origins.send({
        url: `${chosen.origin.url}${target.path}${query}`,
        method,
        fields,
        body: body.kind === 'kept' ? body.bytes : body.stream,
        headersMs: timeouts.headersMs,
      })
      const ended = ports.now()
      endAttempt(state, chosen, outcomeOf(attempt, ended - begun), ended)
      const by = answeredBy(life, state, chosen, preferred.because)
      if (attempt.kind === 'answer') return { ...attempt, idleMs: timeouts.idleMs, sent: fields, by }
      failure = attempt.failure
      if (!retryable || body.kind === 'once') return refuse(failedProblem(failure))
    }
  }
  return refuse(failure === undefined ? noOrigin : failedProblem(failure))
}

function outcomeOf(attempt: Attempt, ms: number): Outcome {
  return attempt.kind === 'failed'
    ? { kind: 'failed', failure: attempt.failure, ms }
    : { kind: 'answer', status: attempt.response.status, ms }
}

/** What counts as an error that something stale may stand in for (RFC 5861 §4). */
export function isError(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504
}

const noOrigin: Problem = {
  status: 503,
  reason: 'no-origin',
  detail: 'No origin of this route is ready to take requests.',
  headers: { 'retry-after': '5', 'proxy-status': 'weir; error=destination_unavailable' },
}

export function failedProblem(failure: Failure): Problem {
  return {
    status: statusOfFailure(failure),
    reason: `origin-${failure}`,
    detail: 'No origin that could be asked gave a response; it may be tried again.',
    headers: { 'proxy-status': `weir; error=${proxyError(failure)}` },
  }
}
