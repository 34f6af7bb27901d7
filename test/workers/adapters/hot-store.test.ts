import { beforeEach, describe, expect, it, test } from 'vitest'
import { hotStore } from '../../../workers/adapters/hot-store.ts'
import type { ResponseStore } from '../../../workers/ports.ts'
import { bytesOf, difference } from '../support/bytes.ts'
import { memoryStore } from '../support/memory-store.ts'
import { freshHead, opened, responseAt } from '../support/stored.ts'

const limits = { entryBytes: 1000, totalBytes: 10_000, trustMs: 5_000 }

let matches: string[]
let clock: number
let behind: ResponseStore
let store: ResponseStore

beforeEach(() => {
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
  store = hotStore(behind, () => clock, limits)
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
  await store.note('a', { kind: 'hit-for-miss', until: clock })
  for (let time = 0; time < 4; time++) expect(await store.match('a')).toMatchObject({ note: { kind: 'hit-for-miss' } })
  expect(matches).toEqual(['a', 'a'])
})

describe('what has changed', () => {
  test.each<[string, () => Promise<void>, string | undefined]>([
    ['replaced here', () => put(store, 'a', world, 1), 'world'],
    ['let go here', () => store.delete('a'), undefined],
  ])('%s: at once', async (_, change, expected) => {
    await put(store, 'a', hello)
    await warm('a')
    await change()
    expect(await text('a')).toBe(expected)
  })

  test('the head, here: at once', async () => {
    await put(store, 'a', hello)
    await warm('a')
    await store.update('a', freshHead.storedAt, { ...freshHead, freshUntil: 7 }, new Headers({ 'x-key': 'b' }))
    const stored = await responseAt(store, 'a')
    expect([stored?.head.freshUntil, stored?.fields]).toEqual([7, { 'x-key': 'b' }])
  })

  test.each<[string, () => Promise<void>, string | undefined]>([
    ['replaced elsewhere', () => put(behind, 'a', world, 1), 'world'],
    ['let go elsewhere', () => behind.delete('a'), undefined],
  ])('%s: after the time of trust', async (_, change, expected) => {
    await put(store, 'a', hello)
    await warm('a')
    await change()
    clock += limits.trustMs - 1
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
  clock += limits.trustMs
  for (let time = 0; time < 3; time++) expect(await text('a')).toBe('hello')
  expect(matches).toEqual(['a'])
})

it('is bounded: the least recently used goes first', async () => {
  for (const key of 'abcd') {
    await put(store, key, bytesOf(1000))
    await warm(key)
  }
  await text('a')
  await put(store, 'e', bytesOf(1000))
  await warm('e')
  for (const key of 'acde') await text(key)
  expect(matches).toEqual([])
  await text('b')
  expect(matches).toEqual(['b'])
})
