// What the gateway needs of the shared state cache.
import type { NamespaceRule } from '../../shared/config/state.ts'
import type { Position } from '../../shared/state/buckets.ts'
import type { Filled } from '../../shared/state/fill.ts'
import type { Content, Operation, Reply } from '../../shared/state/operation.ts'
import type { StateReport } from '../../shared/state/page.ts'
import type { Layout } from '../../shared/state/place.ts'

export interface StatePort {
  /**
   * Durable when it answers, and seen by all who ask later. At most 3 s; undefined where the key's object does not
   * answer: then nobody knows whether a change was made. Never rejects.
   */
  apply(operation: Operation, rule: NamespaceRule, layout: Layout): Promise<Reply | undefined>
  /**
   * What there is, and if there is nothing, what comes of `ask`, which must not reject: it is called once for all who ask
   * for this key at the same time. At most 40 s and what `ask` takes.
   */
  fill(name: Position, rule: NamespaceRule, layout: Layout, ask: () => Promise<Filled>): Promise<Reply | undefined>
  /** By the numbers of the shards, those of earlier layouts too; undefined where one does not answer. At most 2 s. */
  report(layout: Layout): Promise<ReadonlyMap<number, StateReport | undefined>>
}

/** What a shard says of a key that it does not hold. */
export type Elsewhere =
  /** Ask that shard, in the name of this version. */
  | { readonly kind: 'moved'; readonly to: number; readonly version: number }
  /** On its way, and not here in time: ask again. */
  | { readonly kind: 'busy' }

/** The copy of the shared state in D1. */
export interface StateDatabase {
  /** Each with a newer version than D1 has is written, all or none. Throws what D1 throws; callers bound the time. */
  save(records: readonly StateRecord[]): Promise<void>
}

/** What D1 is to know of a key. */
export interface StateRecord {
  readonly namespace: string
  readonly key: string
  readonly version: number
  /** Absent: it was removed. */
  readonly content?: Content
  readonly expiresAt?: number
  /** In ms. */
  readonly savedAt: number
}
