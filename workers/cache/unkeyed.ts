// What of a request is not in the key of its answer: what of it reaches the origin, where the answer may be stored, and
// what the admission has to know of it.
import type { CacheRule } from '../../shared/config/schema.ts'
import { hopByHopFields } from '../../shared/http/fields.ts'
import { unlisted } from '../../shared/http/unkeyed.ts'
import { parseCookies } from '../../shared/key.ts'
import type { Life } from '../life.ts'

/** The headers that a route lets through beside what is keyed and what is standard; undefined where it lets all through. */
export function passingOf({ unkeyed, mode }: CacheRule): readonly string[] | undefined {
  // A forced entry is given to everyone, so its origin must not see who asked first.
  return unkeyed ?? (mode === 'force' ? [] : undefined)
}

/** Takes out of `fields` what is not to reach the origin. */
export function withholdUnkeyed(fields: Headers, { passing, route }: Life): void {
  if (passing === undefined) return
  const { headers, cookies } = route.cache.key
  const passed = [...headers, ...passing]
  for (const name of unlisted(fields.keys(), passed)) fields.delete(name)
  // Where somebody comes from is nothing to go by for an answer that others get.
  if (!passed.includes('referer')) fields.delete('referer')
  const given = parseCookies(fields.get('cookie'))
  const kept = cookies.flatMap((name) => (given.has(name) ? [`${name}=${given.get(name)}`] : []))
  if (kept.length === 0) fields.delete('cookie')
  else fields.set('cookie', kept.join('; '))
}

export interface Unkeyed {
  /** Names of headers that the origin has seen, beside standard ones and those that the route knows to be harmless. */
  readonly unlisted: readonly string[]
  readonly hasCookies: boolean
  /** Whether one is so long that it may be what an origin gives an error for. */
  readonly hasLongField: boolean
}

const longField = 1024

/** What of a request reaches its origin without being keyed. */
export function unkeyedOf({ request, fields, route, passing }: Life): Unkeyed {
  const { key, unkeyed = [] } = route.cache
  const known = [...key.headers, ...unkeyed, ...hopByHopFields(request.headers)]
  const isPassed = (name: string) => passing?.includes(name) ?? true
  const hasCookies = passing === undefined && hasUnkeyedCookies(fields.get('cookie') ?? '', key.cookies)
  const hasLongField = [...request.headers.values()].some((value) => value.length > longField)
  return { unlisted: unlisted(request.headers.keys(), known).filter(isPassed), hasCookies, hasLongField }
}

function hasUnkeyedCookies(field: string, keyed: readonly string[]): boolean {
  const pairs = field.split(';').map((pair) => pair.trim())
  // What is no pair is somebody's cookie too.
  return pairs.some((pair) => pair !== '' && !keyed.some((name) => pair.startsWith(`${name}=`)))
}
