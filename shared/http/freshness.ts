// How long is a response fresh? (RFC 9111 §4.2.1, §4.2.2.) In seconds, from the moment it was generated.
import type { CacheControl } from './cache-control.ts'
import { parseHttpDate } from './date.ts'
import type { Fields } from './fields.ts'

export interface Lifetime {
  readonly seconds: number
  /** Who said so; `nobody` comes with zero seconds. */
  readonly by: 's-maxage' | 'max-age' | 'expires' | 'route' | 'last-modified' | 'nobody'
}

/** RFC 9110 §15.1, less 206, which is never stored whole. */
export const heuristicStatuses: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])

/** RFC 9111 §4.2.2 suggests a tenth of the time since the last change; a day is the most we assume. */
const heuristicFraction = 0.1
const heuristicCapSeconds = 86_400

/**
 * The lifetime that the origin states, or undefined where it states none.
 * `targeted` is true where `cacheControl` came from a targeted field, which hides Expires (RFC 9213 §2.1).
 */
export function statedLifetime(
  cacheControl: CacheControl,
  targeted: boolean,
  fields: Fields,
  responseTime: number,
): Lifetime | undefined {
  if (cacheControl.sMaxage !== undefined) return { seconds: cacheControl.sMaxage, by: 's-maxage' }
  if (cacheControl.maxAge !== undefined) return { seconds: cacheControl.maxAge, by: 'max-age' }
  const expires = targeted ? null : fields.get('expires')
  if (expires === null) return undefined
  const at = parseHttpDate(expires, responseTime)
  if (at === undefined) return { seconds: 0, by: 'expires' }
  return { seconds: Math.max(0, Math.floor((at - dateOf(fields, responseTime)) / 1000)), by: 'expires' }
}

/**
 * The guess from Last-Modified, or undefined where status or fields allow none (RFC 9111 §4.2.2). What is explicitly
 * public may be guessed at whatever its status is.
 */
export function heuristicLifetime(
  status: number,
  isPublic: boolean,
  fields: Fields,
  responseTime: number,
): Lifetime | undefined {
  const lastModified = fields.get('last-modified')
  if (lastModified === null || !(isPublic || heuristicStatuses.has(status))) return undefined
  const at = parseHttpDate(lastModified, responseTime)
  if (at === undefined) return undefined
  // A clock that is ahead makes nothing older.
  const sinceChange = (Math.min(dateOf(fields, responseTime), responseTime) - at) / 1000
  if (sinceChange <= 0) return undefined
  return { seconds: Math.min(Math.floor(sinceChange * heuristicFraction), heuristicCapSeconds), by: 'last-modified' }
}

function dateOf(fields: Fields, responseTime: number): number {
  const date = fields.get('date')
  return (date === null ? undefined : parseHttpDate(date, responseTime)) ?? responseTime
}
