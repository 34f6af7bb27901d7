// /_weir/service/NAME/… and /_weir/egress/URL: what the origins of a pool may call with a credential, services of this
// deployment by the policy, and places outside by the list. And what was refused, for the administrator.
import { type Context, Hono, type HonoRequest } from 'hono'
import { hopByHopFields, isForgeable } from '../../shared/http/fields.ts'
import type { Refusal } from '../../shared/services/refusal.ts'
import { snapshotOf } from '../configuration.ts'
import type { RefusalPort } from '../ports/refusal-port.ts'
import type { InnerOrigin } from '../ports.ts'
import { type Problem, problemResponse } from '../problem.ts'
import { callOut, type EgressPorts, refusedCallOut } from '../services/egress.ts'
import { refusalOf, type ServiceCalls } from '../services/service-calls.ts'
import { openSessionToken } from '../session/session-cookie.ts'
import { type Caller, callerOf, requireCaller } from './authorise.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { wrongMethod } from './problems.ts'

export interface ServicesServices extends GatewayServices {
  readonly calls: ServiceCalls
  /** The service of this name as pools may call it; undefined where there is none. */
  readonly service: (name: string) => InnerOrigin | undefined
  readonly refusals: RefusalPort
  readonly egress: EgressPorts
}

type Asked = Context<GatewayEnvironment>

const servicePath = '/_weir/service/'
const egressPath = '/_weir/egress/'

const nameOf = (caller: Caller): string => (caller.kind === 'pool' ? `pool:${caller.pool}` : 'admin')

export function serviceApi(services: ServicesServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()
  api.use(
    '*',
    remembered(services, ({ raw, path }, at) => {
      const [callee = ''] = path.slice(servicePath.length).split('/', 1)
      return refusalOf(raw, 'nobody', callee, 'unauthorised', at)
    }),
  )
  api.use('*', requireCaller(services))
  api.all('*', async (context) => {
    const [, name = '', path = '/'] = /^([^/]+)(\/.*)?$/.exec(restOf(context.req, servicePath)) ?? []
    // What nobody may call is refused before it is said whether it is there.
    const service = services.service(name) ?? (async () => problemResponse(noService))
    const { caller } = context.var
    return services.calls.call(nameOf(caller), name, await passedOn(context, path, caller, services), service)
  })
  return api
}

export function egressApi(services: ServicesServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()
  api.use(
    '*',
    remembered(services, (request, at) =>
      refusedCallOut(request.raw, 'nobody', calledUrl(request), 'unauthorised', at),
    ),
  )
  api.use('*', requireCaller(services))
  api.all('*', ({ req, var: { caller } }) => callOut(nameOf(caller), calledUrl(req), req.raw, services.egress))
  return api
}

export function refusalsApi({ refusals }: ServicesServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()
  api.get('/', async () => {
    const listed = await refusals.list()
    if (listed === undefined) return problemResponse(refusalsAway)
    const told = listed.refusals.map(({ at, ...refusal }) => ({ at: new Date(at).toISOString(), ...refusal }))
    return Response.json({ refusals: told, unnoted: listed.unnoted }, { headers: { 'cache-control': 'no-store' } })
  })
  api.all('/', () => problemResponse(wrongMethod('Refused calls can be listed with GET.', 'GET')))
  return api
}

/** Who shows no credential is remembered too. */
function remembered(
  { adminToken, configuration, refusals, now }: ServicesServices,
  refusal: (request: HonoRequest, at: number) => Refusal,
) {
  return async (context: Asked, next: () => Promise<void>) => {
    const snapshot = await snapshotOf(configuration, now(), context.env.background)
    const { req } = context
    if ((await callerOf(adminToken, req.header('authorization'), snapshot)) === undefined)
      await refusals.record(refusal(req, now()))
    return next()
  }
}

/** What stands behind the prefix, with its query. */
function restOf(request: HonoRequest, prefix: string): string {
  const { pathname, search } = new URL(request.url)
  return `${pathname.slice(prefix.length)}${search}`
}

/** A whole URL may also come percent-encoded as one segment, its query with it. */
function calledUrl(request: HonoRequest): string {
  const text = restOf(request, egressPath)
  if (!/^https?%3A%2F%2F/i.test(text)) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

/**
 * The request as the service sees it: under the path that the caller means, without what only the gateway says of a request,
 * and without the credential. Of a session it learns by the token that the caller was given for it, and from where the client
 * comes by what an origin of a pool passes on.
 */
async function passedOn({ req }: Asked, path: string, caller: Caller, { seal }: ServicesServices): Promise<Request> {
  const { raw } = req
  const request = new Request(`${new URL(raw.url).origin}${path}`, raw)
  const ending = [...hopByHopFields(raw.headers), 'authorization']
  for (const name of raw.headers.keys()) if (ending.includes(name) || isForgeable(name)) request.headers.delete(name)
  const address = raw.headers.get('x-forwarded-for')
  if (address !== null) request.headers.set('x-forwarded-for', address)
  const token = raw.headers.get('weir-session-token')
  const opened = token === null ? undefined : await openSessionToken(seal, token)
  if (token !== null && opened !== undefined && (caller.kind === 'admin' || opened.pool === caller.pool))
    request.headers.set('weir-session-token', token)
  return request
}

const noService: Problem = {
  status: 404,
  reason: 'no-such-service',
  detail:
    'There is no such service that could be called from outside: write the path as /_weir/service/catalog/api/items.',
}

const refusalsAway: Problem = {
  status: 503,
  reason: 'refusals-unavailable',
  detail: 'The object that remembers refused calls does not answer; GET them again.',
  headers: { 'retry-after': '5' },
}
