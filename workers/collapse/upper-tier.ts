// The upper tier: where a route collapses globally, the object of a flight looks into the cache of its own data centre
// before it asks an origin, and keeps there what the origin gives. So one data centre shields the origin from all others.

import { forward } from '../balance/forward.ts'
import { entryFor, type Stores } from '../cache/admit.ts'
import { lookup } from '../cache/lookup.ts'
import type { Answer, Forward, Hit, Life, Refused } from '../life.ts'
import type { Boarding, BodySink } from '../ports.ts'

/** An answer for a flight, and what of it the object's own store takes. */
export interface Sourced {
  readonly got: Refused | Answer
  /** By which fields of the request it was found among others that are stored. */
  readonly selecting: readonly string[]
  /** Begins an entry; undefined where it does not belong into this store. */
  readonly begin: (admission: Stores) => BodySink | undefined
}

/** Asks an origin alone. */
export async function fromOrigin(life: Life, fields: Headers): Promise<Sourced> {
  return { got: await forward(life, fields), selecting: [], begin: () => undefined }
}

/** Asks the store before an origin. */
export async function throughUpperTier(life: Life, fields: Headers, boarding: Boarding): Promise<Sourced> {
  const found = await lookup(life)
  if (found.kind === 'hit') {
    const got = await fromStore(life, found, fields, boarding)
    if (got !== undefined) return { got, selecting: found.slot.variants?.names ?? [], begin: () => undefined }
  }
  found.stored?.discard()
  const because: Forward = found.kind === 'forward' ? found : { kind: 'forward', because: 'stale', slot: found.slot }
  const got = await forward(life, fields)
  const begin = (admission: Stores) =>
    got.kind === 'answer' && because.slot !== undefined
      ? entryFor(life, because, because.slot, got, admission).sink
      : undefined
  return { got, selecting: [], begin }
}

/**
 * A stored response in the form in which its origin had sent it. Undefined where it is too old for those who ask: they
 * know of a change, or of a purge, that this isolate has not heard of.
 */
async function fromStore(
  { snapshot }: Life,
  { stored, age, slot }: Hit,
  sent: Headers,
  { after, epoch }: Boarding,
): Promise<Answer | undefined> {
  const { head, fields, slices } = stored
  const isKnown = head.askedAt >= Math.max(after, slot.after) && snapshot.purges.epoch >= epoch
  const body = isKnown && slices === undefined ? await stored.body() : undefined
  if (body === undefined) return undefined
  const headers = new Headers({ ...fields, ...head.targeted, age: String(age) })
  if (head.tags.length > 0) headers.set('cache-tag', head.tags.join(','))
  const response = new Response(body, { status: head.status, headers, encodeBody: 'manual' })
  return { kind: 'answer', response, abandon: stored.discard, idleMs: storeIdleMs, sent, kept: head }
}

/** A store that is silent for longer has lost the body. */
const storeIdleMs = 10_000
