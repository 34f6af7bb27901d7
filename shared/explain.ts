// What an authorised request is told beside its answer: by which route, under which key, with which verdict, and why.
import { serializeDictionary, Token } from 'structured-headers'
import type { Candidate } from './balance/rank.ts'
import type { CacheStatus, CacheStatusDetail, ForwardReason } from './http/cache-status.ts'
import type { NoStoreReason } from './http/may-store.ts'

export type Verdict = 'hit' | 'stale' | 'validate' | 'miss' | 'hit-for-miss' | 'pass'

export interface Explanation {
  readonly route: string
  readonly verdict: Verdict
  readonly status: CacheStatus
  /** Of the URL; absent where the store was not asked. */
  readonly key?: string | undefined
  /** What tells the variant from others, by name; null for what the request does not say. */
  readonly selecting?: readonly (readonly [string, string | null])[] | undefined
  /** Why this pool first; absent where no origin was asked. */
  readonly steering?: string
  /** On routes with sessions: what became of the client's. */
  readonly session?: 'held' | 'none' | 'unavailable' | undefined
  /** Which origin has answered, or was the last to fail. */
  readonly by?: {
    readonly pool: string
    readonly origin: string
    readonly affinity?: string
    readonly candidates?: readonly string[]
  }
}

/** Of the origins that were to choose from so many are told. */
const mostCandidates = 16

/** A dictionary (RFC 9651 §3.2), in ASCII: other characters are percent-encoded. */
export function formatExplanation({
  route,
  verdict,
  status,
  key,
  selecting = [],
  steering,
  session,
  by,
}: Explanation): string {
  const variant = selecting.map(([name, value]) => (value === null ? name : `${name}: ${value}`)).join('; ')
  return serializeDictionary({
    route,
    verdict: new Token(verdict),
    ...(key !== undefined && { key }),
    ...(variant !== '' && { variant: ascii(variant) }),
    ...(steering !== undefined && { steering: ascii(steering) }),
    ...(session !== undefined && { session: new Token(session) }),
    ...(by && membersOf(by)),
    why: whyOf(status),
  })
}

/** In short: what counts of its weight, its attempts under way, what is left of its estimate, and how it is. */
export function formatCandidate({ id, priority, weight, inFlight, latencyMs, why }: Candidate): string {
  const latency = latencyMs === undefined ? 'latency=?' : `latency=${latencyMs}ms`
  const level = priority > 0 ? ` priority=${priority}` : ''
  return `${id}${level} weight=${Number(weight.toFixed(2))} inFlight=${inFlight} ${latency} ${why}`
}

function membersOf({ pool, origin, affinity, candidates = [] }: NonNullable<Explanation['by']>) {
  const told = candidates.slice(0, mostCandidates).map(ascii).join('; ')
  return {
    pool,
    origin,
    ...(affinity !== undefined && { affinity }),
    ...(told !== '' && { candidates: told }),
  }
}

const ascii = (text: string): string => text.toWellFormed().replace(/[^\x20-\x7e]/gu, encodeURIComponent)

function whyOf(status: CacheStatus): string {
  switch (status.kind) {
    case 'hit':
      if (status.ttl >= 0) return `fresh for ${status.ttl} s more`
      return `stale for ${-status.ttl} s, ${status.detail === 'grace' ? 'within its grace' : 'which the request takes'}`
    case 'forward': {
      const { because, stored, collapsed, detail } = status
      const company = collapsed && 'another request had begun to ask for it'
      const tier = detail === 'upper-tier' && 'the upper tier had it'
      const reason = detail && detail !== 'upper-tier' ? `not stored: ${notStored[detail]}` : undefined
      const fate = stored ? 'the answer is stored' : reason
      const why = because === 'bypass' && detail === 'session' ? 'the request has a session' : forwarded[because]
      return [why, company, tier, fate].filter((part) => part).join('; ')
    }
    case 'neither':
      return 'the request wants a stored response only'
    default:
      return status satisfies never
  }
}

const forwarded: Readonly<Record<ForwardReason, string>> = {
  bypass: 'this route is not cached, or the request is an upgrade',
  method: 'the method is not answered from a store',
  'uri-miss': 'nothing that may be used is stored under this key',
  'vary-miss': 'there are variants under this key, and none for this request',
  request: 'the request does not take what is stored',
  stale: 'what is stored is stale',
  partial: 'a part of it is stored',
}

type Detail = Exclude<CacheStatusDetail, 'upper-tier' | undefined>

const notStored: Readonly<Record<Detail, string>> = {
  'mode-off': 'this route is not cached',
  method: 'the method says nothing that others may be told',
  status: 'its status is not understood, or not final, or partial',
  private: 'the origin says private',
  'no-store': 'the origin says no-store',
  'no-cache': 'the origin says no-cache, and gives no validator',
  'request-no-store': 'the request says no-store',
  authorization: 'the request has Authorization, and the origin does not say that it may be shared',
  'set-cookie': 'it sets a cookie',
  session: 'it is of a session',
  cookie: 'the request has cookies, and the origin does not say that it may be shared',
  'unkeyed-field': 'the request has a field that may say who asks, and the origin does not say that it may be shared',
  'request-error': 'it is an error that this request alone may have caused',
  reflection: 'it repeats what only this request has said',
  'other-pool': 'another pool has answered than the one that the request was meant for',
  vary: 'it varies by what cannot be told from the request',
  'event-stream': 'it is a stream of events',
  framing: 'it ends with its connection, so that a cut one would look whole',
  length: 'its Content-Length cannot be read',
  'no-lifetime': 'nothing says how long it is fresh',
  'stale-on-arrival': 'it is stale already, and has no validator',
  'hit-for-miss': 'the last one could not be stored, nor can this one',
  'error-grace': 'the origin failed, and what is stored stands in',
  variants: 'its URL has as many variants as the route allows',
} satisfies Record<NoStoreReason | Detail, string>
