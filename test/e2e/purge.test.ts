// Purging over the admin API, and what becomes of entries: gone, stale, or untouched.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CacheBench, reply, startCacheBench } from './support/cache.ts'
import { adminToken } from './support/gateway.ts'

let bench: CacheBench
beforeAll(async () => {
  bench = await startCacheBench({ '/plain': { key: { query: 'none' } }, '/grace': { graceSeconds: 60 } })
})
afterAll(() => bench?.close())

const minute = { 'cache-control': 'max-age=60' }
const count = (headers: Record<string, string> = {}) => {
  bench.origin.handle = (_, response) => reply(response, `answer ${bench.origin.requests}`, { ...minute, ...headers })
}

async function stored(path: string, headers: Record<string, string> = {}): Promise<string> {
  count(headers)
  await bench.ask(path)
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
  return (await bench.ask(path)).text
}

async function purge(body: object): Promise<number> {
  const { status, text } = await bench.ask('/_weir/api/purge', {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify(body),
  })
  expect(status).toBe(200)
  return JSON.parse(text).epoch
}

const urlOf = (path: string) => bench.gateway.url + path

describe('a purge names what it ends, at once and nothing else', () => {
  test.each<[string, string, Record<string, string>, (path: string) => object]>([
    ['by URL', '', {}, (path) => ({ urls: [urlOf(path)] })],
    ['by URL, as the client wrote it', '/plain', {}, (path) => ({ urls: [`${urlOf(path)}?utm=1#top`] })],
    ['by Cache-Tag', '', { 'cache-tag': 'news, sport' }, () => ({ tags: ['sport'] })],
    ['by Surrogate-Key', '', { 'surrogate-key': 'news weather' }, () => ({ tags: ['weather'] })],
    ['by prefix', '/a/b', {}, () => ({ prefixes: [urlOf('/a/')] })],
    ['by host', '', {}, () => ({ hosts: [new URL(bench.gateway.url).host] })],
    ['everything', '', {}, () => ({ everything: true })],
  ])('%s', async (_, prefix, headers, body) => {
    const path = bench.fresh(prefix)
    const before = await stored(path, headers)
    const [first, second] = [await purge(body(path)), await bench.ask(path)]
    expect(second).toMatchObject({ cache: 'weir; fwd=uri-miss; fwd-status=200; stored' })
    expect(second.text).not.toBe(before)
    expect(await purge({ tags: ['nobody'] })).toBeGreaterThan(first)
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
  })

  test('by URL, whatever is not in the key', async () => {
    const path = bench.fresh('/plain')
    await stored(`${path}?utm=1`)
    await purge({ urls: [urlOf(path)] })
    expect((await bench.ask(`${path}?utm=1`)).cache).toContain('fwd=uri-miss')
  })

  test('others stay', async () => {
    const path = bench.fresh()
    const before = await stored(path, { 'cache-tag': 'kept' })
    await purge({
      urls: [urlOf(`${path}x`)],
      tags: ['kep', 'Kept'],
      prefixes: [urlOf(`${path}/`)],
      hosts: ['other.test'],
    })
    expect(await bench.ask(path)).toMatchObject({ text: before, cache: expect.stringContaining('hit') })
  })
})

test.each(['first', 'second'])(
  'a 304 names more tags: what is stored goes by those that it had and by the new ones: %s',
  async (tag) => {
    const path = bench.fresh()
    await stored(path, { etag: '"1"', 'cache-tag': 'first' })
    const updated = { ...minute, 'cache-tag': 'second', 'x-a': '2' }
    bench.origin.handle = (_, response) => response.writeHead(304, updated).end()
    await bench.ask(path, { headers: { 'cache-control': 'no-cache' } })
    await expect.poll(async () => (await bench.ask(path)).headers.get('x-a')).toBe('2')
    count()
    await purge({ tags: [tag] })
    expect((await bench.ask(path)).cache).toContain('fwd=uri-miss')
  },
)

test('all variants of a URL go', async () => {
  const path = bench.fresh()
  count({ vary: 'x-color' })
  for (const color of ['red', 'blue']) {
    await bench.ask(path, { headers: { 'x-color': color } })
    await expect.poll(async () => (await bench.ask(path, { headers: { 'x-color': color } })).cache).toContain('hit')
  }
  await purge({ urls: [urlOf(path)] })
  for (const color of ['red', 'blue']) {
    expect((await bench.ask(path, { headers: { 'x-color': color } })).cache).toContain('fwd=vary-miss')
  }
})

test('soft: what is named becomes stale, and its grace begins', async () => {
  const path = bench.fresh('/grace')
  const before = await stored(path)
  await purge({ urls: [urlOf(path)], soft: true })
  expect(await bench.ask(path)).toMatchObject({ text: before, cache: expect.stringContaining('detail=grace') })
  await expect.poll(async () => (await bench.ask(path)).text).not.toBe(before)
})

test('soft: what has no grace is validated', async () => {
  const path = bench.fresh()
  await stored(path, { etag: '"1"' })
  await purge({ urls: [urlOf(path)], soft: true })
  expect((await bench.ask(path)).cache).toBe('weir; fwd=stale; fwd-status=200; stored')
  expect(bench.seen.at(-1)?.headers['if-none-match']).toBe('"1"')
})

test('a purge during a fill is not undone by it', async () => {
  const path = bench.fresh()
  let finish: (() => void) | undefined
  bench.origin.handle = (_, response) => {
    response.writeHead(200, { ...minute, 'content-length': 6 }).write('old')
    finish = () => response.end('old')
  }
  const filling = bench.ask(path)
  await expect.poll(() => finish).toBeDefined()
  await purge({ urls: [urlOf(path)] })
  finish?.()
  expect((await filling).text).toBe('oldold')
  count()
  // However often it is asked for: what was asked for before the purge does not come back.
  for (let time = 0; time < 3; time++) expect((await bench.ask(path)).text).toMatch(/^answer/)
})
