import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { cacheApiStore } from '../../../workers/adapters/cache-api-store.ts'
import type { ResponseStore } from '../../../workers/ports.ts'
import { relay } from '../../../workers/relay.ts'
import { bytesOf, difference, read, sourceOf } from '../support/bytes.ts'
import { faults } from '../support/configurations.ts'
import { freshHead, opened, responseAt } from '../support/stored.ts'
import { type WorstCache, worstCache } from '../support/worst-cache.ts'

const key = 'https://gateway.test/_weir/cache/a'
const megabyte = bytesOf(1024 * 1024)

let cache: WorstCache

beforeEach(() => {
  // A cache that fails is logged, and these tests have many of them.
  vi.spyOn(console, 'warn').mockReturnValue()
  cache = worstCache()
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const begin = (length?: number, name = key) => cacheApiStore(cache.open).begin(name, freshHead, new Headers(), length)

async function settle(): Promise<void> {
  // What a sink does behind its caller's back are promises that are kept already.
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

describe('a lookup in a cache that fails is a miss, within 250 ms', () => {
  test.each(faults.flatMap((fault) => [['open', fault] as const, ['match', fault] as const]))(
    '%s %s',
    async (call, fault) => {
      vi.useFakeTimers()
      cache.faults[call] = fault
      const found = cacheApiStore(cache.open).match(key)
      await vi.advanceTimersByTimeAsync(250)
      expect(await found).toBeUndefined()
    },
  )

  it('finds entries again as soon as the cache works again', async () => {
    await begin().end()
    const store = cacheApiStore(cache.open)
    cache.faults.open = 'throws'
    expect(await store.match(key)).toBeUndefined()
    delete cache.faults.open
    expect(await store.match(key)).toBeDefined()
  })

  test.each<[string, Record<string, string>]>([
    ['nothing of ours', {}],
    ['a record that is cut', { 'weir-entry': '{"status": 200, "asi' }],
    ['a record that is none', { 'weir-entry': 'null' }],
    ['a record without its fields', { 'weir-entry': '{"status": 200}' }],
  ])('an entry is a miss that has %s', async (_, fields) => {
    const real = await caches.open('responses-of-others')
    const headers = { 'cache-control': 'max-age=60', ...fields }
    await real.put(key, new Response('not ours', { headers }))
    expect(await cacheApiStore(() => caches.open('responses-of-others')).match(key)).toBeUndefined()
  })
})

describe('a cache that fails keeps nothing, and holds nobody up', () => {
  const calls = faults.flatMap((fault) => [['open', fault] as const, ['put', fault] as const])

  test.each(calls)('small body, %s %s: write never throws', async (call, fault) => {
    cache.faults[call] = fault
    const sink = begin(3)
    expect(() => sink.write(new Uint8Array(3))).not.toThrow()
    const ended = sink.end()
    if (fault !== 'hangs') await expect(ended).resolves.toBeUndefined()
    delete cache.faults[call]
    expect(await cacheApiStore(cache.open).match(key)).toBeUndefined()
  })

  test.each(calls)('large body, %s %s: gives up instead of holding it all', async (call, fault) => {
    cache.faults[call] = fault
    const sink = begin()
    let written = 0
    while (sink.wanted && written < 100) {
      sink.write(megabyte)
      written++
      await settle()
    }
    expect(sink.wanted).toBe(false)
    expect(written).toBeLessThan(10)
    await expect(sink.end()).resolves.toBeUndefined()
  })

  test.each(calls)('a client gets its whole body, and soon: %s %s', async (call, fault) => {
    cache.faults[call] = fault
    const pieces = Array.from({ length: 8 }, () => megabyte)
    const { body } = await relay(sourceOf(pieces).stream, {
      length: undefined,
      idleMs: 5000,
      sink: begin(),
      abandon: () => {},
    })
    const received = await read(body)
    expect(received.byteLength).toBe(8 * megabyte.byteLength)
    expect(difference(received.subarray(7 * megabyte.byteLength), megabyte)).toBeUndefined()
  })
})

describe('nothing but whole bodies is ever found, though the cache keeps what is cut', () => {
  test.each<[string, number | undefined]>([
    ['of known length', 5 * megabyte.byteLength],
    ['of unknown length', undefined],
  ])('a large body %s that is cut', async (_, length) => {
    const sink = begin(length)
    for (let written = 0; written < 3; written++) sink.write(megabyte)
    await settle()
    sink.abort()
    await sink.end()
    await vi.waitFor(() => expect([...cache.entries.keys()]).toEqual([]))
    expect(cache.puts).not.toContain(key)
  })

  it('a large body that ends is found under its own name alone', async () => {
    const sink = begin()
    for (let written = 0; written < 3; written++) sink.write(megabyte)
    expect(cache.entries.has(key)).toBe(false)
    await sink.end()
    await vi.waitFor(() => expect([...cache.entries.keys()]).toEqual([key]))
    expect(cache.entries.get(key)?.byteLength).toBe(3 * megabyte.byteLength)
  })

  it('two that are filled at once do not get into each other’s way', async () => {
    const sinks = [begin(), begin()]
    for (let written = 0; written < 2; written++) for (const sink of sinks) sink.write(megabyte)
    sinks[0]?.abort()
    await sinks[1]?.end()
    await sinks[0]?.end()
    expect(cache.entries.get(key)?.byteLength).toBe(2 * megabyte.byteLength)
  })

  it('what was staged has a name that no request has', async () => {
    const sink = begin()
    for (let written = 0; written < 2; written++) sink.write(megabyte)
    await vi.waitFor(() => expect(cache.puts).toHaveLength(1))
    expect(cache.puts[0]).not.toBe(key)
    expect(cache.puts[0]?.startsWith(key)).toBe(true)
    sink.abort()
  })
})

it('memory that fills have used is given back, however they end', async () => {
  for (let round = 0; round < 40; round++) {
    const name = `${key}${round}`
    const [whole, cut, short, refused] = [
      begin(undefined, name),
      begin(undefined, name),
      begin(7, name),
      begin(3, name),
    ]
    for (const sink of [whole, cut, short, refused]) sink.write(megabyte.subarray(0, 900_000))
    cut.abort()
    cache.faults.put = 'throws'
    await refused.end()
    delete cache.faults.put
    await Promise.all([whole.end(), short.end()])
    cache.entries.clear()
  }
  // An isolate that thought itself full would stage this one, or give it up.
  cache.puts.length = 0
  const sink = begin()
  sink.write(megabyte.subarray(0, 900_000))
  await sink.end()
  expect(cache.puts).toEqual([key])
})

describe('what is let go while it is written stays away, though the cache finishes it last', () => {
  const written: [string, (store: ResponseStore) => Promise<void>][] = [
    ['a response', (store) => store.begin(key, freshHead, new Headers(), 0).end()],
    ['a note', (store) => store.note(key, { kind: 'hit-for-miss', until: freshHead.keepUntil }, freshHead.askedAt)],
    ['a new head', async (store) => store.update(key, (await responseAt(store, key))!, freshHead, new Headers())],
  ]

  test.each(written)('%s', async (_, write) => {
    const store = cacheApiStore(cache.open)
    await begin(0).end()
    const platform = await cache.open()
    const put = platform.put.bind(platform)
    const { promise: begun, resolve: begins } = Promise.withResolvers<void>()
    const { promise: turn, resolve: goOn } = Promise.withResolvers<void>()
    vi.spyOn(platform, 'put').mockImplementationOnce(async (...given) => {
      begins()
      await turn
      await put(...given)
    })
    const late = write(store)
    await begun
    await store.forget(key, freshHead.askedAt + 1)
    goOn()
    await late
    expect(await store.match(key)).toEqual({ kind: 'forgotten', askedAt: freshHead.askedAt + 1 })
  })

  it('and what the cache could not be told of', async () => {
    const store = cacheApiStore(cache.open)
    await begin(0).end()
    cache.faults.put = 'throws'
    await store.forget(key, freshHead.askedAt + 1)
    delete cache.faults.put
    expect(await store.match(key)).toEqual({ kind: 'forgotten', askedAt: freshHead.askedAt + 1 })
    await store.begin(key, { ...freshHead, askedAt: freshHead.askedAt + 1 }, new Headers(), 0).end()
    expect(await store.match(key)).toMatchObject({ kind: 'response' })
  })
})

it('keeps nothing that took longer than what is let go is remembered', async () => {
  const store = cacheApiStore(cache.open)
  const askedAt = Date.now() - 600_001
  await store.begin(key, { ...freshHead, askedAt }, new Headers(), 0).end()
  expect(await store.match(key)).toBeUndefined()
})

// The Cache API puts a Date of its own in its place, and what Expires says would be counted from there.
it('RFC 9111 §4.2.1: gives back the origin’s Date', async () => {
  const store = cacheApiStore(() => caches.open('dates'))
  const date = 'Mon, 01 Jan 2024 00:00:00 GMT'
  await store.begin(key, freshHead, new Headers({ date }), 0).end()
  expect((await opened((await responseAt(store, key))!)).headers.get('date')).toBe(date)
})
