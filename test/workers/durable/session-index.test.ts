// The object of a user, beside the real objects of sessions: who is logged out stays out, whatever happens meanwhile.
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, test, vi } from 'vitest'
import type { SessionIndexObject, SessionObject } from '../../../workers/env.ts'
import { newSessionId } from '../../../workers/session/session-cookie.ts'

// Each session is an object with a database of its own.
vi.setConfig({ testTimeout: 30_000 })

const policy = { idleMs: 600_000, absoluteMs: 3_600_000, maxBytes: 4096 }
const soon = () => Date.now() + 5000

let users = 0
const newUser = () => `user-${++users}`
const indexOf = (user: string) => env.SESSION_INDEX.getByName(user) as SessionIndexObject & DurableObjectStub
const sessionOf = (id: string) => env.SESSIONS.getByName(id) as SessionObject & DurableObjectStub

/** The id of a new session that is the user's. */
async function logIn(user: string): Promise<string> {
  const id = newSessionId()
  expect(await sessionOf(id).create({ user, cart: 1 }, policy, Date.now(), soon())).toMatchObject({ kind: 'ok' })
  return id
}

const isLive = async (id: string) => (await sessionOf(id).read(Date.now())) !== undefined

const storedOf = (user: string) =>
  runInDurableObject(indexOf(user), async (_, { storage }) => ({
    tables: storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_%' ESCAPE '\\'").toArray().length,
    alarm: await storage.getAlarm(),
  }))
const nothingStored = { tables: 0, alarm: null }

async function logOutEverywhere(user: string): Promise<number> {
  for (let all = 0; ; ) {
    const { revoked, left } = await indexOf(user).revoke(user)
    all += revoked
    if (left === 0) return all
  }
}

