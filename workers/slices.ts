// Ranges of large content. They are asked for in aligned slices, which are stored one by one under a note that holds
// head and fields of the whole; from these a range is put together, and what is missing is fetched. The strong ETag in
// the note guards it: what an origin sends on belongs to the same representation, or it is not used.
import { contentLength, tagsOf } from '../shared/http/fields.ts'
import { isLasting } from '../shared/http/may-store.ts'
import { sameStrong } from '../shared/http/preconditions.ts'
import { type ByteRange, parseContentRange, parseRange } from '../shared/http/ranges.ts'
import { alignedRange, overlap, rangeOfSlice, sliceAt } from '../shared/http/slices.ts'
import { hiddenTargets } from '../shared/http/targeted.ts'
import { admissionOf, admit, guarded, headOf, noteHitForMiss } from './admit.ts'
import {
  deliverNotCached,
  deliverProblem,
  deliverStored,
  isNotModified,
  partResponse,
  selectionOf,
  stamp,
} from './deliver.ts'
import { forward, isError } from './forward.ts'
import type { Answer, Forward, Hit, Life, Refused, Slot } from './life.ts'
import { originFields, tidyResponse } from './messages.ts'
import type { SlicesNote, StoredHead, StoredResponse } from './ports.ts'
import { type Client, clientWanting, pourRun, type Run, type Slicing } from './slice-stream.ts'
import { placeFor } from './variants.ts'

/** So many slices are looked for before the first byte is sent; whether it is a hit is said by them. */
const maxProbed = 8
/** Each costs two or three subrequests, of which a request has 50 at least: what is beyond comes in one piece. */
const maxSlices = 16

/** What is kept in slices: where, and under which note. */
interface Sliced {
  readonly key: string
  readonly note: SlicesNote
}

/** The stored response that a note of slices stands for. */
export function slicedResponse(life: Life, { key, note }: Sliced): StoredResponse {
  const { head, fields, size } = note
  return {
    kind: 'response',
    head,
    fields,
    size,
    slices: note,
    async body(range = { first: 0, last: size - 1 }) {
      const opened = await open(life, { key, note }, range)
      if (opened.kind === 'changed') opened.got.abandon()
      return opened.kind === 'open' ? opened.body : undefined
    },
    discard: () => undefined,
  }
}

/** The note, with a newer head and fields. */
export function freshened(note: SlicesNote, head: StoredHead, fields: Headers): SlicesNote {
  return { ...note, head, fields: Object.fromEntries(fields), until: head.keepUntil }
}

// a hit ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Answers from slices, of which some may be missing. */
export async function deliverSliced(life: Life, found: Hit, note: SlicesNote): Promise<Response> {
  const { stored, slot, ttl } = found
  const wanted = wantedOf(life, stored)
  const hit = { kind: 'hit', ttl, detail: found.kind === 'stale' ? 'grace' : undefined } as const
  if (wanted === undefined) return deliverStored(life, found, stored, hit)
  const opened = await open(life, { key: slot.key, note }, wanted)
  const missed: Forward = { kind: 'forward', because: 'partial', slot, stored }
  switch (opened.kind) {
    case 'open': {
      const { body, fetched } = opened
      const filled = { kind: 'forward', because: 'partial', status: 206, stored: true } as const
      return deliverStored(life, found, { ...stored, body: async () => body }, fetched ? filled : hit)
    }
    case 'changed':
      return admitChanged(life, missed, slot, opened.got, opened.asked)
    case 'not-cached':
      return deliverNotCached(life, missed)
    case 'refused':
      return deliverProblem(life, missed, opened.problem)
    default:
      return opened satisfies never
  }
}

/** The origin has another version by now, or none, or cannot say. */
async function admitChanged(life: Life, found: Forward, slot: Slot, got: Answer, asked: ByteRange): Promise<Response> {
  const { status } = got.response
  if (status === 206) return admitSlices(life, found, slot, got, asked)
  if (!isError(status)) await life.ports.store.forget(slot.key, life.requestTime)
  return admit(life, found, got)
}

/** The bytes that the answer carries or is made of; undefined where it carries none. */
function wantedOf(life: Life, { head, fields: stored, size }: Omit<StoredResponse, 'body'>): ByteRange | undefined {
  const fields = new Headers(stored)
  if (life.method === 'HEAD' || size === 0 || isNotModified(life, fields, head.storedAt)) return undefined
  const selection = selectionOf(life, size, fields)
  if (selection.kind === 'unsatisfiable') return undefined
  const single = selection.kind === 'ranges' && selection.ranges.length === 1 ? selection.ranges[0] : undefined
  return single ?? { first: 0, last: size - 1 }
}

type Opened =
  | { readonly kind: 'open'; readonly body: ReadableStream; readonly fetched: boolean }
  | { readonly kind: 'not-cached' }
  | NoRun

