import type { Probe, ProbedOrigin } from '../shared/balance/monitor.ts'
import type { LearntByOrigin, SharedView } from '../shared/balance/shared-view.ts'
import type { ProbeRule } from '../shared/config/schema.ts'
import type { Claim, Heeded, Incoming, Position, Survey } from '../shared/state/buckets.ts'
import type { Filled, Led } from '../shared/state/fill.ts'
import type { Operation, Read, Reply } from '../shared/state/operation.ts'
import type { StatePage, StateReport } from '../shared/state/page.ts'
import type { Layout, Place } from '../shared/state/place.ts'
import type { Rhythm } from './ports.ts'
import type { Elsewhere } from './state-port.ts'

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
  apply(operation: Operation, place: Place): Promise<Reply | Elsewhere>
  /** Says who is to fill a key that is missing; waits for it where somebody does already. */
  lead(name: Position, place: Place): Promise<Led | Elsewhere>
  /** Ends what `lead` began. */
  land(name: Position, token: string, filled: Filled, place: Place): Promise<Reply | Elsewhere>

  // Between shards, see shared/state/buckets.ts.
  survey(layout: Layout): Promise<Survey>
  heed(bucket: number, claim: Claim, layout: Layout): Promise<Heeded>
  page(bucket: number, claim: Claim, incoming: Incoming): Promise<StatePage | undefined>
  /** Reads from a copy that is being taken in elsewhere. */
  show(operation: Read, bucket: number, claim: Claim, incoming: Incoming): Promise<Reply | undefined>
  release(bucket: number, holder: Claim): Promise<void>
  /** Claims the bucket if that is this shard's to do; under which claim it holds it, if it does. */
  adopt(place: Place): Promise<Claim | undefined>

  /** Hands over what belongs elsewhere by this layout, soon. */
  learn(layout: Layout): Promise<void>
  report(layout: Layout): Promise<StateReport>
}
