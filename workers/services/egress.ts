// A call out, for whoever may make one: to a place that the configuration lists, in the caller's words but for what shows who
// somebody is here. Bounded in time and size; wherever it is sent on to has to be listed too; the answer is kept by nobody.
import { failureOfStatus } from '../../shared/balance/attempt.ts'
import { defaultServices, type EgressRule } from '../../shared/config/services.ts'
import { contentLength, hopByHopFields, isForGateway, isForgeable } from '../../shared/http/fields.ts'
import { canonicalTarget } from '../../shared/http/target.ts'
import { reservedPrefix } from '../../shared/key.ts'
import { err, ok, type Result } from '../../shared/result.ts'
import { mayCallOut } from '../../shared/services/policy.ts'
import type { Refusal } from '../../shared/services/refusal.ts'
import { compileUrlRule, type Place } from '../../shared/url-rule.ts'
import { keepBody } from '../balance/keep-body.ts'
import { contentOf, via } from '../messages.ts'
import type { EgressPort } from '../ports/egress-port.ts'
import type { RefusalPort } from '../ports/refusal-port.ts'
import { type Problem, problemResponse } from '../problem.ts'
import { refusalOf } from './service-calls.ts'

export interface EgressPorts {
  readonly outside: EgressPort
  readonly refusals: RefusalPort
  /** As it is in force; undefined before there is a configuration. */
  readonly rule: () => Promise<EgressRule | undefined>
  readonly now: () => number
}

const mostRedirects = 3

/** Sends the request to `url` instead, in the name of a caller who was let in. */
export async function callOut(caller: string, url: string, request: Request, ports: EgressPorts): Promise<Response> {
  const rule = (await ports.rule()) ?? defaultServices.egress
  if (!mayCallOut(rule.from, caller)) return refuse(caller, url, request, notForServices, ports)
  const first = allowedPlace(url, rule)
  if (!first.ok) return refuse(caller, url, request, first.error, ports)
  const body = await bodyOf(request, rule)
  if ('status' in body) return problemResponse(body)
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(rule.timeoutMs)])
  let place = first.value
  let fields = outwardFields(request.headers)
  for (let redirects = 0; ; redirects++) {
    const asked = { url: hrefOf(place), method: request.method, fields, body: body.bytes }
    const response = await ports.outside.send(asked, signal)
    if (response === undefined) return problemResponse(signal.aborted ? tooSlow(rule) : unreachable)
    if (failureOfStatus(response.status) !== undefined) {
      response.body?.cancel().catch(() => undefined)
      return problemResponse(unreachable)
    }
    const location = isFollowed(request, response) ? response.headers.get('location') : null
    if (location === null) return inward(response, rule, signal)
    await response.body?.cancel()
    if (redirects === mostRedirects) return problemResponse(tooManyRedirects)
    const moved = URL.parse(location, hrefOf(place))?.href ?? ''
    const next = allowedPlace(moved, rule)
    if (!next.ok) return refuse(caller, moved, request, redirectedAway, ports)
    // What was meant for one server is not for the next.
    if (next.value.origin !== place.origin) fields = plainFields(fields)
    place = next.value
  }
}

async function refuse(
  caller: string,
  url: string,
  request: Request,
  problem: Problem,
  { refusals, now }: EgressPorts,
): Promise<Response> {
  await refusals.record(refusedCallOut(request, caller, url, problem.reason, now()))
  return problemResponse(problem)
}

/** What is remembered of a call that did not go out. */
export function refusedCallOut(
  { method }: Pick<Request, 'method'>,
  caller: string,
  url: string,
  because: string,
  at: number,
): Refusal {
  const { origin = 'none', href = 'http://none.invalid/' } = URL.parse(url) ?? {}
  return refusalOf({ method, url: href }, caller, origin, because, at)
}

// Where to ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function allowedPlace(url: string, { allow }: EgressRule): Result<Place, Problem> {
  const canonical = canonicalTarget(url)
  if (!canonical.ok) return err({ ...unreadable, detail: `The URL of the call cannot be read. ${canonical.error}` })
  const { scheme, host, path, query } = canonical.value
  const place = { origin: `${scheme}://${host}`, target: `${path}${query}` }
  const isListed = !path.startsWith(reservedPrefix) && allow.some((rule) => compileUrlRule(rule)(place))
  return isListed ? ok(place) : err(forbidden)
}

const hrefOf = ({ origin, target }: Place): string => `${origin}${target}`

