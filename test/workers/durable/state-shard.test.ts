// A shard of the shared state cache: what it survives, and what it lets go of.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Operation, Reply } from '../../../shared/state/operation.ts'
import { bucketOf } from '../../../shared/state/place.ts'
import { d1State } from '../../../workers/adapters/d1-state.ts'
import { stateShardObject } from '../../../workers/durable/state-shard.ts'
import type { StateShardObject } from '../../../workers/env.ts'

// A thousand writes take what the disk takes.
vi.setConfig({ testTimeout: 30_000 })

let stub: DurableObjectStub<StateShardObject>
let shards = 0
/** Added to the clock. */
let later = 0

const realNow = Date.now

beforeEach(() => {
  later = 0
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + later)
  // Each is shard 0 to itself, with nothing of the one before.
  stub = env.STATE.getByName(`shard-${'0'.repeat(++shards)}`)
})

afterEach(() => {
  vi.restoreAllMocks()
})

const tools = { database: () => d1State(env.DB), now: () => Date.now(), unique: () => crypto.randomUUID() }

type Without<T> = T extends unknown ? Omit<T, 'namespace' | 'write'> : never

/** Asks for something of a key of the namespace `n`. */
async function apply({ key, ...operation }: Without<Operation>): Promise<Reply> {
  const place = { bucket: bucketOf('n', key), shards: 1, version: 1 }
  for (;;) {
    const reply = await stub.apply({ namespace: 'n', key, write: 'none', ...operation } as Operation, place)
    // Nothing has been done: a busy machine takes longer to claim a thousand buckets than one request waits for.
    if (reply.kind !== 'busy') return reply as Reply
  }
}

const content = (text: string) => ({ type: 'text/plain', bytes: new TextEncoder().encode(text) })
const put = (key: string, text: string, more: object = {}) =>
  apply({ kind: 'put', key, content: content(text), ...more })
const read = (key: string) => apply({ kind: 'read', key })
const add = (key: string) => apply({ kind: 'add', key, by: 1 })
const lease = (key: string, holder: string, seconds = 60) => apply({ kind: 'lease', key, holder, seconds })

const textOf = (reply: Reply) => (reply.kind === 'found' ? new TextDecoder().decode(reply.content.bytes) : reply.kind)
const tokenOf = (reply: Reply) => (reply.kind === 'leased' ? reply.token : Number.NaN)
const versionOf = (reply: Reply) => ('version' in reply ? (reply.version ?? Number.NaN) : Number.NaN)

const count = (table: string) =>
  runInDurableObject(stub, (_, { storage }) => {
    return storage.sql.exec<{ rows: number }>(`SELECT count(*) AS rows FROM ${table}`).one().rows
  })
const alarmOf = () => runInDurableObject(stub, (_, { storage }) => storage.getAlarm())

it('makes no change after its time: whoever has given up on it can rely on that', async () => {
  const key = 'late'
  const place = { bucket: bucketOf('n', key), shards: 1, version: 1 }
  await put(key, 'first')
  const change = { kind: 'put', namespace: 'n', key, write: 'none', content: content('second') } as const
  expect(await stub.apply(change, place, Date.now())).toMatchObject({ because: 'moving' })
  expect(textOf(await read(key))).toBe('first')
})

describe('an eviction', () => {
  it('loses nothing that was acknowledged', async () => {
    const { version } = (await put('a', 'kept', { ttlSeconds: 3600 })) as { version: number }
    const token = tokenOf(await lease('a', 'me'))
    await evictDurableObject(stub)
    const found = await read('a')
    expect(found).toMatchObject({ kind: 'found', version, expiresAt: expect.any(Number) })
    expect(textOf(found)).toBe('kept')
    expect(await lease('a', 'you')).toMatchObject({ because: 'held', holder: 'me' })
    expect(tokenOf(await lease('a', 'me'))).toBe(token)
  })

  it('between 1,000 concurrent additions loses none: 1,000', async () => {
    for (let round = 0; round < 10; round++) {
      const added = Array.from({ length: 100 }, () => add('count'))
      await Promise.all(added)
      await evictDurableObject(stub)
    }
    expect(textOf(await read('count'))).toBe('1000')
  }, 20_000)

  it('does not let a version or a token come again for what was removed before', async () => {
    const written = versionOf(await put('a', '1'))
    const token = tokenOf(await lease('b', 'me'))
    const removed = versionOf(await apply({ kind: 'remove', key: 'a' }))
    expect(await count('entries')).toBe(1)
    await evictDurableObject(stub)
    const again = versionOf(await put('a', '1'))
    expect(again).toBeGreaterThan(removed)
    expect(removed).toBeGreaterThan(written)
    later = 3 * 86_400_000
    await runDurableObjectAlarm(stub)
    expect(await count('entries')).toBe(1)
    await evictDurableObject(stub)
    expect(tokenOf(await lease('b', 'me'))).toBeGreaterThan(token)
  })

  it('leaves its alarm in place', async () => {
    await put('a', 'short', { ttlSeconds: 10 })
    const before = await alarmOf()
    await evictDurableObject(stub)
    await put('b', 'longer', { ttlSeconds: 100 })
    expect(await alarmOf()).toBe(before)
  })
})

