// The life of a request, phase by phase. Read `proxy` first: it is the whole story. Judgement lives in shared/,
// the platform behind ports.ts; nothing here knows KV, D1 or the Cache API.
//
//   receive → route → lookup ─┬─ hit ─────────────────────────────┬→ deliver
//                             └─ miss or pass → balance → admit ──┘
import { type Failure, mayRetry, proxyError, statusOfFailure } from '../shared/balance/attempt.ts'
import { type PoolState, rankOrigins } from '../shared/balance/rank.ts'
import type { Route } from '../shared/config/schema.ts'
import { type CacheControl, requestDirectives } from '../shared/http/cache-control.ts'
import { type CacheStatus, type ForwardReason, formatCacheStatus } from '../shared/http/cache-status.ts'
import { acceptsCoding } from '../shared/http/content-coding.ts'
import { contentLength, endToEnd } from '../shared/http/fields.ts'
import { mayReuse } from '../shared/http/may-reuse.ts'
import { type Admission, mayStore } from '../shared/http/may-store.ts'
import { hasNoContent } from '../shared/http/status.ts'
import { canonicalTarget, type Target } from '../shared/http/target.ts'
import { cacheKey, keyedQuery, reservedPrefix } from '../shared/key.ts'
import { poolsOf, type Snapshot } from '../shared/snapshot.ts'
import { keepBody } from './keep-body.ts'
import { contentOf, isEventStream, isWebSocketUpgrade, originFields, tidyResponse, via } from './messages.ts'
import type { Attempt, Background, BodySink, Ports, StoredResponse } from './ports.ts'
import { type Problem, problemResponse } from './problem.ts'
import { relay } from './relay.ts'

/** Answers one request of a client. */
export async function proxy(request: Request, ports: Ports, background: Background): Promise<Response> {
  const received = receive(request)
  if (received.kind === 'refused') return deliverProblem(request, received.problem)
  const { target } = received
  if (isReserved(target)) return ports.gateway(new Request(urlOf(target), request), background)

  const requestTime = ports.now()
  const snapshot =
    ports.configuration.held(requestTime, background) ?? (await ports.configuration.load(requestTime, background))
  const routed = findRoute(request, target, snapshot)
  if (routed.kind === 'refused') return deliverProblem(request, routed.problem)

  const life: Life = { request, target, route: routed.route, pools: routed.pools, requestTime, ports, background }
  const found = await lookup(life)
  if (found.kind === 'refused') return deliverProblem(request, found.problem)
  if (found.kind === 'hit') return deliverHit(life, found)
  const answer = await balance(life)
  if (answer.kind === 'refused') return deliverProblem(request, answer.problem, found.because)
  return deliverAnswer(life, found, answer)
}

/** What the phases know of a request once it has a route. */
interface Life {
  readonly request: Request
  readonly target: Target
  readonly route: Route
  readonly pools: readonly PoolState[]
  readonly requestTime: number
  readonly ports: Ports
  readonly background: Background
}

interface Refused {
  readonly kind: 'refused'
  readonly problem: Problem
}

const refuse = (problem: Problem): Refused => ({ kind: 'refused', problem })

