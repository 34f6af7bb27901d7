// A range was asked of a miss, and an origin was asked for aligned slices in its place: what becomes of its answer.
import { tagsOf } from '../../shared/http/fields.ts'
import { isLasting } from '../../shared/http/may-store.ts'
import { type ByteRange, parseRange } from '../../shared/http/ranges.ts'
import { alignedRange, mostSlices, sliceAt } from '../../shared/http/slices.ts'
import { hiddenTargets } from '../../shared/http/targeted.ts'
import { forward } from '../balance/forward.ts'
import type { Answer, Forward, Life, Slot } from '../life.ts'
import { originFields, tidyResponse } from '../messages.ts'
import type { SlicesNote, StoredResponse } from '../ports.ts'
import { settled } from '../session/settle-session.ts'
import { admissionOf, admit, guarded, headOf, noteHitForMiss } from './admit.ts'
import { bytesNeeded, deliverProblem, deliverStored, partResponse, selectionOf, stamp } from './deliver.ts'
import { fieldsOfWhole, isGuarded, pour, type StatedPart, statedIn } from './slice-fill.ts'
import { clientWanting, pourRun, unstored } from './slice-stream.ts'
import { placeFor } from './variants.ts'

/** What an origin is asked for where a range is asked of a miss, and it is known where the range begins. */
export function slicesFor({ method, fields, route }: Life, { stored }: Forward): ByteRange | undefined {
  const { sliceBytes } = route.cache
  if (method !== 'GET' || sliceBytes === 0 || (stored !== undefined && stored.slices === undefined)) return undefined
  const [spec, ...others] = parseRange(fields.get('range')) ?? []
  if (spec === undefined || 'suffix' in spec || others.length > 0) return undefined
  return alignedRange(spec.first, spec.last, sliceBytes)
}

/** An origin has sent the part that it was asked for. It is stored where that is right; the client gets its share. */
export async function admitSlices(
  life: Life,
  found: Forward,
  slot: Slot,
  got: Answer,
  asked: ByteRange,
): Promise<Response> {
  const { ports, background } = life
  const { headers } = got.response
  const responseTime = ports.now()
  const stated = statedIn(headers, asked.first)
  // Less than was asked for may not be what the client wants, and what is to come may be as short.
  if (stated === undefined || stated.last < Math.min(asked.last, stated.size - 1)) return askAgain(life, found, got)

  const { size } = stated
  const judged = fieldsOfWhole(headers, size)
  const fields = tidyResponse(new Headers(judged), responseTime)
  const admission = admissionOf(life, got, 200, judged, responseTime, true)
  const place = admission.kind === 'store' ? placeFor(life, slot, admission.vary, admission.keepUntil) : undefined
  const isWhole = stated.first === 0 && stated.last === size - 1
  if (admission.kind === 'uncacheable' || place === undefined || !(isWhole || isGuarded(headers))) {
    const isSo = admission.kind === 'store' || isLasting(admission.because)
    if (isSo && found.stored === undefined) noteHitForMiss(life, slot, responseTime)
    return passPart(life, found, got, stated, fields)
  }

  const head = headOf(life, admission, { status: 200, tags: tagsOf(headers), targeted: hiddenTargets(headers) })
  const whole = { kind: 'response', head, fields: Object.fromEntries(fields), size } as const
  const wanted = bytesNeeded(life, whole) ?? { first: stated.first, last: stated.first - 1 }
  const client = clientWanting(wanted)
  // Of those who came together one stores it.
  const stores = got.flight?.stores !== false
  if (stores && place.note !== undefined) background(ports.store.note(slot.base, place.note, life.requestTime))
  if (isWhole) {
    // A range of what is no larger than a slice has brought all of it.
    const sink = () => guarded(ports.store.begin(place.key, head, fields, size), headers, admission.echoes)
    const begin = () => (stores ? sink() : undefined)
    background(pourRun({ got, stated }, { ...unstored(size), begin }, client).catch(client.cut))
  } else {
    const { sliceBytes } = life.route.cache
    const id = got.flight?.id ?? crypto.randomUUID()
    const note: SlicesNote = { ...whole, kind: 'slices', id, sliceBytes, until: head.keepUntil }
    if (stores) background(ports.store.note(place.key, note, life.requestTime))
    const until = sliceAt(wanted.first, sliceBytes) + mostSlices(sliceBytes)
    const run = { kind: 'run', got, stated, admission } as const
    background(pour(life, { key: place.key, note }, wanted, client, new Map(), until, run))
  }
  const stored: StoredResponse = { ...whole, body: async () => client.body, discard: () => undefined }
  const { because } = found
  const told = { kind: 'forward', because, status: 206, stored: stores, collapsed: got.flight?.collapsed } as const
  return deliverStored(life, found, stored, told)
}

/** The client's share of a part that is not stored. */
async function passPart(
  life: Life,
  found: Forward,
  got: Answer,
  stated: StatedPart,
  fields: Headers,
): Promise<Response> {
  const { size } = stated
  const selection = selectionOf(life, size, fields)
  const wanted = selection.kind === 'ranges' ? selection.ranges[0] : undefined
  if (wanted === undefined || wanted.first < stated.first || wanted.last > stated.last)
    return askAgain(life, found, got)
  const client = clientWanting(wanted)
  life.background(pourRun({ got, stated }, unstored(size), client).catch(client.cut))
  const { because } = found
  const status = { kind: 'forward', because, status: 206, stored: false, collapsed: got.flight?.collapsed } as const
  return stamp(life, found, partResponse(client.body, wanted, size, fields), status)
}

/** What came was of no use: an origin is asked for what the client asks for, in its own name. */
export async function askAgain(life: Life, found: Forward, got: Answer): Promise<Response> {
  got.abandon()
  const again = await forward(life, originFields(life, true))
  if (again.kind === 'answer') life.heard?.(again.response)
  return again.kind === 'refused'
    ? deliverProblem(life, found, again.problem)
    : settled(life, found, again, () => admit(life, found, again))
}
