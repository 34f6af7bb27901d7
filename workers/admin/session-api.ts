// /_weir/session: one session, for origins with the credential of their pool. They say which one they mean by the
// Weir-Session-Token that came with the request, or by the client's cookie.
//
//   GET, HEAD            its values, with their version as ETag
//   PUT                  replaces them, with If-Match
//   PATCH                a merge patch or a JSON Patch, with or without If-Match
//   DELETE               ends it
//   POST                 begins one; …/regenerate goes on under a new id: both answer the cookie for the client
//   POST …/leases/NAME   takes a lease, or prolongs it; DELETE gives it back
//   …/all                the sessions of the session's own user: GET lists them, DELETE ends them
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Target } from '../../shared/http/target.ts'
import { parseCookies } from '../../shared/key.ts'
import { err, ok, type Result } from '../../shared/result.ts'
import {
  etagOf,
  isHeld,
  isHolder,
  isLeaseName,
  parseBeginning,
  parseIfMatch,
  parseLease,
  parsePatch,
  parseValues,
} from '../../shared/session/request.ts'
import { type SessionChange, type SessionView, userOf } from '../../shared/session/session.ts'
import { type Problem, problemResponse } from '../problem.ts'
import { sessionUnavailable, sessionUncertain } from '../session/session.ts'
import {
  endedCookie,
  newSessionId,
  openSession,
  openSessionToken,
  sessionCookie,
  sessionCookieNames,
  sessionToken,
} from '../session/session-cookie.ts'
import {
  badBody,
  badRequest,
  changeProblem,
  foreignSession,
  leaseProblem,
  noPrecondition,
  noSession,
  notHeld,
  nothingNamed,
  noUser,
  unreadPatch,
} from '../session/session-problems.ts'
import { policyOf } from '../session/settle-session.ts'
import { requireCaller } from './authorise.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { maxBodyBytes, tooLarge, wrongMethod } from './problems.ts'
import { answerSessionsOf } from './user-sessions-api.ts'

type Asked = Context<GatewayEnvironment>
type Answered = Promise<Response>

