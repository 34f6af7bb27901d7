// The verdict at the head of a flight: who of those who have joined may have this response?
import type { HeadVerdict } from '../../shared/collapse/flight-events.ts'
import type { CacheRule } from '../../shared/config/schema.ts'
import { contentLength } from '../../shared/http/fields.ts'
import { isStrong } from '../../shared/http/preconditions.ts'
import { selectingValue } from '../../shared/http/selecting.ts'
import { admissionOf, type Stores } from '../admit.ts'
import { isError } from '../forward.ts'
import type { Answer, Life } from '../life.ts'

export interface Judgement {
  readonly verdict: HeadVerdict
  /** The fields of the request that select it. */
  readonly vary: readonly string[]
  /** Until when it may be given to those who come later (ms). */
  readonly freshUntil: number
  /** Absent where it is nothing to store. */
  readonly admission?: Stores
}

/** Whether all may have it, and what selects it. */
export function judge(life: Life, got: Answer): Judgement {
  const { status, headers } = got.response
  const verdict: HeadVerdict = {
    kind: 'store',
    total: contentLength(headers),
    etag: headers.get('etag'),
    acceptsRanges: headers.get('accept-ranges') === 'bytes',
  }
  // A failure is everybody's.
  if (isError(status)) return { verdict, vary: [], freshUntil: 0 }
  const isCurrent = status === 304
  const admission = admissionOf(life, got, isCurrent ? 200 : status, headers, Date.now(), isCurrent)
  const lifetime = admission.kind === 'store' ? admission : { vary: [], freshUntil: 0 }
  if (isCurrent) {
    // For those alone who have what was asked about. How long it lives is known where the 304 itself says it.
    return { verdict, vary: [...conditions, ...lifetime.vary], freshUntil: lifetime.freshUntil }
  }
  return admission.kind === 'store' && !isUnwieldy(verdict, life.route.cache.flight)
    ? { verdict, vary: admission.vary, freshUntil: admission.freshUntil, admission }
    : { verdict: { kind: 'uncacheable' }, vary: [], freshUntil: 0 }
}

const conditions = ['if-none-match', 'if-modified-since']

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
