// Validation (RFC 9111 §4.3): what an origin says of a response that is stored already, in a 304 or to a HEAD.
import { contentLength, mostTags, tagsOf } from '../../shared/http/fields.ts'
import { isLasting } from '../../shared/http/may-store.ts'
import { sameWeak, validatorFields } from '../../shared/http/preconditions.ts'
import { hiddenTargets } from '../../shared/http/targeted.ts'
import type { Answer, Forward, Life, Slot } from '../life.ts'
import { tidyResponse } from '../messages.ts'
import type { StoredHead, StoredResponse } from '../ports.ts'
import { admissionOf, headOf } from './admit.ts'
import { askAgain } from './admit-slices.ts'
import { deliverStored } from './deliver.ts'
import { freshened, open } from './slices.ts'
import { placeFor } from './variants.ts'

const validatorsOf = ({ fields }: StoredResponse) => ({
  etag: fields.etag ?? null,
  lastModified: fields['last-modified'] ?? null,
})

/** The conditions under which an origin need not send again what is stored. */
export function conditionsFor(stored: StoredResponse): [string, string][] {
  return validatorFields(validatorsOf(stored))
}

/** The origin says that what is stored is current: it lives on with the fields of the 304 (RFC 9111 §4.3.4). */
export async function validated(life: Life, found: Forward, slot: Slot, stored: StoredResponse, got: Answer) {
  const responseTime = life.ports.now()
  const answered = new Headers(got.response.headers)
  got.abandon()
  const { head, fields, kept } = freshen(life, slot, stored, got, answered, responseTime)
  const freshLife = { ...life, requestTime: Math.max(life.requestTime, head.storedAt) }
  const fresh = { ...stored, head }
  const opened = stored.slices && (await open(freshLife, slot, fresh, stored.slices))
  if (opened !== undefined && opened.kind !== 'open') {
    return askAgain(life, found, opened.kind === 'changed' ? opened.got : got)
  }
  const told = {
    kind: 'forward',
    because: found.because,
    status: 304,
    stored: kept,
    collapsed: got.flight?.collapsed,
  } as const
  return deliverStored(freshLife, found, opened?.stored ?? fresh, told, fields)
}

/** What a HEAD tells of a stored response: that it is current, or that it is not (RFC 9111 §4.3.5). */
export async function updateByHead(life: Life, slot: Slot, stored: StoredResponse, got: Answer): Promise<void> {
  const { response } = got
  // Another status tells of this request alone: of its credentials, or of a limit.
  if (response.status !== stored.head.status) return
  const before = validatorsOf(stored)
  const [etag, lastModified] = [response.headers.get('etag'), response.headers.get('last-modified')]
  const length = contentLength(response.headers)
  const same =
    (length === undefined || length === stored.size) &&
    agree(before.etag, etag, sameWeak) &&
    agree(before.lastModified, lastModified, (left, right) => left === right)
  // What no validator names may be another version of the same length.
  const isNamed = before.etag === null ? before.lastModified !== null && lastModified !== null : etag !== null
  const responseTime = life.ports.now()
  if (!same) await life.ports.store.forget(slot.key, responseTime)
  else if (isNamed) freshen(life, slot, stored, got, new Headers(response.headers), responseTime)
}

function agree(left: string | null, right: string | null, same: (left: string, right: string) => boolean): boolean {
  return left === null || right === null || same(left, right)
}

interface Freshened {
  readonly head: StoredHead
  readonly fields: Headers
  readonly kept: boolean
}

/** Freshens what is stored, or lets go of it where it may not be kept any more. */
function freshen(
  life: Life,
  slot: Slot,
  stored: StoredResponse,
  got: Answer,
  answered: Headers,
  responseTime: number,
): Freshened {
  const { ports, background } = life
  const targeted = { ...stored.head.targeted, ...hiddenTargets(answered) }
  // Those that it had stay: a purge by them was meant for this body too.
  const tags = [...new Set([...tagsOf(answered), ...stored.head.tags])].slice(0, mostTags)
  const fields = updatedFields(stored, tidyResponse(answered, responseTime))
  const judged = new Headers(fields)
  for (const [name, value] of Object.entries(targeted)) judged.set(name, value)
  const admission = admissionOf(life, got, stored.head.status, judged, responseTime, true)
  const place = admission.kind === 'store' ? placeFor(life, slot, admission.vary, admission.keepUntil) : undefined
  if (admission.kind === 'uncacheable' || place?.key !== slot.key) {
    if (admission.kind === 'store' || isLasting(admission.because))
      background(ports.store.forget(slot.key, responseTime))
    return { head: stored.head, fields, kept: false }
  }
  const unlisted = [...new Set([...stored.head.unlisted, ...admission.unlisted])]
  const head = { ...headOf(life, admission, { ...stored.head, tags, targeted }), unlisted }
  const kept = new Headers(fields)
  // Of those who came together one stores it.
  if (got.flight?.stores === false) return { head, fields, kept: false }
  if (place.note !== undefined) background(ports.store.note(slot.base, place.note, life.requestTime))
  const { slices } = stored
  if (slices === undefined) background(ports.store.update(slot.key, stored, head, kept))
  else background(ports.store.note(slot.key, freshened(slices, head, kept), head.askedAt))
  return { head, fields, kept: true }
}

/** RFC 9111 §3.2: these describe the stored content itself, and the validator is the one that was asked about. */
const notUpdated = new Set(['content-encoding', 'content-length', 'content-md5', 'content-range', 'etag'])

function updatedFields(stored: StoredResponse, answered: Headers): Headers {
  const fields = new Headers(stored.fields)
  // What the origin says now is as old as it says now.
  fields.delete('age')
  const updated = [...answered].filter(([name]) => !notUpdated.has(name))
  for (const [name] of updated) fields.delete(name)
  for (const [name, value] of updated) fields.append(name, value)
  return fields
}
