// Has an origin of a pool do a job: a POST of the payload, balanced as any request of that pool. The origin knows the job
// by its Idempotency-Key, which is the same at every attempt, and that it comes from the gateway by `Weir-Job`, which no
// client can send.

import { isDrained } from '../../../shared/balance/affinity.ts'
import { rankOrigins } from '../../../shared/balance/rank.ts'
import { parseRetryAfter } from '../../../shared/http/retry-after.ts'
import { outcomeOfAnswer } from '../../../shared/jobs/answer-outcome.ts'
import { kindOf } from '../../../shared/jobs/envelope.ts'
import { type Asking, askPool } from '../../balance/attempts.ts'
import { shareNow } from '../../balance/sharing.ts'
import { progressLink } from '../../job-links.ts'
import type { OriginPort } from '../../ports.ts'
import type { Handler, Job, JobTools } from '../handler.ts'
import { resultOf } from './result.ts'

export const deliverToPool: Handler = async (job, tools) => {
  const { snapshot, ports, signal } = tools
  const type = new Map(Object.entries(snapshot.config.jobs.types)).get(job.type)
  const state = type && snapshot.pools.get(type.pool)
  // This isolate may not have heard of it yet, or not any more.
  if (type === undefined || state === undefined) {
    return { kind: 'again', because: `The configuration names no jobs of the type "${job.type}".` }
  }
  await shareNow(new Map([[type.pool, state]]), ports)
  const origins = abandoning(ports.origins, signal)
  const progress = await progressLink(job.id, job.token, ports.seal)
  const ending = await askPool(askingFor(job, type.path, progress, tools), state, { ...ports, origins })
  switch (ending.kind) {
    case 'answer': {
      const { status, headers } = ending.response
      const outcome = outcomeOfAnswer(status, parseRetryAfter(headers.get('retry-after'), ports.now()))
      if (outcome.kind === 'done') return { ...outcome, result: await resultOf(ending.response, ending.abandon) }
      ending.abandon()
      return outcome
    }
    case 'failed':
      return { kind: 'again', because: `No origin of the pool "${type.pool}" has answered (${ending.failure}).` }
    case 'kept':
    case 'nobody':
      return {
        kind: 'again',
        because: `No origin of the pool "${type.pool}" is ready.`,
        afterSeconds: ending.kind === 'nobody' ? secondsUntil(ending.until, ports.now()) : undefined,
      }
    default:
      return ending satisfies never
  }
}

const secondsUntil = (until: number | undefined, now: number): number | undefined =>
  until && Math.max(0, Math.ceil((until - now) / 1000))

function askingFor(job: Job, path: string, progress: string, { ports, until }: JobTools): Asking {
  const begunAt = ports.now()
  const fields = new Headers({
    'content-type': 'application/json',
    accept: 'application/json, text/plain;q=0.9, */*;q=0.1',
    // What is kept of the answer is read here.
    'accept-encoding': 'identity',
    'user-agent': 'Weir-Job',
    'idempotency-key': job.id,
    traceparent: job.traceparent,
    'weir-job': kindOf(job),
    'weir-job-run': String(job.run),
    'weir-job-progress': progress,
  })
  return {
    method: 'POST',
    target: path,
    fields,
    body: { kind: 'kept', bytes: new TextEncoder().encode(JSON.stringify(job.payload)) },
    mayRepeat: true,
    mayHedge: false,
    workMs: Math.max(1, until - begunAt),
    begunAt,
    deadline: undefined,
    rank: (state, at) => ({
      kind: 'order',
      order: rankOrigins(state, {}, at, ports.random).filter(({ origin }) => !isDrained(origin, at)),
    }),
    explain: false,
  }
}

/** Exchanges that end with the signal: nobody waits for a job that was cancelled. */
function abandoning(origins: OriginPort, signal: AbortSignal): OriginPort {
  return {
    send(request) {
      const exchange = origins.send(request)
      if (signal.aborted) exchange.abandon()
      else signal.addEventListener('abort', exchange.abandon, { once: true })
      return exchange
    },
  }
}
