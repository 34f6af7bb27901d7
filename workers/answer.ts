// The admit phase: an origin answers, and what becomes of it is decided at its head, before its body flows. Is it
// stored, does it freshen what is stored, or does what is stored stand in for it?

import { isSick } from '../shared/balance/rank.ts'
import { requestDirectives } from '../shared/http/cache-control.ts'
import { contentLength, tagsOf } from '../shared/http/fields.ts'
import { mayStandIn } from '../shared/http/may-reuse.ts'
import { type Admission, isLasting, mayStore, type NoStoreReason } from '../shared/http/may-store.ts'
import { sameWeak, validatorFields } from '../shared/http/preconditions.ts'
import { hasNoContent } from '../shared/http/status.ts'
import { hiddenTargets } from '../shared/http/targeted.ts'
import { shortHash } from '../shared/key.ts'
import { deliverProblem, deliverStored, isNotModified, notModifiedResponse, stamp } from './deliver.ts'
import { failedProblem, forward, isError } from './forward.ts'
import { invalidate, keyOfTarget } from './invalidate.ts'
import type { Answer, Forward, Life, Slot } from './life.ts'
import { keyOfVariant } from './lookup.ts'
import { isEventStream, originFields, tidyResponse } from './messages.ts'
import type { BodySink, Note, StoredHead, StoredResponse } from './ports.ts'
import { relay } from './relay.ts'

/** Has an origin answer, and admits the answer. */
export async function answer(life: Life, found: Forward): Promise<Response> {
  const { stored, slot } = found
  // What is asked for everybody's sake: the whole, on our own conditions.
  const shared = slot !== undefined && !slot.hitForMiss
  const conditions = stored === undefined ? [] : validatorFields(validatorsOf(stored))
  const got = await forward(life, originFields(life, slot !== undefined, shared ? conditions : undefined))
  if (got.kind === 'refused')
    return (await standIn(life, found)) ?? deliverProblem(life.request, got.problem, found.because)
  const { status } = got.response
  if (isError(status)) {
    const stale = await standIn(life, found, status)
    if (stale !== undefined) {
      got.abandon()
      return stale
    }
  }
  if (stored !== undefined && slot !== undefined) {
    if (status === 304 && conditions.length > 0) return validated(life, found, slot, stored, got)
    if (life.method === 'HEAD') await updateByHead(life, slot, stored, got)
    stored.discard()
  }
  if (status === 304 && shared) {
    // Nobody asked whether anything was modified.
    got.abandon()
    return deliverProblem(life.request, failedProblem('protocol'), found.because)
  }
  return admit(life, found, got)
}

/** Asks an origin behind a response, so that the store has something fresh for the next one. */
export async function refresh(life: Life, found: Forward): Promise<void> {
  const response = await answer({ ...life, method: 'GET', fields: withoutOwnConditions(life) }, found)
  // What is not stored is of no use to anybody.
  const isStored = response.headers.get('cache-status')?.includes('; stored') === true
  await (isStored ? response.body?.pipeTo(new WritableStream()) : response.body?.cancel())?.catch(() => undefined)
}

/** The refresh is for everybody: what this client has already, or wants a part of, does not matter to it. */
function withoutOwnConditions({ fields }: Life): Life['fields'] {
  return { get: (name) => (ownConditions.has(name) ? null : fields.get(name)) }
}

const ownConditions = new Set(['if-none-match', 'if-modified-since', 'if-range', 'range'])

const validatorsOf = ({ fields }: StoredResponse) => ({
  etag: fields.etag ?? null,
  lastModified: fields['last-modified'] ?? null,
})

/** What is stored, where it may stand in for an answer that failed (RFC 5861 §4). */
async function standIn(life: Life, { because, slot, stored }: Forward, status?: number): Promise<Response | undefined> {
  if (stored === undefined || slot === undefined) return undefined
  if (!mayStandIn(stored.head, slot.directives, life.requestTime, life.pools.every(isSick))) {
    if (status === undefined) stored.discard()
    return undefined
  }
  return deliverStored(life, stored, {
    kind: 'forward',
    because,
    ...(status !== undefined && { status }),
    stored: false,
    detail: 'error-grace',
  })
}

// what came ──────────────────────────────────────────────────────────────────────────────────────────────────────

