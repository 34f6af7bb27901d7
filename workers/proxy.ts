// The life of a request, phase by phase. Read `proxy` first: it is the whole story. Judgement lives in shared/,
// the platform behind ports.ts; nothing here knows KV, D1 or the Cache API.
//
//   receive → route → session? → lookup ─┬─ hit ──────────────────────────────────────────────────┬→ deliver
//                                        ├─ stale ──(refresh behind the response)─────────────────┤
//                                        └─ validate, miss, pass → collapse → forward → admit ────┘
//
// receive and route stand here, session in session/, collapse in collapse/fly.ts, forward in balance/; lookup, admit and
// deliver in cache/. What they hand on to each other is in life.ts; answer.ts goes from collapse to admit.

import { wellFirst } from '../shared/balance/steering.ts'
import { requestDirectives } from '../shared/http/cache-control.ts'
import { endToEnd, without } from '../shared/http/fields.ts'
import { canonicalTarget, type Target } from '../shared/http/target.ts'
import { reservedPrefix } from '../shared/key.ts'
import { poolsOf, type Snapshot } from '../shared/snapshot.ts'
import { answer, refresh } from './answer.ts'
import { clientOf, courseFor } from './balance/steer.ts'
import { deliverNotCached, deliverStored, refusal } from './cache/deliver.ts'
import { lookup } from './cache/lookup.ts'
import { deliverSliced } from './cache/slices.ts'
import { passingOf } from './cache/unkeyed.ts'
import { type Forward, type Hit, type Life, type Refused, refuse } from './life.ts'
import { contentOf } from './messages.ts'
import type { Background, Boarding, Ports } from './ports.ts'
import { noConfiguration, type Problem } from './problem.ts'
import { withoutOwnCookies } from './session/own-cookies.ts'
import { carriedBy, mustWait, sessionUnavailable } from './session/session.ts'

/** Answers one request of a client; `heard` where it is the gateway's own. */
export async function proxy(
  request: Request,
  ports: Ports,
  background: Background,
  heard?: Life['heard'],
): Promise<Response> {
  const received = receive(request)
  if (received.kind === 'refused') return refusal(request, received.problem)
  const { target } = received
  if (isReserved(target)) return ports.gateway(new Request(urlOf(target), request), background)
  const begun = await begin(request, target, ports, background)
  if (begun.kind === 'refused') return refusal(request, begun.problem)
  return live(heard === undefined ? begun.life : { ...begun.life, heard })
}

/**
 * Answers what the gateway was asked for itself, by its inner route for this URL (shared/inner-routes.ts) and the same
 * life. Whether the client may ask, and for what, was decided before.
 */
export async function answerInner(request: Request, ports: Ports, background: Background): Promise<Response> {
  const received = receive(request)
  const begun = received.kind === 'refused' ? received : await begin(request, received.target, ports, background)
  return begun.kind === 'refused' ? refusal(request, begun.problem) : live(begun.life)
}

/** The life of a request that is known to have a route, and a course: it is made for all who have joined a flight. */
export async function beginShared(
  request: Request,
  { course, explain = false }: Pick<Boarding, 'course' | 'explain'>,
  ports: Ports,
  background: Background,
): Promise<Life> {
  const received = receive(request)
  const begun =
    received.kind === 'refused'
      ? received
      : await begin(request, received.target, ports, background, { course, explain })
  if (begun.kind === 'refused') throw new Error(begun.problem.detail)
  return begun.life
}

async function begin(
  received: Request,
  target: Target,
  ports: Ports,
  background: Background,
  shared?: Pick<Life, 'course' | 'explain'>,
): Promise<Refused | { readonly kind: 'begun'; readonly life: Life }> {
  const requestTime = ports.now()
  const snapshot =
    ports.configuration.held(requestTime, background) ?? (await ports.configuration.load(requestTime, background))
  const routed = findRoute(received, target, snapshot)
  if (routed.kind === 'refused') return routed

  const { request, cookies } = withoutOwnCookies(received, target)
  const { method } = request
  const session = routed.route.session ? await carriedBy(cookies.session, ports, requestTime) : undefined
  if (mustWait(session, method)) return refuse(sessionUnavailable)
  const shown = request.headers.has('weir-explain') && (await showsToken(request, ports))
  const fields = shown ? without(endToEnd(request.headers), 'authorization') : endToEnd(request.headers)
  const asked = { route: routed.route, snapshot: routed.snapshot, request, target, fields }
  const client = await clientOf(asked, cookies.affinity, ports)
  const course = shared?.course ?? courseFor(asked, client, ports.random)
  const life: Life = {
    ...asked,
    course,
    pools: wellFirst(poolsOf(routed.snapshot, routed.route, course), requestTime),
    client,
    session,
    isShared: shared !== undefined,
    method,
    showsToken: shown,
    explain: shared?.explain ?? (shown && request.headers.get('weir-explain') === '?1'),
    passing: passingOf(routed.route.cache),
    // A forced lifetime is the route's word; the client's Cache-Control does not change it.
    directives: requestDirectives(routed.route.cache.mode === 'force' ? null : fields),
    requestTime,
    ports,
    background,
  }
  return { kind: 'begun', life }
}

