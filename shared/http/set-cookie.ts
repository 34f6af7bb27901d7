// A cookie of the gateway's own: how it is set, and which response may carry it.
import type { Fields } from './fields.ts'
import { statedLifetime } from './freshness.ts'
import { responseDirectives } from './targeted.ts'

/** Set-Cookie for all paths of a host (RFC 6265 §4.1); `maxAge` in seconds. */
export function setCookie(name: string, value: string, maxAge: number, isSecure: boolean): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
}

/**
 * Makes a response one that no shared cache on the way to its client stores, whatever its origin says: it is of the
 * client's session. Changes `fields`; how long the client itself may keep it stays as it is (RFC 9111 §5.2.2.7).
 */
export function forThisClient(fields: Headers): void {
  for (const name of [...fields.keys()].filter((each) => each.endsWith('cdn-cache-control'))) fields.delete(name)
  const said = fields.get('cache-control') ?? ''
  const members = said.split(',').map((member) => member.trim())
  if (members.some((member) => /^(?:private|no-store)$/i.test(member))) return
  const kept = members.filter((member) => member !== '' && !/^(?:public|s-maxage|proxy-revalidate)\b/i.test(member))
  fields.set('cache-control', [...kept, 'private'].join(', '))
}

/**
 * The Cache-Control with which a response is stored by no shared cache on the way to its client, which would hand its
 * cookie to others (RFC 9111 §7.3). Undefined where its origin wants it to be shared: then it carries none.
 */
export function toOneClient(fields: Fields, now: number): string | undefined {
  const { cacheControl, targeted } = responseDirectives(fields)
  const said = fields.get('cache-control')
  if (cacheControl.noStore || cacheControl.private) return targeted ? undefined : (said ?? 'private')
  const lifetime = statedLifetime(cacheControl, targeted, fields, now)
  if (targeted || cacheControl.public || (lifetime !== undefined && lifetime.seconds > 0)) return undefined
  return said === null || said.trim() === '' ? 'private' : `${said}, private`
}
