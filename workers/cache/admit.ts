// The admit phase: an origin has answered, and what becomes of it is decided at its head, before its body flows.
import { isOfSide } from '../../shared/balance/steering.ts'
import type { CacheStatusDetail } from '../../shared/http/cache-status.ts'
import { changesSession, contentLength, tagsOf } from '../../shared/http/fields.ts'
import { type Admission, isLasting, mayStore, type NoStoreReason } from '../../shared/http/may-store.ts'
import { isReadable, repeatsInHead, tellingValues } from '../../shared/http/reflection.ts'
import { hasNoContent } from '../../shared/http/status.ts'
import { hiddenTargets } from '../../shared/http/targeted.ts'
import { noteClient } from '../balance/steer.ts'
import type { Answer, Forward, Life, Slot } from '../life.ts'
import { isEventStream, tidyResponse } from '../messages.ts'
import { announce, both } from '../origin-events.ts'
import type { BodySink, StoredHead } from '../ports.ts'
import { relay } from '../relay.ts'
import { isNotModified, notModifiedResponse, stamp } from './deliver.ts'
import { invalidate, keyOfTarget } from './invalidate.ts'
import { type Echoes, reflectionGuard } from './reflection-guard.ts'
import { unkeyedOf } from './unkeyed.ts'
import { placeFor } from './variants.ts'

/** Sends the answer on, and stores it where that is right. */
export async function admit(life: Life, found: Forward, got: Answer): Promise<Response> {
  const { ports, background } = life
  const { response } = got
  const responseTime = ports.now()
  if (found.slot === undefined) await invalidate(life, response, responseTime)
  const slot = found.slot ?? slotOfTarget(life, response)
  // What came by a flight was judged there; who does not store it has nothing to decide.
  const stores = got.flight?.stores !== false
  const admission = slot && stores ? admissionOf(life, got, response.status, response.headers, responseTime) : undefined
  const length = contentLength(response.headers)
  let sink: BodySink | undefined
  let detail: CacheStatusDetail = life.session === undefined ? got.kept && 'upper-tier' : 'session'
  if (admission?.kind === 'store' && slot !== undefined) {
    const entry = entryFor(life, found, slot, got, admission)
    sink = entry.sink
    detail = entry.detail ?? detail
    // Its turn would come in vain: it does not wait for others again.
    if (entry.detail === 'variants' && slot.variants !== undefined) noteHitForMiss(life, slot, responseTime)
  } else if (admission?.kind === 'uncacheable' && found.slot !== undefined) {
    detail = found.slot.hitForMiss ? 'hit-for-miss' : admission.because
    noteUncacheable(life, found, found.slot, admission.because, response.status, responseTime)
  }
  const isThere = sink !== undefined && response.status === 200 && isNotModified(life, response.headers, responseTime)
  const heard = announce(life, got)
  const { body, done } = await bodyOf(life, got, length, both(sink, heard), isThere)
  if (sink !== undefined || heard !== undefined) background(done)
  const status = {
    kind: 'forward',
    because: found.because,
    status: response.status,
    stored: sink !== undefined,
    collapsed: got.flight?.collapsed,
    detail,
  } as const
  if (isThere) {
    // The store still gets all of it.
    if (body instanceof ReadableStream) body.cancel().catch(() => undefined)
    return stamp(life, found, notModifiedResponse(tidyResponse(new Headers(response.headers), responseTime)), status)
  }
  // Takes over the status, the fields, the WebSocket, and that coded bytes stay as they are.
  const delivered = new Response(life.method === 'HEAD' ? null : body, response)
  tidyResponse(delivered.headers, responseTime)
  if (sink === undefined && admission?.kind !== 'store') await noteClient(life, got, delivered.headers)
  return stamp(life, found, delivered, status)
}

/** Begins an entry, where there is a place for it. */
export function entryFor(
  life: Life,
  found: Forward,
  slot: Slot,
  got: Answer,
  admission: Stores,
): { readonly sink?: BodySink; readonly detail?: CacheStatusDetail } {
  const { store } = life.ports
  const { status, headers } = got.response
  const place = placeFor(life, slot, admission.vary, admission.keepUntil)
  if (place === undefined) return { detail: 'variants' }
  const responseTime = life.ports.now()
  if (wouldHide(found, admission, responseTime)) return { detail: 'unkeyed-field' }
  if (place.note !== undefined) life.background(store.note(slot.base, place.note, life.requestTime))
  const fields = tidyResponse(new Headers(headers), responseTime)
  // What has no content may say a length all the same: no byte of it will come.
  if (hasNoContent(status)) fields.delete('content-length')
  const head = got.kept ?? headOf(life, admission, { status, tags: tagsOf(headers), targeted: hiddenTargets(headers) })
  return { sink: guarded(store.begin(place.key, head, fields, contentLength(fields)), headers, admission.echoes) }
}

