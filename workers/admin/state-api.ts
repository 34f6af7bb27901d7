// /_weir/state/<namespace>/<key>: the shared state cache, for origins with the credential of their pool.
//
//   GET, HEAD   what is there, with its version as ETag
//   PUT         replaces it; ?ttl=SECONDS; with If-Match or If-None-Match only if it is still what it was
//   DELETE      removes it, under the same conditions
//   POST        {"add": n} counts; {"lease": {"holder", "seconds"}} takes, renews or gives back the lease of the key
import { type Context, Hono } from 'hono'
import { defaultState, type NamespaceRule, namespaceRule } from '../../shared/config/state.ts'
import { etagOf, matches, parseConditions } from '../../shared/state/conditions.ts'
import type { Conditions, Operation, Reply } from '../../shared/state/operation.ts'
import type { Layout } from '../../shared/state/place.ts'
import { type KeyName, parseFencingToken, parseKeyName, parsePosted, parseTtl } from '../../shared/state/request.ts'
import { keepBody } from '../balance/keep-body.ts'
import { type Problem, problemResponse } from '../problem.ts'
import { type FillTools, fillFrom } from '../state/state-fill.ts'
import {
  badRequest,
  codedBody,
  foreignNamespace,
  noSuchKey,
  refusalProblem,
  stateAway,
  valueTooLarge,
} from '../state/state-problems.ts'
import { requireCaller } from './authorise.ts'
import type { GatewayEnvironment, GatewayServices } from './gateway-app.ts'
import { wrongMethod } from './problems.ts'

export const statePath = '/_weir/state'

/** What a request is about, and what binds it. */
interface Asked {
  readonly request: Request
  readonly name: KeyName
  readonly rule: NamespaceRule
  readonly layout: Layout
  readonly conditions: Conditions
  readonly query: URLSearchParams
}

export function stateApi(services: GatewayServices): Hono<GatewayEnvironment> {
  const api = new Hono<GatewayEnvironment>()
  api.use('*', requireCaller(services))
  api.all('*', async (context) => {
    const asked = askedOf(context)
    if ('problem' in asked) return problemResponse(asked.problem)
    const drawn = await operationOf(asked)
    if ('problem' in drawn) return problemResponse(drawn.problem)
    const reply = await replyTo(drawn, asked, services, context)
    return reply === undefined
      ? problemResponse(stateAway(drawn.kind !== 'read'))
      : responseTo(reply, asked, services.now())
  })
  return api
}

/** A key that is missing is filled, where its namespace says from what. */
async function replyTo(
  operation: Operation,
  { request, name, rule, layout }: Asked,
  { state, proxy, now }: GatewayServices,
  { env, var: { snapshot } }: Context<GatewayEnvironment>,
): Promise<Reply | undefined> {
  const reply = await state.apply(operation, rule, layout)
  const { fill } = rule
  if (operation.kind !== 'read' || reply?.kind !== 'absent' || fill === undefined || snapshot === undefined)
    return reply
  const ask: FillTools['proxy'] = (asked, heard) => proxy(asked, env.background, heard)
  const filling = state.fill(name, rule, layout, () =>
    fillFrom({ ...rule, fill }, name.key, request.url, snapshot, { proxy: ask, now }),
  )
  // Others wait for it too, also where this client leaves.
  env.background(filling)
  return filling
}

/** Names the problem where the request is about nothing, or about what is not the caller's. */
function askedOf(context: Context<GatewayEnvironment>): Asked | Refused {
  const { caller, snapshot } = context.var
  const request = context.req.raw
  const { pathname, searchParams: query } = new URL(request.url)
  const named = parseKeyName(pathname.slice(statePath.length))
  if (!named.ok) return { problem: badRequest('bad-key', named.error) }
  const { namespace } = named.value
  const { state } = snapshot?.config ?? { state: defaultState }
  const rule = namespaceRule(state, namespace)
  const isTheirs = caller.kind === 'admin' || rule.pools === undefined || rule.pools.includes(caller.pool)
  if (!isTheirs) return { problem: foreignNamespace(namespace) }
  const conditions = parseConditions(request.headers.get('if-match'), request.headers.get('if-none-match'))
  if (!conditions.ok) return { problem: badRequest('bad-precondition', `${conditions.error} must be ${tagForm}.`) }
  const layout = { shards: state.shards, version: snapshot?.version ?? 0 }
  return { request, name: named.value, rule, layout, conditions: conditions.value, query }
}

type Refused = { readonly problem: Problem }

const tagForm = '"*", or the ETag of what you have read, such as "7" in its quotes'

