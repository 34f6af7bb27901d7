// What the gateway needs to have work done later: a place for jobs, the books that keep their journals, and the queue.

import type { Json } from '../shared/jobs/envelope.ts'
import type { Background } from './ports.ts'

/** A job that somebody wants. */
export interface JobDraft {
  readonly type: string
  /** Absent: 1. */
  readonly version?: number
  readonly payload: Json
  /** Two jobs of one caller and key are the same job. */
  readonly key?: string
  /** Who wants it: `admin`, `pool:NAME`; absent: the gateway itself. */
  readonly caller?: string
  /** How long it may wait until it is begun; absent: as the configuration says. */
  readonly deadlineSeconds?: number
  /** Until it may be begun at the soonest. */
  readonly delaySeconds?: number
  /** A URL that is told by a signed webhook how it has ended. */
  readonly callback?: string
  readonly traceparent?: string
}

export interface JobPort {
  /**
   * Hands a job over, for a side effect: within 500 ms, and whatever fails, the request goes on. Where its book does not
   * answer, the job goes straight to the queue, behind the response. Undefined where the job can be nobody's: its type is
   * not known, or its payload is wrong or too long (the log says which).
   */
  enqueue(draft: JobDraft, background: Background): Promise<{ readonly id: string } | undefined>
}
