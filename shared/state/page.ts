// What shards of the shared state tell each other, and those who watch them.
import type { Position } from './buckets.ts'
import type { Entry } from './entry.ts'

export interface StateRow extends Position {
  readonly bucket: number
  readonly entry: Entry
}

/** A key of which D1 does not have the newest yet. */
export interface Unsaved extends Position {
  readonly bucket: number
  /** What D1 is to have at least. */
  readonly version: number
  /** When D1 has begun to be late with it, in ms. */
  readonly since: number
}

/** Entries of a bucket, in the order of their positions. */
export interface StatePage {
  readonly rows: readonly StateRow[]
  readonly unsaved: readonly Unsaved[]
  /** Of the bucket, see entry.ts. */
  readonly floor: number
  /** The position of its last entry; absent: there are no more. */
  readonly after?: Position
}

/** What is known of one shard. */
export interface StateReport {
  readonly keys: number
  /** Of its database. */
  readonly bytes: number
  /** Buckets that are `held` here, that are `arriving` from another shard, and that are still to be handed over. */
  readonly buckets: { readonly held: number; readonly arriving: number; readonly leaving: number }
  /** What D1 has not got yet, and when the oldest of it was written (ms); absent where D1 has all. */
  readonly unsaved: { readonly keys: number; readonly since?: number }
}