// receive ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function receive(request: Request): Refused | { kind: 'received'; target: Target } {
  if (request.method === 'TRACE' || request.method === 'CONNECT' || request.method === 'TRACK') {
    return refuse(methodProblem(request.method, ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']))
  }
  // fetch() sends no content with these; to drop it would make it another request (RFC 9110 §9.3.1).
  if (contentOf(request) !== null && (request.method === 'GET' || request.method === 'HEAD')) {
    return refuse(contentProblem)
  }
  const target = canonicalTarget(request.url)
  return target.ok
    ? { kind: 'received', target: target.value }
    : refuse({ status: 400, reason: 'bad-target', detail: target.error })
}

const contentProblem: Problem = {
  status: 400,
  reason: 'unexpected-content',
  detail: 'A GET or HEAD with content cannot be passed on: send it without, or as a POST.',
}

function isReserved({ path }: Target): boolean {
  return path.startsWith(reservedPrefix) || path === reservedPrefix.slice(0, -1)
}

function urlOf({ scheme, host, path, query }: Target): string {
  return `${scheme}://${host}${path}${query}`
}

// route ───────────────────────────────────────────────────────────────────────────────────────────────────────────

type Routed = Refused | { kind: 'routed'; route: Route; pools: PoolState[] }

function findRoute(request: Request, target: Target, snapshot: Snapshot | undefined): Routed {
  if (snapshot === undefined) return refuse(noConfiguration)
  const routing = snapshot.router(request.method, target)
  switch (routing.kind) {
    case 'route':
      return { kind: 'routed', route: routing.route, pools: poolsOf(snapshot, routing.route) }
    case 'method':
      return refuse(methodProblem(request.method, routing.allow))
    case 'no-route':
      return refuse({ status: 404, reason: 'no-route', detail: `No route matches ${target.host}${target.path}.` })
    default:
      return routing satisfies never
  }
}

const noConfiguration: Problem = {
  status: 503,
  reason: 'no-configuration',
  detail: 'This gateway has no configuration yet, or cannot read it: PUT one to /_weir/api/config.',
  headers: { 'retry-after': '5' },
}

function methodProblem(method: string, allow: readonly string[]): Problem {
  return {
    status: 405,
    reason: 'method-not-allowed',
    detail: `${method} is not allowed here; these are: ${allow.join(', ')}.`,
    headers: { allow: allow.join(', ') },
  }
}

// lookup ──────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Hit {
  readonly kind: 'hit'
  readonly stored: StoredResponse
  /** Whole seconds. */
  readonly age: number
  readonly ttl: number
}

interface Forward {
  readonly kind: 'forward'
  readonly because: ForwardReason
  /** Where the answer may go; absent where this request has no business with the store. */
  readonly cache?: { readonly key: string; readonly directives: CacheControl }
}

async function lookup(life: Life): Promise<Refused | Hit | Forward> {
  const { request, target, route, ports } = life
  if (request.method !== 'GET' && request.method !== 'HEAD') return { kind: 'forward', because: 'method' }
  if (route.cache.mode === 'off' || isWebSocketUpgrade(request)) return { kind: 'forward', because: 'bypass' }
  // A forced lifetime is the route's word; the client's Cache-Control does not change it.
  const directives = requestDirectives(route.cache.mode === 'force' ? null : request.headers)
  const cache = { key: cacheKey(target, route.cache.key, endToEnd(request.headers)), directives }
  const stored = await ports.store.match(cache.key)
  const found = stored === undefined ? undefined : judge(life, stored, directives)
  if (found?.kind === 'hit') return found
  stored?.discard()
  if (directives.onlyIfCached) return refuse(notCached)
  return { kind: 'forward', because: found?.because ?? 'uri-miss', cache }
}

function judge({ request, requestTime }: Life, stored: StoredResponse, directives: CacheControl): Hit | Forward {
  const { head, coding } = stored
  const personal = request.headers.get('authorization') !== null && !head.shareable
  if (personal || !acceptsCoding(request.headers.get('accept-encoding'), coding)) {
    return { kind: 'forward', because: 'request' }
  }
  const reuse = mayReuse(head, directives, requestTime)
  return reuse.kind === 'hit' ? { ...reuse, stored } : reuse
}

const notCached: Problem = {
  status: 504,
  reason: 'only-if-cached',
  detail: 'The request asked for a stored response only, and there is none that may be used.',
}

// balance ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type Answer = Extract<Attempt, { kind: 'answer' }> & { readonly idleMs: number }

/** Steers down the route's pools, and walks each pool's ranking, until an origin answers. */
async function balance(life: Life): Promise<Refused | Answer> {
  const { request, target, route, pools, ports } = life
  const retryable = mayRetry(request.method, route.retryMethods, request.headers.has('idempotency-key'))
  const bound = retryable ? Math.min(...pools.map(({ pool }) => pool.retry.maxBodyBytes)) : 0
  const body = await keepBody(contentOf(request), contentLength(request.headers), bound)
  const fields = originFields(request, target, route)
  const query = route.cache.mode === 'off' ? target.query : keyedQuery(target.query, route.cache.key.query)
  let failure: Failure | undefined
  for (const state of pools) {
    const { retry, timeouts } = state.pool
    for (const origin of rankOrigins(state, ports.random).slice(0, retry.tries)) {
      const attempt = await ports.origins.send({
        url: `${origin.url}${target.path}${query}`,
        method: request.method,
        fields,
        body: body.kind === 'kept' ? body.bytes : body.stream,
        headersMs: timeouts.headersMs,
      })
      if (attempt.kind === 'answer') return { ...attempt, idleMs: timeouts.idleMs }
      failure = attempt.failure
      if (!retryable || body.kind === 'once') return refuse(failedProblem(failure))
    }
  }
  return refuse(failure === undefined ? noOrigin : failedProblem(failure))
}

