// Answers from content that is kept in slices: of which some may be missing, and have to be fetched.
import { alignedRange, mostSlices, sliceAt } from '../../shared/http/slices.ts'
import { failedProblem } from '../balance/forward.ts'
import type { Answer, Forward, Hit, Life, Slot } from '../life.ts'
import type { SlicesNote, StoredHead, StoredResponse } from '../ports.ts'
import { admit } from './admit.ts'
import { admitSlices, askAgain } from './admit-slices.ts'
import { bytesNeeded, deliverNotCached, deliverProblem, deliverStored } from './deliver.ts'
import { askFor, matchSlice, type NoRun, pour, type Sliced } from './slice-fill.ts'
import { clientWanting } from './slice-stream.ts'

/** The stored response that a note of slices stands for; its body is had by `open`. */
export function slicedResponse({ note }: Sliced): StoredResponse {
  const { head, fields, size } = note
  return { kind: 'response', head, fields, size, slices: note, body: async () => undefined, discard: () => undefined }
}

/** The note, with a newer head and fields. */
export function freshened(note: SlicesNote, head: StoredHead, fields: Headers): SlicesNote {
  return { ...note, head, fields: Object.fromEntries(fields), until: head.keepUntil }
}

/** Answers from slices. */
export async function deliverSliced(life: Life, found: Hit, note: SlicesNote): Promise<Response> {
  const { stored, slot, ttl } = found
  const opened = await open(life, slot, stored, note)
  const missed: Forward = { kind: 'forward', because: 'partial', slot, stored }
  switch (opened.kind) {
    case 'open': {
      const { stores = true, collapsed } = opened.flight ?? {}
      const filled = { kind: 'forward', because: 'partial', status: 206, stored: stores, collapsed } as const
      const hit = { kind: 'hit', ttl, detail: found.kind === 'stale' ? 'grace' : undefined } as const
      return deliverStored(life, found, opened.stored, opened.fetched ? filled : hit)
    }
    case 'changed':
      return deliverChanged(life, missed, slot, opened.got, opened)
    case 'not-cached':
      return deliverNotCached(life, missed)
    case 'refused':
      return deliverProblem(life, missed, opened.problem)
    default:
      return opened satisfies never
  }
}

/** The origin has answered with something else than the part that it was asked for. */
async function deliverChanged(
  life: Life,
  found: Forward,
  slot: Slot,
  got: Answer,
  { asked }: Extract<NoRun, { kind: 'changed' }>,
): Promise<Response> {
  switch (got.response.status) {
    case 200:
      return admit(life, found, got)
    case 206:
      return admitSlices(life, found, slot, got, asked)
    case 304:
      got.abandon()
      return deliverProblem(life, found, failedProblem('protocol', true))
    default:
      // It was not asked in this client's name.
      return askAgain(life, found, got)
  }
}

type Opened =
  | {
      readonly kind: 'open'
      readonly stored: StoredResponse
      /** Whether a part of it is fetched. */
      readonly fetched: boolean
      /** By which its beginning comes, if by any. */
      readonly flight?: Answer['flight']
    }
  /** A part of it is missing, and the client wants what is stored and nothing else. */
  | { readonly kind: 'not-cached' }
  | NoRun

/** The response with all of its body that the client wants, as soon as the first bytes are at hand. */
export async function open(life: Life, slot: Slot, stored: StoredResponse, note: SlicesNote): Promise<Opened> {
  const wanted = bytesNeeded(life, stored)
  if (wanted === undefined) return { kind: 'open', stored, fetched: false }
  const sliced = { key: slot.key, note }
  const { sliceBytes } = note
  const first = sliceAt(wanted.first, sliceBytes)
  const last = sliceAt(wanted.last, sliceBytes)
  const until = first + mostSlices(sliceBytes)
  const indexes = Array.from({ length: Math.min(last + 1, until) - first }, (_, each) => first + each)
  const slices = await Promise.all(indexes.map((index) => matchSlice(life, sliced, index)))
  const fetched = last >= until || slices.includes(undefined)
  const letGo = () => {
    for (const slice of slices) slice?.discard()
  }
  if (fetched && life.directives.onlyIfCached) {
    letGo()
    return { kind: 'not-cached' }
  }
  const run = slices[0] ? undefined : await askFor(life, sliced, alignedRange(wanted.first, wanted.last, sliceBytes))
  if (run !== undefined && run.kind !== 'run') {
    letGo()
    return run
  }
  const client = clientWanting(wanted)
  const found = new Map(indexes.map((index, each) => [index, slices[each]]))
  life.background(pour(life, sliced, wanted, client, found, until, run))
  return { kind: 'open', stored: { ...stored, body: async () => client.body }, fetched, flight: run?.got.flight }
}
