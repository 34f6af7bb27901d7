// Who may use what the gateway answers itself. The administrator shows the token; the origins of a pool show one of the
// pool's credentials, of which the configuration knows the digests alone. With neither configured, all is closed.
import type { MiddlewareHandler } from 'hono'
import type { Snapshot } from '../../shared/snapshot.ts'
import { snapshotOf } from '../configuration.ts'
import { type Problem, problemResponse } from '../problem.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'

/** Who shows a credential. */
export type Caller = { readonly kind: 'admin' } | { readonly kind: 'pool'; readonly pool: string }

const closed: Problem = {
  status: 403,
  reason: 'admin-closed',
  detail: 'The admin API is closed: no ADMIN_TOKEN is configured. Set one with `npx wrangler secret put ADMIN_TOKEN`.',
}

/** What answers whoever has not shown a credential that is good for the place. */
export const unauthorised = (detail: string): Problem => ({
  status: 401,
  reason: 'unauthorised',
  detail,
  headers: { 'www-authenticate': 'Bearer realm="weir"' },
})

/** Lets requests with the token through. */
export function requireToken(token: string | undefined): MiddlewareHandler {
  return async function requireTokenMiddleware(context, next) {
    if (isClosed(token)) return problemResponse(closed)
    if (!(await isAdmin(token, context.req.header('authorization'))))
      return problemResponse(unauthorised('Send the admin token as `Authorization: Bearer <ADMIN_TOKEN>`.'))
    return next()
  }
}

/**
 * Lets requests through that show the token or the credential of a pool, and says to the handler whose it is and by which
 * configuration.
 */
export function requireCaller({
  adminToken,
  configuration,
  now,
}: GatewayServices): MiddlewareHandler<GatewayEnvironment> {
  return async function requireCallerMiddleware(context, next) {
    const snapshot = await snapshotOf(configuration, now(), context.env.background)
    const caller = await callerOf(adminToken, context.req.header('authorization'), snapshot)
    if (caller === undefined) return problemResponse(noCaller)
    context.set('caller', caller)
    context.set('snapshot', snapshot)
    return next()
  }
}

const noCaller = unauthorised(
  'Send a credential as `Authorization: Bearer <CREDENTIAL>`: one of those whose digests the configuration lists under "credentials" of a pool, or the admin token.',
)

const isClosed = (token: string | undefined): token is undefined | '' => token === undefined || token === ''

/** Whether an Authorization field shows the token. */
export async function isAdmin(token: string | undefined, authorization: string | null | undefined): Promise<boolean> {
  const given = bearerOf(authorization)
  return given !== undefined && isToken(token, await digest(given))
}

/**
 * Whose credential an Authorization field shows; undefined where it is nobody's. A digest tells nothing of what it was
 * made from, so that it may be looked up in a table.
 */
export async function callerOf(
  token: string | undefined,
  authorization: string | null | undefined,
  snapshot: Snapshot | undefined,
): Promise<Caller | undefined> {
  const given = bearerOf(authorization)
  if (given === undefined) return undefined
  const shown = await digest(given)
  if (await isToken(token, shown)) return { kind: 'admin' }
  const pool = snapshot && poolsByDigest(snapshot).get(`sha256:${hex(shown)}`)
  return pool === undefined ? undefined : { kind: 'pool', pool }
}

const bearerOf = (authorization: string | null | undefined): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]

/** Digests have one length, and are compared in constant time: the answer's timing tells nothing of the token. */
async function isToken(token: string | undefined, shown: ArrayBuffer): Promise<boolean> {
  return !isClosed(token) && crypto.subtle.timingSafeEqual(shown, await digest(token))
}

const tables = new WeakMap<Snapshot, ReadonlyMap<string, string>>()

function poolsByDigest(snapshot: Snapshot): ReadonlyMap<string, string> {
  const known = tables.get(snapshot)
  if (known !== undefined) return known
  const pools = Object.entries(snapshot.config.pools)
  const table = new Map(pools.flatMap(([name, { credentials }]) => credentials.map((each) => [each, name] as const)))
  tables.set(snapshot, table)
  return table
}

const digest = (text: string): Promise<ArrayBuffer> => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
