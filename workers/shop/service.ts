// What all services have in common: how they read what they are sent, and how they say no.
import { type Context, Hono, type MiddlewareHandler, type Next } from 'hono'
import { every } from 'hono/combine'
import type * as z from 'zod'
import { formatPath } from '../../shared/config/errors.ts'
import { notModified } from '../../shared/http/preconditions.ts'
import { type SessionVariables, session } from '../client/hono.ts'
import { OwnView } from '../db/bookmarks.ts'
import { type Problem, ProblemError, problemResponse } from '../problem.ts'
import type { ShopPorts, ShopSession } from './ports.ts'

export interface ShopEnvironment {
  Variables: SessionVariables<ShopSession> & {
    /** The databases as the holder of the session sees them. */
    readonly view: OwnView
  }
}

export type ShopContext = Context<ShopEnvironment>

/** Ends a request with what its client is told. */
export class Refused extends ProblemError {
  override readonly name = 'Refused'
}

/** An app whose answers are for one client unless they say otherwise, with a problem for all that it does not know. */
export function serviceApp(name: string): Hono<ShopEnvironment> {
  const app = new Hono<ShopEnvironment>()
  app.use(async function unlessSaidOtherwise(context, next) {
    await next()
    if (!context.res.headers.has('cache-control')) context.header('cache-control', 'no-store')
  })
  app.notFound(({ req }) => {
    const allowed = methods.filter((method) => isAnswered(app, method, req.path))
    return problemResponse(allowed.length > 0 ? wrongMethod(req.path, allowed) : notHere(name, req.path))
  })
  app.onError((error) => {
    if (error instanceof Refused) return problemResponse(error.problem)
    console.error(error)
    const detail = `The service ${name} failed at this: try again in a moment.`
    return problemResponse({ status: 503, reason: 'service-failed', detail, headers: { 'retry-after': '1' } })
  })
  return app
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** By a handler of its own, and not by what stands before all. */
const isAnswered = ({ router }: Hono<ShopEnvironment>, method: string, path: string): boolean =>
  router.match(method, path)[0].some(([[, route]]) => route.method === method)

const notHere = (name: string, path: string): Problem => ({
  status: 404,
  reason: 'not-found',
  detail: `The service ${name} has nothing at ${path}.`,
})

const wrongMethod = (path: string, allowed: readonly string[]): Problem => ({
  status: 405,
  reason: 'method-not-allowed',
  detail: `At ${path} there is an answer to ${allowed.join(' and ')}.`,
  headers: { allow: allowed.join(', ') },
})

/** Gives handlers the client's session, and its view of the databases. */
export function withSession({ sessions }: Pick<ShopPorts, 'sessions'>): MiddlewareHandler<ShopEnvironment> {
  return every(session<ShopSession>(sessions), async function viewMiddleware(context: ShopContext, next: Next) {
    const view = new OwnView(context.var.session)
    context.set('view', view)
    await next()
    await view.keep()
  })
}

/** For everybody: how long the gateway keeps it, and by which tags it is purged. */
export interface Sharing {
  readonly seconds: number
  readonly tags: readonly string[]
  /** Absent: by the content. */
  readonly etag?: string
  /** How old it is already. Then nobody gets it older than `seconds`, nor in place of a newer one. */
  readonly ageSeconds?: number
}

export const sharedJson = (context: ShopContext, value: unknown, sharing: Sharing): Promise<Response> =>
  sharedText(context, JSON.stringify(value), 'application/json', sharing)

/** The gateway keeps it, and clients ask again each time, which costs them a 304. */
export async function sharedText(
  { req }: Pick<ShopContext, 'req'>,
  text: string,
  type: string,
  { seconds, tags, etag, ageSeconds }: Sharing,
): Promise<Response> {
  const bytes = new TextEncoder().encode(text)
  const validator = etag ?? `"${await digestOf(bytes)}"`
  const stale = ageSeconds === undefined ? `stale-while-revalidate=${seconds * 4}` : 'must-revalidate'
  const headers = new Headers({
    'cache-control': `public, max-age=0, s-maxage=${seconds}, ${stale}`,
    ...(ageSeconds !== undefined && { age: String(ageSeconds) }),
    'cache-tag': tags.join(','),
    etag: validator,
  })
  const validators = { etag: validator, lastModified: null, date: null, storedAt: 0 }
  if (notModified(req.raw.headers, validators, 0)) return new Response(null, { status: 304, headers })
  headers.set('content-type', type)
  headers.set('content-length', String(bytes.byteLength))
  return new Response(req.method === 'HEAD' ? null : bytes, { headers })
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest.subarray(0, 12), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Who is logged in; without anybody it refuses. */
export async function userOf({ var: { session } }: ShopContext): Promise<string> {
  const user = await session.get('user')
  if (user === undefined) throw new Refused(nobody)
  return user
}

const nobody: Problem = {
  status: 401,
  reason: 'not-logged-in',
  detail: 'This is for who is logged in: POST {"email", "password"} to /api/account/login.',
  headers: { 'www-authenticate': 'Session realm="shop"' },
}

const mostBytes = 65_536

/** The JSON of the request, checked. */
export async function readJson<T>({ req }: ShopContext, schema: z.ZodType<T>): Promise<T> {
  const type = req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw new Refused(notAsJson)
  const text = await readText(req.raw)
  if (text === undefined) throw new Refused(tooLarge)
  const parsed = parsedJson(text)
  if (parsed === undefined) throw new Refused(notJson)
  return checked(parsed.json, schema)
}

/** Throws a refusal that names every error. */
export function checked<T>(value: unknown, schema: z.ZodType<T>): T {
  const result = schema.safeParse(value)
  if (!result.success) throw new Refused(invalid(result.error))
  return result.data
}

async function readText({ body }: Request): Promise<string | undefined> {
  if (body === null) return ''
  const decoder = new TextDecoder()
  let bytes = 0
  let text = ''
  for await (const chunk of body as ReadableStream<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > mostBytes) return undefined
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function parsedJson(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) }
  } catch {
    return undefined
  }
}

const notAsJson: Problem = {
  status: 415,
  reason: 'not-as-json',
  detail: 'Send JSON, with Content-Type: application/json.',
}

const notJson: Problem = { status: 400, reason: 'not-json', detail: 'The body is no JSON.' }

const tooLarge: Problem = {
  status: 413,
  reason: 'too-large',
  detail: `The body may have ${mostBytes} bytes at most.`,
}

function invalid({ issues }: z.ZodError): Problem {
  const errors = issues.map(({ path, message }) => ({ path: formatPath(path), message }))
  const first = errors[0]
  return {
    status: 422,
    reason: 'invalid',
    detail: first === undefined ? 'What was sent cannot be used.' : `${first.path}: ${first.message}`,
    more: { errors },
  }
}
