// The deliver phase: what the client gets, made from what is stored or from a problem. Here the client's own
// preconditions and ranges are answered (RFC 9110 §13, §14), and every response says what the cache did.
import { formatExplanation, type Verdict } from '../../shared/explain.ts'
import { type CacheStatus, formatCacheStatus } from '../../shared/http/cache-status.ts'
import { fromStore } from '../../shared/http/may-reuse.ts'
import { notModified } from '../../shared/http/preconditions.ts'
import {
  type ByteRange,
  contentRange,
  ifRangeHolds,
  multipartFraming,
  parseRange,
  type RangeSelection,
  selectRanges,
  unsatisfiedRange,
} from '../../shared/http/ranges.ts'
import { hasNoContent } from '../../shared/http/status.ts'
import { whySteered } from '../balance/steer.ts'
import type { Forward, Hit, Life } from '../life.ts'
import { via } from '../messages.ts'
import type { StoredResponse } from '../ports.ts'
import { type Problem, problemResponse } from '../problem.ts'
import { canPart, partsOf } from './multipart.ts'
import { selectingOf } from './variants.ts'

/** Answers from the store; `updated` are the fields that it has by now, where they are not those that are stored. */
export function deliverStored(
  life: Life,
  found: Hit | Forward,
  stored: StoredResponse,
  status: CacheStatus,
  updated?: Headers,
): Promise<Response> {
  return updated === undefined && asksForWhole(life)
    ? deliverWhole(life, found, stored, status)
    : deliverAsked(life, found, stored, status, updated ?? new Headers(stored.fields))
}

const ageOf = ({ head }: StoredResponse, { requestTime }: Life): string => String(fromStore(head, requestTime).age)

function asksForWhole({ method, fields }: Life): boolean {
  const asksForLess =
    fields.get('range') !== null || fields.get('if-none-match') !== null || fields.get('if-modified-since') !== null
  return method === 'GET' && !asksForLess
}

/** What most requests get. Its fields are put together before they become Headers, which leave the language at each call. */
async function deliverWhole(
  life: Life,
  found: Hit | Forward,
  stored: StoredResponse,
  status: CacheStatus,
): Promise<Response> {
  const { head } = stored
  const content = hasNoContent(head.status) ? null : await stored.body()
  if (content === undefined) return stamp(life, found, problemResponse(vanished), status)
  const said = sayingsOf(life, found, status)
  const fields: Record<string, string> = { ...stored.fields, age: ageOf(stored, life), ...said.own }
  for (const name of saidBesideOthers) {
    const others = stored.fields[name]
    fields[name] = others === undefined ? said.added[name] : `${others}, ${said.added[name]}`
  }
  return new Response(content, { status: head.status, headers: fields, encodeBody: 'manual' })
}

/** What is asked for of it: the head, a part, or whether it has changed. Changes `fields`. */
async function deliverAsked(
  life: Life,
  found: Hit | Forward,
  stored: StoredResponse,
  status: CacheStatus,
  fields: Headers,
): Promise<Response> {
  fields.set('age', ageOf(stored, life))
  return stamp(life, found, await represent(life, stored, fields), status)
}

async function represent(life: Life, stored: StoredResponse, fields: Headers): Promise<Response> {
  const { status } = stored.head
  if (status === 200 && isNotModified(life, fields, stored.head.storedAt)) {
    stored.discard()
    return notModifiedResponse(fields)
  }
  if (life.method === 'HEAD' || hasNoContent(status)) {
    stored.discard()
    return new Response(null, { status, headers: fields })
  }
  const selection = status === 200 ? selectionOf(life, stored.size, fields) : whole
  const part = selection.kind === 'whole' ? undefined : await partOf(life, stored, fields, selection)
  if (part !== undefined) return part
  const body = await stored.body()
  return body === undefined
    ? problemResponse(vanished)
    : new Response(body, { status, headers: fields, encodeBody: 'manual' })
}

/** Whether the client has this very response already (RFC 9110 §13.1.2, §13.1.3). */
export function isNotModified({ fields: asked, requestTime }: Life, fields: Headers, storedAt: number): boolean {
  return notModified(asked, { ...validatorsOf(fields), storedAt }, requestTime)
}

const validatorsOf = (fields: Headers) => ({
  etag: fields.get('etag'),
  lastModified: fields.get('last-modified'),
  date: fields.get('date'),
})

/** RFC 9110 §15.4.5: without what describes a content that does not come. */
export function notModifiedResponse(fields: Headers): Response {
  const headers = new Headers(fields)
  for (const name of ofContent) headers.delete(name)
  return new Response(null, { status: 304, headers })
}

const ofContent = ['content-length', 'content-encoding', 'content-language', 'content-range', 'content-type']

/** More ranges than this in one request are answered with the whole (RFC 9110 §14.2). */
const maxRanges = 16

const whole: RangeSelection = { kind: 'whole' }

/** What the client asks for of these bytes, with these fields (RFC 9110 §14.2, §13.1.5). */
export function selectionOf({ fields: asked, requestTime }: Life, size: number, fields: Headers): RangeSelection {
  const specs = parseRange(asked.get('range'))
  if (specs === undefined) return whole
  const { etag, lastModified, date } = validatorsOf(fields)
  const holds = ifRangeHolds(asked.get('if-range'), etag, lastModified, date, requestTime)
  return holds ? selectRanges(specs, size, maxRanges) : whole
}

