// What the gateway needs of the shared state cache.
import type { NamespaceRule } from '../shared/config/state.ts'
import type { Operation, Reply } from '../shared/state/operation.ts'
import type { Layout } from '../shared/state/place.ts'

export interface StatePort {
  /**
   * Durable when it answers, and seen by all who ask later. At most 2 s; undefined where the key's object does not
   * answer: then nobody knows whether a change was made. Never rejects.
   */
  apply(operation: Operation, rule: NamespaceRule, layout: Layout): Promise<Reply | undefined>
}