/** What sessions do first when they are to be ended. */
async function holdEnding(id: string, before: () => Promise<void>): Promise<void> {
  await runInDurableObject(sessionOf(id), (instance) => {
    const shared = Object.getPrototypeOf(instance) as SessionObject
    const destroy = shared.destroy
    vi.spyOn(shared, 'destroy').mockImplementation(async function (this: SessionObject, at, user) {
      await before()
      return destroy.call(this, at, user)
    })
  })
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('the list', () => {
  it('has the sessions of the user, the latest first, and nothing that opens one', async () => {
    const user = newUser()
    const ids = [await logIn(user), await logIn(user)]
    await logIn(newUser())
    const { sessions, before } = await indexOf(user).list(user)
    expect(before).toBeUndefined()
    expect(sessions).toHaveLength(2)
    expect(sessions[0]).toEqual({
      handle: expect.stringMatching(/^[0-9a-f]{16}$/),
      createdAt: expect.closeTo(Date.now(), -4),
      seenAt: expect.closeTo(Date.now(), -4),
      until: expect.closeTo(Date.now() + policy.absoluteMs, -4),
    })
    expect(sessions[0]!.createdAt).toBeGreaterThanOrEqual(sessions[1]!.createdAt)
    for (const id of ids) expect(JSON.stringify(sessions)).not.toContain(id)
  })

  it('is empty for who was never here, and leaves nothing behind', async () => {
    const user = newUser()
    expect(await indexOf(user).list(user)).toEqual({ sessions: [] })
    expect(await logOutEverywhere(user)).toBe(0)
    expect(await storedOf(user)).toEqual(nothingStored)
  })

  it('loses who changes the user, and has who comes back', async () => {
    const [ada, bob] = [newUser(), newUser()]
    const id = await logIn(ada)
    const become = (user: string) =>
      sessionOf(id).write({ kind: 'set', values: { user } }, undefined, Date.now(), soon())
    await become(bob)
    expect((await indexOf(ada).list(ada)).sessions).toEqual([])
    expect((await indexOf(bob).list(bob)).sessions).toHaveLength(1)
    await become(ada)
    // What was said before, and comes late.
    await indexOf(ada).forget(ada, id, 2)
    expect((await indexOf(ada).list(ada)).sessions).toHaveLength(1)
  })
})

describe('to log out everywhere', () => {
  it('ends every session of the user, and nobody else’s, however many pages they fill', async () => {
    const [ada, bob] = [newUser(), newUser()]
    const ids = await Promise.all(Array.from({ length: 45 }, () => logIn(ada)))
    const other = await logIn(bob)
    const first = await indexOf(ada).list(ada)
    const second = await indexOf(ada).list(ada, first.before)
    expect([first.sessions.length, second.sessions.length, second.before]).toEqual([40, 5, undefined])
    expect(new Set([...first.sessions, ...second.sessions].map(({ handle }) => handle)).size).toBe(45)
    expect(await logOutEverywhere(ada)).toBe(45)
    expect(await Promise.all(ids.map(isLive))).toEqual(ids.map(() => false))
    expect(await isLive(other)).toBe(true)
    expect(await storedOf(ada)).toEqual(nothingStored)
  })

  it('leaves who has become another user since', async () => {
    const [ada, bob] = [newUser(), newUser()]
    const id = await logIn(ada)
    await sessionOf(id).write({ kind: 'set', values: { user: bob } }, undefined, Date.now(), soon())
    await indexOf(ada).register(ada, id, 1, Date.now() + 1000)
    await logOutEverywhere(ada)
    expect(await isLive(id)).toBe(true)
  })

  it('refuses who is about to become the user meanwhile', async () => {
    const user = newUser()
    const id = await logIn(user)
    const late = newSessionId()
    await sessionOf(late).create({ cart: 1 }, policy, Date.now(), soon())
    const ending = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    await holdEnding(id, () => {
      reached.resolve()
      return ending.promise
    })
    const out = logOutEverywhere(user)
    await reached.promise
    const become = { kind: 'set', values: { user } } as const
    const answer = await sessionOf(late).write(become, undefined, Date.now(), soon())
    expect(answer.kind).not.toBe('ok')
    ending.resolve()
    expect(await out).toBe(1)
    expect(await isLive(id)).toBe(false)
    expect((await sessionOf(late).read(Date.now()))?.values.user).toBeUndefined()
    expect((await indexOf(user).list(user)).sessions).toEqual([])
  })

  it('leaves no session of the user that the index does not know, whenever they log in', async () => {
    const user = newUser()
    const ids = Array.from({ length: 20 }, () => newSessionId())
    const comings = ids.map((id, at) =>
      (async () => {
        for (let turn = 0; turn < at % 5; turn++) await sessionOf(id).describe(Date.now())
        return sessionOf(id).create({ user }, policy, Date.now(), soon())
      })(),
    )
    const outs = [logOutEverywhere(user), logOutEverywhere(user)]
    const answers = await Promise.all(comings)
    await Promise.all(outs)
    const live = (await Promise.all(ids.map(isLive))).filter(Boolean).length
    expect((await indexOf(user).list(user)).sessions).toHaveLength(live)
    expect(answers.every(({ kind }) => kind === 'ok' || kind === 'over' || kind === 'late')).toBe(true)
    await logOutEverywhere(user)
    expect(await Promise.all(ids.map(isLive))).toEqual(ids.map(() => false))
  })

  it('goes on by alarm where its object is lost midway', async () => {
    const user = newUser()
    const ids = [await logIn(user), await logIn(user), await logIn(user)]
    await lostMidway(user, ids[0]!)
    expect(await isLive(ids[0]!)).toBe(true)
    // What is asked right after the loss may be lost with it.
    await vi.waitFor(async () => {
      await runDurableObjectAlarm(indexOf(user))
      expect(await Promise.all(ids.map(isLive))).toEqual([false, false, false])
    }, 5000)
    expect(await storedOf(user)).toEqual(nothingStored)
  })

  it('does not let a session that it still has to end become the user’s again', async () => {
    const user = newUser()
    const id = await logIn(user)
    await lostMidway(user, id)
    expect(await indexOf(user).register(user, id, 9, Date.now() + 1000)).toBe(false)
    expect(await indexOf(user).register(user, newSessionId(), 1, Date.now() + 1000)).toBe(true)
  })
})

/** The user's object is lost when it is about to end a session, which does not hear of it. */
async function lostMidway(user: string, id: string): Promise<void> {
  await holdEnding(id, () => runInDurableObject(indexOf(user), (_, context) => context.abort('This object is lost.')))
  const out = (async () => indexOf(user).revoke(user))()
  await expect(out).rejects.toThrow('This object is lost.')
  vi.restoreAllMocks()
}

test('what has come to its end is forgotten by alarm', async () => {
  const user = newUser()
  await indexOf(user).register(user, newSessionId(), 1, Date.now() - 1)
  await runDurableObjectAlarm(indexOf(user))
  // Its time is over: it may be under way by itself.
  await vi.waitFor(async () => expect(await storedOf(user)).toEqual(nothingStored), 5000)
})
