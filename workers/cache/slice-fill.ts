// Content that is kept in slices: what of it is stored, and how what is missing is had. The strong ETag in the note
// guards it: what an origin sends on belongs to the same representation, or it is not used.
import { contentLength, without } from '../../shared/http/fields.ts'
import { sameStrong } from '../../shared/http/preconditions.ts'
import { type ByteRange, contentRange, parseContentRange } from '../../shared/http/ranges.ts'
import { isReadable, searchFor } from '../../shared/http/reflection.ts'
import { requestDeadline } from '../../shared/http/request-deadline.ts'
import { alignedRange, overlap, rangeOfSlice, sliceAt } from '../../shared/http/slices.ts'
import { flyInPart } from '../collapse/fly.ts'
import type { Answer, Life, Refused } from '../life.ts'
import { originFields } from '../messages.ts'
import type { SlicesNote, StoredResponse } from '../ports.ts'
import { admissionOf, type Stores } from './admit.ts'
import { type Client, pourRun, type Run, type Slicing, unstored } from './slice-stream.ts'

/** What is kept in slices: where, and under which note. */
export interface Sliced {
  readonly key: string
  readonly note: SlicesNote
}

/** What was found of slices, by their number; undefined where one is missing. */
export type FoundSlices = Map<number, StoredResponse | undefined>

const keyOfSlice = ({ key, note }: Sliced, index: number): string => `${key},s,${note.id},${index}`

export async function matchSlice(life: Life, sliced: Sliced, index: number): Promise<StoredResponse | undefined> {
  const { sliceBytes, size } = sliced.note
  const stored = await life.ports.store.match(keyOfSlice(sliced, index))
  if (stored?.kind !== 'response') return undefined
  const { first, last } = rangeOfSlice(index, sliceBytes, size)
  if (stored.size === last - first + 1) return stored
  stored.discard()
  return undefined
}

// What an origin sends ────────────────────────────────────────────────────────────────────────────────────────────

export interface StatedPart extends ByteRange {
  /** Of the whole. */
  readonly size: number
}

/** What a part says that it carries, from `first` on; undefined where that cannot be, or its length says otherwise. */
export function statedIn(headers: Headers, first: number): StatedPart | undefined {
  const stated = parseContentRange(headers.get('content-range'))
  if (stated?.size === undefined || stated.first !== first) return undefined
  const length = contentLength(headers)
  if (length !== undefined && length !== stated.last - stated.first + 1) return undefined
  if (headers.get('content-type')?.toLowerCase().startsWith('multipart/byteranges')) return undefined
  return { first, last: stated.last, size: stated.size }
}

/** Whether parts of it can be told from parts of another version (RFC 9110 §15.3.7.3). */
export function isGuarded(headers: Headers): boolean {
  const etag = headers.get('etag')
  return etag !== null && sameStrong(etag, etag) && !headers.has('content-encoding')
}

/** The fields that the whole would have come with. */
export function fieldsOfWhole(headers: Headers, size: number): Headers {
  const fields = new Headers(headers)
  fields.delete('content-range')
  fields.set('content-length', String(size))
  return fields
}

/** The fields that a part comes with. */
export function fieldsOfPart(headers: Headers, part: ByteRange, size: number): Headers {
  const fields = new Headers(headers)
  fields.set('content-range', contentRange(part, size))
  fields.set('content-length', String(part.last - part.first + 1))
  return fields
}

export type FoundRun = Run & {
  readonly kind: 'run'
  /** Absent where it is not for others: then nothing of it is stored. */
  readonly admission?: Stores
}

/** The origin has answered with something else. */
export type NoRun = { readonly kind: 'changed'; readonly got: Answer; readonly asked: ByteRange } | Refused

/**
 * Asks an origin for a part of the very representation that the note is about, in everybody's name: the client who
 * wants it now is not known to it. Lets go of the note where there is another version, or none.
 */
