// What the gateway needs to have work done later: somebody who takes jobs, the books that keep their journals, and the
// queue. None of them rejects.
import type { ConfigError } from '../../shared/config/errors.ts'
import type { JobRule } from '../../shared/config/jobs.ts'
import type { Envelope, Json } from '../../shared/jobs/envelope.ts'
import type { Ended, JobState, JobStatus, Progress } from '../../shared/jobs/journal.ts'
import type { ListedJob } from '../../shared/jobs/listing.ts'
import type { Background } from '../ports.ts'

/** A job that somebody wants. */
export interface JobDraft {
  readonly type: string
  /** Absent: 1. */
  readonly version?: number | undefined
  readonly payload: Json
  /** Two jobs of one caller and key are the same job. */
  readonly key?: string | undefined
  /** Who wants it: `admin`, `pool:NAME`; absent: the gateway itself. */
  readonly caller?: string | undefined
  /** How long it may wait until it is begun; absent: as the configuration says. */
  readonly deadlineSeconds?: number | undefined
  /** Until it may be begun at the soonest. */
  readonly delaySeconds?: number | undefined
  /** A URL that is told by a signed webhook how it has ended. */
  readonly callback?: string | undefined
  readonly traceparent?: string | undefined
}

export interface JobPort {
  /**
   * Hands a job over, for a side effect: within 500 ms, and whatever fails, the request goes on. Where its book does not
   * answer, the job goes straight to the queue, behind the response. Undefined where the job can be nobody's: its type is
   * not known, or its payload is wrong or too long (the log says which).
   */
  enqueue(draft: JobDraft, background: Background): Promise<{ readonly id: string } | undefined>
  /** Hands a job over for who wants to know what became of that. */
  post(draft: JobDraft, background: Background): Promise<Posted>
}

export type Posted =
  | { readonly kind: 'written'; readonly id: string; readonly status: JobStatus }
  /** Its book does not answer: what becomes of it is known when it is begun. */
  | { readonly kind: 'sent'; readonly id: string }
  /** There is another job of this key. */
  | { readonly kind: 'other'; readonly id: string }
  | { readonly kind: 'refused'; readonly errors: readonly ConfigError[] }
  /** Neither its book nor the queue has taken it. */
  | { readonly kind: 'away' }
  /** There is no configuration to go by. */
  | { readonly kind: 'unconfigured' }

export type Written =
  | { readonly kind: 'written'; readonly status: JobStatus }
  | { readonly kind: 'other'; readonly status: JobStatus }

/** The journals as who runs jobs needs them. At most 2 s each; undefined where the book does not answer. */
export interface JournalPort {
  begin(envelope: Envelope, rule: JobRule): Promise<RunGrant | undefined>
  /** A run is heard of; whether it is still this one's. */
  advance(id: string, token: number, progress?: Progress): Promise<boolean | undefined>
  finish(id: string, token: number, ended: Ended): Promise<Finished | undefined>
  bury(letter: DeadLetter): Promise<true | undefined>
}

export type RunGrant =
  | {
      readonly kind: 'run'
      readonly token: number
      /** Counts from 1. */
      readonly run: number
      /** Milliseconds since the epoch. */
      readonly until: number
      /** It has to be heard of so often. */
      readonly leaseMs: number
    }
  | { readonly kind: 'skip' }
  | { readonly kind: 'wait'; readonly ms: number }

export type Finished =
  | { readonly kind: 'over' }
  | { readonly kind: 'dead'; readonly because: string }
  | { readonly kind: 'again'; readonly ms: number }

/** What nobody could do, or read. */
export interface Letter {
  readonly because: string
  /** As it was in the queue: an envelope, or something that is none. */
  readonly message: Envelope | Json
  /** Of what is no envelope: tells it from others like it. */
  readonly messageId: string
}

/** As its book gets it: the id is that of the job, or stands for it. */
export interface DeadLetter extends Letter {
  readonly rule: JobRule
  /** Whether it comes from a consumer of jobs, who has told the book first; others come from the queue itself. */
  readonly isTold: boolean
}

/** The journals as who asks for them needs them. At most 2 s each; undefined where a book does not answer. */
export interface JobBookPort {
  read(id: string): Promise<Found | undefined>
  change(id: string, caller: string, how: 'cancel' | 'retry'): Promise<Changed | undefined>
  /** Of all books, the newest first. `isWhole` says whether all of them have answered. */
  list(query: JobQuery): Promise<{ readonly jobs: readonly ListedJob[]; readonly isWhole: boolean }>
  /** Dead jobs that fit are queued anew, or dropped; in a dry run nothing changes. */
  sweep(how: 'replay' | 'drop', query: JobQuery, dryRun: boolean): Promise<Swept>
}

export type Found = { readonly kind: 'absent' } | { readonly kind: 'found'; readonly job: ListedJob }

export type Changed =
  | { readonly kind: 'changed'; readonly status: JobStatus }
  | { readonly kind: 'absent' }
  /** As it is, it cannot be. */
  | { readonly kind: 'refused'; readonly state: JobState }

/** What is absent says nothing. */
export interface JobQuery {
  readonly states?: readonly JobState[] | undefined
  readonly type?: string | undefined
  readonly ids?: readonly string[] | undefined
  /** Text that its error must have in it. */
  readonly because?: string | undefined
  /** Made before this one, or at the same instant and with a smaller id. */
  readonly after?: { readonly createdAt: number; readonly id: string } | undefined
  readonly limit: number
}

export interface Swept {
  /** How many fit, and what they are: the first of them. */
  readonly count: number
  readonly jobs: readonly { readonly id: string; readonly type: string; readonly error?: string }[]
  /** Whether there are more than one call handles. */
  readonly hasMore: boolean
  readonly isWhole: boolean
}

/** The queue itself, for whom no book answers. */
export interface QueuePort {
  /** At most 2 s; whether it was taken. It is delivered after `delayMs`, of which 12 hours are the most. */
  send(message: Envelope | Json | Letter, delayMs?: number): Promise<boolean>
}

/** Who watches a job. One object for each job that is watched: it asks the book once for all of them. */
export interface JobWatchPort {
  /** Server-sent events, until the job is over; a problem where it is not known or not theirs. At most 5 s to the head. */
  watch(id: string, caller: string, lastEventId: string | null): Promise<Response | undefined>
}
