// The gateway's own cookies, which are for nobody else: they are taken out of a request before anything goes by it, so
// that no origin sees them, and no key has them.
import type { Target } from '../../shared/http/target.ts'
import { parseCookies } from '../../shared/key.ts'
import { sessionCookieNames } from './session-cookie.ts'

/** `__Host-` is the promise that no other host has set it; browsers keep it over TLS alone. */
export const affinityCookieNames = { https: '__Host-weir-affinity', http: 'weir-affinity' } as const

const ours = new Set<string>([...Object.values(affinityCookieNames), ...Object.values(sessionCookieNames)])

/** Two Cookie fields come as one, with a comma between them. */
const commaBeforeOurs = new RegExp(`,(?= *(?:${[...ours].join('|')})=)`, 'g')

/** What of them a request had; one that comes twice has both values, which is none that we have made. */
export interface OwnCookies {
  readonly affinity?: string | undefined
  readonly session?: string | undefined
}

/** A request without our own cookies, and what was in them. */
export function withoutOwnCookies(
  request: Request,
  { scheme }: Target,
): { readonly request: Request; readonly cookies: OwnCookies } {
  const sent = request.headers.get('cookie')
  if (!sent?.includes('weir-')) return { request, cookies: {} }
  const field = sent.replace(commaBeforeOurs, ';')
  const given = parseCookies(field)
  const cookies = { affinity: given.get(affinityCookieNames[scheme]), session: given.get(sessionCookieNames[scheme]) }
  const others = field.split(';').filter((pair) => !ours.has(pair.split('=', 1)[0]!.trim()))
  const headers = new Headers(request.headers)
  if (others.length === 0) headers.delete('cookie')
  else headers.set('cookie', others.join(';').trim())
  return { request: new Request(request, { headers }), cookies }
}
