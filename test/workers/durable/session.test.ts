// The object of a session: what it survives, what it refuses, and what is left of it.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SessionChange, SessionPolicy, Values } from '../../../shared/session/session.ts'
import type { SessionIndexObject, SessionObject } from '../../../workers/env.ts'

const policy: SessionPolicy = { idleMs: 60_000, absoluteMs: 600_000, maxBytes: 65_536 }
const soon = () => Date.now() + 5000

let count = 0
let id: string
let session: SessionObject

const stubOf = (of: SessionObject) => of as unknown as DurableObjectStub
const evict = () => evictDurableObject(stubOf(session))
const create = (values: Values, of = session) => of.create(values, policy, Date.now(), soon())
const write = (change: SessionChange, ifVersion?: number) => session.write(change, ifVersion, Date.now(), soon())
const set = (values: Values, ifVersion?: number) => write({ kind: 'set', values }, ifVersion)
const valuesOf = async (of = session) => (await of.read(Date.now()))?.values
const storedIn = (of: SessionObject) =>
  runInDurableObject(stubOf(of), (_, { storage }) => [...storage.kv.list()].length)

beforeEach(() => {
  id = `session-${count++}`
  session = env.SESSIONS.getByName(id)
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe('what persists', () => {
  it('is all of it, from one eviction to the next', async () => {
    await create({ cart: 1 })
    await evict()
    expect(await set({ user: 'ada', cart: 2 })).toMatchObject({ kind: 'ok', version: 2 })
    const lease = await session.acquire('checkout', 'tab 1', 5000, Date.now())
    await evict()
    expect(await session.read(Date.now())).toMatchObject({ version: 2, values: { cart: 2, user: 'ada' } })
    expect(await session.acquire('checkout', 'tab 2', 5000, Date.now())).toEqual({ ...lease, kind: 'held' })
    await session.destroy(Date.now())
    await evict()
    expect(await session.read(Date.now())).toBeUndefined()
    expect(await set({ cart: 3 })).toEqual({ kind: 'over', because: 'destroyed' })
  })

  it('is that an id was replaced, until the end that the session would have had', async () => {
    const now = Date.now()
    await create({ cart: 1 })
    await session.regenerate(`${id} new`, undefined, undefined, now, soon())
    await evict()
    expect(await session.read(now)).toBeUndefined()
    expect(await set({ cart: 3 })).toEqual({ kind: 'over', because: 'replaced' })
    expect(await create({ cart: 3 })).toEqual({ kind: 'over', because: 'replaced' })
    expect(await session.write({ kind: 'delete', keys: [] }, undefined, now + 700_000, soon())).toEqual({
      kind: 'gone',
    })
  })

  it('is nothing of who is read only, and had no session', async () => {
    expect(await session.read(Date.now())).toBeUndefined()
    expect(await set({ cart: 1 })).toEqual({ kind: 'gone' })
    expect(await storedIn(session)).toBe(0)
  })
})

describe('the alarm', () => {
  it('leaves nothing of a session that was idle for too long', async () => {
    await session.create({ cart: 1 }, policy, Date.now() - 70_000, soon())
    expect(await session.read(Date.now())).toBeUndefined()
    await runDurableObjectAlarm(stubOf(session))
    // Its time is over: it may be under way by itself.
    await vi.waitFor(async () => expect(await storedIn(session)).toBe(0), 5000)
    expect(await runDurableObjectAlarm(stubOf(session))).toBe(false)
  })

  it('comes again where the session was used meanwhile', async () => {
    await create({ cart: 1 })
    await session.read(Date.now() + 50_000)
    expect(await runDurableObjectAlarm(stubOf(session))).toBe(true)
    const alarm = await runInDurableObject(stubOf(session), (_, { storage }) => storage.getAlarm())
    expect(alarm).toBeGreaterThan(Date.now() + 100_000)
    expect(await valuesOf()).toEqual({ cart: 1 })
  })

  it('leaves nothing of what was destroyed either, at its absolute end', async () => {
    await session.create({ cart: 1 }, { ...policy, idleMs: 600_000 }, Date.now() - 599_000, soon())
    await session.destroy(Date.now())
    await runDurableObjectAlarm(stubOf(session))
    expect(await storedIn(session)).toBe(1)
  })
})

describe('a use', () => {
  it('is written down once in a tenth of the idle time', async () => {
    const now = Date.now()
    await session.create({ cart: 1 }, policy, now, soon())
    const seen = []
    for (const after of [1, 5999, 6000, 6001, 11_999, 12_000])
      seen.push((await session.read(now + after))!.seenAt - now)
    expect(seen).toEqual([0, 0, 6000, 6000, 6000, 12_000])
    expect((await session.describe(now + 30_000))!.seenAt - now).toBe(12_000)
  })
})

describe('changes', () => {
  it('of which 1,000 come, a hundred at once, are all made: each goes by what it has read', async () => {
    await create({ count: 0 })
    let conflicts = 0
    // Within the object, where a call costs next to nothing: a crowd of n makes n² of them.
    await runInDurableObject(stubOf(session), async (instance) => {
      const object = instance as unknown as SessionObject
      const add = async () => {
        for (;;) {
          const read = (await object.read(Date.now()))!.values.count!
          const patch = [
            { op: 'test', path: '/count', value: read },
            { op: 'replace', path: '/count', value: Number(read) + 1 },
          ] as const
          const { kind } = await object.write({ kind: 'jsonPatch', patch }, undefined, Date.now(), soon())
          if (kind === 'ok') return
          conflicts++
        }
      }
      for (let crowd = 0; crowd < 10; crowd++) await Promise.all(Array.from({ length: 100 }, add))
    })
    expect(conflicts).toBeGreaterThan(1000)
    expect(await session.read(Date.now())).toMatchObject({ version: 1001, values: { count: 1000 } })
  })

  it('that come too late are not made', async () => {
    const now = Date.now()
    expect(await session.create({ cart: 1 }, policy, now, now)).toEqual({ kind: 'late' })
    await create({ cart: 1 })
    expect(await session.write({ kind: 'set', values: { cart: 2 } }, undefined, now, now)).toEqual({ kind: 'late' })
    expect(await session.regenerate(`${id} new`, undefined, undefined, now, now)).toEqual({ kind: 'late' })
    expect(await valuesOf()).toEqual({ cart: 1 })
  })

  it('of two tabs that add to a cart at once are both made', async () => {
    await create({ cart: [] })
    const add = (item: string) => write({ kind: 'jsonPatch', patch: [{ op: 'add', path: '/cart/-', value: item }] })
    await Promise.all([add('apple'), add('pear')])
    expect((await valuesOf())!.cart).toHaveLength(2)
  })
})

it('is ended of a certain version alone, where one is asked for', async () => {
  expect(await session.destroy(Date.now(), undefined, 1)).toBe(false)
  await create({ cart: 1 })
  await set({ cart: 2 })
  expect(await session.destroy(Date.now(), undefined, 1)).toBe(false)
  expect(await session.read(Date.now())).toMatchObject({ version: 2, values: { cart: 2 } })
  expect(await session.destroy(Date.now(), undefined, 2)).toBe(true)
})

describe('regeneration', () => {
  const other = () => env.SESSIONS.getByName(`${id} new`)
  const regenerate = (change?: SessionChange, ifVersion?: number) =>
    session.regenerate(`${id} new`, change, ifVersion, Date.now(), soon())

  it('takes all of the session along, and the change is made under the new id alone', async () => {
    await create({ cart: 1 })
    const before = await session.describe(Date.now())
    const lease = await session.acquire('checkout', 'tab 1', 5000, Date.now())
    expect(await regenerate({ kind: 'set', values: { user: 'ada' } })).toMatchObject({ kind: 'ok', version: 2 })
    expect(await other().describe(Date.now())).toEqual({ ...before, version: 2, values: { cart: 1, user: 'ada' } })
    expect(await other().acquire('checkout', 'tab 2', 5000, Date.now())).toEqual({ ...lease, kind: 'held' })
    await other().release('checkout', 'tab 1', Date.now())
    expect(await other().acquire('checkout', 'tab 2', 5000, Date.now())).toMatchObject({ kind: 'granted', token: 2 })
    expect(await session.read(Date.now())).toBeUndefined()
  })

  it('to an id that was used before is refused, and nothing is lost', async () => {
    await create({ cart: 1 })
    await create({ cart: 9 }, other())
    expect(await regenerate()).toMatchObject({ kind: 'late' })
    expect(await valuesOf()).toEqual({ cart: 1 })
  })

  it('that was made is made once: who asks again by the same new id hears of it, also too late, and after a restart', async () => {
    await create({ cart: 1 })
    const first = await regenerate({ kind: 'set', values: { user: 'ada' } })
    await other().write({ kind: 'set', values: { cart: 2 } }, undefined, Date.now(), soon())
    await evict()
    const again = await session.regenerate(`${id} new`, undefined, undefined, Date.now(), 0)
    expect(again).toMatchObject({ ...first, version: 3, values: { user: 'ada', cart: 2 } })
    expect(await session.regenerate(`${id} newer`, undefined, undefined, Date.now(), soon())).toEqual({
      kind: 'over',
      because: 'replaced',
    })
  })

  it('of another version than the caller knows is refused', async () => {
    await create({ cart: 1 })
    expect(await regenerate(undefined, 7)).toEqual({ kind: 'conflict', version: 1 })
    expect(await other().read(Date.now())).toBeUndefined()
  })

  it('loses no change that comes while it goes on', async () => {
    await create({ cart: 1 })
    const [moved, changed] = await Promise.all([regenerate(), set({ cart: 2 })])
    expect([moved.kind, changed.kind]).toEqual(['ok', 'over'])
    expect(await valuesOf(other())).toEqual({ cart: 1 })
  })

  it('takes along every lease that was granted, and grants none meanwhile', async () => {
    await create({ cart: 1 })
    const [moved, leased] = await Promise.all([regenerate(), session.acquire('checkout', 'tab 1', 5000, Date.now())])
    expect([moved.kind, leased.kind]).toEqual(['ok', 'gone'])
  })

  it('does not outlive a session that is destroyed while it goes on', async () => {
    await create({ cart: 1 })
    const [moved, destroyed] = await Promise.all([regenerate(), session.destroy(Date.now())])
    expect([moved.kind, destroyed]).toEqual(['over', true])
    await expect.poll(() => valuesOf(other())).toBeUndefined()
    expect(await valuesOf()).toBeUndefined()
  })
})

describe('whose it is', () => {
  /** What the users' objects say of a session that is to be entered, from now on. */
  const entering = (say: () => Promise<boolean>) =>
    runInDurableObject(env.SESSION_INDEX.getByName('eve') as unknown as DurableObjectStub, (instance) => {
      vi.spyOn(Object.getPrototypeOf(instance) as SessionIndexObject, 'register').mockImplementation(say)
    })

  it('decides who may end it', async () => {
    await create({ cart: 1 })
    expect(await session.destroy(Date.now(), id)).toBe(false)
    await set({ user: id })
    expect(await session.destroy(Date.now(), 'eve')).toBe(false)
    expect(await session.destroy(Date.now(), id)).toBe(true)
    expect(await valuesOf()).toBeUndefined()
  })

  it('does not change where it cannot be entered, as while the user is logged out everywhere', async () => {
    await create({ cart: 1 })
    await entering(async () => false)
    expect(await set({ user: 'ada', cart: 2 })).toEqual({ kind: 'late' })
    expect(await session.read(Date.now())).toMatchObject({ version: 1, values: { cart: 1 } })
  })

  it('does not change in a session that is ended for that user while it is entered', async () => {
    await create({ cart: 1 })
    await entering(() => env.SESSIONS.getByName(id).destroy(Date.now(), 'ada'))
    expect(await set({ user: 'ada' })).toEqual({ kind: 'over', because: 'destroyed' })
  })

  it('is forgotten where it ends by its alarm', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 100_000 })
    await create({ user: id })
    vi.useRealTimers()
    const index = env.SESSION_INDEX.getByName(id) as unknown as DurableObjectStub
    expect(await runInDurableObject(index, (_, { storage }) => storage.getAlarm())).not.toBeNull()
    await runDurableObjectAlarm(stubOf(session))
    const alarmOf = () => runInDurableObject(index, (_, { storage }) => storage.getAlarm())
    await expect.poll(alarmOf).toBeNull()
  })
})