describe('what has ended', () => {
  it('is not there any more, alarm or not', async () => {
    await put('a', 'short', { ttlSeconds: 10 })
    later = 9_000
    expect(textOf(await read('a'))).toBe('short')
    later = 10_001
    expect(textOf(await read('a'))).toBe('absent')
    expect(await apply({ kind: 'remove', key: 'a' })).toEqual({ kind: 'absent' })
    expect(await put('a', 'new', { ifMatch: 'any' })).toMatchObject({ because: 'changed', version: undefined })
  })

  it('is let go by alarm, in batches, and the next alarm is that of what is left', async () => {
    for (let from = 0; from < 600; from += 100) {
      const keys = Array.from({ length: 100 }, (_, index) => `short ${from + index}`)
      await Promise.all(keys.map((key) => put(key, 'x', { ttlSeconds: 10 })))
    }
    await put('long', 'x', { ttlSeconds: 1000 })
    await put('for good', 'x')
    later = 20_000
    for (const left of [102, 2]) {
      expect(await runDurableObjectAlarm(stub)).toBe(true)
      expect(await count('entries')).toBe(left)
    }
    const next = (await alarmOf())!
    expect(next - realNow()).toBeGreaterThan(900_000)
    expect(next - realNow()).toBeLessThan(1_001_100)
  })

  it('counts from the beginning', async () => {
    await apply({ kind: 'add', key: 'count', by: 5, ttlSeconds: 10 })
    later = 11_000
    expect(await add('count')).toMatchObject({ kind: 'counted', value: 1 })
  })

  it('leaves a lease that is still held', async () => {
    await put('a', 'short', { ttlSeconds: 10 })
    const token = tokenOf(await lease('a', 'me', 3600))
    later = 11_000
    await runDurableObjectAlarm(stub)
    expect(textOf(await read('a'))).toBe('absent')
    expect(await lease('a', 'you')).toMatchObject({ because: 'held' })
    expect(await put('a', 'x', { fencingToken: token })).toMatchObject({ kind: 'written', created: true })
  })

  it('sets no alarm where nothing ends', async () => {
    await put('a', 'x')
    await add('count')
    await apply({ kind: 'remove', key: 'a' })
    expect(await alarmOf()).toBeNull()
  })

  it('is let go where the alarm was lost, with the next that is set', async () => {
    await put('a', 'x', { ttlSeconds: 10 })
    await runInDurableObject(stub, (_, { storage }) => storage.deleteAlarm())
    await evictDurableObject(stub)
    await put('b', 'x', { ttlSeconds: 10 })
    later = 20_000
    await runDurableObjectAlarm(stub)
    expect(await count('entries')).toBe(0)
  })
})

it('keeps what bytes and names come, and confuses none', async () => {
  const names = ['a', 'A', 'a ', "a'", 'a"', 'a%', 'ä', 'a\u0308', '😀', 'a/b', '__proto__']
  for (const name of names) await put(name, name)
  for (const name of names) expect(textOf(await read(name))).toBe(name)
  await put('empty', '')
  expect(await read('empty')).toMatchObject({ kind: 'found', content: { type: 'text/plain', bytes: new Uint8Array() } })
  const bytes = Uint8Array.from({ length: 1_048_576 }, (_, index) => (index * 7) % 256)
  await apply({ kind: 'put', key: 'large', content: { type: 'x', bytes } })
  const found = await read('large')
  expect(found.kind === 'found' && Buffer.from(found.content.bytes).equals(Buffer.from(bytes))).toBe(true)
})

it('takes nothing more when it is full, but lets read and remove', async () => {
  await put('a', 'before')
  await runInDurableObject(stub, async (_, context) => {
    const full = new (stateShardObject({ ...tools, maxBytes: 1 }))(context, env)
    const ask = (operation: object) =>
      full.apply({ namespace: 'n', key: 'a', write: 'none', ...operation } as Operation, {
        bucket: bucketOf('n', 'a'),
        shards: 1,
        version: 1,
      })
    const refused = { kind: 'refused', because: 'full' }
    expect(await ask({ kind: 'put', content: content('after') })).toEqual(refused)
    expect(await ask({ kind: 'lease', holder: 'me', seconds: 5 })).toEqual(refused)
    expect(textOf((await ask({ kind: 'read' })) as Reply)).toBe('before')
    expect(await ask({ kind: 'remove' })).toMatchObject({ kind: 'removed' })
  })
})

it('changes nothing where it refuses', async () => {
  await put('a', 'before')
  const before = await read('a')
  for (const more of [{ ifMatch: [99] }, { ifNoneMatch: 'any' }, { fencingToken: 7 }])
    expect(await put('a', 'after', more)).toMatchObject({ kind: 'refused' })
  expect(await add('a')).toMatchObject({ because: 'no-number' })
  expect(await read('a')).toEqual(before)
})
