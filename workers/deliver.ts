// The deliver phase: what the client gets, made from what is stored or from a problem. Here the client's own
// preconditions and ranges are answered (RFC 9110 §13, §14), and every response says what the cache did.
import { type CacheStatus, type ForwardReason, formatCacheStatus } from '../shared/http/cache-status.ts'
import { fromStore } from '../shared/http/may-reuse.ts'
import { notModified } from '../shared/http/preconditions.ts'
import {
  type ByteRange,
  contentRange,
  ifRangeHolds,
  multipartFraming,
  parseRange,
  selectRanges,
  unsatisfiedRange,
} from '../shared/http/ranges.ts'
import { hasNoContent } from '../shared/http/status.ts'
import type { Life } from './life.ts'
import { via } from './messages.ts'
import type { StoredResponse } from './ports.ts'
import { type Problem, problemResponse } from './problem.ts'

/** Answers from the store, with the fields that it has by now. */
export async function deliverStored(
  life: Life,
  stored: StoredResponse,
  status: CacheStatus,
  fields: Headers = new Headers(stored.fields),
): Promise<Response> {
  fields.set('Age', String(fromStore(stored.head, life.requestTime).age))
  return stamp(await represent(life, stored, fields), status)
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
  const part = status === 200 ? await partOf(life, stored, fields) : undefined
  return part ?? new Response((await stored.body()) ?? null, { status, headers: fields, encodeBody: 'manual' })
}

/** Whether the client has this very response already (RFC 9110 §13.1.2, §13.1.3). */
export function isNotModified({ fields: asked, requestTime }: Life, fields: Headers, storedAt: number): boolean {
  return notModified(
    asked,
    { etag: fields.get('etag'), lastModified: fields.get('last-modified'), date: fields.get('date'), storedAt },
    requestTime,
  )
}

/** RFC 9110 §15.4.5: without what describes a content that does not come. */
export function notModifiedResponse(fields: Headers): Response {
  const headers = new Headers(fields)
  for (const name of ofContent) headers.delete(name)
  return new Response(null, { status: 304, headers })
}

const ofContent = ['content-length', 'content-encoding', 'content-language', 'content-range', 'content-type']

/** More ranges than this in one request are answered with the whole (RFC 9110 §14.2). */
const maxRanges = 16
/** Several ranges are gathered in memory: up to this size. */
const maxGatheredBytes = 1024 * 1024

/** The part that the client asks for; undefined where the whole is to be sent. */
async function partOf(life: Life, stored: StoredResponse, fields: Headers): Promise<Response | undefined> {
  const specs = parseRange(life.fields.get('range'))
  if (specs === undefined) return undefined
  const etag = fields.get('etag')
  const holds = ifRangeHolds(
    life.fields.get('if-range'),
    etag,
    fields.get('last-modified'),
    fields.get('date'),
    life.requestTime,
  )
  if (!holds) return undefined
  const { size } = stored
  const selection = selectRanges(specs, size, maxRanges)
  if (selection.kind === 'whole') return undefined
  if (selection.kind === 'unsatisfiable') {
    stored.discard()
    return unsatisfied(size)
  }
  const [range, ...others] = selection.ranges
  if (range === undefined) return undefined
  // The parts would be coded, and the message that holds them not.
  if (others.length > 0 && fields.get('content-encoding') !== null) return undefined
  if (others.length > 0) return multipart(stored, fields, selection.ranges)
  const length = range.last - range.first + 1
  const body = await stored.body(range)
  if (body === undefined || body === null) return problemResponse(vanished)
  fields.set('Content-Range', contentRange(range, size))
  fields.set('Content-Length', String(length))
  return new Response(body, { status: 206, headers: fields, encodeBody: 'manual' })
}

async function multipart(stored: StoredResponse, fields: Headers, ranges: readonly ByteRange[]) {
  const boundary = crypto.randomUUID()
  const framing = multipartFraming(ranges, stored.size, fields.get('content-type'), boundary)
  const end = Math.max(...ranges.map(({ last }) => last)) + 1
  if (end > maxGatheredBytes) return undefined
  const bytes = await firstBytes(await stored.body(), end)
  if (bytes === undefined) return problemResponse(vanished)
  const parts = ranges.flatMap(({ first, last }, index) => [framing.heads[index]!, bytes.subarray(first, last + 1)])
  fields.set('Content-Type', framing.contentType)
  fields.set('Content-Length', String(framing.length))
  const body = await new Blob([...parts, framing.tail]).bytes()
  return new Response(body, { status: 206, headers: fields, encodeBody: 'manual' })
}

/** The first `count` bytes; undefined where the body has fewer. */
async function firstBytes(body: ReadableStream | Uint8Array | null | undefined, count: number) {
  if (body === null || body === undefined) return undefined
  if (body instanceof Uint8Array) return body.byteLength < count ? undefined : body
  const bytes = new Uint8Array(count)
  let filled = 0
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>
  try {
    while (filled < count) {
      const { done, value } = await reader.read()
      if (done) return undefined
      const taken = value.subarray(0, count - filled)
      bytes.set(taken, filled)
      filled += taken.byteLength
    }
    return bytes
  } catch {
    return undefined
  } finally {
    reader.cancel().catch(() => undefined)
  }
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
export function stamp(response: Response, status: CacheStatus): Response {
  response.headers.append('Via', via)
  response.headers.append('Cache-Status', formatCacheStatus(status))
  return response
}

export function deliverProblem(request: Request, problem: Problem, because?: ForwardReason): Response {
  const response = problemResponse(problem)
  if (because !== undefined) {
    response.headers.set('Cache-Status', formatCacheStatus({ kind: 'forward', because, stored: false }))
  }
  return request.method === 'HEAD' ? new Response(null, response) : response
}
