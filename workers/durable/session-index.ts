// The object of one user: which sessions are the user's, to list them and to log the user out everywhere. What the sessions
// hold is theirs; here are only their ids, until their absolute end, and all of it persists.
//
// To log out marks all of them in one write, together with an alarm, before the first is refused: whoever is evicted then
// goes on by alarm. While it lasts no other session becomes the user's. A session is registered before it is written, so
// one that is to be refused may still have to come: its object sees to that.
import { DurableObject } from 'cloudflare:workers'
import { userOf } from '../../shared/session/session.ts'
import type { Env, RevokedSessions, SessionIndexObject, SessionObject } from '../env.ts'
import type { ListedSession, ListedSessions } from '../ports/session-port.ts'
import { late, orLate } from '../within.ts'

/** What the objects work by. */
export interface SessionIndexTools {
  readonly sessionOf: (env: Env, id: string) => Pick<SessionObject, 'describe' | 'destroy'>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** What a session's object may take. */
const patienceMs = 2_000
/** The smallest plan lets one call make 50 others. */
const callsAtOnce = 40
/** Between two tries to refuse sessions whose objects do not answer. */
const againMs = 5_000

type Row = { readonly place: number; readonly id: string }
/** `doomed` is whose log-out it is that ends it. */
type Doomed = { readonly id: string; readonly doomed: string }

const table = `CREATE TABLE IF NOT EXISTS sessions (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  until INTEGER NOT NULL,
  doomed TEXT
)`

export function sessionIndexObject({
  sessionOf,
  now,
}: SessionIndexTools): new (
  context: DurableObjectState,
  env: Env,
) => DurableObject<Env> & SessionIndexObject {
  return class SessionIndex extends DurableObject<Env> implements SessionIndexObject {
    /** How many callers wait for the user to be logged out. */
    #revoking = 0

    async register(_user: string, id: string, version: number, until: number): Promise<boolean> {
      if (this.#revoking > 0 || this.#isDoomed(id)) return false
      this.ctx.storage.sql.exec(table)
      this.#sql(
        `INSERT INTO sessions (id, version, until) VALUES (?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET version = max(version, excluded.version), until = max(until, excluded.until)`,
        ...[id, version, until],
      )
      const alarm = await this.ctx.storage.getAlarm()
      if (alarm === null || alarm > until) await this.ctx.storage.setAlarm(until)
      return true
    }

    async forget(_user: string, id: string, version = Number.MAX_SAFE_INTEGER): Promise<void> {
      this.#sql('DELETE FROM sessions WHERE id = ? AND version < ? AND doomed IS NULL', id, version)
      await this.#rest()
    }

    async list(user: string, before = Number.MAX_SAFE_INTEGER): Promise<ListedSessions> {
      const rows = this.#sql<Row>(
        'SELECT place, id FROM sessions WHERE doomed IS NULL AND place < ? ORDER BY place DESC LIMIT ?',
        ...[before, callsAtOnce],
      )
      const at = now()
      const listed = await Promise.all(rows.map(({ id }) => this.#describe(user, id, at)))
      const last = rows.at(-1)
      return {
        sessions: listed.filter((each) => each !== undefined),
        ...(rows.length === callsAtOnce && last !== undefined && { before: last.place }),
      }
    }

    async revoke(user: string): Promise<RevokedSessions> {
      this.#revoking++
      try {
        this.#sql('UPDATE sessions SET doomed = ? WHERE doomed IS NULL', user)
        if (this.#hasDoomed) await this.ctx.storage.setAlarm(now() + againMs)
        return await this.#refuseDoomed()
      } finally {
        this.#revoking--
      }
    }

    override async alarm(): Promise<void> {
      this.#sql('DELETE FROM sessions WHERE until <= ?', now())
      if (this.#hasDoomed) {
        // First of all: whatever becomes of this round, there is another.
        await this.ctx.storage.setAlarm(now() + againMs)
        await this.#refuseDoomed().catch((error) => console.warn('Sessions of a user are still to be ended:', error))
      }
      await this.#rest()
    }

    /** Rejects where a session's object does not answer; the others are refused all the same. */
    async #refuseDoomed(): Promise<RevokedSessions> {
      const rows = this.#sql<Doomed>('SELECT id, doomed FROM sessions WHERE doomed IS NOT NULL LIMIT ?', callsAtOnce)
      const outcomes = await Promise.allSettled(rows.map((row) => this.#refuse(row)))
      const failed = outcomes.find((each) => each.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      const [counted] = this.#sql<{ left: number }>('SELECT count(*) AS left FROM sessions WHERE doomed IS NOT NULL')
      await this.#rest()
      return { revoked: rows.length, left: counted?.left ?? 0 }
    }

    async #refuse({ id, doomed }: Doomed): Promise<void> {
      await inTime(sessionOf(this.env, id).destroy(now(), doomed))
      this.#sql('DELETE FROM sessions WHERE id = ?', id)
    }

    async #describe(user: string, id: string, at: number): Promise<ListedSession | undefined> {
      const session = await inTime(sessionOf(this.env, id).describe(at))
      if (session === undefined || userOf(session.values) !== user) return undefined
      const { createdAt, seenAt, until } = session
      return { handle: await handleOf(id), createdAt, seenAt, until }
    }

    get #hasDoomed(): boolean {
      return this.#sql('SELECT 1 FROM sessions WHERE doomed IS NOT NULL LIMIT 1').length > 0
    }

    #isDoomed(id: string): boolean {
      return this.#sql('SELECT 1 FROM sessions WHERE id = ? AND doomed IS NOT NULL', id).length > 0
    }

    /** The next alarm is for what ends next; of a user without sessions nothing is left. */
    async #rest(): Promise<void> {
      if (this.#hasDoomed) return
      const [next] = this.#sql<{ until: number }>('SELECT until FROM sessions ORDER BY until LIMIT 1')
      const { storage } = this.ctx
      // At once, and the alarm with it: nobody can be registered in between.
      if (next === undefined) return storage.deleteAll()
      if ((await storage.getAlarm()) !== next.until) await storage.setAlarm(next.until)
    }

    /** Nothing, where nobody was ever registered. */
    #sql<R extends Record<string, SqlStorageValue>>(query: string, ...values: SqlStorageValue[]): R[] {
      const { sql } = this.ctx.storage
      const [known] = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sessions'")
      return known === undefined ? [] : sql.exec<R>(query, ...values).toArray()
    }
  }
}

async function inTime<T>(call: Promise<T>): Promise<T> {
  const answered = await orLate(patienceMs, call)
  if (answered === late) throw new Error(`A session did not answer within ${patienceMs} ms.`)
  return answered
}

const handleBytes = 8

async function handleOf(id: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`handle ${id}`))
  return Array.from(new Uint8Array(digest, 0, handleBytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
