// The object of one session, named by its id. It loads the state, asks shared/session what becomes of it, saves that and
// answers; what it answers is durable, since the platform holds an answer back until what was written is. All of the
// state persists; nothing is lost when the object is evicted but the turns of those who wait, who hear of it.
//
// A session that becomes a user's is first entered in the user's index, so that whoever ends all of a user's sessions
// misses none. Changes and leases take turns, since one may have to wait for another object; reading and ending do not.
import { DurableObject } from 'cloudflare:workers'
import { acquire, type LeaseOutcome, release } from '../../shared/session/lease.ts'
import {
  adopt,
  asOf,
  begin,
  end,
  endOf,
  type LiveSession,
  made,
  noSession,
  type SessionChange,
  type SessionOutcome,
  type SessionPolicy,
  type SessionState,
  type SessionStep,
  type SessionView,
  touch,
  userOf,
  type Values,
  view,
  write,
} from '../../shared/session/session.ts'
import type { Env, SessionObject } from '../env.ts'
import { within } from '../within.ts'

/** What the objects work by. */
export interface SessionTools {
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** How long another object may take. */
const patienceMs = 1000

const late: SessionOutcome = { kind: 'late' }

export function sessionObject({
  now,
}: SessionTools): new (
  context: DurableObjectState,
  env: Env,
) => DurableObject<Env> & SessionObject {
  return class Session extends DurableObject<Env> implements SessionObject {
    /** As it is stored. */
    #held: SessionState | undefined
    #lastTurn: Promise<unknown> = Promise.resolve()
    /** The users whose it is about to become. */
    readonly #joining = new Set<string>()

    async read(at: number): Promise<SessionView | undefined> {
      await this.#save(touch(this.#state, at))
      return view(this.#state, at)
    }

    async describe(at: number): Promise<SessionView | undefined> {
      return view(this.#state, at)
    }

    async create(values: Values, policy: SessionPolicy, at: number, by: number): Promise<SessionOutcome> {
      return this.#inTurn(() => this.#change((state) => begin(state, values, policy, at), by))
    }

    async adopt(session: LiveSession, at: number, by: number): Promise<SessionOutcome> {
      return this.#inTurn(() => this.#change((state) => adopt(state, session, at), by))
    }

    async write(
      change: SessionChange,
      ifVersion: number | undefined,
      at: number,
      by: number,
      name?: string,
    ): Promise<SessionOutcome> {
      return this.#inTurn(() => this.#change((state) => write(state, change, ifVersion, at, name), by))
    }

    async made(name: string, at: number): Promise<SessionOutcome | undefined> {
      return this.#inTurn(async () => made(this.#state, name, at))
    }

    async regenerate(
      newId: string,
      change: SessionChange | undefined,
      ifVersion: number | undefined,
      at: number,
      by: number,
    ): Promise<SessionOutcome> {
      return this.#inTurn(() => this.#regenerate(newId, change ?? nothing, ifVersion, at, by))
    }

    async destroy(at: number, user?: string, ifVersion?: number): Promise<boolean> {
      const before = asOf(this.#state, at)
      if (user !== undefined && !this.#joining.has(user) && !usersOf(before).includes(user)) return false
      if (before.kind === 'over') return false
      if (ifVersion !== undefined && !(before.kind === 'live' && before.version === ifVersion)) return false
      const state = end(before, 'destroyed', at)
      await this.#save(state)
      // The user's own object knows.
      if (user === undefined) this.#forgotten(before, state)
      return true
    }

    async acquire(name: string, holder: string, ttlMs: number, at: number): Promise<LeaseOutcome> {
      return this.#inTurn(async () => {
        const { state, outcome } = acquire(this.#state, name, holder, ttlMs, at)
        await this.#save(state)
        return outcome
      })
    }

    async release(name: string, holder: string, at: number): Promise<boolean> {
      return this.#inTurn(async () => {
        const { state, released } = release(this.#state, name, holder, at)
        await this.#save(state)
        return released
      })
    }

    override async alarm(): Promise<void> {
      const before = this.#state
      const ends = endOf(asOf(before, now()))
      if (ends !== undefined) return this.ctx.storage.setAlarm(ends)
      this.#held = noSession
      await this.ctx.storage.deleteAll()
      this.#forgotten(before, noSession)
    }

    /** Makes a change that is not begun after `by`; of what is about to become a user's the index hears first. */
    async #change(step: (state: SessionState) => SessionStep, by: number): Promise<SessionOutcome> {
      if (now() >= by) return late
      const { state } = step(this.#state)
      const user = joinedBy(this.#state, state)
      if (user === undefined) return this.#commit(step, by)
      this.#joining.add(user)
      try {
        const isEntered = await this.#enter(user, state)
        return isEntered ? await this.#commit(step, by) : late
      } finally {
        this.#joining.delete(user)
      }
    }

    /** Others may have ended it meanwhile: what was judged before is judged again. */
    async #commit(step: (state: SessionState) => SessionStep, by: number): Promise<SessionOutcome> {
      if (now() >= by) return late
      const before = this.#state
      const { state, outcome } = step(before)
      await this.#save(state)
      this.#forgotten(before, state)
      return outcome
    }

    /** First there is the new one, then this one is refused: a crash between leaves one that can be used. */
    async #regenerate(
      newId: string,
      change: SessionChange,
      ifVersion: number | undefined,
      at: number,
      by: number,
    ): Promise<SessionOutcome> {
      if (this.#wentOnAs(newId, at)) return this.#successor(newId, at)
      if (now() >= by) return late
      const { state: next, outcome } = write(this.#state, change, ifVersion, at)
      if (outcome.kind !== 'ok' || next.kind !== 'live') return outcome
      const other = this.env.SESSIONS.getByName(newId)
      const adopted = await within(patienceMs, async () => other.adopt(next, at, by))
      const isStill = asOf(this.#state, now()).kind === 'live'
      if (adopted?.kind !== 'ok' || !isStill || now() >= by) {
        // Nobody has heard of its id: it ends by itself, if it does not hear of this.
        const undo = async () => other.destroy(now())
        if (adopted === undefined || adopted.kind === 'ok') this.ctx.waitUntil(within(patienceMs, undo))
        return isStill ? late : write(this.#state, change, ifVersion, now()).outcome
      }
      const before = this.#state
      const state = end(before, 'replaced', at, newId)
      await this.#save(state)
      this.#forgotten(before, state)
      return outcome
    }

    #wentOnAs(newId: string, at: number): boolean {
      const state = asOf(this.#state, at)
      return state.kind === 'over' && state.successor === newId
    }

    /** For who has not heard that it was made. */
    async #successor(newId: string, at: number): Promise<SessionOutcome> {
      const other = this.env.SESSIONS.getByName(newId)
      const view = await within(patienceMs, async () => other.describe(at))
      return view === undefined ? late : { kind: 'ok', ...view }
    }

    async #enter(user: string, state: SessionState): Promise<boolean> {
      if (state.kind !== 'live') return false
      const { version, until } = state
      const enter = async () => this.env.SESSION_INDEX.getByName(user).register(user, this.#id, version, until)
      return (await within(patienceMs, enter)) === true
    }

    /** Whose it was and is no more. An entry that stays behind does no harm: the index asks whether it holds. */
    #forgotten(before: SessionState, state: SessionState): void {
      const version = state.kind === 'live' ? state.version : undefined
      for (const user of usersOf(before).filter((each) => !usersOf(state).includes(each))) {
        const forget = async () => this.env.SESSION_INDEX.getByName(user).forget(user, this.#id, version)
        this.ctx.waitUntil(within(patienceMs, forget))
      }
    }

    #inTurn<T>(work: () => Promise<T>): Promise<T> {
      const turn = this.#lastTurn.then(work, work)
      this.#lastTurn = turn.catch(() => undefined)
      return turn
    }

    /** Named by it. */
    get #id(): string {
      return this.ctx.id.name ?? ''
    }

    get #state(): SessionState {
      this.#held ??= this.ctx.storage.kv.get<SessionState>('session') ?? noSession
      return this.#held
    }

    /** What has expired is left to the alarm. Ends move only later: an alarm that comes too early is set again. */
    async #save(state: SessionState): Promise<void> {
      const before = this.#state
      if (state === before || state.kind === 'none') return
      this.ctx.storage.kv.put('session', state)
      this.#held = state
      if (before.kind === 'none') await this.ctx.storage.setAlarm(endOf(state) ?? now())
    }
  }
}

/** The user whose it becomes by a change; undefined where it is nobody's, or was that user's before. */
function joinedBy(before: SessionState, next: SessionState): string | undefined {
  return usersOf(next).find((user) => !usersOf(before).includes(user))
}

function usersOf(state: SessionState): string[] {
  const user = state.kind === 'live' ? userOf(state.values) : undefined
  return user === undefined ? [] : [user]
}

const nothing: SessionChange = { kind: 'set', values: {} }