async function live(life: Life): Promise<Response> {
  const found = await lookup(life)
  switch (found.kind) {
    case 'stale':
      refreshBehind(life, found)
      return deliverFound(life, found)
    case 'hit':
      return deliverFound(life, found)
    case 'forward':
      if (!life.directives.onlyIfCached || isPassed(found)) return answer(life, found)
      found.stored?.discard()
      return deliverNotCached(life, found)
    default:
      return found satisfies never
  }
}

function deliverFound(life: Life, found: Hit): Promise<Response> {
  const { stored, ttl, kind } = found
  if (stored.slices !== undefined) return deliverSliced(life, found, stored.slices)
  return deliverStored(life, found, stored, { kind: 'hit', ttl, detail: kind === 'stale' ? 'grace' : undefined })
}

/** Whether the store has no say in it at all. */
function isPassed({ because }: Forward): boolean {
  return because === 'method' || because === 'bypass'
}

/** Whether whoever asks for an explanation may have it. The token that says so is for the gateway alone. */
function showsToken({ headers }: Request, { isAdmin }: Ports): Promise<boolean> {
  return isAdmin(headers.get('authorization'))
}

// refresh ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The keys that this isolate refreshes, and since when (ms). One that takes longer than the platform lets it is over. */
const refreshing = new Map<string, number>()
const longestRefreshMs = 30_000

/** Beyond so many those are looked for that the platform has ended without a word. */
const manyRefreshes = 1000

function forgetLost(now: number): void {
  for (const [key, since] of refreshing) if (now - since >= longestRefreshMs) refreshing.delete(key)
}

/** One refresh for all who are served stale meanwhile. */
function refreshBehind(life: Life, { stored, slot }: Hit): void {
  const since = refreshing.get(slot.key)
  if (since !== undefined && life.requestTime - since < longestRefreshMs) return
  if (refreshing.size >= manyRefreshes) forgetLost(life.requestTime)
  refreshing.set(slot.key, life.requestTime)
  const validatable = { ...stored, discard: () => undefined, body: async () => null }
  const work = refresh(life, { kind: 'forward', because: 'stale', slot, stored: validatable })
  const over = () => {
    if (refreshing.get(slot.key) === life.requestTime) refreshing.delete(slot.key)
  }
  life.background(work.catch(console.error).finally(over))
}

// receive ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function receive(request: Request): Refused | { kind: 'received'; target: Target } {
  if (request.method === 'TRACE' || request.method === 'CONNECT' || request.method === 'TRACK') {
    return refuse(methodProblem(request.method, ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']))
  }
  // fetch() sends no content with these; to drop it would make it another request (RFC 9110 §9.3.1).
  if ((request.method === 'GET' || request.method === 'HEAD') && contentOf(request) !== null) {
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

type Routed = Refused | (Pick<Life, 'route' | 'snapshot'> & { readonly kind: 'routed' })

function findRoute(request: Request, target: Target, snapshot: Snapshot | undefined): Routed {
  if (snapshot === undefined) return refuse(noConfiguration)
  const router = isReserved(target) ? snapshot.innerRouter : snapshot.router
  const routing = router(request.method, target)
  switch (routing.kind) {
    case 'route':
      return { kind: 'routed', route: routing.route, snapshot }
    case 'method':
      return refuse(methodProblem(request.method, routing.allow))
    case 'no-route':
      return refuse({ status: 404, reason: 'no-route', detail: `No route matches ${target.host}${target.path}.` })
    default:
      return routing satisfies never
  }
}

function methodProblem(method: string, allow: readonly string[]): Problem {
  return {
    status: 405,
    reason: 'method-not-allowed',
    detail: `${method} is not allowed here; these are: ${allow.join(', ')}.`,
    headers: { allow: allow.join(', ') },
  }
}