/** With another method it is for the caller to say whether it is to be done again elsewhere. */
function isFollowed({ method }: Request, { status }: Response): boolean {
  return (method === 'GET' || method === 'HEAD') && [301, 302, 303, 307, 308].includes(status)
}

// What goes out ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Which show who somebody is here. */
const credentials = ['authorization', 'cookie', 'proxy-authorization']

function outwardFields(headers: Headers): Headers {
  const fields = new Headers(headers)
  const ending = [...hopByHopFields(headers), ...credentials, 'host', 'expect', 'content-length']
  for (const name of headers.keys()) if (ending.includes(name) || isForgeable(name)) fields.delete(name)
  fields.set('via', via)
  return fields
}

const plain = ['accept', 'accept-encoding', 'accept-language', 'user-agent', 'via']

function plainFields(fields: Headers): Headers {
  return new Headers([...fields].filter(([name]) => plain.includes(name)))
}

async function bodyOf(request: Request, { maxBytes }: EgressRule): Promise<{ bytes: Uint8Array | null } | Problem> {
  const kept = await keepBody(contentOf(request), contentLength(request.headers), maxBytes)
  switch (kept.kind) {
    case 'kept':
      return kept
    case 'once':
      await kept.stream.cancel()
      return tooLargeToSend(maxBytes)
    case 'cut':
      return cut
    default:
      return kept satisfies never
  }
}

// What comes back ──────────────────────────────────────────────────────────────────────────────────────────────────

const notPassedOn = ['set-cookie', 'alt-svc', 'cdn-cache-control', 'expires']

function inward(response: Response, { maxBytes }: EgressRule, signal: AbortSignal): Response {
  const { status, headers, body } = response
  const length = contentLength(headers)
  const fields = new Headers(headers)
  const ending = [...hopByHopFields(headers), ...notPassedOn]
  for (const name of headers.keys()) if (ending.includes(name) || isForGateway(name)) fields.delete(name)
  fields.set('cache-control', 'no-store')
  if (body === null) return new Response(null, { status, headers: fields })
  if (length !== undefined && length > maxBytes) {
    body.cancel().catch(() => undefined)
    return problemResponse(tooLarge(maxBytes))
  }
  return new Response(bounded(body, length, maxBytes, signal), { status, headers: fields, encodeBody: 'manual' })
}

/** The body as it comes; one that is longer, or is not there in time, breaks off, and its end can be told from a cut. */
function bounded(body: ReadableStream<Uint8Array>, length: number | undefined, most: number, signal: AbortSignal) {
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length)
  let bytes = 0
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength
      if (bytes > most) controller.error(new Error(`The answer has more than ${most} bytes.`))
      else controller.enqueue(chunk)
    },
  })
  body
    .pipeThrough(counted, { signal })
    .pipeTo(writable, { signal })
    .catch(() => undefined)
  return readable
}

// Problems ────────────────────────────────────────────────────────────────────────────────────────────────────────

const forbidden: Problem = {
  status: 403,
  reason: 'egress-forbidden',
  detail: 'Calls may not go there: "services.egress.allow" of the configuration lists the places that they may go to.',
}

const notForServices: Problem = {
  status: 403,
  reason: 'egress-caller',
  detail: 'This service may not call out: "services.egress.from" of the configuration does not name it.',
}

const redirectedAway: Problem = {
  status: 403,
  reason: 'egress-redirect',
  detail: 'The call was sent on to a place that "services.egress.allow" of the configuration does not list.',
}

const unreadable: Problem = { status: 400, reason: 'egress-url', detail: '' }

const tooLargeToSend = (most: number): Problem => ({
  status: 413,
  reason: 'too-large',
  detail: `The body of a call may have ${most} bytes at most ("services.egress.maxBytes"). Nobody was called.`,
})

const cut: Problem = {
  status: 400,
  reason: 'cut-request',
  detail: 'The request broke off before its end. Nobody was called.',
}

const tooLarge = (most: number): Problem => ({
  status: 502,
  reason: 'egress-too-large',
  detail: `The answer has more than ${most} bytes ("services.egress.maxBytes").`,
})

const tooSlow = ({ timeoutMs }: EgressRule): Problem => ({
  status: 504,
  reason: 'egress-timeout',
  detail: `There was no answer within ${timeoutMs} ms ("services.egress.timeoutMs"); what was asked may have been done.`,
})

const unreachable: Problem = {
  status: 502,
  reason: 'egress-unreachable',
  detail: 'The place that was called gave no answer.',
}

const tooManyRedirects: Problem = {
  status: 502,
  reason: 'egress-redirects',
  detail: `The call was sent on more than ${mostRedirects} times.`,
}
