import { beforeEach, describe, expect, it, test } from 'vitest'
import type { HotTier } from '../../../shared/config/cache.ts'
import { hotStore } from '../../../workers/adapters/hot-store.ts'
import type { ResponseStore } from '../../../workers/ports.ts'
import { bytesOf, difference } from '../support/bytes.ts'
import { memoryStore } from '../support/memory-store.ts'
import { freshHead, opened, responseAt } from '../support/stored.ts'

/** Room for four entries of `entryBytes`. */
const usual: HotTier = { entryBytes: 1000, totalBytes: 10_000, trustSeconds: 5 }

let limits: HotTier
let matches: string[]
let clock: number
let behind: ResponseStore
let store: ResponseStore

beforeEach(() => {
  limits = usual
  matches = []
  clock = 1_000_000
  const memory = memoryStore()
  behind = {
    ...memory,
    match(key) {
      matches.push(key)
      return memory.match(key)
    },
  }
  store = hotStore(
    behind,
    () => clock,
    () => limits,
  )
})

async function put(into: ResponseStore, key: string, body: Uint8Array, storedAt = freshHead.storedAt) {
  const sink = into.begin(key, { ...freshHead, storedAt }, new Headers({ 'x-key': key }), body.byteLength)
  sink.write(body)
  await sink.end()
}

const text = async (key: string) => {
  const stored = await responseAt(store, key)
  return stored && (await opened(stored)).text()
}
const hello = new TextEncoder().encode('hello')
const world = new TextEncoder().encode('world')

/** Asks until it is in memory. */
async function warm(key: string): Promise<void> {
  await text(key)
  await text(key)
  matches = []
}

it('asks the store behind twice, and then no more', async () => {
  await put(store, 'a', hello)
  for (let time = 0; time < 5; time++) expect(await text('a')).toBe('hello')
  expect(matches).toEqual(['a', 'a'])
})

it('gives what it holds to many readers at once, and ranges of it', async () => {
  const body = bytesOf(1000)
  await put(store, 'a', body)
  await warm('a')
  const readers = await Promise.all(Array.from({ length: 5 }, async () => opened((await responseAt(store, 'a'))!)))
  for (const reader of readers) {
    expect(difference(new Uint8Array(await reader.arrayBuffer()), body)).toBeUndefined()
    expect(reader.headers.get('x-key')).toBe('a')
  }
  const part = await (await responseAt(store, 'a'))!.body({ first: 10, last: 19 })
  expect(difference(new Uint8Array(await new Response(part).arrayBuffer()), body.slice(10, 20))).toBeUndefined()
  expect(matches).toEqual([])
})

it('leaves larger bodies to the store behind', async () => {
  await put(store, 'a', bytesOf(1001))
  await warm('a')
  expect((await responseAt(store, 'a'))?.size).toBe(1001)
  expect(matches).toEqual(['a'])
})

it('holds notes too', async () => {
  await store.note('a', { kind: 'hit-for-miss', until: clock }, clock)
  for (let time = 0; time < 4; time++) expect(await store.match('a')).toMatchObject({ note: { kind: 'hit-for-miss' } })
  expect(matches).toEqual(['a', 'a'])
})

describe('what has changed', () => {
  test.each<[string, () => Promise<void>, string | undefined]>([
    ['replaced here', () => put(store, 'a', world, 1), 'world'],
    ['let go here', () => store.forget('a', freshHead.askedAt), undefined],
  ])('%s: at once', async (_, change, expected) => {
    await put(store, 'a', hello)
    await warm('a')
    await change()
    expect(await text('a')).toBe(expected)
  })

  test('the head, here: at once', async () => {
    await put(store, 'a', hello)
    await warm('a')
    const there = (await responseAt(store, 'a'))!
    await store.update('a', there, { ...freshHead, freshUntil: 7 }, new Headers({ 'x-key': 'b' }))
    const stored = await responseAt(store, 'a')
    expect([stored?.head.freshUntil, stored?.fields]).toEqual([7, { 'x-key': 'b' }])
  })

  test.each<[string, () => Promise<void>, string | undefined]>([
    ['replaced elsewhere', () => put(behind, 'a', world, 1), 'world'],
    ['replaced elsewhere in the same instant', () => put(behind, 'a', world), 'world'],
    ['let go elsewhere', () => behind.forget('a', freshHead.askedAt), undefined],
  ])('%s: after the time of trust', async (_, change, expected) => {
    await put(store, 'a', hello)
    await warm('a')
    await change()
    clock += 1000 * usual.trustSeconds - 1
    expect(await text('a')).toBe('hello')
    clock += 1
    expect(await text('a')).toBe(expected)
  })

  test('while it is read into memory: what was found before is not held', async () => {
    await put(store, 'a', hello)
    await text('a')
    const reading = text('a')
    await put(store, 'a', world, 1)
    await reading
    expect(await text('a')).toBe('world')
  })
})

