// Where sessions live, and what is known of a user's own: a Durable Object each.
import type { LeaseOutcome } from '../../shared/session/lease.ts'
import type { SessionChange, SessionOutcome, SessionPolicy, SessionView, Values } from '../../shared/session/session.ts'

/**
 * The objects of sessions, by their ids. At most 2 s each; undefined where the object does not answer: then a change was
 * not made, unless its answer was lost on the way. What is answered is durable. Instants in milliseconds.
 */
export interface SessionPort {
  /** Counts as a use of the session. */
  read(id: string, at: number): Promise<SessionRead | undefined>
  /** Does not count as one. */
  describe(id: string, at: number): Promise<SessionRead | undefined>
  /** `id` is a new one. */
  create(id: string, values: Values, policy: SessionPolicy, at: number): Promise<SessionOutcome | undefined>
  /** At most 3 s. */
  write(
    id: string,
    change: SessionChange,
    ifVersion: number | undefined,
    at: number,
  ): Promise<SessionOutcome | undefined>
  /** The session goes on under `newId` with the change made, and is refused under `id`; or all is as it was. At most 3 s. */
  regenerate(
    id: string,
    newId: string,
    change: SessionChange | undefined,
    ifVersion: number | undefined,
    at: number,
  ): Promise<SessionOutcome | undefined>
  /** False where it was replaced or destroyed before, or is of another version than `ifVersion`. */
  destroy(id: string, at: number, ifVersion?: number): Promise<boolean | undefined>
  acquire(id: string, name: string, holder: string, ttlMs: number, at: number): Promise<LeaseOutcome | undefined>
  /** Whether the holder had it. */
  release(id: string, name: string, holder: string, at: number): Promise<boolean | undefined>
}

export interface SessionRead {
  /** Undefined where there is no such session, or none any more. */
  readonly view: SessionView | undefined
}

/** The objects of users, by their names: which sessions are theirs. */
export interface SessionIndexPort {
  /** At most 5 s; undefined where an object does not answer. */
  list(user: string, before?: number): Promise<ListedSessions | undefined>
  /**
   * Ends all of them, and says how many: then each is refused. At most 10 s; undefined where it has not come to its end
   * by then, and goes on by itself.
   */
  revoke(user: string): Promise<number | undefined>
}

export interface ListedSessions {
  /** The latest first. */
  readonly sessions: readonly ListedSession[]
  /** What to ask for the next ones with; absent where these were the last. */
  readonly before?: number
}

/** Instants in milliseconds. */
export interface ListedSession {
  /** Tells it from others, and opens nothing. */
  readonly handle: string
  readonly createdAt: number
  readonly seenAt: number
  /** Its absolute end. */
  readonly until: number
}
