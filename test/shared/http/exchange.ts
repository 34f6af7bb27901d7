// Exchanges with an origin, and the rules of routes, for the tests of admission.
import { flightSchema } from '../../../shared/config/cache.ts'
import type { CacheRule } from '../../../shared/config/schema.ts'
import { requestDirectives } from '../../../shared/http/cache-control.ts'
import type { Admission, Exchange, NoStoreReason } from '../../../shared/http/may-store.ts'

export const responseTime = Date.UTC(2026, 10, 21, 12)
export const ago = (seconds: number) => new Date(responseTime - seconds * 1000).toUTCString()

export const respect: CacheRule = {
  mode: 'respect',
  graceSeconds: 0,
  errorGraceSeconds: 0,
  sickGraceSeconds: 0,
  keepSeconds: 0,
  maxVariants: 64,
  sliceBytes: 0,
  key: { query: 'all', sortQuery: false, headers: [], cookies: [] },
  collapse: 'off',
  flight: flightSchema.parse({}),
}
export const respectTtl: CacheRule = { ...respect, ttlSeconds: 300 }
export const force: CacheRule = { ...respect, mode: 'force', ttlSeconds: 300 }
export const off: CacheRule = { ...respect, mode: 'off' }

export interface Given {
  readonly method?: string
  readonly status?: number
  /** Of the request. */
  readonly asked?: Record<string, string>
  readonly delaySeconds?: number
  readonly unlisted?: readonly string[]
  readonly hasLongField?: boolean
}

/** An answer of 5 bytes, with these fields beside its length. */
export function exchange(
  answered: Record<string, string>,
  { method = 'GET', status = 200, asked = {}, delaySeconds = 0, unlisted = [], hasLongField = false }: Given,
): Exchange {
  const requestFields = new Headers(asked)
  const responseFields = new Headers({ 'content-length': '5', ...answered })
  // An empty value stands for no field at all.
  for (const [name, value] of Object.entries(answered)) if (value === '') responseFields.delete(name)
  const requestTime = responseTime - delaySeconds * 1000
  return {
    method,
    requestFields,
    unlisted,
    hasLongField,
    hasCookies: requestFields.get('cookie') !== null,
    requestCacheControl: requestDirectives(requestFields),
    status,
    responseFields,
    requestTime,
    responseTime,
  }
}

export type Verdict = NoStoreReason | number

/** The seconds for which it is fresh from now on, or why it is not stored. */
export function verdictOf(admission: Admission): Verdict {
  return admission.kind === 'uncacheable' ? admission.because : (admission.freshUntil - admission.storedAt) / 1000
}

/** Of a table of admissions. */
export type Row = [title: string, answered: Record<string, string>, given: Given, verdict: Verdict]

export const minute = { 'cache-control': 'max-age=60' }
export const credentials = { asked: { authorization: 'Basic eA==' } }
export const cookie = { asked: { cookie: 'user=ada' } }