/** The bytes, as soon as the first of them are at hand. */
async function open(life: Life, sliced: Sliced, wanted: ByteRange): Promise<Opened> {
  const { sliceBytes } = sliced.note
  const first = sliceAt(wanted.first, sliceBytes)
  const probed = Math.min(sliceAt(wanted.last, sliceBytes) - first + 1, maxProbed)
  const indexes = Array.from({ length: probed }, (_, each) => first + each)
  const slices = await Promise.all(indexes.map((index) => matchSlice(life, sliced, index)))
  const held = new Map(indexes.map((index, each) => [index, slices[each]]))
  if (life.directives.onlyIfCached && slices.includes(undefined)) {
    for (const stored of slices) stored?.discard()
    return { kind: 'not-cached' }
  }
  const run = held.get(first)
    ? undefined
    : await askFor(life, sliced.note, alignedRange(wanted.first, wanted.last, sliceBytes))
  if (run !== undefined && run.kind !== 'run') {
    for (const stored of slices) stored?.discard()
    return run
  }
  const client = clientWanting(wanted)
  life.background(pour(life, sliced, wanted, client, held, run))
  return { kind: 'open', body: client.body, fetched: slices.includes(undefined) }
}

// a miss ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What an origin is asked for where a range is asked of a miss, and it is known where the range begins. */
export function slicesFor({ method, fields, route }: Life, { stored }: Forward): ByteRange | undefined {
  const { sliceBytes } = route.cache
  if (method !== 'GET' || sliceBytes === 0 || (stored !== undefined && stored.slices === undefined)) return undefined
  const [spec, ...others] = parseRange(fields.get('range')) ?? []
  if (spec === undefined || 'suffix' in spec || others.length > 0) return undefined
  return alignedRange(spec.first, spec.last, sliceBytes)
}

/** An origin has sent the part that it was asked for. It is stored where that is right; the client gets its share. */
export async function admitSlices(life: Life, found: Forward, slot: Slot, got: Answer, asked: ByteRange) {
  const { ports, background } = life
  const { headers } = got.response
  const responseTime = ports.now()
  const stated = statedIn(headers, asked.first)
  if (stated === undefined) return askAgain(life, found, got)

  const fields = tidyResponse(new Headers(headers), responseTime)
  const judged = new Headers(headers)
  for (const whole of [fields, judged]) {
    whole.delete('content-range')
    whole.set('content-length', String(stated.size))
  }
  const admission = admissionOf(life, got, 200, judged, responseTime, true)
  const place = admission.kind === 'store' ? placeFor(life, slot, admission.vary, admission.keepUntil) : undefined
  const isWhole = stated.first === 0 && stated.last === stated.size - 1
  if (admission.kind === 'uncacheable' || place === undefined || !(isWhole || isGuarded(headers))) {
    if (admission.kind === 'store' || isLasting(admission.because)) noteHitForMiss(life, slot, responseTime)
    return passPart(life, found, got, stated, fields)
  }

  const head = headOf(life, admission, { status: 200, tags: tagsOf(headers), targeted: hiddenTargets(headers) })
  const { size } = stated
  const base = { kind: 'response', head, fields: Object.fromEntries(fields), size } as const
  const wanted = wantedOf(life, { ...base, discard: () => undefined })
  const client = clientWanting(wanted ?? { first: 0, last: -1 })
  if (place.note !== undefined) background(ports.store.note(slot.base, place.note, life.requestTime))
  if (isWhole) {
    // A range of what is no larger than a slice has brought all of it.
    const begin = () => guarded(ports.store.begin(place.key, head, fields, size), headers, admission.echoes)
    background(pourRun({ got, stated }, { sliceBytes: size, size, begin }, client).catch(client.cut))
  } else {
    const { sliceBytes } = life.route.cache
    const note: SlicesNote = { ...base, kind: 'slices', id: crypto.randomUUID(), sliceBytes, until: head.keepUntil }
    background(ports.store.note(place.key, note, life.requestTime))
    background(pour(life, { key: place.key, note }, wanted ?? stated, client, new Map(), { got, stated }))
  }
  const stored: StoredResponse = { ...base, body: async () => client.body, discard: () => undefined }
  return deliverStored(life, found, stored, { kind: 'forward', because: found.because, status: 206, stored: true })
}

/** What a part says that it carries, from `first` on; undefined where that cannot be, or its length says otherwise. */
function statedIn(headers: Headers, first: number): (ByteRange & { readonly size: number }) | undefined {
  const stated = parseContentRange(headers.get('content-range'))
  if (stated?.size === undefined || stated.first !== first) return undefined
  const length = contentLength(headers)
  if (length !== undefined && length !== stated.last - stated.first + 1) return undefined
  return { first, last: stated.last, size: stated.size }
}

/** Whether parts of it can be told from parts of another version (RFC 9110 §15.3.7.3). */
function isGuarded(headers: Headers): boolean {
  const etag = headers.get('etag')
  return etag !== null && sameStrong(etag, etag) && !headers.has('content-encoding')
}

