import { beforeEach, describe, expect, it, test } from 'vitest'
import { cacheApiStore } from '../../../workers/adapters/cache-api-store.ts'
import { hotStore } from '../../../workers/adapters/hot-store.ts'
import type { ResponseStore } from '../../../workers/ports.ts'
import { bytesOf, cutInto, difference, read } from '../support/bytes.ts'
import { memoryStore } from '../support/memory-store.ts'
import { freshHead, opened as openedOf, responseAt } from '../support/stored.ts'
import { worstCache } from '../support/worst-cache.ts'

const stores: [string, () => ResponseStore][] = [
  ['in memory', memoryStore],
  ['Cache API', () => cacheApiStore(() => caches.open('responses-of-tests'))],
  ['in the hot tier', () => hotStore(memoryStore(), Date.now)],
  [
    'in the hot tier before the Cache API',
    () =>
      hotStore(
        cacheApiStore(() => caches.open('behind')),
        Date.now,
      ),
  ],
  ['a Cache API that keeps what was cut', () => cacheApiStore(worstCache().open)],
]

let keys = 0
const head = { ...freshHead, initialAge: 1.5, shareable: true, epoch: 7, tags: ['a', 'b'] }
const hello = new TextEncoder().encode('hello')
const megabytes = bytesOf(3 * 1024 * 1024)
const pieces = cutInto(megabytes, ...Array.from({ length: 47 }, () => 65_536))

