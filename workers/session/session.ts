// The session in the life of a request, before the lookup: which session is the client's? It is one call of an object,
// and none for who shows no cookie that this gateway has signed. And what the origin is told of it.
import { formatKeys, formatValues } from '../../shared/session/fields.ts'
import type { SessionView } from '../../shared/session/session.ts'
import type { Life } from '../life.ts'
import type { Ports } from '../ports.ts'
import type { Problem } from '../problem.ts'
import { openSession, sessionToken } from './session-cookie.ts'

/** The session that a request carries. */
export type Carried =
  | { readonly kind: 'held'; readonly id: string; readonly view: SessionView }
  /** Its object does not answer: nobody knows what it holds, or whether there still is one. */
  | { readonly kind: 'unavailable'; readonly id: string }

/** The session of a cookie; undefined where it is none, any more or at all. At most 2 s; `now` in milliseconds. */
export async function carriedBy(cookie: string | undefined, ports: Ports, now: number): Promise<Carried | undefined> {
  const id = cookie && (await openSession(ports.seal, cookie))
  if (!id) return undefined
  const read = await ports.sessions.read(id, now)
  if (read === undefined) return { kind: 'unavailable', id }
  return read.view && { kind: 'held', id, view: read.view }
}

/** What has effects must not have them in nobody's name, because its session could not be read. */
export function mustWait(session: Carried | undefined, method: string): boolean {
  return session?.kind === 'unavailable' && method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
}

export const sessionUnavailable: Problem = {
  status: 503,
  reason: 'session-unavailable',
  detail: 'The session of this client cannot be read or written now, and nothing was changed in it; try again.',
  headers: { 'retry-after': '1' },
}

/** The object that was to change it has not answered. */
export const sessionUncertain: Problem = {
  ...sessionUnavailable,
  detail:
    'The session of this client did not answer in time, so that nobody knows whether it was changed: read it before you try again.',
}

/** So many bytes of names are told of what is not in Weir-Session. */
const longestOmitted = 1024

/** Tells the origin what the session holds; changes `fields`. */
export function tellOfSession(fields: Headers, { session, snapshot }: Life): void {
  if (session === undefined) return
  if (session.kind === 'unavailable') {
    fields.set('weir-session-unavailable', '?1')
    return
  }
  const { values, version } = session.view
  const { text, omitted } = formatValues(values, snapshot.config.sessions.headerBytes)
  fields.set('weir-session-version', String(version))
  if (text !== '') fields.set('weir-session', text)
  if (omitted.length > 0) fields.set('weir-session-omitted', formatKeys(omitted, longestOmitted))
}

/** Tells the origins of a pool by what to ask for the session; changes `fields`. */
export async function tellToken(fields: Headers, { session, ports }: Life, pool: string): Promise<void> {
  if (session?.kind === 'held') fields.set('weir-session-token', await sessionToken(ports.seal, session.id, pool))
}
