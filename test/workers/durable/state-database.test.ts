// What D1 has of the shared state: behind, through, and what comes of it when D1 fails.
import { applyD1Migrations, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Operation, Reply } from '../../../shared/state/operation.ts'
import { bucketOf } from '../../../shared/state/place.ts'
import { d1State } from '../../../workers/adapters/d1-state.ts'
import type { StateShardObject } from '../../../workers/env.ts'

const realNow = Date.now
let later = 0
let namespace = ''
let tests = 0
let stub: DurableObjectStub<StateShardObject>

beforeAll(() => applyD1Migrations(env.DB, env.MIGRATIONS))

beforeEach(() => {
  later = 0
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + later)
  vi.spyOn(console, 'warn').mockReturnValue()
  namespace = `n-${++tests}`
  // Each is shard 0 to itself, with nothing of the one before.
  stub = env.STATE.getByName(`shard-${'0'.repeat(tests)}`)
})

afterEach(async () => {
  await restore()
  vi.restoreAllMocks()
})

type Policy = 'behind' | 'through'

async function apply(operation: object, write: Policy = 'behind'): Promise<Reply> {
  const asked = { namespace, write, ...operation } as Operation
  const place = { bucket: bucketOf(namespace, asked.key), shards: 1, version: 1 }
  for (;;) {
    const reply = await stub.apply(asked, place)
    // Nothing has been done: a busy machine takes longer to claim many buckets than one request waits for.
    if (reply.kind !== 'busy') return reply as Reply
  }
}

const content = (text: string) => ({ type: 'text/plain', bytes: new TextEncoder().encode(text) })
const put = (key: string, text: string, write?: Policy) => apply({ kind: 'put', key, content: content(text) }, write)
const add = (key: string, write?: Policy) => apply({ kind: 'add', key, by: 1 }, write)
const remove = (key: string, write?: Policy) => apply({ kind: 'remove', key }, write)
const textOf = async (key: string) => {
  const reply = await apply({ kind: 'read', key })
  return reply.kind === 'found' ? new TextDecoder().decode(reply.content.bytes) : reply.kind
}

/** The alarm rings; by then every pause is over. */
async function ring(): Promise<void> {
  later += 120_000
  await runDurableObjectAlarm(stub)
}

const breakD1 = () => env.DB.exec('ALTER TABLE state RENAME TO away')
const restore = () => env.DB.exec('ALTER TABLE away RENAME TO state').catch(() => undefined)

/** D1 is asked, and does not hear of it before the release. */
async function holdD1() {
  let [isAsked, isHeld] = [false, true]
  await runInDurableObject(stub, (shard) => {
    const { DB } = (shard as unknown as { env: typeof env }).env
    const batch = DB.batch.bind(DB)
    vi.spyOn(DB, 'batch').mockImplementation(async (...given) => {
      isAsked = true
      while (isHeld) await new Promise((resolve) => setTimeout(resolve, 1))
      return batch(...given)
    })
  })
  const release = () => {
    isHeld = false
  }
  return Object.assign(release, { isAsked: () => isAsked })
}

/** What D1 has of this test's namespace. */
async function saved(): Promise<Record<string, string | null>> {
  const query = env.DB.prepare('SELECT key, value, deleted FROM state WHERE namespace = ? ORDER BY key').bind(namespace)
  const { results } = await query.all<{ key: string; value: number[] | null; deleted: number }>()
  const text = (value: number[] | null) => value && new TextDecoder().decode(new Uint8Array(value))
  return Object.fromEntries(results.map(({ key, value, deleted }) => [key, deleted ? null : text(value)]))
}

const lag = async () => (await stub.report({ shards: 1, version: 1 })).unsaved