describe.each(stores)('a store of responses: %s', (_, open) => {
  let store: ResponseStore
  let key: string
  beforeEach(() => {
    store = open()
    key = `https://gateway.test/_weir/cache/${++keys}`
  })

  interface Given {
    readonly fields?: Record<string, string>
    readonly status?: number
    readonly body?: readonly Uint8Array[]
    readonly askedAt?: number
    /** What is announced; absent: what comes. */
    readonly length?: number | 'unknown'
  }

  function fill({ fields = {}, status = 200, body = [hello], askedAt = head.askedAt, length }: Given) {
    const size = body.reduce((sum, chunk) => sum + chunk.byteLength, 0)
    const sink = store.begin(
      key,
      { ...head, status, askedAt },
      new Headers(fields),
      length === 'unknown' ? undefined : (length ?? size),
    )
    for (const chunk of body) sink.write(chunk)
    return sink
  }
  const keep = (given: Given) => fill(given).end()
  const found = () => responseAt(store, key)
  const opened = async () => openedOf((await found())!)

  it('misses what was never stored', async () => {
    expect(await store.match(key)).toBeUndefined()
    await keep({})
    expect(await store.match(`${key}0`)).toBeUndefined()
  })

  it('gives back the head, and the body every time', async () => {
    await keep({})
    for (let time = 0; time < 3; time++) {
      const stored = (await found())!
      expect(stored.head).toMatchObject(head)
      expect(stored.size).toBe(5)
      expect(await (await openedOf(stored)).text()).toBe('hello')
    }
  })

  test.each([200, 203, 299, 300, 301, 308, 400, 404, 410, 451, 500, 503, 599])('gives back a %i', async (status) => {
    await keep({ status, fields: { location: '/elsewhere' } })
    const response = await opened()
    expect(response?.status).toBe(status)
    expect(response?.headers.get('location')).toBe('/elsewhere')
    expect(await response?.text()).toBe('hello')
  })

  test.each([204, 205])('RFC 9110 §6.4.1: gives back a %i without a body', async (status) => {
    await keep({ status, body: [], length: status === 204 ? 'unknown' : 0 })
    const response = await opened()
    expect([response?.status, response?.body]).toEqual([status, null])
  })

  test.each<[string, Record<string, string>]>([
    [
      'what steers this cache',
      { 'cache-control': 'max-age=1, private="x"', 'cdn-cache-control': 'max-age=2', expires: '0', pragma: 'no-cache' },
    ],
    ['what another cache said', { age: '77', 'cf-cache-status': 'HIT', 'cache-status': 'Other; hit' }],
    ['a cache that forbids', { 'cache-control': 'no-store' }],
    ['lifetimes for other caches', { 'cache-control': 'stale-while-revalidate=60, stale-if-error=60, s-maxage=0' }],
    ['what varies', { vary: 'accept-encoding, *' }],
    ['validators', { etag: 'W/"a"', 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }],
    ['values outside ASCII', { 'x-name': 'caf\u00e9', 'cache-control': 'x="caf\u00e9"' }],
    ['quotes and backslashes', { 'cache-control': 'x="a\\"b\\\\"', 'content-disposition': 'inline; filename="a\\"b"' }],
    ['an empty value', { 'x-empty': '' }],
    [
      'a language and a type',
      { 'content-type': 'text/html; charset=ISO-8859-1', 'content-language': 'fr', 'content-length': '5' },
    ],
    ['no field at all', {}],
  ])('gives back the fields as they came: %s', async (_title, fields) => {
    await keep({ fields })
    const given = Object.fromEntries((await opened()).headers)
    expect(given).toMatchObject(fields)
    const added = Object.keys(given).filter((name) => !(name in fields))
    // A store may say these of its own, and the proxy says all of them itself.
    expect(['age', 'content-length', 'date']).toEqual(expect.arrayContaining(added))
  })

  it('gives fields that can be changed', async () => {
    await keep({ fields: { 'x-a': '1' } })
    const response = await opened()
    response?.headers.set('age', '7')
    response?.headers.delete('x-a')
    expect([response?.headers.get('age'), response?.headers.get('x-a')]).toEqual(['7', null])
  })

  it('RFC 9110 §8.4: gives back coded bytes untouched', async () => {
    const coded = new Uint8Array(
      await new Response(new Blob([bytesOf(5000)]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer(),
    )
    await keep({ fields: { 'content-encoding': 'gzip' }, body: [coded] })
    const response = await opened()
    expect(response?.headers.get('content-encoding')).toBe('gzip')
    expect(difference(await read(response!.body), coded)).toBeUndefined()
  })

  it('lets go of a body', async () => {
    await keep({})
    const stored = await found()
    stored?.discard()
    expect(await (await opened()).text()).toBe('hello')
  })

  test.each<[string, readonly Uint8Array[], number, number]>([
    ['of a small body', [hello], 1, 3],
    ['the last byte', [hello], 4, 4],
    ['of a large body', pieces, 1_000_000, 2_000_001],
    ['the end of a large body', pieces, megabytes.byteLength - 2, megabytes.byteLength - 1],
  ])('gives a range: %s', async (_title, body, first, last) => {
    await keep({ body })
    const part = await (await found())?.body({ first, last })
    const bytes = new Uint8Array(await new Response(part).arrayBuffer())
    const whole = body.length === 1 ? hello : megabytes
    expect(difference(bytes, whole.slice(first, last + 1))).toBeUndefined()
  })

  it('gives no range of what has come into its place', async () => {
    await keep({ body: pieces })
    const stored = (await found())!
    await keep({ body: pieces.toReversed() })
    const part = await stored.body({ first: 1_000_000, last: 1_000_009 })
    const bytes = new Uint8Array(await new Response(part).arrayBuffer())
    // Some still have what was there.
    if (part !== undefined) expect(difference(bytes, megabytes.slice(1_000_000, 1_000_010))).toBeUndefined()
  })

  it('gives an entry a new head and fields, its body unchanged', async () => {
    await keep({ fields: { etag: '"1"', 'x-a': '1' }, body: pieces })
    const newer = { ...head, freshUntil: head.freshUntil + 1 }
    await store.update(key, (await found())!, newer, new Headers({ 'x-a': '2' }))
    const stored = (await found())!
    expect(stored.head.freshUntil).toBe(head.freshUntil + 1)
    expect(stored.fields).toEqual({ 'x-a': '2' })
    expect(difference(await read((await openedOf(stored)).body), megabytes)).toBeUndefined()
  })

  it('keeps the head that was asked for last, whichever comes last', async () => {
    await keep({})
    const before = (await found())!
    for (const later of [2, 1]) {
      const newer = { ...head, askedAt: head.askedAt + later }
      await store.update(key, before, newer, new Headers({ 'x-a': `${later}` }))
    }
    expect((await found())?.fields).toEqual({ 'x-a': '2' })
  })

  it('does not give the head of one response to another', async () => {
    await keep({})
    const before = (await found())!
    // Of the same instant, as in a crowd.
    await keep({ fields: { 'x-a': '1' } })
    await store.update(key, before, head, new Headers({ 'x-a': '2' }))
    await store.update(`${key}-other`, before, head, new Headers({ 'x-a': '2' }))
    expect((await found())?.fields).toEqual({ 'x-a': '1' })
    expect(await store.match(`${key}-other`)).toBeUndefined()
  })

  it('keeps a note in the place of a response, and a response in the place of a note', async () => {
    await keep({})
    const note = { kind: 'hit-for-miss', until: head.keepUntil } as const
    await store.note(key, note, head.askedAt)
    expect(await store.match(key)).toEqual({ kind: 'note', note })
    await keep({})
    expect(await (await opened()).text()).toBe('hello')
  })

  it('a note that nothing could be stored outdates nothing', async () => {
    await store.note(key, { kind: 'hit-for-miss', until: head.keepUntil }, head.askedAt + 1)
    await keep({})
    expect(await (await opened()).text()).toBe('hello')
  })

  it('what was let go stays so behind a note that nothing could be stored', async () => {
    const note = { kind: 'hit-for-miss', until: head.keepUntil } as const
    await store.forget(key, head.askedAt + 1)
    for (const later of [2, 3]) await store.note(key, note, head.askedAt + later)
    await keep({})
    expect(await store.match(key)).toEqual({ kind: 'note', note })
    await keep({ askedAt: head.askedAt + 1 })
    expect(await (await opened()).text()).toBe('hello')
  })

  it('forgets what it is told to', async () => {
    await keep({})
    await store.forget(key, head.askedAt)
    await store.forget(`${key}-other`, head.askedAt)
    for (const each of [key, `${key}-other`]) {
      expect(await store.match(each)).toEqual({ kind: 'forgotten', askedAt: head.askedAt })
    }
  })

  test.each<[string, (askedAt: number) => Promise<void>]>([
    ['a response', (askedAt) => keep({ askedAt, fields: { 'x-a': 'late' } })],
    ['a large one', (askedAt) => keep({ askedAt, body: pieces })],
    ['a note', (askedAt) => store.note(key, { kind: 'hit-for-miss', until: head.keepUntil }, askedAt)],
    ['to let go', (askedAt) => store.forget(key, askedAt)],
  ])('what was asked for last stays, whatever comes late: %s', async (_title, come) => {
    await keep({ fields: { 'x-a': 'newest' } })
    await come(head.askedAt - 1)
    expect((await found())?.fields).toEqual({ 'x-a': 'newest' })
    await store.forget(key, head.askedAt + 2)
    await come(head.askedAt + 1)
    expect(await store.match(key)).toEqual({ kind: 'forgotten', askedAt: head.askedAt + 2 })
    await keep({ askedAt: head.askedAt + 2 })
    expect(await (await opened()).text()).toBe('hello')
  })

  test.each<[string, readonly Uint8Array[], number | 'unknown']>([
    ['empty', [], 0],
    ['empty, of unknown length', [], 'unknown'],
    ['in pieces', cutInto(hello, 1, 1), 5],
    ['in pieces, of unknown length', cutInto(hello, 1, 1), 'unknown'],
    ['of three megabytes', pieces, megabytes.byteLength],
    ['of three megabytes, of unknown length', pieces, 'unknown'],
    ['of three megabytes in one piece', [megabytes], 'unknown'],
  ])('keeps a body %s', async (_title, body, length) => {
    await keep({ body, length })
    const whole = body.reduce((size, chunk) => size + chunk.byteLength, 0)
    const found = await read((await opened())!.body)
    expect(found.byteLength).toBe(whole)
    if (whole > 5) expect(difference(found, megabytes)).toBeUndefined()
  })

  test.each<[string, readonly Uint8Array[], number]>([
    ['shorter than announced', [hello], 6],
    ['empty, although something was announced', [], 5],
    ['longer than announced', [hello], 4],
    ['longer than nothing', [hello], 0],
    ['large, and shorter than announced', pieces, megabytes.byteLength + 1],
    ['large, and longer than announced', pieces, megabytes.byteLength - 1],
  ])('keeps nothing of a body %s', async (_title, body, length) => {
    await keep({ body, length })
    expect(await store.match(key)).toBeUndefined()
  })

  test.each<[string, readonly Uint8Array[], number | 'unknown']>([
    ['small', [hello], 10],
    ['small, of unknown length', [hello], 'unknown'],
    ['large', pieces.slice(0, 40), megabytes.byteLength],
    ['large, of unknown length', pieces, 'unknown'],
    ['complete, but for its end', [hello], 5],
  ])('keeps nothing of a body that is cut: %s', async (_title, body, length) => {
    const sink = fill({ body, length })
    sink.abort()
    expect(sink.wanted).toBe(false)
    sink.write(hello)
    await sink.end()
    expect(await store.match(key)).toBeUndefined()
  })

  test.each<[string, readonly Uint8Array[], number | 'unknown']>([
    ['small', [hello], 5],
    ['of unknown length', [hello], 'unknown'],
    ['large', pieces, megabytes.byteLength],
  ])('has an entry at its end and not before: %s', async (_title, body, length) => {
    const sink = fill({ body, length })
    expect(await store.match(key)).toBeUndefined()
    await sink.end()
    expect(await store.match(key)).toBeDefined()
    sink.abort()
    expect(await store.match(key)).toBeDefined()
  })

  it('leaves the entry as it is while, and where, another one is cut', async () => {
    await keep({})
    const sink = fill({ body: pieces, length: 'unknown' })
    expect(await (await opened())?.text()).toBe('hello')
    sink.abort()
    await sink.end()
    expect(await (await opened())?.text()).toBe('hello')
  })

  it('replaces an entry by the next', async () => {
    await keep({ fields: { 'x-a': '1' }, status: 404 })
    await keep({ fields: { 'x-b': '2' }, body: [new TextEncoder().encode('new')] })
    const response = await opened()
    expect([response?.status, response?.headers.get('x-a'), response?.headers.get('x-b')]).toEqual([200, null, '2'])
    expect(await response?.text()).toBe('new')
  })
})
