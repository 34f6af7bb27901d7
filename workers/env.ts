import type { Probe, ProbedOrigin } from '../shared/balance/monitor.ts'
import type { LearntByOrigin, SharedView } from '../shared/balance/shared-view.ts'
import type { JobRule } from '../shared/config/jobs.ts'
import type { ProbeRule } from '../shared/config/schema.ts'
import type { Envelope } from '../shared/jobs/envelope.ts'
import type { Ended, Posting, Progress } from '../shared/jobs/journal.ts'
import type { Changed, DeadLetter, Finished, Found, JobQuery, ListedJob, RunGrant, Swept, Written } from './job-port.ts'
import type { Rhythm } from './ports.ts'

/** What wrangler.toml binds, and the secrets that `wrangler secret put` sets. */
export interface Env {
  readonly DB: D1Database
  readonly CONFIG: KVNamespace
  readonly FLIGHTS: DurableObjectNamespace
  readonly BATCHES: DurableObjectNamespace
  readonly MONITORS: DurableObjectNamespace<MonitorObject>
  readonly JOBS: Queue
  readonly JOBS_DEAD: Queue
  readonly JOB_BOOKS: JobBookNamespace
  readonly JOB_WATCHES: DurableObjectNamespace
  /** Originals and thumbnails. */
  readonly MEDIA: R2Bucket
  /** Absent where the account has no Images. */
  readonly IMAGES?: ImagesBinding
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

/** What the object of a pool can be called for. */
export interface MonitorObject extends Rpc.DurableObjectBranded {
  share(pool: string, learnt: LearntByOrigin, rhythm: Rhythm | undefined): Promise<SharedView>
  arm(pool: string, rhythm: Rhythm): Promise<void>
  /** From where this object is, by `originKey`. */
  probe(origins: readonly ProbedOrigin[], monitor: ProbeRule): Promise<Record<string, Probe>>
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
