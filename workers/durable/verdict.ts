// The verdict at the head of a flight: who of those who have joined may have this response?
import type { HeadVerdict } from '../../shared/collapse/flight-events.ts'
import { covers, sizeOf } from '../../shared/collapse/gather.ts'
import type { CacheRule } from '../../shared/config/schema.ts'
import { acceptsCoding } from '../../shared/http/content-coding.ts'
import { contentLength } from '../../shared/http/fields.ts'
import type { NoStoreReason } from '../../shared/http/may-store.ts'
import { isStrong } from '../../shared/http/preconditions.ts'
import type { ByteRange } from '../../shared/http/ranges.ts'
import { isReadable, tellingValues } from '../../shared/http/reflection.ts'
import { selectingValue } from '../../shared/http/selecting.ts'
import { overlap } from '../../shared/http/slices.ts'
import { admissionOf, type Stores } from '../cache/admit.ts'
import { fieldsOfPart, fieldsOfWhole, isGuarded, type StatedPart, statedIn } from '../cache/slice-fill.ts'
import type { Answer, Life } from '../life.ts'

export interface Judgement {
  readonly verdict: HeadVerdict
  /** The fields of the request that select it. */
  readonly vary: readonly string[]
  /** Until when it may be given to those who come later (ms). */
  readonly freshUntil: number
  /** Absent where it is nothing to store. */
  readonly admission?: Stores
  /** What of the content it carries, where it is the part that was asked for. */
  readonly stated?: StatedPart
  /** What its body may say again of what its request has said: then it is for those alone who have said the same. */
  readonly telling?: readonly string[]
}

/** Whether all may have it, and what selects it; of an answer to a request for the whole, or for `part`. */
export function judge(life: Life, got: Answer, part?: ByteRange): Judgement {
  const { status, headers } = got.response
  const verdict: HeadVerdict = {
    kind: 'store',
    total: contentLength(headers),
    etag: headers.get('etag'),
    acceptsRanges: headers.get('accept-ranges') === 'bytes',
  }
  const isCurrent = status === 304
  const now = Date.now()
  const admission = admissionOf(life, got, isCurrent ? 200 : status, headers, now, isCurrent)
  if (admission.kind === 'uncacheable' && forOne.has(admission.because)) return uncacheable
  // Any other failure is everybody's.
  if (isError(status)) return { verdict, vary: [], freshUntil: 0 }
  if (part !== undefined && !isCurrent) return judgePart(life, got, part)
  const lifetime = admission.kind === 'store' ? admission : { vary: [], freshUntil: 0 }
  if (isCurrent) {
    // For those alone who have what was asked about. How long it lives is known where the 304 itself says it.
    return { verdict, vary: [...conditions, ...lifetime.vary], freshUntil: lifetime.freshUntil }
  }
  // What is to be validated at each use has no second one (RFC 9111 §4).
  const isForMore = admission.kind === 'store' && (got.kept !== undefined || now < admission.graceUntil)
  return isForMore && !isUnwieldy(verdict, life.route.cache.flight)
    ? { verdict, vary: admission.vary, freshUntil: admission.freshUntil, admission }
    : uncacheable
}

const uncacheable: Judgement = { verdict: { kind: 'uncacheable' }, vary: [], freshUntil: 0 }

/** What is told to one client, whatever the status. */
const forOne: ReadonlySet<NoStoreReason> = new Set<NoStoreReason>([
  'private',
  'set-cookie',
  'session',
  'no-store',
  'reflection',
])

/** Whether the origin has failed, whoever asked. */
function isError(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504
}

const conditions = ['if-none-match', 'if-modified-since']

/** Shared is only what was asked for, but for what lies beyond the end; and of a version that can be told from others. */
function judgePart(life: Life, got: Answer, asked: ByteRange): Judgement {
  const { status, headers } = got.response
  const stated = status === 206 ? statedIn(headers, asked.first) : undefined
  if (stated === undefined || stated.last !== Math.min(asked.last, stated.size - 1)) return uncacheable
  const isWhole = sizeOf(stated) === stated.size && !headers.has('content-encoding')
  if (!isWhole && !isGuarded(headers)) return uncacheable
  const admission = admissionOf(life, got, 200, fieldsOfWhole(headers, stated.size), Date.now(), true)
  if (admission.kind === 'uncacheable') return uncacheable
  const { vary, freshUntil } = admission
  // Nobody goes on alone: offsets in a part are not those in the whole.
  const verdict = { kind: 'store', total: sizeOf(stated), etag: null, acceptsRanges: false } as const
  // Each who gets it may store it, and looks for no more than what it has said itself.
  const telling = isReadable(headers.get('content-type')) ? admission.echoes.values : []
  return { verdict, vary, freshUntil, admission, stated, telling }
}

/** Whether who falls behind could not be helped: it does not fit the window, and its parts cannot be had again. */
function isUnwieldy(
  { total, etag }: Extract<HeadVerdict, { kind: 'store' }>,
  { windowBytes }: CacheRule['flight'],
): boolean {
  const canResume = etag !== null && isStrong(etag)
  return !canResume && total !== undefined && total > windowBytes
}

/** Whether two requests select different responses by a field. */
export function differs(life: Life, name: string, one: Headers, other: Headers): boolean {
  const valueIn = (fields: Headers) => selectingValue(fields, name, life.route.cache)
  return valueIn(one) !== valueIn(other)
}

/** Whether somebody who sends `fields` can read it: an origin may code what it sends, and not say so in Vary. */
export function takesCoding(fields: Headers, { headers }: Response): boolean {
  return acceptsCoding(fields.get('accept-encoding'), headers.get('content-encoding'))
}

/**
 * Whether an answer to a request for `asked` has what somebody may have who sends `fields` and wants `part`; where it is
 * nobody's to share, only if that is all of it.
 */
export function suits(
  life: Life,
  { verdict, vary, stated, telling = [] }: Judgement,
  asked: ByteRange | undefined,
  fields: Headers,
  part: ByteRange | undefined,
): boolean {
  if (asked === undefined || part === undefined) return true
  if (verdict.kind === 'uncacheable') return covers(part, asked)
  if (stated !== undefined && part.first > stated.last) return false
  if (telling.length === 0) return true
  const said = tellingValues(fields, [...life.route.cache.key.headers, ...vary], life.target.host)
  return said !== undefined && telling.every((value) => said.includes(value))
}

/** What somebody gets who asks for `part`: which bytes of the body (`end` is behind the last one), with which fields. */
export function shareOf(headers: Headers, stated: StatedPart | undefined, part: ByteRange | undefined) {
  const share = stated && part && overlap(stated, part)
  if (stated === undefined || share === undefined) return { begin: 0, end: Number.POSITIVE_INFINITY, fields: headers }
  const fields = fieldsOfPart(headers, share, stated.size)
  return { begin: share.first - stated.first, end: share.last - stated.first + 1, fields }
}