export function sessionApi(services: GatewayServices): Hono<GatewayEnvironment> {
  const { sessions, now } = services
  const api = new Hono<GatewayEnvironment>()
  api.use('*', requireCaller(services))
  api.use('*', bodyLimit({ maxSize: maxBodyBytes, onError: () => problemResponse(tooLarge('A session')) }))
  api.use('*', requireUtf8)

  /** A handler that needs to know the session. */
  const of = (handle: (id: string, context: Asked) => Answered) => async (context: Asked) => {
    const id = await namedSession(context, services)
    return id.ok ? handle(id.value, context) : problemResponse(id.error)
  }

  api.get(
    '/',
    of(async (id, context) => {
      const read = await sessions.read(id, now())
      if (read?.view === undefined) return problemResponse(read === undefined ? sessionUnavailable : noSession)
      const isKnown = isHeld(context.req.header('if-none-match'), read.view.version)
      return isKnown ? new Response(null, { status: 304, headers: headersOf(read.view) }) : valuesResponse(read.view)
    }),
  )

  api.put(
    '/',
    of(async (id, context) => {
      if (context.req.header('if-match') === undefined) return problemResponse(noPrecondition)
      const values = parseValues(await context.req.text())
      if (!values.ok) return problemResponse(badBody(values.error))
      return change(services, context, id, { kind: 'replace', values: values.value })
    }),
  )

  api.patch(
    '/',
    of(async (id, context) => {
      const patch = parsePatch(context.req.header('content-type'), await context.req.text())
      return patch.ok ? change(services, context, id, patch.value) : problemResponse(unreadPatch(patch.error))
    }),
  )

  api.delete(
    '/',
    of(async (id, context) => {
      if ((context.req.header('if-match') ?? '*') !== '*') return problemResponse(endsAnyVersion)
      const isEnded = await sessions.destroy(id, now())
      if (!isEnded) return problemResponse(isEnded === undefined ? sessionUncertain : noSession)
      return Response.json({ setCookie: endedCookie(schemeOf(context)) }, { headers: noStore })
    }),
  )

  api.post('/', (context) => begin(services, context))
  api.post(
    '/regenerate',
    of((id, context) => regenerate(services, context, id)),
  )

  api.post(
    '/leases/:name',
    of(async (id, context) => {
      const name = context.req.param('name') ?? ''
      const lease = parseLease(await context.req.text())
      if (!isLeaseName(name)) return problemResponse(badLeaseName)
      if (!lease.ok) return problemResponse(badBody(lease.error))
      const { holder, seconds } = lease.value
      const outcome = await sessions.acquire(id, name, holder, seconds * 1000, now())
      if (outcome?.kind !== 'granted') return problemResponse(leaseProblem(outcome))
      const { token, until } = outcome
      return Response.json({ token, until: new Date(until).toISOString() }, { headers: noStore })
    }),
  )

  api.delete(
    '/leases/:name',
    of(async (id, context) => {
      const name = context.req.param('name') ?? ''
      const holder = context.req.query('holder')
      if (!isLeaseName(name)) return problemResponse(badLeaseName)
      if (!isHolder(holder)) return problemResponse(noHolder)
      const isReleased = await sessions.release(id, name, holder, now())
      if (isReleased === undefined) return problemResponse(sessionUnavailable)
      return isReleased ? new Response(null, { status: 204, headers: noStore }) : problemResponse(notHeld)
    }),
  )

  api.on(
    ['GET', 'DELETE'],
    '/all',
    of(async (id, context) => {
      const found = await sessions.describe(id, now())
      if (found?.view === undefined) return problemResponse(found === undefined ? sessionUnavailable : noSession)
      const user = userOf(found.view.values)
      return user === undefined ? problemResponse(noUser) : answerSessionsOf(user, context, services)
    }),
  )

  const ways: readonly (readonly [path: string, use: string, methods: readonly string[]])[] = [
    ['/', 'A session takes GET, PUT, PATCH and DELETE; POST begins one.', ['GET', 'PUT', 'PATCH', 'DELETE', 'POST']],
    ['/regenerate', 'A session is given a new id with POST.', ['POST']],
    ['/leases/:name', 'A lease is taken with POST and given back with DELETE.', ['POST', 'DELETE']],
    ['/all', 'The sessions of a user are listed with GET and ended with DELETE.', ['GET', 'DELETE']],
  ]
  for (const [path, use, methods] of ways) api.all(path, () => problemResponse(wrongMethod(use, ...methods)))
  return api
}

/** JSON has to be UTF-8 (RFC 8259 §8.1): to guess what other bytes mean would change what is kept. */
const requireUtf8: MiddlewareHandler = async ({ req }, next) => {
  try {
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(await req.arrayBuffer())
  } catch {
    return problemResponse(badBody('is no UTF-8, which JSON has to be'))
  }
  return next()
}

/** The id of the session that a request names, if it is for this caller. */
async function namedSession(
  { req, var: { caller } }: Asked,
  { seal }: GatewayServices,
): Promise<Result<string, Problem>> {
  const token = req.header('weir-session-token')
  if (token !== undefined) {
    const opened = await openSessionToken(seal, token)
    if (opened === undefined) return err(nothingNamed)
    return caller.kind === 'admin' || caller.pool === opened.pool ? ok(opened.id) : err(foreignSession)
  }
  const cookies = parseCookies(req.header('cookie') ?? null)
  // Over TLS the other one may have been set by whoever has a host beside this one.
  const plain = req.url.startsWith('https:') ? undefined : cookies.get(sessionCookieNames.http)
  const cookie = cookies.get(sessionCookieNames.https) ?? plain
  const id = cookie === undefined ? undefined : await openSession(seal, cookie)
  return id === undefined ? err(nothingNamed) : ok(id)
}