const noOrigin: Problem = {
  status: 503,
  reason: 'no-origin',
  detail: 'No origin of this route is ready to take requests.',
  headers: { 'retry-after': '5', 'proxy-status': 'weir; error=destination_unavailable' },
}

function failedProblem(failure: Failure): Problem {
  return {
    status: statusOfFailure(failure),
    reason: `origin-${failure}`,
    detail: 'No origin that could be asked gave a response; it may be tried again.',
    headers: { 'proxy-status': `weir; error=${proxyError(failure)}` },
  }
}

// admit, deliver ──────────────────────────────────────────────────────────────────────────────────────────────────

async function deliverAnswer(life: Life, forward: Forward, answer: Answer): Promise<Response> {
  const { ports, background } = life
  const { response } = answer
  const responseTime = ports.now()
  const admission = admit(life, forward, response, responseTime)
  const length = contentLength(response.headers)
  let sink: BodySink | undefined
  if (forward.cache !== undefined && admission?.kind === 'store') {
    const fields = tidyResponse(new Headers(response.headers), responseTime)
    sink = ports.store.begin(forward.cache.key, { ...admission, status: response.status }, fields, length)
  }
  const { body, done } = await bodyOf(life, answer, length, sink)
  if (sink !== undefined) background(done)
  // Takes over the status, the fields, the WebSocket, and that coded bytes stay as they are.
  const delivered = new Response(body, response)
  tidyResponse(delivered.headers, responseTime)
  return stamp(delivered, {
    kind: 'forward',
    because: forward.because,
    status: response.status,
    stored: sink !== undefined,
    detail: admission?.kind === 'uncacheable' ? admission.because : undefined,
  })
}

async function bodyOf({ request }: Life, answer: Answer, length: number | undefined, sink: BodySink | undefined) {
  const { response, idleMs, abandon } = answer
  if (response.body === null || request.method === 'HEAD' || hasNoContent(response.status)) {
    return { body: null, done: sink === undefined ? Promise.resolve() : sink.end() }
  }
  // A stream of events may be silent for as long as nothing happens.
  const silenceMs = isEventStream(response.headers) ? undefined : idleMs
  return relay(response.body, { length, idleMs: silenceMs, sink, abandon })
}

/** Decides before the body flows; undefined where the request has no business with the store. */
function admit(life: Life, forward: Forward, response: Response, responseTime: number): Admission | undefined {
  if (forward.cache === undefined) return undefined
  const { request, requestTime, route } = life
  return mayStore(
    {
      method: request.method,
      requestFields: request.headers,
      requestCacheControl: forward.cache.directives,
      status: response.status,
      responseFields: response.headers,
      requestTime,
      responseTime,
    },
    route.cache,
  )
}

function deliverHit({ request }: Life, { stored, age, ttl }: Hit): Response {
  const response = stored.open(request.method !== 'HEAD')
  response.headers.set('Age', String(age))
  return stamp(response, { kind: 'hit', ttl })
}

/** Marks a response as having passed this gateway, and says what the cache did. */
function stamp(response: Response, status: CacheStatus): Response {
  response.headers.append('Via', via)
  response.headers.append('Cache-Status', formatCacheStatus(status))
  return response
}

function deliverProblem(request: Request, problem: Problem, because?: ForwardReason): Response {
  const response = problemResponse(problem)
  if (because !== undefined)
    response.headers.set('Cache-Status', formatCacheStatus({ kind: 'forward', because, stored: false }))
  return request.method === 'HEAD' ? new Response(null, response) : response
}
