// What stands in an isolate's memory, on the wire: a hit there calls nothing of the platform, and yet whatever binds an
// entry binds it at once. The time of trust is a minute here, so that nothing below happens by its end.
import type { IncomingMessage } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Calls, type CallsCounter, startCallsCounter } from '../bench/calls.ts'
import { type Asked, ask, reply } from './support/cache.ts'
import { adminToken } from './support/gateway.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

let origin: TestOrigin
let weir: CallsCounter

beforeAll(async () => {
  origin = await startOrigin(() => undefined)
  weir = await startCallsCounter(configuration(), adminToken)
})
afterAll(async () => {
  await weir?.close()
  await origin?.close()
})

/** `rule` is for `/ruled/*`. */
function configuration(rule: object = {}, hotTier: object = {}) {
  const pools = ['web']
  return {
    pools: { web: { origins: [{ id: 'a', url: origin.url }] } },
    routes: [
      { path: '/ruled/*', pools, cache: rule },
      { path: '/*', pools },
    ],
    hotTier: { trustSeconds: 60, ...hotTier },
  }
}

async function admin(method: string, path: string, body: object): Promise<void> {
  const headers = { authorization: `Bearer ${adminToken}` }
  const response = await fetch(weir.url + path, { method, headers, body: JSON.stringify(body) })
  expect(response.status).toBe(200)
}
const configure = (document: object) => admin('PUT', '/_weir/api/config', document)
const purge = (what: object) => admin('POST', '/_weir/api/purge', what)

const minute = { 'cache-control': 'max-age=60' }

/** Every answer says which one it is. */
function count(headers: Record<string, string> = {}) {
  origin.handle = (_, response) => reply(response, `answer ${origin.requests}`, { ...minute, ...headers })
}

let paths = 0
const fresh = (prefix = '') => `${prefix}/${++paths}`

interface Counted extends Asked {
  readonly calls: Calls
}

/** Asks, and waits for all work behind the answer. */
async function get(path: string, init?: RequestInit): Promise<Counted> {
  const { result, calls } = await weir.during(() => ask(weir.url + path, init))
  return { ...result, calls }
}

const fromMemory = {
  cache: expect.stringContaining('weir; hit'),
  calls: expect.objectContaining({ match: 0, fetch: 0 }),
}
const fromOrigin = { calls: expect.objectContaining({ fetch: 1 }) }

/** Asks until the answer comes from memory. */
async function hot(path: string, init?: RequestInit): Promise<Counted> {
  for (let time = 0; time < 100; time++) {
    const answer = await get(path, init)
    if (answer.cache.includes('weir; hit') && answer.calls.match === 0) return answer
  }
  throw new Error(`${path} does not get hot.`)
}

describe('a purge reaches it at once', () => {
  const ways: [string, (path: string) => object][] = [
    ['by URL', (path) => ({ urls: [weir.url + path] })],
    ['by tag', (path) => ({ tags: [path] })],
    ['by prefix', (path) => ({ prefixes: [weir.url + path] })],
    ['everything', () => ({ everything: true })],
  ]

  test.each(ways)('hard, %s: it is gone', async (_, what) => {
    const path = fresh('/purged')
    count({ 'cache-tag': path })
    const before = await hot(path)
    await purge(what(path))
    const after = await get(path)
    expect(after).toMatchObject({ ...fromOrigin, cache: expect.stringContaining('fwd=uri-miss') })
    expect(after.text).not.toBe(before.text)
  })

  test.each(ways)('soft, %s: it is stale', async (_, what) => {
    const path = fresh('/purged')
    count({ 'cache-tag': path, etag: '"1"' })
    await hot(path)
    await purge({ ...what(path), soft: true })
    expect(await get(path)).toMatchObject({ ...fromOrigin, cache: expect.stringContaining('fwd=stale') })
  })

  test('soft: its grace begins', async () => {
    const path = fresh()
    count({ 'cache-control': 'max-age=60, stale-while-revalidate=60' })
    const before = await hot(path)
    await purge({ urls: [weir.url + path], soft: true })
    expect(await get(path)).toMatchObject({ text: before.text, cache: expect.stringContaining('detail=grace') })
    expect((await hot(path)).text).not.toBe(before.text)
  })

  test('and what it does not name stays', async () => {
    const path = fresh()
    count({ 'cache-tag': 'kept' })
    const before = await hot(path)
    await purge({ urls: [`${weir.url + path}x`], tags: ['kep'], prefixes: [`${weir.url + path}/`] })
    expect(await get(path)).toMatchObject({ ...fromMemory, text: before.text })
  })
})

