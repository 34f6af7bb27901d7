// The verdict at the head of a flight: who of those who have joined may have this response?
import type { HeadVerdict } from '../../shared/collapse/flight-events.ts'
import type { CacheRule } from '../../shared/config/schema.ts'
import { contentLength } from '../../shared/http/fields.ts'
import { isStrong } from '../../shared/http/preconditions.ts'
import { selectingValue } from '../../shared/http/selecting.ts'
import { admissionOf, type Stores } from '../admit.ts'
import { isError } from '../forward.ts'
import type { Answer, Life } from '../life.ts'

/** Whether all may have it, and what selects it. */
export function judge(life: Life, got: Answer): { verdict: HeadVerdict; vary: readonly string[]; admission?: Stores } {
  const { status, headers } = got.response
  const verdict: HeadVerdict = {
    kind: 'store',
    total: contentLength(headers),
    etag: headers.get('etag'),
    acceptsRanges: headers.get('accept-ranges') === 'bytes',
  }
  // A failure is everybody's; and that nothing was modified is for those alone who have what was asked about.
  if (isError(status)) return { verdict, vary: [] }
  if (status === 304) return { verdict, vary: ['if-none-match', 'if-modified-since'] }
  const admission = admissionOf(life, got, status, headers, Date.now())
  return admission.kind === 'store' && !isUnwieldy(verdict, life.route.cache.flight)
    ? { verdict, vary: admission.vary, admission }
    : { verdict: { kind: 'uncacheable' }, vary: [] }
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
