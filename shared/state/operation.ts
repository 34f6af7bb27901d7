// What can be asked of a key in the shared state cache, and what comes of it. Both travel between the gateway and the
// objects as they are.
import type { NamespaceRule } from '../config/state.ts'

export interface Content {
  /** Of the media, as it was put. */
  readonly type: string
  readonly bytes: Uint8Array
}

/** RFC 9110 §13.1: versions that are named, or any there is. */
export type Versions = readonly number[] | 'any'

export interface Conditions {
  readonly ifMatch?: Versions
  readonly ifNoneMatch?: Versions
}

interface Named {
  readonly namespace: string
  readonly key: string
}

interface Changing extends Named, Conditions {
  /** Of a lease: the change is made only if none was granted since. */
  readonly fencingToken?: number
  /** Whether D1 gets it too. */
  readonly write: NamespaceRule['write']
}

export interface Read extends Named {
  readonly kind: 'read'
}

export interface Put extends Changing {
  readonly kind: 'put'
  readonly content: Content
  /** Absent: it stays. */
  readonly ttlSeconds?: number
}

export interface Remove extends Changing {
  readonly kind: 'remove'
}

/** Counts from 0 where there is nothing. */
export interface Add extends Changing {
  readonly kind: 'add'
  /** Whole numbers, all of them. */
  readonly by: number
  /** From when it begins to count; later additions leave its end as it is. */
  readonly ttlSeconds?: number
  /** What would come to less or more is not done. */
  readonly min?: number
  readonly max?: number
}

/** Takes or renews the key's lease; for 0 seconds gives it back. */
export interface TakeLease extends Named {
  readonly kind: 'lease'
  readonly holder: string
  readonly seconds: number
}

export type Mutation = Put | Remove | Add
export type Change = Mutation | TakeLease
export type Operation = Read | Change

/** Versions count up with every change of a key, also when it was removed in between. Instants in ms. */
export type Reply =
  | { readonly kind: 'found'; readonly version: number; readonly content: Content; readonly expiresAt?: number }
  | { readonly kind: 'absent' }
  /** `created`: nothing was there. */
  | { readonly kind: 'written'; readonly version: number; readonly created: boolean; readonly expiresAt?: number }
  | { readonly kind: 'removed'; readonly version: number }
  | { readonly kind: 'counted'; readonly value: number; readonly version: number; readonly expiresAt?: number }
  | { readonly kind: 'leased'; readonly token: number; readonly until: number }
  | { readonly kind: 'released' }
  | Refusal

/** Nothing was changed. */
export type Refusal = { readonly kind: 'refused' } & (
  | { readonly because: 'changed'; readonly version: number | undefined }
  /** `newest`: the token of the key's last lease that is known. */
  | { readonly because: 'fenced'; readonly newest: number | undefined }
  | { readonly because: 'held'; readonly holder: string; readonly until: number }
  | { readonly because: 'no-number' }
  | { readonly because: 'out-of-bounds'; readonly value: number }
  | { readonly because: 'full' }
  /** D1 has not taken it. */
  | { readonly because: 'unsaved' }
  /** The key's bucket is on its way from one shard to another. */
  | { readonly because: 'moving' }
  /** What the key is filled from gave nothing that may be kept. */
  | { readonly because: 'unfilled'; readonly why: string }
)