/** The bytes that the answer carries, or is made of; undefined where it carries none. */
export function bytesNeeded(
  life: Life,
  stored: Pick<StoredResponse, 'head' | 'fields' | 'size'>,
): ByteRange | undefined {
  const { head, size } = stored
  const fields = new Headers(stored.fields)
  if (life.method === 'HEAD' || size === 0 || isNotModified(life, fields, head.storedAt)) return undefined
  const selection = selectionOf(life, size, fields)
  if (selection.kind === 'unsatisfiable') return undefined
  const single = selection.kind === 'ranges' && selection.ranges.length === 1 ? selection.ranges[0] : undefined
  return single ?? { first: 0, last: size - 1 }
}

/** Undefined where the whole is to be sent after all. */
async function partOf(
  life: Life,
  stored: StoredResponse,
  fields: Headers,
  selection: Exclude<RangeSelection, { kind: 'whole' }>,
): Promise<Response | undefined> {
  const { size } = stored
  if (selection.kind === 'unsatisfiable') {
    stored.discard()
    return unsatisfied(size)
  }
  const [range, ...others] = selection.ranges
  if (range === undefined) return undefined
  // The parts would be coded, and the message that holds them not.
  if (others.length > 0 && fields.get('content-encoding') !== null) return undefined
  if (others.length > 0) return multipart(life, stored, fields, selection.ranges)
  const body = await stored.body(range)
  if (body === undefined || body === null) return problemResponse(vanished)
  return partResponse(body, range, size, fields)
}

/** A single part; changes `fields`. */
export function partResponse(body: BodyInit, range: ByteRange, size: number, fields: Headers): Response {
  fields.set('Content-Range', contentRange(range, size))
  fields.set('Content-Length', String(range.last - range.first + 1))
  return new Response(body, { status: 206, headers: fields, encodeBody: 'manual' })
}

async function multipart({ background }: Life, stored: StoredResponse, fields: Headers, ranges: readonly ByteRange[]) {
  if (!canPart(ranges, stored.size)) return undefined
  const framing = multipartFraming(ranges, stored.size, fields.get('content-type'), crypto.randomUUID())
  const body = await partsOf(stored, ranges, framing, background)
  if (body === undefined) return problemResponse(vanished)
  fields.set('Content-Type', framing.contentType)
  fields.set('Content-Length', String(framing.length))
  return new Response(body, { status: 206, headers: fields, encodeBody: 'manual' })
}

function unsatisfied(size: number): Response {
  return problemResponse({
    status: 416,
    reason: 'range-not-satisfiable',
    detail: `None of the ranges lies within the ${size} bytes of the content.`,
    headers: { 'content-range': unsatisfiedRange(size) },
  })
}

const vanished: Problem = {
  status: 503,
  reason: 'entry-vanished',
  detail: 'The stored response went away while it was read; it may be tried again.',
  headers: { 'retry-after': '0' },
}

/** Marks a response as having passed this gateway, and says what the cache did. */
export function stamp(life: Life, found: Hit | Forward, response: Response, status: CacheStatus): Response {
  const { added, own } = sayingsOf(life, found, status)
  for (const name of saidBesideOthers) response.headers.append(name, added[name])
  for (const [name, value] of Object.entries(own)) response.headers.set(name, value)
  return response
}

const saidBesideOthers = ['via', 'cache-status'] as const

/** What the gateway says of a response: beside what others have said in the same fields, and in fields of its own. */
function sayingsOf(life: Life, found: Hit | Forward, status: CacheStatus) {
  return {
    added: {
      via,
      'cache-status': formatCacheStatus(status, life.explain ? found.slot?.key.slice(0, longestKey) : undefined),
    },
    own: {
      'weir-epoch': String(life.snapshot.purges.epoch),
      ...(life.explain && { 'weir-explain': explanationOf(life, found, status) }),
    },
  }
}

/** Of a key so much is told: two of them have to fit beside the other fields. */
const longestKey = 1024

function explanationOf(life: Life, found: Hit | Forward, status: CacheStatus): string {
  const { slot } = found
  const selecting = slot?.variants && selectingOf(life, slot.variants.names)
  return formatExplanation({
    route: life.route.id,
    verdict: verdictOf(found),
    status,
    key: slot?.base.slice(0, longestKey),
    selecting,
    session: life.route.session ? (life.session?.kind ?? 'none') : undefined,
    ...(found.kind === 'forward' && found.by && { steering: whySteered(life), by: found.by }),
  })
}

function verdictOf(found: Hit | Forward): Verdict {
  if (found.kind !== 'forward') return found.kind
  if (found.slot === undefined) return 'pass'
  if (found.slot.hitForMiss) return 'hit-for-miss'
  return found.stored === undefined ? 'miss' : 'validate'
}

/** A problem on the way of a request that the cache was asked about, or that was sent on. */
export function deliverProblem(life: Life, found: Forward, problem: Problem, collapsed = false): Response {
  const status: CacheStatus = { kind: 'forward', because: found.because, stored: false, collapsed }
  return deliverOwn(life, found, problem, status)
}

function deliverOwn(life: Life, found: Forward, problem: Problem, status: CacheStatus): Response {
  return withoutContent(life.request, stamp(life, found, problemResponse(problem), status))
}

/** The client wants what is stored, and nothing else (RFC 9111 §5.2.1.7). */
export function deliverNotCached(life: Life, found: Forward): Response {
  return deliverOwn(life, found, notCached, { kind: 'neither', detail: 'only-if-cached' })
}

const notCached: Problem = {
  status: 504,
  reason: 'only-if-cached',
  detail: 'The request asked for a stored response only, and there is none that may be used.',
}

/** A problem before any of that. */
export function refusal(request: Request, problem: Problem): Response {
  return withoutContent(request, problemResponse(problem))
}

function withoutContent(request: Request, response: Response): Response {
  return request.method === 'HEAD' ? new Response(null, response) : response
}