async function operationOf(asked: Asked): Promise<Operation | Refused> {
  const { method } = asked.request
  if (method === 'GET' || method === 'HEAD') return { kind: 'read', ...asked.name }
  if (method !== 'PUT' && method !== 'DELETE' && method !== 'POST')
    return { problem: wrongMethod('A key takes GET, PUT, DELETE and POST.', ...methods) }
  const fencing = parseFencingToken(asked.request.headers.get('weir-fencing-token'))
  if (!fencing.ok) return { problem: badRequest('bad-fencing-token', fencing.error) }
  const ttl = parseTtl(asked.query)
  if (!ttl.ok) return { problem: badRequest('bad-query', ttl.error) }
  if (ttl.value !== undefined && method !== 'PUT')
    return { problem: badRequest('bad-query', '"ttl" belongs to a PUT; a POST has it in its body.') }
  const change = {
    ...asked.name,
    ...asked.conditions,
    write: asked.rule.write,
    ...(fencing.value !== undefined && { fencingToken: fencing.value }),
  }
  if (method === 'DELETE') return { kind: 'remove', ...change }
  const body = await bodyOf(asked)
  if ('problem' in body) return body
  if (method === 'PUT') return { kind: 'put', ...change, content: body, ...lasting(ttl.value ?? asked.rule.ttlSeconds) }
  const json = parseJson(body.bytes)
  if (json === undefined) return { problem: badRequest('not-json', 'The body is no JSON.') }
  const posted = parsePosted(json.value)
  if (!posted.ok) return { problem: badRequest('bad-operation', posted.error) }
  if (posted.value.kind === 'lease') return { ...asked.name, ...posted.value }
  return { ...change, ...lasting(asked.rule.ttlSeconds), ...posted.value }
}

const methods = ['GET', 'HEAD', 'PUT', 'DELETE', 'POST'] as const

const lasting = (ttlSeconds: number | undefined) => (ttlSeconds === undefined ? {} : { ttlSeconds })

/** RFC 9110 §8.3. */
const defaultType = 'application/octet-stream'
const maxTypeLength = 256

/** The whole body, of which no more is read than it may have. */
async function bodyOf({ request, name, rule }: Asked): Promise<{ type: string; bytes: Uint8Array } | Refused> {
  const { headers } = request
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') return { problem: codedBody }
  // RFC 9110 §14.5: a part would be taken for the whole.
  if (headers.has('content-range')) return { problem: badRequest('content-range', 'Send the whole value.') }
  const type = headers.get('content-type') ?? defaultType
  if (type.length > maxTypeLength)
    return { problem: badRequest('bad-type', `Content-Type may have ${maxTypeLength} characters at most.`) }
  const kept = await keepBody(request.body, undefined, rule.maxBytes)
  if (kept.kind === 'cut') return { problem: badRequest('cut', 'The body broke off before its end: send it again.') }
  if (kept.kind === 'once') {
    await kept.stream.cancel().catch(() => undefined)
    return { problem: valueTooLarge(name.namespace, rule.maxBytes) }
  }
  const bytes = kept.bytes ?? new Uint8Array()
  if (request.method === 'PUT' && /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type) && !parseJson(bytes))
    return { problem: badRequest('not-json', `The body is no JSON, as its type ${type} says.`) }
  return { type, bytes }
}

function parseJson(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) }
  } catch {
    return undefined
  }
}

function responseTo(reply: Reply, { request, conditions }: Asked, now: number): Response {
  switch (reply.kind) {
    case 'found':
      return foundResponse(reply, request, conditions, now)
    case 'absent':
      return problemResponse(
        conditions.ifMatch === undefined
          ? noSuchKey
          : refusalProblem({ kind: 'refused', because: 'changed', version: undefined }),
      )
    case 'written':
      return new Response(null, { status: reply.created ? 201 : 204, headers: headersOf(reply, now) })
    case 'removed':
      return new Response(null, { status: 204, headers: { 'cache-control': 'no-store' } })
    case 'counted': {
      const { value, version } = reply
      return Response.json({ value, version }, { headers: headersOf(reply, now) })
    }
    case 'leased': {
      const { token, until } = reply
      return Response.json(
        { token, until: new Date(until).toISOString() },
        { headers: { 'cache-control': 'no-store' } },
      )
    }
    case 'released':
      return new Response(null, { status: 204, headers: { 'cache-control': 'no-store' } })
    case 'refused':
      return problemResponse(refusalProblem(reply))
    default:
      return reply satisfies never
  }
}

function foundResponse(
  reply: Extract<Reply, { kind: 'found' }>,
  { method }: Request,
  { ifMatch, ifNoneMatch }: Conditions,
  now: number,
): Response {
  const { version, content } = reply
  if (ifMatch !== undefined && !matches(ifMatch, version))
    return problemResponse(refusalProblem({ kind: 'refused', because: 'changed', version }))
  const headers = headersOf(reply, now)
  if (matches(ifNoneMatch, version)) return new Response(null, { status: 304, headers })
  return new Response(method === 'HEAD' ? null : content.bytes, {
    headers: {
      ...headers,
      'content-type': content.type,
      'content-length': String(content.bytes.byteLength),
      'x-content-type-options': 'nosniff',
    },
  })
}

function headersOf({ version, expiresAt }: { version: number; expiresAt?: number }, now: number) {
  return {
    etag: etagOf(version),
    'cache-control': 'no-store',
    ...(expiresAt !== undefined && { 'weir-ttl': String(Math.max(1, Math.ceil((expiresAt - now) / 1000))) }),
  }
}