describe('another configuration reaches it at once', () => {
  afterEach(() => configure(configuration()))

  test('that turns its cache off', async () => {
    const path = fresh('/ruled')
    count()
    const before = await hot(path)
    await configure(configuration({ mode: 'off' }))
    const after = await get(path)
    expect(after).toMatchObject({ ...fromOrigin, cache: expect.stringContaining('fwd=bypass') })
    expect(after.text).not.toBe(before.text)
  })

  test('that keys another part of the query', async () => {
    await configure(configuration({ key: { query: { except: ['page'] } } }))
    const path = fresh('/ruled')
    count()
    const first = await hot(`${path}?page=1`)
    expect(await get(`${path}?page=2`)).toMatchObject({ ...fromMemory, text: first.text })
    await configure(configuration())
    const second = await get(`${path}?page=2`)
    expect(second).toMatchObject({ ...fromOrigin, cache: expect.stringContaining('fwd=uri-miss') })
    expect(second.text).not.toBe(first.text)
  })

  test.each([
    ['that turns the hot tier off', { totalBytes: 0 }],
    ['that holds smaller entries', { entryBytes: 1 }],
    ['that trusts no memory', { trustSeconds: 0 }],
  ])('%s', async (_, hotTier) => {
    const path = fresh()
    count()
    const { text } = await hot(path)
    await configure(configuration({}, hotTier))
    for (let time = 0; time < 3; time++) {
      const cold = { text, cache: expect.stringContaining('weir; hit'), calls: { match: 1, fetch: 0 } }
      expect(await get(path)).toMatchObject(cold)
    }
    await configure(configuration())
    expect(await hot(path)).toMatchObject({ text })
  })
})

test('an expiry reaches it at once', async () => {
  const path = fresh()
  count({ 'cache-control': 'max-age=1' })
  const before = await hot(path)
  const served: string[] = []
  const next = async () => {
    const { text, cache } = await get(path)
    if (text === before.text) served.push(cache)
    return text
  }
  await expect.poll(next, { timeout: 10_000 }).not.toBe(before.text)
  for (const cache of served) expect(cache).toMatch(/^weir; hit; ttl=[01]$/)
})

describe('what changes the entry reaches it at once', () => {
  const noCache = { headers: { 'cache-control': 'no-cache' } }
  const version = (number: number) => ({ etag: '"1"', 'x-version': `${number}` })

  test('a 304', async () => {
    const path = fresh()
    count(version(1))
    const before = await hot(path)
    origin.handle = (_, response) => response.writeHead(304, { ...minute, ...version(2) }).end()
    expect((await get(path, noCache)).cache).toContain('fwd-status=304')
    const after = await get(path)
    expect([after.text, after.headers.get('x-version')]).toEqual([before.text, '2'])
    expect((await hot(path)).headers.get('x-version')).toBe('2')
  })

  test('a HEAD that says that it is current', async () => {
    const path = fresh()
    count(version(1))
    const before = await hot(path)
    origin.handle = (_, response) => reply(response, before.text, { ...minute, ...version(2) })
    expect(await get(path, { method: 'HEAD', ...noCache })).toMatchObject(fromOrigin)
    const after = await get(path)
    expect([after.text, after.headers.get('x-version')]).toEqual([before.text, '2'])
    expect((await hot(path)).headers.get('x-version')).toBe('2')
  })

  test('a HEAD that says that it is not', async () => {
    const path = fresh()
    count({ etag: '"1"' })
    const before = await hot(path)
    count({ etag: '"2"' })
    await get(path, { method: 'HEAD', ...noCache })
    const after = await get(path)
    expect(after).toMatchObject(fromOrigin)
    expect(after.text).not.toBe(before.text)
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s', async (method) => {
    const path = fresh()
    count()
    const before = await hot(path)
    await get(path, { method })
    const after = await get(path)
    expect(after).toMatchObject(fromOrigin)
    expect(after.text).not.toBe(before.text)
  })
})