it('looks once after the time of trust, and trusts again', async () => {
  await put(store, 'a', hello)
  await warm('a')
  clock += 1000 * usual.trustSeconds
  for (let time = 0; time < 3; time++) expect(await text('a')).toBe('hello')
  expect(matches).toEqual(['a'])
})

it('looks each time once it is stale: another isolate may have refreshed it', async () => {
  const sink = behind.begin('a', { ...freshHead, freshUntil: clock + 1000 }, new Headers(), hello.byteLength)
  sink.write(hello)
  await sink.end()
  await warm('a')
  expect([await text('a'), matches]).toEqual(['hello', []])
  clock += 1000
  for (let time = 0; time < 2; time++) expect(await text('a')).toBe('hello')
  expect(matches).toEqual(['a', 'a'])
})

describe('bounds', () => {
  /** Takes them into memory, the first one first. */
  async function warmAll(keys: string, size = 1000): Promise<void> {
    for (const key of keys) {
      await put(store, key, bytesOf(size))
      await warm(key)
    }
  }

  /** Which of them the store behind is asked for. */
  async function askedBehind(keys: string): Promise<string> {
    matches = []
    for (const key of keys) await text(key)
    return matches.join('')
  }

  it('lets go of the least recently used', async () => {
    await warmAll('abcd')
    await text('a')
    await warmAll('e')
    expect(await askedBehind('acde')).toBe('')
    expect(await askedBehind('b')).toBe('b')
  })

  it('lets go of it at once', async () => {
    await warmAll('abcde')
    limits = { ...usual, totalBytes: 20_000 }
    expect(await askedBehind('bcdea')).toBe('a')
  })

  it('lets go of nothing for what would not fit alone', async () => {
    limits = { ...usual, entryBytes: usual.totalBytes }
    await warmAll('abc')
    await warmAll('x', usual.totalBytes)
    expect(await askedBehind('xabc')).toBe('x')
  })

  it('counts keys and fields', async () => {
    await warmAll('abc')
    const wide = 'w'.repeat(1000)
    await put(store, wide, hello)
    await warm(wide)
    expect(await askedBehind('a')).toBe('a')
  })

  it('counts notes', async () => {
    limits = { ...usual, totalBytes: 9_000 }
    await warmAll('abcd')
    await store.note('note', { kind: 'hit-for-miss', until: clock }, clock)
    for (let time = 0; time < 2; time++) await store.match('note')
    expect(await askedBehind('a')).toBe('a')
  })

  describe('new ones bind what is held already', () => {
    it('less room: the least recently used goes with the next use', async () => {
      await warmAll('abcd')
      limits = { ...usual, totalBytes: 5_000 }
      expect(await askedBehind('dc')).toBe('')
      limits = usual
      expect(await askedBehind('ba')).toBe('ba')
    })

    it('no room: nothing is answered from memory, and nothing is held', async () => {
      await warmAll('ab')
      limits = { ...usual, totalBytes: 0 }
      expect(await askedBehind('aaa')).toBe('aaa')
      expect(await (await responseAt(store, 'a'))!.body()).toBeInstanceOf(ReadableStream)
      limits = usual
      expect(await askedBehind('ab')).toBe('ab')
    })

    it('smaller entries: a larger one is not answered from memory', async () => {
      await warmAll('a')
      await warmAll('b', 500)
      limits = { ...usual, entryBytes: 999 }
      expect(await askedBehind('abab')).toBe('aa')
      limits = usual
      expect(await askedBehind('a')).toBe('a')
    })

    it('larger entries: they are held', async () => {
      await put(store, 'a', bytesOf(1001))
      await warm('a')
      limits = { ...usual, entryBytes: 1001 }
      expect(await askedBehind('aaa')).toBe('a')
    })

    it('less trust: the store behind is asked sooner, and always without any', async () => {
      await warmAll('a')
      clock += 2000
      limits = { ...usual, trustSeconds: 2 }
      expect(await askedBehind('aa')).toBe('a')
      limits = { ...usual, trustSeconds: 0 }
      expect(await askedBehind('aa')).toBe('aa')
    })

    it('while it is read: what came is held by the new ones', async () => {
      await put(store, 'a', bytesOf(1000))
      await text('a')
      const reading = text('a')
      limits = { ...usual, totalBytes: 0 }
      await reading
      limits = usual
      expect(await askedBehind('a')).toBe('a')
    })
  })
})
