// Flights across data centres: the object's own data centre stands for all of them before the origin.
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Asked, ask, type CacheBench, reply, startCacheBench } from './support/cache.ts'
import { adminToken } from './support/gateway.ts'

let bench: CacheBench

beforeAll(async () => {
  const entry = new URL('workers/colos.ts', import.meta.url).pathname
  const rules = { '/global': { collapse: 'global' }, '/forced': { collapse: 'global', mode: 'force', ttlSeconds: 60 } }
  bench = await startCacheBench(rules, { entry, hotTier: { totalBytes: 0 } })
})
afterAll(() => bench?.close())

const minute = { 'cache-control': 'max-age=60' }

/** In one data centre. */
const askIn = (colo: string, path: string, headers: Record<string, string> = {}): Promise<Asked> =>
  ask(bench.gateway.url + path, { headers: { 'test-colo': colo, ...headers } })

/** What has just landed answers by itself for a second; after it the store does. */
const held = () => new Promise((resolve) => setTimeout(resolve, 1050))

const asked = (path: string) => bench.seen.filter(({ url }) => url === path).length

test('without it, each data centre asks the origin', async () => {
  bench.origin.handle = (_, response) => reply(response, 'body', minute)
  const path = bench.fresh()
  for (const colo of ['a', 'b', 'c']) await askIn(colo, path)
  expect(asked(path)).toBe(3)
})

test('what one data centre has asked for, the others have from the upper tier', async () => {
  bench.origin.handle = (_, response) => reply(response, 'body', { ...minute, age: '7', 'cache-tag': 'x', etag: '"1"' })
  const path = bench.fresh('/global')
  expect((await askIn('a', path)).cache).toBe('weir; fwd=uri-miss; fwd-status=200; stored')
  await held()
  const far = await askIn('b', path)
  expect([far.text, far.cache]).toEqual(['body', 'weir; fwd=uri-miss; fwd-status=200; stored; detail=upper-tier'])
  expect(Number(far.headers.get('age'))).toBeGreaterThanOrEqual(7)
  expect(far.headers.get('cache-tag')).toBeNull()
  await expect.poll(async () => (await askIn('b', path)).cache).toMatch(/^weir; hit; ttl=5\d$/)
  expect(asked(path)).toBe(1)
})

test('one origin request for crowds in several data centres, each of which stores it', async () => {
  const waiting = Promise.withResolvers<ServerResponse>()
  bench.origin.handle = (_, response) => waiting.resolve(response)
  const path = bench.fresh('/global')
  const crowds = ['a', 'b', 'c'].flatMap((colo) => Array.from({ length: 5 }, () => askIn(colo, path)))
  const response = await waiting.promise
  await new Promise((resolve) => setTimeout(resolve, 100))
  reply(response, 'body', minute)
  const answers = await Promise.all(crowds)
  for (const { text } of answers) expect(text).toBe('body')
  expect(answers.filter(({ cache }) => cache.includes('stored'))).toHaveLength(3)
  expect(asked(path)).toBe(1)
})

test('a forced lifetime does not begin anew in each data centre', async () => {
  bench.origin.handle = (_, response) => reply(response, 'body', { 'cache-control': 'no-cache' })
  const path = bench.fresh('/forced')
  await askIn('a', path)
  await held()
  await askIn('b', path)
  // The first hit there is: a later one could be as old by itself.
  let hit = ''
  await expect
    .poll(async () => {
      hit = (await askIn('b', path)).cache
      return hit
    })
    .toContain('hit')
  expect(hit).toMatch(/^weir; hit; ttl=5[0-8]$/)
})

test('the lifetime that is meant for this cache alone counts there too', async () => {
  const fields = { 'cache-control': 'no-store', 'surrogate-control': 'max-age=60' }
  bench.origin.handle = (_, response) => reply(response, 'body', fields)
  const path = bench.fresh('/global')
  await askIn('a', path)
  await held()
  const far = await askIn('b', path)
  expect([far.cache, far.headers.get('surrogate-control')]).toEqual([expect.stringContaining('upper-tier'), null])
  await expect.poll(async () => (await askIn('b', path)).cache).toContain('hit')
})

test.each([
  ['with something new', {}],
  ['with 304', { etag: '"1"' }],
])('one refresh for all data centres: answered %s', async (_, validator) => {
  const fields = { ...validator, 'cache-control': 'max-age=60, stale-while-revalidate=60' }
  bench.origin.handle = (_, response) => reply(response, 'body', { ...fields, age: '59' })
  const path = bench.fresh('/global')
  for (const colo of ['a', 'b', 'c']) await askIn(colo, path)
  await held()
  bench.origin.handle = (request, response) =>
    request.headers['if-none-match'] ? response.writeHead(304, fields).end() : reply(response, 'body', fields)
  for (const colo of ['a', 'b', 'c']) expect((await askIn(colo, path)).cache).toContain('grace')
  for (const colo of ['b', 'c']) {
    await expect.poll(async () => (await askIn(colo, path)).cache).toMatch(/hit; ttl=\d/)
  }
  expect(asked(path)).toBe(2)
})

test('who comes while another variant flies gets its own', async () => {
  const begun = Promise.withResolvers<ServerResponse>()
  bench.origin.handle = (request, response) => {
    const language = String(request.headers['accept-language'])
    if (language !== 'fr') return reply(response, language, { ...minute, vary: 'accept-language' })
    response.writeHead(200, { ...minute, vary: 'accept-language', 'content-length': 2 }).write('f')
    begun.resolve(response)
  }
  const path = bench.fresh('/global')
  const french = askIn('a', path, { 'accept-language': 'fr' })
  const response = await begun.promise
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect((await askIn('b', path, { 'accept-language': 'de' })).text).toBe('de')
  response.end('r')
  expect((await french).text).toBe('fr')
  for (const language of ['fr', 'de']) {
    expect((await askIn('c', path, { 'accept-language': language })).text).toBe(language)
  }
})

test('a purge and a POST reach the upper tier', async () => {
  bench.origin.handle = (_, response) => reply(response, 'old', minute)
  const [purged, posted] = [bench.fresh('/global'), bench.fresh('/global')]
  for (const path of [purged, posted]) await askIn('a', path)
  await held()
  await expect.poll(async () => (await askIn('b', posted)).cache).toContain('hit')
  bench.origin.handle = (_, response) => reply(response, 'new', minute)
  const { origin } = new URL(bench.gateway.url)
  const purge = { method: 'POST', headers: { authorization: `Bearer ${adminToken}` } }
  await fetch(`${origin}/_weir/api/purge`, { ...purge, body: JSON.stringify({ urls: [origin + purged] }) })
  expect((await askIn('b', purged)).text).toBe('new')
  await ask(origin + posted, { method: 'POST', headers: { 'test-colo': 'b' } })
  expect((await askIn('b', posted)).text).toBe('new')
})

test('what is personal is not kept there', async () => {
  bench.origin.handle = (request, response) => reply(response, String(request.headers.cookie), minute)
  const path = bench.fresh('/global')
  await askIn('a', path, { cookie: 'user=ada' })
  expect((await askIn('b', path)).text).toBe('undefined')
})

test('a cut body is not kept there', async () => {
  bench.origin.handle = (_, response) => {
    response.writeHead(200, { ...minute, 'content-length': 10 }).write('12345')
    setImmediate(() => response.socket?.destroy())
  }
  const path = bench.fresh('/global')
  await askIn('a', path).catch(() => undefined)
  bench.origin.handle = (_, response) => reply(response, 'whole', minute)
  expect((await askIn('b', path)).text).toBe('whole')
})