async function admit(life: Life, found: Forward, got: Answer): Promise<Response> {
  const { ports, background } = life
  const { response } = got
  const responseTime = ports.now()
  if (found.slot === undefined) await invalidate(life, response)
  const slot = found.slot ?? slotOfTarget(life, response)
  const admission = slot && judge(life, slot, response.status, response.headers, responseTime)
  const length = contentLength(response.headers)
  let sink: BodySink | undefined
  let detail: NoStoreReason | 'variants' | 'hit-for-miss' | undefined
  if (admission?.kind === 'store' && slot !== undefined) {
    const place = placeFor(life, slot, admission)
    if (place === undefined) detail = 'variants'
    else {
      if (place.note !== undefined) background(ports.store.note(slot.base, place.note))
      const fields = tidyResponse(new Headers(response.headers), responseTime)
      sink = ports.store.begin(place.key, headOf(life, admission, response), fields, length)
    }
  } else if (admission?.kind === 'uncacheable' && found.slot !== undefined) {
    detail = found.slot.hitForMiss ? 'hit-for-miss' : admission.because
    noteUncacheable(life, found, found.slot, admission.because, response.status, responseTime)
  }
  const { body, done } = await bodyOf(life, got, length, sink)
  if (sink !== undefined) background(done)
  const status = {
    kind: 'forward',
    because: found.because,
    status: response.status,
    stored: sink !== undefined,
    detail,
  } as const
  if (sink !== undefined && response.status === 200 && isNotModified(life, response.headers, responseTime)) {
    // The store still gets all of it.
    if (body instanceof ReadableStream) body.cancel().catch(() => undefined)
    return stamp(notModifiedResponse(tidyResponse(new Headers(response.headers), responseTime)), status)
  }
  // Takes over the status, the fields, the WebSocket, and that coded bytes stay as they are.
  const delivered = new Response(life.method === 'HEAD' ? null : body, response)
  tidyResponse(delivered.headers, responseTime)
  return stamp(delivered, status)
}

async function bodyOf({ method }: Life, got: Answer, length: number | undefined, sink: BodySink | undefined) {
  const { response, idleMs, abandon } = got
  if (response.body === null || method === 'HEAD' || hasNoContent(response.status)) {
    return { body: null, done: sink === undefined ? Promise.resolve() : sink.end() }
  }
  // A stream of events may be silent for as long as nothing happens.
  const silenceMs = isEventStream(response.headers) ? undefined : idleMs
  return relay(response.body, { length, idleMs: silenceMs, sink, abandon })
}

/** Where the answer to a POST may go that says that it is what a GET would give (RFC 9110 §9.3.3). */
function slotOfTarget(life: Life, response: Response): Slot | undefined {
  if (life.method !== 'POST' || response.status !== 200) return undefined
  const key = keyOfTarget(life, response.headers.get('content-location'))
  const directives = requestDirectives(life.fields)
  return key === undefined ? undefined : { base: key, key, hitForMiss: false, directives }
}

/** Decides before the body flows; `ofStored` where the body is the one that is stored already. */
function judge(life: Life, slot: Slot, status: number, fields: Headers, responseTime: number, ofStored = false) {
  return mayStore(
    {
      method: ofStored ? 'GET' : life.method,
      isOfTarget: true,
      requestFields: life.fields,
      requestCacheControl: slot.directives,
      status,
      responseFields: fields,
      requestTime: life.requestTime,
      responseTime,
      bodyIsWhole: ofStored,
    },
    life.route.cache,
  )
}

function headOf(
  life: Life,
  admission: Extract<Admission, { kind: 'store' }>,
  response: Response | StoredResponse,
): StoredHead {
  const { kind: _, vary: __, ...instants } = admission
  const status = 'head' in response ? response.head.status : response.status
  const tags = 'head' in response ? response.head.tags : tagsOf(response.headers)
  const targeted = 'head' in response ? response.head.targeted : hiddenTargets(response.headers)
  return { ...instants, status, tags, targeted, epoch: life.snapshot.purges.epoch }
}

// variants, hit-for-miss ─────────────────────────────────────────────────────────────────────────────────────────

interface Place {
  readonly key: string
  /** What has to stand at the base for the variant to be found. */
  readonly note?: Note
}

/** Notes of variants outlive the variants by this much, so that they need not be written for each of them. */
const noteMarginMs = 3_600_000