/** Whether only some could be given the response, in the place of one that may still stand in for all. */
function wouldHide({ stored }: Forward, { unlisted }: Stores, now: number): boolean {
  if (stored === undefined || unlisted.length === 0 || stored.head.unlisted.length > 0) return false
  const { graceUntil, errorGraceUntil, sickGraceUntil } = stored.head
  return now < Math.max(graceUntil, errorGraceUntil, sickGraceUntil)
}

async function bodyOf(
  life: Life,
  got: Answer,
  length: number | undefined,
  sink: BodySink | undefined,
  isThere: boolean,
) {
  const { method, route, isForStore } = life
  const { response, idleMs, abandon } = got
  if (response.body === null || method === 'HEAD' || hasNoContent(response.status)) {
    return { body: null, done: sink === undefined ? Promise.resolve() : sink.end() }
  }
  // The flight keeps watch over its origin, and a cut shows.
  if (got.flight !== undefined && sink === undefined) return { body: response.body, done: Promise.resolve() }
  // A stream of events may be silent for as long as nothing happens.
  const silenceMs = isEventStream(response.headers) ? undefined : idleMs
  // Of a flight that nobody reads any more the store gets what is nearly done.
  const finishBytes = got.flight && !isForStore && !isThere ? route.cache.flight.windowBytes : undefined
  return relay(response.body, { length, idleMs: silenceMs, sink, finishBytes, abandon })
}

/** Where the answer to a POST may go that says that it is what a GET would give (RFC 9110 §9.3.3). */
function slotOfTarget(life: Life, response: Response): Slot | undefined {
  if (life.method !== 'POST' || response.status !== 200) return undefined
  const key = keyOfTarget(life, response.headers.get('content-location'))
  return key === undefined ? undefined : { base: key, key, hitForMiss: false, after: 0 }
}

/** To be stored, unless its body says one of these again. */
export type Stores = Extract<Admission, { kind: 'store' }> & { readonly echoes: Echoes }

/** Decides before the body flows; `ofStored` where the body is the one that is stored already. */
export function admissionOf(
  life: Life,
  got: Answer,
  status: number,
  fields: Headers,
  responseTime: number,
  ofStored = false,
): Stores | Exclude<Admission, { kind: 'store' }> {
  const { cache } = life.route
  if (life.session !== undefined || changesSession(got.response.headers)) {
    return { kind: 'uncacheable', because: 'session' }
  }
  if (got.by !== undefined && !isOfSide(life.route, life.course.side, got.by.pool)) {
    return { kind: 'uncacheable', because: 'other-pool' }
  }
  const admission = mayStore(
    {
      method: ofStored ? 'GET' : life.method,
      isOfTarget: true,
      requestFields: life.fields,
      requestCacheControl: life.directives,
      ...unkeyedOf(life),
      status,
      responseFields: fields,
      requestTime: life.requestTime,
      responseTime,
      bodyIsWhole: ofStored,
    },
    cache,
  )
  if (admission.kind === 'uncacheable') return admission
  const values = tellingValues(got.sent, [...cache.key.headers, ...admission.vary], life.target.host)
  return values === undefined || repeatsInHead(fields, values)
    ? { kind: 'uncacheable', because: 'reflection' }
    : { ...admission, echoes: { values, decoderFor: life.ports.decoderFor } }
}

/** The sink of a response, which stores nothing that repeats what only its request has said. */
export function guarded(sink: BodySink, fields: Headers, echoes: Echoes): BodySink {
  if (!isReadable(fields.get('content-type'))) return sink
  return reflectionGuard(sink, echoes, fields.get('content-encoding'))
}

/** What is remembered of a response that is stored. */
export function headOf(
  life: Life,
  { kind: _, vary: __, echoes: ___, ...instants }: Stores,
  response: Pick<StoredHead, 'status' | 'tags' | 'targeted'>,
): StoredHead {
  const { status, tags, targeted } = response
  // The answer to a POST is what the POST has made: newer than what its success has let go.
  const askedAt = life.method === 'POST' ? instants.storedAt : life.requestTime
  return { ...instants, status, tags, targeted, askedAt, epoch: life.snapshot.purges.epoch }
}

const partial = new Set([206, 304, 412, 416])

/** How long what proved uncacheable is not waited for. */
const hitForMissMs = 120_000

/** Remembers it where nothing useful would be lost: neither a response that may be used, nor other variants. */
function noteUncacheable(life: Life, found: Forward, slot: Slot, because: NoStoreReason, status: number, now: number) {
  if (!isLasting(because) || status >= 500 || life.fields.get('authorization') !== null) return
  if (life.method !== 'GET' || slot.hitForMiss) return
  // Only this request made it so.
  if (partial.has(status) || life.fields.get('range') !== null || found.because === 'request') return
  const head = found.stored?.head
  if (head !== undefined && now < Math.max(head.freshUntil, head.graceUntil, head.errorGraceUntil)) return
  noteHitForMiss(life, slot, now)
}

/** `now` in milliseconds. */
export function noteHitForMiss(life: Life, { key }: Slot, now: number): void {
  life.background(life.ports.store.note(key, { kind: 'hit-for-miss', until: now + hitForMissMs }, life.requestTime))
}
