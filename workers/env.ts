import type { Probe, ProbedOrigin } from '../shared/balance/monitor.ts'
import type { LearntByOrigin, SharedView } from '../shared/balance/shared-view.ts'
import type { ProbeRule } from '../shared/config/schema.ts'
import type { Operation, Reply } from '../shared/state/operation.ts'
import type { Place } from '../shared/state/place.ts'
import type { Rhythm } from './ports.ts'

/** What wrangler.toml binds, and the secrets that `wrangler secret put` sets. */
export interface Env {
  readonly DB: D1Database
  readonly CONFIG: KVNamespace
  readonly FLIGHTS: DurableObjectNamespace
  readonly BATCHES: DurableObjectNamespace
  readonly MONITORS: DurableObjectNamespace<MonitorObject>
  readonly STATE: DurableObjectNamespace<StateShardObject>
  readonly ADMIN_TOKEN?: string
  /** What cookies are signed with; absent: the admin token stands in. */
  readonly COOKIE_SECRET?: string
}

/** What the object of a pool can be called for. */
export interface MonitorObject extends Rpc.DurableObjectBranded {
  share(pool: string, learnt: LearntByOrigin, rhythm: Rhythm | undefined): Promise<SharedView>
  arm(pool: string, rhythm: Rhythm): Promise<void>
  /** From where this object is, by `originKey`. */
  probe(origins: readonly ProbedOrigin[], monitor: ProbeRule): Promise<Record<string, Probe>>
}

/** What a shard of the shared state cache can be called for. */
export interface StateShardObject extends Rpc.DurableObjectBranded {
  /** Durable when it answers. */
  apply(operation: Operation, place: Place): Promise<Reply>
}
