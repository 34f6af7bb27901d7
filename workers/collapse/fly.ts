// The collapse phase: who asks for the same thing at the same time shares one flight to the origin. Whatever keeps a
// request from it costs it nothing but its own request.
import { flightLimits } from '../../shared/collapse/flight-events.ts'
import { sizeOf } from '../../shared/collapse/gather.ts'
import type { ByteRange } from '../../shared/http/ranges.ts'
import { isAligned } from '../../shared/http/slices.ts'
import { forward } from '../balance/forward.ts'
import { unkeyedOf } from '../cache/unkeyed.ts'
import { keyOfVariant } from '../cache/variants.ts'
import type { Answer, Forward, Life, Refused, Slot } from '../life.ts'
import type { Boarding } from '../ports.ts'
import { seatOf } from './batch.ts'
import { follow } from './follow.ts'

/**
 * Asks an origin with these fields, together with others who want the same, or other single reads; `range` is what of
 * it they ask for, where it is not the whole.
 */
export async function fly(life: Life, found: Forward, fields: Headers, range?: ByteRange): Promise<Refused | Answer> {
  const { slot, stored, because } = found
  // Who says no-cache wants what is asked for now.
  if (slot === undefined || because === 'request' || slot.hitForMiss || !mayCollapse(life)) return forward(life, fields)
  // What is validated at each use is validated by each for itself.
  if (stored !== undefined && stored.head.graceUntil <= stored.head.storedAt) return forward(life, fields)
  const staleSince = stored?.head.freshUntil ?? 0
  if (range !== undefined) {
    return flyInPart(life, { ...slot, staleSince }, fields, range, life.route.cache.sliceBytes)
  }
  if (life.fields.get('range') !== null) return forward(life, fields)
  const boarding = boardingOf(life, slot.after, staleSince)
  return (
    (await joinBatch(life, fields, boarding)) ??
    (await joinFlight(life, nameOf(life, slot), fields, boarding)) ??
    forward(life, fields)
  )
}

/** So much of a content is one object's, which has no room for all of a large one. */
const regionBytes = 33_554_432

/**
 * Asks an origin with these fields for whole slices, together with others who want some that lie close. The fields say
 * by If-Range whose parts they have to be.
 */
export async function flyInPart(
  life: Life,
  { key, after, staleSince }: Pick<Slot, 'key' | 'after'> & Pick<Boarding, 'staleSince'>,
  fields: Headers,
  range: ByteRange,
  sliceBytes: number,
): Promise<Refused | Answer> {
  const { gatherMs, windowBytes } = life.route.cache.flight
  // Nobody falls out of a window that holds all of it.
  const isFit = isAligned(range, sliceBytes) && sizeOf(range) <= windowBytes
  if (gatherMs === 0 || !isFit || !mayCollapse(life)) return forward(life, fields)
  const { limits, ...whole } = boardingOf(life, after, staleSince)
  // What nobody reads any more nobody stores.
  const boarding = { ...whole, limits: { ...limits, finishBytes: 0 }, part: { range, sliceBytes, gatherMs } }
  const region = Math.floor(range.first / regionBytes)
  return (await joinFlight(life, `${placeOf(life)} ${key} part ${region}`, fields, boarding)) ?? forward(life, fields)
}

/** Whether the answer may be for others too; it is their flight where the request says nothing of a person. */
function mayCollapse(life: Life): boolean {
  const { method, fields, directives, route } = life
  if (method !== 'GET' || directives.noCache || route.cache.collapse === 'off') return false
  if (fields.get('authorization') !== null) return false
  const keepsCookies = life.passing === undefined || route.cache.key.cookies.length > 0
  if (fields.get('cookie') !== null && keepsCookies) return false
  return unkeyedOf(life).unlisted.length === 0
}

const coloOf = ({ request }: Life): string => String(request.cf?.colo ?? 'local')

function boardingOf(life: Life, after: number, staleSince: number): Boarding {
  const { snapshot, route, course, explain } = life
  const limits = flightLimits(route.cache.flight)
  return { colo: coloOf(life), after, epoch: snapshot.purges.epoch, staleSince, limits, course, explain }
}

/** What is asked for, as far as that is known; without the variants' generation, which each data centre has of its own. */
function nameOf(life: Life, { base, variants }: Slot): string {
  return `${placeOf(life)} ${keyOfVariant(life, base, { names: variants?.names ?? [], generation: '' })}`
}

/** The data centre that the flight is of, unless they all share it. */
const placeOf = (life: Life): string => (life.route.cache.collapse === 'global' ? '' : coloOf(life))

async function joinBatch(life: Life, ownFields: Headers, ownBoarding: Boarding): Promise<Refused | Answer | undefined> {
  const seat = seatOf(life, ownFields, ownBoarding)
  if (seat === undefined) return undefined
  const { name, fields, boarding } = seat
  return follow(life, await life.ports.batches.join(name, life.request.url, fields, boarding), fields)
}

async function joinFlight(
  life: Life,
  name: string,
  fields: Headers,
  boarding: Boarding,
): Promise<Refused | Answer | undefined> {
  return follow(life, await life.ports.flights.join(name, life.request.url, fields, boarding), fields)
}
