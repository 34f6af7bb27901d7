import type { Probe, ProbedOrigin } from '../shared/balance/monitor.ts'
import type { LearntByOrigin, SharedView } from '../shared/balance/shared-view.ts'
import type { JobRule } from '../shared/config/jobs.ts'
import type { ProbeRule } from '../shared/config/schema.ts'
import type { Envelope } from '../shared/jobs/envelope.ts'
import type { Ended, Posting, Progress } from '../shared/jobs/journal.ts'
import type { ListedJob } from '../shared/jobs/listing.ts'
import type { Refusal } from '../shared/services/refusal.ts'
import type { LeaseOutcome } from '../shared/session/lease.ts'
import type {
  LiveSession,
  SessionChange,
  SessionOutcome,
  SessionPolicy,
  SessionView,
  Values,
} from '../shared/session/session.ts'
import type { Claim, Heeded, Incoming, Position, Survey } from '../shared/state/buckets.ts'
import type { Filled, Led } from '../shared/state/fill.ts'
import type { Operation, Read, Reply } from '../shared/state/operation.ts'
import type { StatePage, StateReport } from '../shared/state/page.ts'
import type { Layout, Place } from '../shared/state/place.ts'
import type { Changed, DeadLetter, Finished, Found, JobQuery, RunGrant, Swept, Written } from './ports/job-port.ts'
import type { ListedRefusals } from './ports/refusal-port.ts'
import type { ListedSessions } from './ports/session-port.ts'
import type { Elsewhere } from './ports/state-port.ts'
import type { Rhythm } from './ports.ts'

/** What wrangler.toml binds, and the secrets that `wrangler secret put` sets. */
export interface Env {
  readonly DB: D1Database
  /** Of the services in workers/shop. */
  readonly SHOP: D1Database
  /** The shards of the orders; further ones are ORDERS_2 and so on. */
  readonly ORDERS_0: D1Database
  readonly ORDERS_1: D1Database
  /** The runs of checkouts, by their ids. */
  readonly CHECKOUT: Workflow<CheckoutRun>
  /** The configuration, and replicas of what is read mostly (db/kv-replica.ts). */
  readonly CONFIG: KVNamespace
  readonly FLIGHTS: DurableObjectNamespace
  readonly BATCHES: DurableObjectNamespace
  readonly MONITORS: DurableObjectNamespace<MonitorObject>
  readonly SESSIONS: Named<SessionObject>
  /** One for each user. */
  readonly SESSION_INDEX: Named<SessionIndexObject>
  readonly REFUSALS: Named<RefusalsObject>
  readonly JOBS: Queue
  readonly JOBS_DEAD: Queue
  readonly JOB_BOOKS: JobBookNamespace
  readonly JOB_WATCHES: DurableObjectNamespace
  /** Originals and thumbnails. */
  readonly MEDIA: R2Bucket
  /** The files of a site. */
  readonly ASSETS: R2Bucket
  /** Absent where the account has no Images. */
  readonly IMAGES?: ImagesBinding
  readonly STATE: DurableObjectNamespace<StateShardObject>
  readonly ADMIN_TOKEN?: string
  /** What the URLs of images are signed with: `id:secret`, several for rotation, with commas between them. */
  readonly IMAGE_KEYS?: string
  /** What cookies are signed with; absent: the admin token stands in. */
  readonly COOKIE_SECRET?: string
  /** What webhooks are signed with, several for rotation with commas between them. */
  readonly WEBHOOK_SECRET?: string
  /** Anything, on a laptop alone: webhooks may go to loopback, over plain http too. */
  readonly LOCAL?: string
}

/** What the run of a checkout is told. */
export interface CheckoutRun {
  readonly id: string
}

/** Objects by their names. Where RPC carries JSON the platform's own types, which unfold what they carry, find no end. */
export interface Named<T> {
  getByName(name: string): T
}

/** What the object of a pool can be called for. */
export interface MonitorObject extends Rpc.DurableObjectBranded {
  share(pool: string, learnt: LearntByOrigin, rhythm: Rhythm | undefined): Promise<SharedView>
  arm(pool: string, rhythm: Rhythm): Promise<void>
  /** From where this object is, by `originKey`. */
  probe(origins: readonly ProbedOrigin[], monitor: ProbeRule): Promise<Record<string, Probe>>
}