async function change({ sessions, now }: GatewayServices, { req }: Asked, id: string, wanted: SessionChange): Answered {
  const version = expectedVersion(req.header('if-match'))
  if (!version.ok) return problemResponse(version.error)
  const outcome = await sessions.write(id, wanted, version.value, now())
  return outcome?.kind === 'ok' ? valuesResponse(outcome) : problemResponse(changeProblem(outcome, wanted.kind))
}

/** A version that no session has is a conflict like any other. */
function expectedVersion(ifMatch: string | undefined): Result<number | undefined, Problem> {
  const expected = parseIfMatch(ifMatch)
  if (!expected.ok) return err(badRequest('bad-if-match', `If-Match ${expected.error}.`))
  return ok(expected.value?.kind === 'version' ? (expected.value.version ?? noVersion) : undefined)
}

const noVersion = 0

async function begin(services: GatewayServices, context: Asked): Answered {
  const { snapshot } = context.var
  const beginning = parseBeginning(await context.req.text())
  if (!beginning.ok) return problemResponse(badBody(beginning.error))
  if (snapshot === undefined) return problemResponse(sessionUnavailable)
  const { values, secure } = beginning.value
  const id = newSessionId()
  const outcome = await services.sessions.create(id, values, policyOf(snapshot), services.now())
  if (outcome?.kind !== 'ok') return problemResponse(changeProblem(outcome, 'replace'))
  const scheme = secure === undefined ? schemeOf(context) : secure ? 'https' : 'http'
  return credentialsResponse(services, context, { id, view: outcome, scheme, status: 201 })
}

/** The body, where there is one, is a patch that is made together with it, such as the name of who has logged in. */
async function regenerate(services: GatewayServices, context: Asked, id: string): Answered {
  const { sessions, now } = services
  const version = expectedVersion(context.req.header('if-match'))
  if (!version.ok) return problemResponse(version.error)
  const text = await context.req.text()
  const patch = text === '' ? ok(undefined) : parsePatch(context.req.header('content-type'), text)
  if (!patch.ok) return problemResponse(unreadPatch(patch.error))
  const newId = newSessionId()
  const outcome = await sessions.regenerate(id, newId, patch.value, version.value, now())
  if (outcome?.kind !== 'ok') return problemResponse(changeProblem(outcome, patch.value?.kind ?? 'set'))
  return credentialsResponse(services, context, { id: newId, view: outcome, scheme: schemeOf(context), status: 200 })
}

interface Issued {
  readonly id: string
  readonly view: SessionView
  readonly scheme: Target['scheme']
  readonly status: number
}

/** What the origin passes on to the client, and what it goes on with itself. */
async function credentialsResponse(
  { seal, now }: GatewayServices,
  { var: { caller } }: Asked,
  { id, view, scheme, status }: Issued,
): Answered {
  const setCookie = await sessionCookie(seal, scheme, id, view.until - now())
  const token = caller.kind === 'pool' ? { token: await sessionToken(seal, id, caller.pool) } : {}
  return Response.json({ setCookie, ...token, version: view.version }, { status, headers: headersOf(view) })
}

const schemeOf = ({ req }: Asked): Target['scheme'] => {
  const cookies = parseCookies(req.header('cookie') ?? null)
  return cookies.has(sessionCookieNames.https) || req.url.startsWith('https:') ? 'https' : 'http'
}

const noStore = { 'cache-control': 'no-store' }

/** `until` is the absolute end of the session. */
const headersOf = ({ version, until }: SessionView) => ({
  ...noStore,
  etag: etagOf(version),
  'weir-session-version': String(version),
  'weir-session-until': new Date(until).toISOString(),
})

const valuesResponse = (view: SessionView): Response => Response.json(view.values, { headers: headersOf(view) })

const badLeaseName = badRequest('bad-lease-name', 'The name of a lease has 1 to 64 letters, digits or any of "._-".')
const noHolder = badRequest('no-holder', 'Say whose lease it is: DELETE /_weir/session/leases/NAME?holder=HOLDER.')
const endsAnyVersion = badRequest(
  'bad-if-match',
  'A session is ended whatever its version is: send DELETE without If-Match.',
)
