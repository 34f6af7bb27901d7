// What a flight is told, and what it tells its owner to do.
import type { CacheRule } from '../config/schema.ts'

/** Given out by the object, to each reader a new one. */
export type ReaderId = number

export interface FlightLimits {
  /** Bytes that are held for those who are behind; the newest chunk is held whatever its size. */
  readonly windowBytes: number
  /** The most that is fetched for the store alone, once nobody reads any more. */
  readonly finishBytes: number
  readonly maxReaders: number
  /** What becomes of those who come beyond `maxReaders`, or wait beyond `maxWaitMs`. */
  readonly beyond: 'direct' | 'refuse'
  /** The longest that a reader waits for the head of what somebody else asked for. */
  readonly maxWaitMs: number
  /** How long a flight that has ended answers those who come. */
  readonly holdMs: number
}

/** The limits that a route states, and what is fixed. */
export function flightLimits({ windowBytes, maxReaders, maxWaitMs, beyond }: CacheRule['flight']): FlightLimits {
  return { windowBytes, finishBytes: windowBytes, maxReaders, maxWaitMs, beyond, holdMs: 1000 }
}

/** `at` is in milliseconds since the epoch. */
export type FlightEvent =
  /** Somebody wants all of it. Once the head is known, only those come whose requests select this response. */
  | { readonly kind: 'join'; readonly reader: ReaderId; readonly at: number }
  | {
      readonly kind: 'head'
      readonly verdict: HeadVerdict
      /** Those whose requests select another response than the one that was sent (RFC 9111 §4.1). */
      readonly unfit: readonly ReaderId[]
      readonly at: number
    }
  | { readonly kind: 'chunk'; readonly bytes: number }
  /** The exchange ended as it should. */
  | { readonly kind: 'land'; readonly at: number }
  /** The exchange failed, and is over. */
  | { readonly kind: 'fail'; readonly because: string; readonly at: number }
  /** A reader's stream ended, well or badly. The store leaves when it gives the entry up. */
  | { readonly kind: 'leave'; readonly reader: ReaderId | 'store' }
  /** It is as late as `expiresAt` said. */
  | { readonly kind: 'expire'; readonly at: number }

export type HeadVerdict =
  | {
      readonly kind: 'store'
      /** Bytes of the body, undefined where they were not announced. */
      readonly total: number | undefined
      readonly etag: string | null
      readonly acceptsRanges: boolean
    }
  | { readonly kind: 'uncacheable' }

/** After each step, those who wait for bytes ask `next` again. */
export type FlightCommand =
  /** Sends the request to the pools. */
  | { readonly kind: 'ask' }
  /** Ends the exchange with the origin, if it is not over. */
  | { readonly kind: 'abort' }
  /** Begins an entry in the store; it is committed or discarded later. */
  | { readonly kind: 'begin' }
  /** Puts the chunk of this event to those held, and into the entry. */
  | { readonly kind: 'hold' }
  /** Lets go of chunks that end at or before this offset. */
  | { readonly kind: 'drop'; readonly before: number }
  | { readonly kind: 'commit' }
  | { readonly kind: 'discard' }
  /** This flight is over: the event is for a new one. */
  | { readonly kind: 'anew' }
  | (Notice & { readonly readers: readonly ReaderId[] })

/** What readers are told. After all but `serve` and `give` the flight knows them no more. */
export type Notice =
  /** They get the head, and read by `next` from the beginning. */
  | { readonly kind: 'serve' }
  /** This one gets the response as it is. */
  | { readonly kind: 'give' }
  /** They ask for themselves, all at once, and do not come back. */
  | { readonly kind: 'direct'; readonly because: DirectReason }
  | { readonly kind: 'refuse'; readonly because: BoundReason }
  /** There is no response for them. */
  | { readonly kind: 'fail'; readonly because: string }
  /** Their responses break off, and look so; not of those who have gone on alone. */
  | { readonly kind: 'cut'; readonly because: string }

export type DirectReason =
  | 'uncacheable'
  /** The response is not for requests like theirs. */
  | 'unfit'
  /** The beginning was dropped before they came. */
  | 'late'
  | BoundReason

/** There were `maxReaders` already, or it has waited for `maxWaitMs`. */
export type BoundReason = 'crowded' | 'waited'
