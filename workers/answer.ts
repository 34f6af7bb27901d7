// An origin is to answer: with what is asked, with leave to use what is stored, or not at all, and then something stale
// stands in where it may.
import { isSick } from '../shared/balance/pool.ts'
import { without } from '../shared/http/fields.ts'
import { mayStandIn } from '../shared/http/may-reuse.ts'
import { sameWeak } from '../shared/http/preconditions.ts'
import type { ByteRange } from '../shared/http/ranges.ts'
import { requestDeadline } from '../shared/http/request-deadline.ts'
import { failedProblem } from './balance/forward.ts'
import { admit } from './cache/admit.ts'
import { admitSlices, askAgain, slicesFor } from './cache/admit-slices.ts'
import { deliverProblem, deliverStored } from './cache/deliver.ts'
import { open } from './cache/slices.ts'
import { conditionsFor, updateByHead, validated } from './cache/validate.ts'
import { fly } from './collapse/fly.ts'
import type { Answer, Forward, Life } from './life.ts'
import { originFields } from './messages.ts'
import type { StoredResponse } from './ports.ts'
import { settled } from './session/settle-session.ts'

/** Has an origin answer, and admits the answer. */
export async function answer(life: Life, asked: Forward): Promise<Response> {
  const { stored, slot } = asked
  const isForAll = asksForAll(life, asked)
  const conditions = stored === undefined ? [] : conditionsFor(stored)
  const range = isForAll ? slicesFor(life, asked) : undefined
  const fields = originFields(life, slot !== undefined, isForAll ? conditions : undefined, range)
  const got = await fly(life, asked, fields, range)
  const found: Forward = { ...asked, by: got.by }
  if (got.kind === 'refused')
    return (await standIn(life, found)) ?? deliverProblem(life, found, got.problem, got.collapsed)
  life.heard?.(got.response)
  const { status } = got.response
  if (status >= 500) {
    const stale = await standIn(life, found, status)
    if (stale !== undefined) {
      got.abandon()
      return stale
    }
  }
  return settled(life, found, got, () => deliverAnswer(life, found, got, { conditions, isForAll, range }))
}

interface HowAsked {
  /** For everybody's sake, on these conditions, and for this part of the content. */
  readonly isForAll: boolean
  readonly conditions: readonly (readonly [string, string])[]
  readonly range: ByteRange | undefined
}

async function deliverAnswer(
  life: Life,
  found: Forward,
  got: Answer,
  { conditions, isForAll, range }: HowAsked,
): Promise<Response> {
  const { stored, slot } = found
  const { status } = got.response
  if (stored !== undefined && slot !== undefined) {
    if (status === 304 && conditions.length > 0 && namesAnother(got.response, stored)) {
      stored.discard()
      return askAgain(life, found, got)
    }
    if (status === 304 && conditions.length > 0) return validated(life, found, slot, stored, got)
    if (life.method === 'HEAD') await updateByHead(life, slot, stored, got)
    stored.discard()
  }
  if (status === 304 && isForAll) {
    // Nobody asked whether anything was modified.
    got.abandon()
    return deliverProblem(life, found, failedProblem('protocol', true))
  }
  if (status === 206 && range !== undefined && slot !== undefined) return admitSlices(life, found, slot, got, range)
  return admit(life, found, got)
}

/** A 304 that is about another representation than the one that was asked about updates nothing (RFC 9111 §4.3.4). */
function namesAnother({ headers }: Response, { fields }: StoredResponse): boolean {
  const [told, asked] = [headers.get('etag'), fields.etag]
  return told !== null && asked !== undefined && !sameWeak(told, asked)
}

/** Whether the whole is asked for, on our own conditions; otherwise for this client alone, on its own. */
function asksForAll({ fields }: Life, { slot, stored }: Forward): boolean {
  if (slot === undefined || slot.hitForMiss) return false
  // What is asked for with Authorization will hardly be shared, and then the client may have it already.
  return stored !== undefined || fields.get('authorization') === null
}

/** Asks an origin behind a response, so that the store has something fresh for the next one. */
export async function refresh(life: Life, found: Forward): Promise<void> {
  // It is for everybody: what this client has already, wants a part of, or says of itself, does not matter to it.
  const fields = without(life.fields, 'if-none-match', 'if-modified-since', 'if-range', 'range', requestDeadline)
  const passing = life.passing ?? found.stored?.head.unlisted
  const response = await answer({ ...life, method: 'GET', fields, passing, isForStore: true }, found)
  // Nobody reads it: it goes on for as long as the store wants it.
  await response.body?.cancel().catch(() => undefined)
}

/** What is stored, where it may stand in for an answer that failed (RFC 5861 §4). */
async function standIn(life: Life, found: Forward, status?: number): Promise<Response | undefined> {
  const { because, slot, stored } = found
  if (stored === undefined || slot === undefined) return undefined
  if (!mayStandIn(stored.head, life.directives, life.requestTime, life.pools.every(isSick))) {
    if (status === undefined) stored.discard()
    return undefined
  }
  const { slices } = stored
  const opened = slices && (await open(life, slot, stored, slices))
  if (opened !== undefined && opened.kind !== 'open') {
    if (opened.kind === 'changed') opened.got.abandon()
    return undefined
  }
  const told = { kind: 'forward', because, status, stored: false, detail: 'error-grace' } as const
  return deliverStored(life, found, opened?.stored ?? stored, told)
}
