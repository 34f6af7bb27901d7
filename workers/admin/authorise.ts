// Who may use the admin API: whoever shows the token. Without a token configured nobody may.
import type { MiddlewareHandler } from 'hono'
import { type Problem, problemResponse } from '../problem.ts'

const closed: Problem = {
  status: 403,
  reason: 'admin-closed',
  detail: 'The admin API is closed: no ADMIN_TOKEN is configured. Set one with `npx wrangler secret put ADMIN_TOKEN`.',
}

const unauthorised: Problem = {
  status: 401,
  reason: 'unauthorised',
  detail: 'Send the admin token as `Authorization: Bearer <ADMIN_TOKEN>`.',
  headers: { 'www-authenticate': 'Bearer realm="weir"' },
}

/** Lets requests with the token through. */
export function requireToken(token: string | undefined): MiddlewareHandler {
  return async function requireTokenMiddleware(context, next) {
    if (isClosed(token)) return problemResponse(closed)
    if (!(await isAdmin(token, context.req.header('authorization')))) return problemResponse(unauthorised)
    return next()
  }
}

const isClosed = (token: string | undefined): token is undefined | '' => token === undefined || token === ''

/**
 * Whether an Authorization field shows the token. Digests are compared, which have one length, in constant time: the
 * answer's timing tells nothing of the token.
 */
export async function isAdmin(token: string | undefined, authorization: string | null | undefined): Promise<boolean> {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
  if (isClosed(token) || given === undefined) return false
  const [left, right] = await Promise.all([digest(given), digest(token)])
  return crypto.subtle.timingSafeEqual(left, right)
}

const digest = (text: string): Promise<ArrayBuffer> => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