/** The client's share of a part that is not stored. */
async function passPart(
  life: Life,
  found: Forward,
  got: Answer,
  stated: ByteRange & { readonly size: number },
  fields: Headers,
): Promise<Response> {
  const { size } = stated
  const selection = selectionOf(life, size, fields)
  const wanted = selection.kind === 'ranges' ? selection.ranges[0] : undefined
  if (wanted === undefined || wanted.first < stated.first || wanted.last > stated.last)
    return askAgain(life, found, got)
  const client = clientWanting(wanted)
  const nowhere: Slicing = { sliceBytes: size, size, begin: () => undefined }
  life.background(pourRun({ got, stated }, nowhere, client).catch(client.cut))
  const status = { kind: 'forward', because: found.because, status: 206, stored: false } as const
  return stamp(life, found, partResponse(client.body, wanted, size, fields), status)
}

/** The aligned part was of no use: the origin is asked for what the client asks for. */
async function askAgain(life: Life, found: Forward, got: Answer): Promise<Response> {
  got.abandon()
  const again = await forward(life, originFields(life, true))
  return again.kind === 'refused' ? deliverProblem(life, found, again.problem) : admit(life, found, again)
}

// slices ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type FoundRun = Run & { readonly kind: 'run' }
type NoRun = { readonly kind: 'changed'; readonly got: Answer; readonly asked: ByteRange } | Refused
type StoredSlices = Map<number, StoredResponse | undefined>

const keyOfSlice = ({ key, note }: Sliced, index: number): string => `${key},s,${note.id},${index}`

async function matchSlice(life: Life, sliced: Sliced, index: number): Promise<StoredResponse | undefined> {
  const { sliceBytes, size } = sliced.note
  const stored = await life.ports.store.match(keyOfSlice(sliced, index))
  if (stored?.kind !== 'response') return undefined
  const { first, last } = rangeOfSlice(index, sliceBytes, size)
  if (stored.size === last - first + 1) return stored
  stored.discard()
  return undefined
}

/** Asks an origin for a part of the very representation that the note is about. */
async function askFor(life: Life, note: SlicesNote, asked: ByteRange): Promise<FoundRun | NoRun> {
  const etag = note.fields.etag ?? ''
  const fields = originFields(life, true, [], asked)
  fields.set('if-range', etag)
  const got = await forward(life, fields)
  if (got.kind === 'refused') return got
  const { status, headers } = got.response
  const stated = status === 206 ? statedIn(headers, asked.first) : undefined
  const isSame = stated?.size === note.size && sameStrong(etag, headers.get('etag')) && isGuarded(headers)
  return isSame ? { kind: 'run', got, stated } : { kind: 'changed', got, asked }
}

/** Puts together what is wanted, of slices that are held, in the store, or fetched, `run` first. Never rejects. */
async function pour(
  life: Life,
  sliced: Sliced,
  wanted: ByteRange,
  client: Client,
  held: StoredSlices,
  run: Run | undefined,
): Promise<void> {
  const { sliceBytes, size, head } = sliced.note
  const slicing: Slicing = {
    sliceBytes,
    size,
    begin(index) {
      const { first, last } = rangeOfSlice(index, sliceBytes, size)
      return life.ports.store.begin(keyOfSlice(sliced, index), head, new Headers(), last - first + 1)
    },
  }
  const unstored: Slicing = { ...slicing, begin: () => undefined }
  const until = sliceAt(wanted.first, sliceBytes) + maxSlices
  let position = wanted.first
  try {
    if (run !== undefined) {
      await pourRun(run, slicing, client)
      position = run.stated.last + 1
    }
    while (client.waits && position <= wanted.last) {
      const index = sliceAt(position, sliceBytes)
      const isLast = index >= until
      const stored = isLast ? undefined : (held.get(index) ?? (await matchSlice(life, sliced, index)))
      held.delete(index)
      if (stored !== undefined) {
        const range = rangeOfSlice(index, sliceBytes, size)
        await pourStored(stored, range, wanted, client)
        position = range.last + 1
        continue
      }
      const rest = { first: position, last: wanted.last }
      const asked = await askFor(life, sliced.note, isLast ? rest : alignedRange(position, wanted.last, sliceBytes))
      if (asked.kind !== 'run') {
        if (asked.kind === 'changed') asked.got.abandon()
        throw new Error('What is missing of the content cannot be had any more.')
      }
      await pourRun(asked, isLast ? unstored : slicing, client)
      position = asked.stated.last + 1
    }
  } catch (error) {
    await client.cut(error)
  } finally {
    for (const stored of held.values()) stored?.discard()
  }
}

/** The client's share of a slice that is stored. */
async function pourStored(stored: StoredResponse, slice: ByteRange, wanted: ByteRange, client: Client): Promise<void> {
  const share = overlap(slice, wanted)
  if (share === undefined) return stored.discard()
  const body = await stored.body({ first: share.first - slice.first, last: share.last - slice.first })
  let position = share.first
  for await (const piece of new Response(body ?? null).body ?? []) {
    await client.take(position, piece)
    position += piece.byteLength
    if (!client.waits) return
  }
  if (position <= share.last) throw new Error('A stored slice is cut.')
}
