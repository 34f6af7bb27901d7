// GET and DELETE /_weir/api/sessions?user=NAME: the sessions of a user are listed, or all of them ended: then each is
// refused, wherever it is.
import { type Context, Hono } from 'hono'
import { longestUser } from '../../shared/session/session.ts'
import type { ListedSession } from '../ports/session-port.ts'
import { problemResponse } from '../problem.ts'
import { badRequest, notAllEnded, usersUnavailable } from '../session/session-problems.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { wrongMethod } from './problems.ts'

export function userSessionsApi(services: GatewayServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()
  api.on(['GET', 'DELETE'], '/', (context) => {
    const [user = '', ...others] = context.req.queries('user') ?? []
    const isUser = user !== '' && user.length <= longestUser && others.length === 0
    return isUser ? answerSessionsOf(user, context, services) : problemResponse(noUserNamed)
  })
  const use = 'The sessions of a user are listed with GET and ended with DELETE.'
  api.all('/', () => problemResponse(wrongMethod(use, 'GET', 'DELETE')))
  return api
}

/** What a GET or a DELETE gets. */
export async function answerSessionsOf(
  user: string,
  { req }: Context<GatewayEnvironment>,
  { sessionIndex }: GatewayServices,
): Promise<Response> {
  const headers = { 'cache-control': 'no-store' }
  if (req.method === 'DELETE') {
    const ended = await sessionIndex.revoke(user)
    return ended === undefined ? problemResponse(notAllEnded) : Response.json({ user, ended }, { headers })
  }
  const before = req.query('before')
  if (before !== undefined && !/^\d{1,15}$/.test(before)) return problemResponse(badPage)
  const listed = await sessionIndex.list(user, before === undefined ? undefined : Number(before))
  if (listed === undefined) return problemResponse(usersUnavailable)
  return Response.json(
    { user, sessions: listed.sessions.map(describe), ...(listed.before !== undefined && { before: listed.before }) },
    { headers },
  )
}

function describe({ handle, createdAt, seenAt, until }: ListedSession) {
  return { handle, created: instant(createdAt), seen: instant(seenAt), until: instant(until) }
}

const instant = (at: number): string => new Date(at).toISOString()

const noUserNamed = badRequest(
  'no-user-named',
  `Name one user, of at most ${longestUser} characters: /_weir/api/sessions?user=ada.`,
)
const badPage = badRequest('bad-page', 'For the next page send the "before" of the last one, as it was.')