export async function askFor(life: Life, sliced: Sliced, asked: ByteRange): Promise<FoundRun | NoRun> {
  const { note, key } = sliced
  const { store } = life.ports
  const etag = note.fields.etag ?? ''
  const passing = life.passing ?? note.head.unlisted
  const nobody: Life = { ...life, passing, fields: without(life.fields, 'authorization', requestDeadline) }
  const fields = originFields(nobody, true, [], asked)
  fields.delete('authorization')
  fields.set('if-range', etag)
  const slot = { key, after: note.head.askedAt, staleSince: 0 }
  const got = await flyInPart(nobody, slot, fields, asked, note.sliceBytes)
  if (got.kind === 'refused') return got
  const { status, headers } = got.response
  const stated = status === 206 ? statedIn(headers, asked.first) : undefined
  const isSame = stated?.size === note.size && sameStrong(etag, headers.get('etag')) && isGuarded(headers)
  if (!isSame) {
    if (isGone.has(status)) await store.forget(key, life.requestTime)
    return { kind: 'changed', got, asked }
  }
  const whole = fieldsOfWhole(headers, note.size)
  const admission = admissionOf(nobody, got, 200, whole, life.ports.now(), true)
  const isLike = ['vary', 'content-type'].every((name) => headers.get(name) === (note.fields[name] ?? null))
  if (admission.kind === 'store' && isLike) return { kind: 'run', got, stated, admission }
  await store.forget(key, life.requestTime)
  return { kind: 'run', got, stated }
}

/** These say that what is stored is not what there is; others tell of this request, or of the origin's health. */
const isGone = new Set([200, 206, 404, 410])

// Putting together ────────────────────────────────────────────────────────────────────────────────────────────────

/** The most that is asked of origins for one answer. */
const maxRuns = 32

/**
 * Puts together what the client wants: of slices that are found, in the store, or fetched, `run` first. From the slice
 * `until` on the rest comes in one piece and is not stored. Never rejects.
 */
export async function pour(
  life: Life,
  sliced: Sliced,
  wanted: ByteRange,
  client: Client,
  found: FoundSlices,
  until: number,
  run: FoundRun | undefined,
): Promise<void> {
  const { sliceBytes, size } = sliced.note
  let isShort = false
  try {
    if (run !== undefined) {
      await pourRun(run, slicingOf(life, sliced, run), client)
      isShort = client.next === wanted.first
    }
    for (let runs = 0; client.waits; ) {
      const position = client.next
      const index = sliceAt(position, sliceBytes)
      const isBeyond = isShort || index >= until
      const stored = isBeyond
        ? undefined
        : await (found.has(index) ? found.get(index) : matchSlice(life, sliced, index))
      found.delete(index)
      if (stored !== undefined && (await pourStored(stored, rangeOfSlice(index, sliceBytes, size), client, wanted)))
        continue
      if (++runs > maxRuns) throw new Error('The origin sends too little at once.')
      const rest = { first: position, last: wanted.last }
      const next = await askFor(life, sliced, isBeyond ? rest : alignedRange(position, wanted.last, sliceBytes))
      if (next.kind !== 'run') {
        if (next.kind === 'changed') next.got.abandon()
        throw new Error('What is missing of the content cannot be had any more.')
      }
      await pourRun(next, isBeyond ? unstored(size) : slicingOf(life, sliced, next), client)
      if (isBeyond && client.next === position) throw new Error('The origin does not send what is missing.')
      // An origin may send less than it is asked for: then it is asked for what is missing alone.
      isShort ||= client.next === position
    }
  } catch (error) {
    await client.cut(error)
  } finally {
    for (const stored of found.values()) stored?.discard()
  }
}

function slicingOf(life: Life, sliced: Sliced, { got, admission }: FoundRun): Slicing {
  const { note, key } = sliced
  const { sliceBytes, size, head } = note
  if (admission === undefined) return unstored(size)
  const { values } = admission.echoes
  const isSearched = values.length > 0 && isReadable(got.response.headers.get('content-type'))
  const search = isSearched ? searchFor(values) : () => false
  return {
    sliceBytes,
    size,
    begin(index) {
      // Of those who came together one stores it.
      if (got.flight?.stores === false) return undefined
      const { first, last } = rangeOfSlice(index, sliceBytes, size)
      return life.ports.store.begin(keyOfSlice(sliced, index), head, new Headers(), last - first + 1)
    },
    search(piece) {
      const repeats = search(piece)
      // Slices of this run may be stored already.
      if (repeats) life.background(life.ports.store.forget(key, life.ports.now()))
      return repeats
    },
  }
}

/** Gives the client its share of a slice; false where the slice is not there any more. */
async function pourStored(
  stored: StoredResponse,
  slice: ByteRange,
  client: Client,
  wanted: ByteRange,
): Promise<boolean> {
  const share = overlap(slice, { first: client.next, last: wanted.last })
  if (share === undefined) return false
  const isWhole = share.first === slice.first && share.last === slice.last
  const part = { first: share.first - slice.first, last: share.last - slice.first }
  const body = await (isWhole ? stored.body() : stored.body(part))
  if (body === undefined || body === null) return false
  let position = share.first
  for await (const piece of new Response(body).body ?? []) {
    await client.take(position, piece)
    position += piece.byteLength
    if (!client.waits) return true
  }
  return position > share.first
}