/**
 * What the object of a session can be called for; it is named by the session's id. Instants in milliseconds. Whatever it
 * answers is durable. After `by` a change is not begun any more: whoever has given up on it can rely on that.
 */
export interface SessionObject {
  /** Counts as a use. Undefined where there is none, or none any more. */
  read(at: number): Promise<SessionView | undefined>
  /** The same, but counts as no use. */
  describe(at: number): Promise<SessionView | undefined>
  create(values: Values, policy: SessionPolicy, at: number, by: number): Promise<SessionOutcome>
  /** The state of a session that goes on under this id. */
  adopt(session: LiveSession, at: number, by: number): Promise<SessionOutcome>
  /** `name`: what the change is known by afterwards, for a while. */
  write(
    change: SessionChange,
    ifVersion: number | undefined,
    at: number,
    by: number,
    name?: string,
  ): Promise<SessionOutcome>
  /** How the session stands after that change, asked once it is over; undefined where nobody knows that it was made. */
  made(name: string, at: number): Promise<SessionOutcome | undefined>
  /**
   * The session goes on under `newId`, with the change made; from then on this id is refused. Where it fails all is as
   * it was, and the change is not made here either. Who has not heard whether it was made may ask again with the same
   * `newId`: it is made once.
   */
  regenerate(
    newId: string,
    change: SessionChange | undefined,
    ifVersion: number | undefined,
    at: number,
    by: number,
  ): Promise<SessionOutcome>
  /**
   * For good; with `user` only if it is that user's, or about to become it, with `ifVersion` only if that is its version.
   * False where it is not, or was over before.
   */
  destroy(at: number, user?: string, ifVersion?: number): Promise<boolean>
  /** For `ttlMs`. */
  acquire(name: string, holder: string, ttlMs: number, at: number): Promise<LeaseOutcome>
  release(name: string, holder: string, at: number): Promise<boolean>
}

/** What the object of a user can be called for, by whose name it goes: it knows which sessions are the user's. */
export interface SessionIndexObject {
  /**
   * Notes that a session will be the user's from this version of it on, until its absolute end (ms). To be awaited before
   * that version is written. False while the user is being logged out everywhere: then it must not be.
   */
  register(user: string, id: string, version: number, until: number): Promise<boolean>
  /** The session is the user's no more from this version on; without one it has ended. */
  forget(user: string, id: string, version?: number): Promise<void>
  /** By pages; rejects where a session does not answer. */
  list(user: string, before?: number): Promise<ListedSessions>
  /**
   * Ends a number of the user's sessions. When `left` is 0, each that was ever registered is refused. Where it rejects, or
   * something is left, it goes on by itself, and may be called again.
   */
  revoke(user: string): Promise<RevokedSessions>
}

export interface RevokedSessions {
  readonly revoked: number
  readonly left: number
}

/** What the one object that remembers refused calls can be called for. */
export interface RefusalsObject {
  /** `unnoted`: how many others there were that were not told. */
  record(refusal: Refusal, unnoted: number): Promise<true>
  list(): Promise<ListedRefusals>
}

/** The books by their names. The platform's own type of a stub does not end on JSON, which holds itself. */
export interface JobBookNamespace {
  getByName(name: string): JobBookObject
}

/** What one of the books of jobs can be called for. */
export interface JobBookObject {
  write(posting: Posting): Promise<Written>
  begin(envelope: Envelope, rule: JobRule): Promise<RunGrant>
  advance(id: string, token: number, progress?: Progress): Promise<boolean>
  finish(id: string, token: number, ended: Ended): Promise<Finished>
  bury(letter: DeadLetter): Promise<true>
  read(id: string): Promise<Found>
  change(id: string, caller: string, how: 'cancel' | 'retry'): Promise<Changed>
  list(query: JobQuery): Promise<ListedJob[]>
  sweep(how: 'replay' | 'drop', query: JobQuery, dryRun: boolean): Promise<Omit<Swept, 'isWhole'>>
  watch(id: string, since: number): Promise<Found>
}

/** What a shard of the shared state cache can be called for. */
export interface StateShardObject extends Rpc.DurableObjectBranded {
  /** Durable when it answers. After `by` (ms) a change is not begun any more: whoever has given up can rely on that. */
  apply(operation: Operation, place: Place, by?: number): Promise<Reply | Elsewhere>
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
