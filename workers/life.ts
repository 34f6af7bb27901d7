// What the phases of a request hand on to each other.
import type { ClientNote, PoolTags } from '../shared/balance/affinity.ts'
import type { PoolState } from '../shared/balance/pool.ts'
import type { Course } from '../shared/balance/steering.ts'
import type { Route } from '../shared/config/schema.ts'
import type { CacheControl } from '../shared/http/cache-control.ts'
import type { ForwardReason } from '../shared/http/cache-status.ts'
import type { Fields } from '../shared/http/fields.ts'
import type { FromStore } from '../shared/http/may-reuse.ts'
import type { Target } from '../shared/http/target.ts'
import type { Snapshot } from '../shared/snapshot.ts'
import type { Attempt, Background, Ports, StoredHead, StoredResponse, VariantsNote } from './ports.ts'
import type { Problem } from './problem.ts'
import type { Carried } from './session/session.ts'

/** What is known of a request once it has a route. */
export interface Life {
  readonly request: Request
  /** The method that the origin is asked with. */
  readonly method: string
  /** Whether its Authorization is the admin token, which is for the gateway alone. */
  readonly showsToken: boolean
  /** Whether nobody reads the answer but the store. */
  readonly isForStore?: boolean
  /** Whether the answer says how it came about. */
  readonly explain: boolean
  /** The request's fields as the next hop sees them. */
  readonly fields: Fields
  /** The client's Cache-Control, of which a forced route hears nothing. */
  readonly directives: CacheControl
  readonly target: Target
  readonly route: Route
  /** The headers that reach the origin though nobody knows them and they are not keyed; undefined: all. */
  readonly passing: readonly string[] | undefined
  /** Where it is meant to go. */
  readonly course: Course
  /** Where it goes: those that are well first. */
  readonly pools: readonly PoolState[]
  readonly client: Client
  /** The client's session, on routes that have sessions; absent: it has none. */
  readonly session?: Carried | undefined
  /** Whether it is asked for all who have joined a flight: then it is no client's. */
  readonly isShared: boolean
  /** Who asks on the gateway's own behalf hears what an origin has answered, as it came. */
  readonly heard?: ((response: Response) => void) | undefined
  readonly snapshot: Snapshot
  /** Milliseconds since the epoch. */
  readonly requestTime: number
  readonly ports: Ports
  readonly background: Background
}

/** Who asks, as far as steering and affinity go by it. */
export interface Client {
  readonly note: ClientNote
  /** Of the pools whose origins a cookie remembers. */
  readonly tags: ReadonlyMap<PoolState, PoolTags>
}

export interface Refused {
  readonly kind: 'refused'
  readonly problem: Problem
  /** Whether it was another request that failed, whose flight this one had joined. */
  readonly collapsed?: boolean
  /** Whose failure it was, where an origin was asked. */
  readonly by?: AnsweredBy | undefined
}

export const refuse = (problem: Problem): Refused => ({ kind: 'refused', problem })

/** Answered from the store: `hit`, or `stale` with a refresh behind it. */
export interface Hit extends FromStore {
  readonly kind: 'hit' | 'stale'
  readonly stored: StoredResponse
  readonly slot: Slot
}

/** To be answered by an origin. */
export interface Forward {
  readonly kind: 'forward'
  readonly because: ForwardReason
  /** Where the answer may go; absent where this request has no business with the store. */
  readonly slot?: Slot
  /** What the origin is asked to validate, and what stands in where it fails. */
  readonly stored?: StoredResponse
  /** Who has answered, or was the last to fail, once somebody has. */
  readonly by?: AnsweredBy | undefined
}

/** For those who may know: names of pools and origins. */
export interface AnsweredBy {
  readonly pool: string
  readonly origin: string
  /** What the client's affinity had to do with it. */
  readonly affinity?: string
  /** The origins that were to choose from with their numbers, the first choice first. */
  readonly candidates?: readonly string[]
}

/** A place in the store. */
export interface Slot {
  /** The key of all variants. */
  readonly base: string
  /** The key at which the lookup ended: the base or a variant. */
  readonly key: string
  readonly variants?: VariantsNote
  /** Whether what came last for this key could not be stored. */
  readonly hitForMiss: boolean
  /** What was asked for before then is too old (ms). */
  readonly after: number
}

export type Answer = Extract<Attempt, { kind: 'answer' }> & {
  readonly idleMs: number
  /** The fields of the request that it answers. */
  readonly sent: Headers
  /** Absent where a cache has answered. */
  readonly by?: AnsweredBy | undefined
  /** Of an answer that came by a flight: whether this request is the one to store it, and whether another began it. */
  readonly flight?: {
    readonly stores: boolean
    readonly collapsed: boolean
    /** Of a part: what all whom it was asked for call what they keep of it. */
    readonly id?: string
  }
  /** Of an answer from the upper tier: what is remembered of it there. */
  readonly kept?: StoredHead | undefined
}
