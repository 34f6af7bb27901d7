// How a change of health is told: as an event of the pool, or of one of its origins.
import type { HealthNews } from '../balance/damping.ts'
import type { PayloadOf } from './envelope.ts'

/** Instants in the event are RFC 3339. It names the origin by its id, and by no host that this does not. */
export function healthEvent(pool: string, { origin, since, ...news }: HealthNews, at: number): PayloadOf<'event@1'> {
  const subject = origin === undefined ? { pool } : { pool, origin }
  const data = { ...subject, ...news, since: new Date(since).toISOString() }
  return { event: origin === undefined ? 'pool.health' : 'origin.health', at, data }
}
