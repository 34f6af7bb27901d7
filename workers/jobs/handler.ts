// The contract between the queue's consumer and those who do the jobs: one handler for each kind of job.
import type { BuiltIn, Json, PayloadOf } from '../../shared/jobs/envelope.ts'
import type { Snapshot } from '../../shared/snapshot.ts'
import type { Background, Ports } from '../ports.ts'

/** One run of a job. */
export interface Job<Payload = Json> {
  readonly id: string
  readonly type: string
  readonly version: number
  readonly key: string
  readonly traceparent: string
  readonly payload: Payload
  /** Counts from 1. */
  readonly run: number
  /** Of this run: what an earlier one says is not heard. */
  readonly token: number
}

export type Outcome =
  | { readonly kind: 'done'; readonly result?: Json }
  /** To be tried again, later if `afterSeconds` says so. */
  | { readonly kind: 'again'; readonly because: string; readonly afterSeconds?: number | undefined }
  /** To try it again would be no use: it is dead. */
  | { readonly kind: 'failed'; readonly because: string }

/** Of a result as JSON: a larger one is not kept. */
export const maxResultBytes = 65_536

export interface JobTools {
  readonly snapshot: Snapshot
  /** Among them `jobs`, for jobs that come of this one: with a key of its id they are not made twice. */
  readonly ports: Ports
  readonly background: Background
  /** Aborted when the run has taken too long, or the job was cancelled. */
  readonly signal: AbortSignal
  /** When that is for want of time, in milliseconds since the epoch. */
  readonly until: number
  /** Tells those who watch. Of many at once the last is told. */
  progress(percent: number, note?: string): void
}

/** Does one job. What it throws counts as `again`. It is to stop when the signal says so, and may be run again. */
export type Handler<Payload = Json> = (job: Job<Payload>, tools: JobTools) => Promise<Outcome>

/** Of the kinds that are built in, by `type@version`; and of all types that the configuration names. */
export type Handlers = { readonly [K in BuiltIn]?: Handler<PayloadOf<K>> } & { readonly configured: Handler }