test('variants stay apart', async () => {
  const path = fresh()
  const colorOf = ({ headers }: IncomingMessage) => String(headers['x-color'])
  origin.handle = (request, response) => reply(response, colorOf(request), { ...minute, vary: 'x-color' })
  const inColor = (color: string): RequestInit => ({ headers: { 'x-color': color } })
  for (const color of ['red', 'blue']) await hot(path, inColor(color))
  for (const color of ['red', 'blue', 'red', 'blue']) {
    expect(await get(path, inColor(color))).toMatchObject({ ...fromMemory, text: color })
  }
  expect(await get(path, inColor('green'))).toMatchObject({ ...fromOrigin, text: 'green' })
})

describe('answers the client’s own conditions', () => {
  let path: string
  beforeAll(async () => {
    path = fresh()
    const dated = { etag: '"1"', 'last-modified': 'Fri, 20 Nov 2026 12:00:00 GMT' }
    origin.handle = (_, response) => reply(response, '0123456789', { ...minute, ...dated })
    await hot(path)
  })

  test.each<[string, Record<string, string>, number, string, string | null]>([
    ['a range', { range: 'bytes=2-4' }, 206, '234', 'bytes 2-4/10'],
    ['the end', { range: 'bytes=-3' }, 206, '789', 'bytes 7-9/10'],
    ['a range of this very version', { range: 'bytes=0-0', 'if-range': '"1"' }, 206, '0', 'bytes 0-0/10'],
    ['a range of another version', { range: 'bytes=0-0', 'if-range': '"2"' }, 200, '0123456789', null],
    ['the version that it has', { 'if-none-match': '"1"' }, 304, '', null],
    ['another version than it has', { 'if-none-match': '"2"' }, 200, '0123456789', null],
    ['its date', { 'if-modified-since': 'Fri, 20 Nov 2026 12:00:00 GMT' }, 304, '', null],
  ])('%s', async (_, headers, status, text, contentRange) => {
    const answer = await get(path, { headers })
    expect(answer).toMatchObject({ ...fromMemory, status, text })
    expect(answer.headers.get('content-range')).toBe(contentRange)
  })

  test('several ranges', async () => {
    const { status, text, calls } = await get(path, { headers: { range: 'bytes=0-1,8-9' } })
    expect([status, calls.match]).toEqual([206, 0])
    expect(text).toContain('bytes 0-1/10\r\n\r\n01\r\n')
    expect(text).toContain('bytes 8-9/10\r\n\r\n89\r\n')
  })

  test('a range beyond its end', async () => {
    const { status, headers, calls } = await get(path, { headers: { range: 'bytes=10-' } })
    expect([status, headers.get('content-range'), calls.match]).toEqual([416, 'bytes */10', 0])
  })

  test('HEAD', async () => {
    const answer = await get(path, { method: 'HEAD' })
    expect(answer).toMatchObject({ ...fromMemory, text: '' })
    expect(answer.headers.get('content-length')).toBe('10')
  })
})

describe('nothing private gets there', () => {
  test.each<[string, Record<string, string>, Record<string, string>]>([
    ['private', { 'cache-control': 'private, max-age=60' }, {}],
    ['no-store', { 'cache-control': 'no-store, max-age=60' }, {}],
    ['with a cookie', { ...minute, 'set-cookie': 'session=1' }, {}],
    ['an answer to Authorization', minute, { authorization: 'Basic eDp5' }],
  ])('%s', async (_, headers, asked) => {
    const path = fresh()
    count(headers)
    const texts = new Set<string>()
    for (const init of [{ headers: asked }, { headers: asked }, { headers: asked }, {}]) {
      const answer = await get(path, init)
      expect(answer).toMatchObject(fromOrigin)
      texts.add(answer.text)
    }
    expect(texts.size).toBe(4)
  })

  test('nor is what is there given to who shows credentials', async () => {
    const path = fresh()
    count()
    const before = await hot(path)
    const own = await get(path, { headers: { authorization: 'Basic eDp5' } })
    expect(own).toMatchObject(fromOrigin)
    expect(own.text).not.toBe(before.text)
  })
})