/** Where the response goes; undefined where its URL has too many variants already. */
function placeFor(
  life: Life,
  slot: Slot,
  { vary, keepUntil }: Extract<Admission, { kind: 'store' }>,
): Place | undefined {
  const { cache } = life.route
  const { variants } = slot
  const known = variants?.names ?? []
  const names = [...new Set([...known, ...vary.filter((name) => !cache.key.headers.includes(name))])].sort()
  if (names.length === 0) return { key: slot.base }
  const grown = names.length > known.length
  const generation =
    variants === undefined || grown ? Math.floor(life.ports.random() * 2 ** 52).toString(36) : variants.generation
  const note = { kind: 'variants', names, generation, seen: grown ? [] : (variants?.seen ?? []) } as const
  const key = keyOfVariant(life, slot.base, { ...note, until: keepUntil })
  const hash = shortHash(key)
  const isSeen = note.seen.includes(hash)
  if (!isSeen && note.seen.length >= cache.maxVariants) return undefined
  const until = Math.max(keepUntil, variants?.until ?? 0)
  if (isSeen && variants !== undefined && keepUntil <= variants.until) return { key }
  return { key, note: { ...note, seen: isSeen ? note.seen : [...note.seen, hash], until: until + noteMarginMs } }
}

const partial = new Set([206, 304, 416])

/** How long what proved uncacheable is not waited for. */
const hitForMissMs = 120_000

/** Remembers it where nothing useful would be lost: neither a response that may be used, nor other variants. */
function noteUncacheable(life: Life, found: Forward, slot: Slot, because: NoStoreReason, status: number, now: number) {
  const { store } = life.ports
  if (!isLasting(because) || status >= 500 || life.fields.get('authorization') !== null) return
  if (life.method !== 'GET' || slot.hitForMiss) return
  // Only this request made it so.
  if (partial.has(status) || life.fields.get('range') !== null || found.because === 'request') return
  const head = found.stored?.head
  if (head !== undefined && now < Math.max(head.freshUntil, head.graceUntil, head.errorGraceUntil)) return
  life.background(store.note(slot.key, { kind: 'hit-for-miss', until: now + hitForMissMs }))
}

// validation ─────────────────────────────────────────────────────────────────────────────────────────────────────

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

/** The origin says that what is stored is current: it lives on with the fields of the 304 (RFC 9111 §4.3.4). */
async function validated(life: Life, found: Forward, slot: Slot, stored: StoredResponse, got: Answer) {
  const responseTime = life.ports.now()
  const answered = new Headers(got.response.headers)
  got.abandon()
  const { head, fields, kept } = freshen(life, slot, stored, answered, responseTime)
  return deliverStored(
    { ...life, requestTime: Math.max(life.requestTime, head.storedAt) },
    { ...stored, head },
    { kind: 'forward', because: found.because, status: 304, stored: kept },
    fields,
  )
}

/** Freshens what is stored, or lets go of it where it may not be kept any more. */
function freshen(life: Life, slot: Slot, stored: StoredResponse, answered: Headers, responseTime: number) {
  const { store } = life.ports
  const targeted = { ...stored.head.targeted, ...hiddenTargets(answered) }
  const fields = updatedFields(stored, tidyResponse(answered, responseTime))
  const judged = new Headers(fields)
  for (const [name, value] of Object.entries(targeted)) judged.set(name, value)
  const admission = judge(life, slot, stored.head.status, judged, responseTime, true)
  const selecting = [...(slot.variants?.names ?? []), ...life.route.cache.key.headers]
  if (admission.kind === 'uncacheable' || admission.vary.some((name) => !selecting.includes(name))) {
    if (admission.kind === 'store' || isLasting(admission.because)) life.background(store.delete(slot.key))
    return { head: stored.head, fields, kept: false }
  }
  const head = { ...headOf(life, admission, stored), targeted }
  const kept = new Headers(fields)
  kept.delete('set-cookie')
  life.background(store.update(slot.key, stored.head.storedAt, head, kept))
  return { head, fields, kept: true }
}

/** What a HEAD tells of a stored response: that it is current, or that it is not (RFC 9111 §4.3.5). */
async function updateByHead(life: Life, slot: Slot, stored: StoredResponse, got: Answer): Promise<void> {
  const { response } = got
  // Another status tells of this request alone: of its credentials, or of a limit.
  if (response.status !== stored.head.status) return
  const before = validatorsOf(stored)
  const length = contentLength(response.headers)
  const same =
    (length === undefined || length === stored.size) &&
    agree(before.etag, response.headers.get('etag'), sameWeak) &&
    agree(before.lastModified, response.headers.get('last-modified'), (left, right) => left === right)
  const responseTime = life.ports.now()
  if (!same) await life.ports.store.delete(slot.key)
  else if (before.etag === null || response.headers.get('etag') !== null) {
    freshen(life, slot, stored, new Headers(response.headers), responseTime)
  }
}

function agree(left: string | null, right: string | null, same: (left: string, right: string) => boolean): boolean {
  return left === null || right === null || same(left, right)
}
