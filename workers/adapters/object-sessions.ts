// The objects of sessions, one for each, named by its id.
import type { Named, SessionObject } from '../env.ts'
import type { SessionPort } from '../ports/session-port.ts'
import { within } from '../within.ts'

const patienceMs = 2000

/** For an answer that did not come: was it done after all? */
const askingMs = 1000

/** Room for the answer to come back, so that what was given up was not done after all. */
const returnMs = 250

export function objectSessions(sessions: Named<SessionObject>, now: () => number): SessionPort {
  const ask = <T>(id: string, call: (session: SessionObject, by: number) => Promise<T>) =>
    within(patienceMs, async () => call(sessions.getByName(id), now() + patienceMs - returnMs))
  /** An object that was moved or restarted answers the next time: to read twice does no harm. */
  const askTwice = <T>(id: string, call: (session: SessionObject) => Promise<T>) =>
    ask(id, (session) =>
      call(session).catch((error) => (mayAskAgain(error) ? call(sessions.getByName(id)) : Promise.reject(error))),
    )
  return {
    read: (id, at) => askTwice(id, async (session) => ({ view: await session.read(at) })),
    describe: (id, at) => askTwice(id, async (session) => ({ view: await session.describe(at) })),
    create: (id, values, policy, at) => ask(id, async (session, by) => session.create(values, policy, at, by)),
    // To make it again would be to add to a cart twice.
    async write(id, change, ifVersion, at) {
      const name = crypto.randomUUID()
      const outcome = await ask(id, async (session, by) => session.write(change, ifVersion, at, by, name))
      return outcome ?? (await within(askingMs, async () => sessions.getByName(id).made(name, now())))
    },
    // The cookie that the client has is of no use once it was done: only this answer has the other.
    async regenerate(id, newId, change, ifVersion, at) {
      const regenerate = (by: number) => sessions.getByName(id).regenerate(newId, change, ifVersion, at, by)
      const outcome = await ask(id, (_, by) => regenerate(by))
      return outcome ?? (await within(askingMs, async () => regenerate(now())))
    },
    destroy: (id, at, ifVersion) => ask(id, async (session) => session.destroy(at, undefined, ifVersion)),
    acquire: (id, name, holder, ttlMs, at) => ask(id, async (session) => session.acquire(name, holder, ttlMs, at)),
    release: (id, name, holder, at) => ask(id, async (session) => session.release(name, holder, at)),
  }
}

/** An overloaded object must not be asked again. */
function mayAskAgain(error: unknown): boolean {
  const { retryable = false, overloaded = false } = error as { retryable?: boolean; overloaded?: boolean }
  return retryable && !overloaded
}