describe('written behind', () => {
  it('comes to D1 by alarm, as it is by then, with its removals', async () => {
    await put('a', '1')
    await put('a', '2')
    await put('b', 'x')
    await remove('b')
    for (let count = 0; count < 5; count++) await add('c')
    expect(await saved()).toEqual({})
    expect(await lag()).toMatchObject({ keys: 3, since: expect.any(Number) })
    await ring()
    expect(await saved()).toEqual({ a: '2', b: null, c: '5' })
    expect(await lag()).toEqual({ keys: 0 })
    await put('b', 'again')
    await ring()
    expect(await saved()).toMatchObject({ b: 'again' })
  })

  it('loses nothing while D1 fails, evictions included, and its lag is seen to grow', async () => {
    await put('before', '1')
    await ring()
    await breakD1()
    for (let minute = 0; minute < 3; minute++) {
      await Promise.all(Array.from({ length: 20 }, (_, key) => put(`key ${key}`, `${key} of minute ${minute}`)))
      await add('count')
      await ring()
      await evictDurableObject(stub)
    }
    await remove('before')
    const { keys, since } = await lag()
    expect(keys).toBe(22)
    expect(Date.now() - since!).toBeGreaterThan(300_000)
    expect(await textOf('key 7')).toBe('7 of minute 2')
    await restore()
    await ring()
    const expected = Array.from({ length: 20 }, (_, key) => [`key ${key}`, `${key} of minute 2`])
    expect(await saved()).toEqual({ ...Object.fromEntries(expected), before: null, count: '3' })
    expect(await lag()).toEqual({ keys: 0 })
  })

  it('is not taken for brought where it has changed while D1 was asked', async () => {
    await put('a', 'old')
    const release = await holdD1()
    const ringing = ring()
    await vi.waitFor(() => expect(release.isAsked()).toBe(true))
    await put('a', 'new')
    release()
    await ringing
    expect(await lag()).toMatchObject({ keys: 1 })
    await ring()
    expect(await saved()).toEqual({ a: 'new' })
  })

  it('is tried again after a longer time each time, at most a minute', async () => {
    await breakD1()
    await put('a', '1')
    const pauses: number[] = []
    for (let tries = 0; tries < 8; tries++) {
      const alarm = await runInDurableObject(stub, (_, { storage }) => storage.getAlarm())
      pauses.push(Math.round((alarm! - Date.now()) / 1000))
      later += alarm! - Date.now()
      await runDurableObjectAlarm(stub)
    }
    expect(pauses.toSorted((left, right) => left - right)).toEqual(pauses)
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(60)
    expect(pauses.at(-1)).toBeLessThanOrEqual(62)
  })

  it('comes in batches', async () => {
    await Promise.all(Array.from({ length: 150 }, (_, key) => put(`key ${key}`, 'x')))
    while ((await lag()).keys > 0) await ring()
    const batches = 'SELECT count(*) AS count FROM state WHERE namespace = ? GROUP BY at'
    const { results } = await env.DB.prepare(batches).bind(namespace).all<{ count: number }>()
    const counts = results.map(({ count }) => count)
    expect(counts.reduce((left, right) => left + right)).toBe(150)
    expect(Math.max(...counts)).toBeLessThanOrEqual(100)
  })

  it('is never replaced by what is older, however late and often that comes', async () => {
    const record = { namespace, key: 'a', savedAt: 1 }
    const database = d1State(env.DB)
    await database.save([{ ...record, version: 2, content: content('new') }])
    await database.save([{ ...record, version: 1, content: content('old') }])
    await database.save([{ ...record, version: 2, content: content('twice') }])
    expect(await saved()).toEqual({ a: 'new' })
    await database.save([{ ...record, version: 3 }])
    await database.save([{ ...record, version: 2, content: content('late') }])
    expect(await saved()).toEqual({ a: null })
  })
})

describe('written through', () => {
  it('is in D1 when it is answered', async () => {
    expect(await put('a', '1', 'through')).toMatchObject({ kind: 'written', created: true })
    expect(await saved()).toEqual({ a: '1' })
    await add('b', 'through')
    await remove('a', 'through')
    expect(await saved()).toEqual({ a: null, b: '1' })
    expect(await lag()).toEqual({ keys: 0 })
    await put('a', 'again', 'through')
    expect(await saved()).toMatchObject({ a: 'again' })
  })

  it('changes nothing where D1 fails, and says so', async () => {
    await put('a', 'before', 'through')
    await breakD1()
    const refused = { kind: 'refused', because: 'unsaved' }
    expect(await put('a', 'after', 'through')).toEqual(refused)
    expect(await put('new', 'x', 'through')).toEqual(refused)
    expect(await remove('a', 'through')).toEqual(refused)
    expect(await textOf('a')).toBe('before')
    expect(await textOf('new')).toBe('absent')
    await restore()
    await ring()
    expect(await saved()).toEqual({ a: 'before', new: null })
    await put('a', 'after', 'through')
    await put('new', 'y', 'through')
    expect(await saved()).toEqual({ a: 'after', new: 'y' })
  })

  it('is undone in D1 where it got there and nobody was told', async () => {
    await put('a', 'before', 'through')
    // As if the object had been lost between the two writes of a put that D1 has taken.
    const found = await apply({ kind: 'read', key: 'a' })
    const version = found.kind === 'found' ? found.version : 0
    const bucket = bucketOf(namespace, 'a')
    await runInDurableObject(stub, (_, { storage }) => {
      storage.sql.exec('INSERT INTO outbox VALUES (?, ?, ?, ?, ?)', bucket, namespace, 'a', version + 2, Date.now())
    })
    await d1State(env.DB).save([{ namespace, key: 'a', version: version + 1, content: content('half'), savedAt: 1 }])
    await evictDurableObject(stub)
    expect(await textOf('a')).toBe('before')
    await put('b', 'x')
    await ring()
    expect(await saved()).toEqual({ a: 'before', b: 'x' })
    await put('a', 'after', 'through')
    expect(await saved()).toMatchObject({ a: 'after' })
  })

  it('is not acknowledged where the bucket went to another shard while D1 was asked', async () => {
    await put('a', 'before', 'through')
    const release = await holdD1()
    const writing = put('a', 'after', 'through')
    await vi.waitFor(() => expect(release.isAsked()).toBe(true))
    const claim = { version: 2, shard: 1 }
    const heeded = await stub.heed(bucketOf(namespace, 'a'), claim, { shards: 1, version: 1 })
    release()
    expect(await writing).toEqual({ kind: 'moved', to: 1, version: 2 })
    const copy = { version: 1, shard: 0 }
    expect(heeded).toEqual({ kind: 'heeded', copy })
    const { rows, unsaved } = (await stub.page(bucketOf(namespace, 'a'), claim, { from: 0, copy }))!
    expect(rows.map(({ entry }) => new TextDecoder().decode(entry.content?.bytes))).toEqual(['before'])
    // Whoever holds it from now on brings D1 back.
    expect(unsaved).toMatchObject([{ key: 'a', version: 3 }])
  })

  it('keeps the order of a key: 50 at the same time make 50', async () => {
    await Promise.all(Array.from({ length: 50 }, () => add('count', 'through')))
    expect(await textOf('count')).toBe('50')
    expect(await saved()).toEqual({ count: '50' })
  })
})
