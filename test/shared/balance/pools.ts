// Pools for tests, and what becomes of their origins.
import type { OriginState } from '../../../shared/balance/pool.ts'
import { parseDocument } from '../../../shared/config/parse.ts'
import type { Pool } from '../../../shared/config/schema.ts'

export interface GivenOrigin {
  readonly weight?: number
  readonly priority?: number
  readonly state?: string
  readonly url?: string
}

/** A pool of origins that are called a, b, c and so on. */
export function poolOf(policy: string, ...given: GivenOrigin[]): Pool {
  return poolWith({ policy }, ...given)
}

export function poolWith(fields: object, ...given: GivenOrigin[]): Pool {
  const origins = given.map((origin, index) => ({ id: 'abcdefghij'[index], url: 'http://127.0.0.1:9001', ...origin }))
  const parsed = parseDocument({ pools: { web: { origins, ...fields } }, routes: [{ path: '/*', pools: ['web'] }] })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value.config.pools.web!
}

/** Takes it out of those that are healthy, for ever. */
export function eject(origin: OriginState): void {
  const ejected = { because: 'failures', at: 0, until: Number.POSITIVE_INFINITY, trialAt: undefined } as const
  origin.health = { ...origin.health, ejected }
}
