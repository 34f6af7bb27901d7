// Invalidation (RFC 9111 §4.4) on the wire: what an unsafe request has changed is not served any more.
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CacheBench, reply, startCacheBench } from './support/cache.ts'

let bench: CacheBench

beforeAll(async () => {
  bench = await startCacheBench({
    '/keyed': { key: { headers: ['x-tenant'], cookies: ['lang'] } },
    '/alone': { collapse: 'off' },
  })
})
afterAll(() => bench?.close())

const lastModified = 'Mon, 01 Jan 2024 00:00:00 GMT'

describe('RFC 9111 §4.4: what an unsafe request has changed is let go', () => {
  const minute = { 'cache-control': 'max-age=60' }
  async function stored(path: string) {
    bench.origin.handle = (_, response) => reply(response, 'kept', minute)
    await bench.ask(path)
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
  }

  test.each<[string, string, number, Record<string, string>, boolean]>([
    ['POST', 'POST', 201, {}, true],
    ['PUT', 'PUT', 204, {}, true],
    ['DELETE', 'DELETE', 303, { location: '/elsewhere' }, true],
    ['one that failed changes nothing', 'POST', 500, {}, false],
    ['one that was refused changes nothing', 'PUT', 403, {}, false],
    ['a safe one changes nothing', 'OPTIONS', 204, {}, false],
  ])('%s', async (_, method, status, fields, gone) => {
    const path = bench.fresh()
    await stored(path)
    bench.origin.handle = (request, response) =>
      request.method === 'GET' ? reply(response, 'new', minute) : response.writeHead(status, fields).end()
    await bench.ask(path, { method })
    expect((await bench.ask(path)).text).toBe(gone ? 'new' : 'kept')
  })

  test.each<[string, string, (path: string) => string, boolean]>([
    ['Location', 'location', (path) => path, true],
    ['Content-Location', 'content-location', (path) => `.${path}`, true],
    ['Location elsewhere', 'location', (path) => `http://other.test${path}`, false],
    ['Location that is none', 'location', () => 'http://[', false],
  ])('and what it names on this origin: %s', async (_, name, reference, gone) => {
    const path = bench.fresh()
    await stored(path)
    bench.origin.handle = (request, response) =>
      request.method === 'GET'
        ? reply(response, 'new', minute)
        : response.writeHead(201, { [name]: reference(path) }).end()
    await bench.ask('/things', { method: 'POST' })
    expect((await bench.ask(path)).text).toBe(gone ? 'new' : 'kept')
  })
})

test('all that is stored of a URL is let go: what the route keys and what the origin varies by', async () => {
  const minute = { 'cache-control': 'public, max-age=60', vary: 'accept-language' }
  const path = bench.fresh('/keyed')
  const requests = ['a', 'b'].flatMap((tenant) =>
    ['fr', 'en'].flatMap((lang) =>
      ['de', 'it'].map((language) => ({
        headers: { 'x-tenant': tenant, cookie: `lang=${lang}`, 'accept-language': language },
      })),
    ),
  )
  const nameOf = (headers: Record<string, string | string[] | undefined>) =>
    `${headers['x-tenant']} ${headers.cookie} ${headers['accept-language']}`
  bench.origin.handle = (request, response) => reply(response, nameOf(request.headers), minute)
  for (const request of requests) {
    await bench.ask(path, request)
    await expect.poll(async () => (await bench.ask(path, request)).cache).toContain('hit')
    expect((await bench.ask(path, request)).text).toBe(nameOf(request.headers))
  }
  bench.origin.handle = (_, response) => reply(response, 'new', minute)
  await bench.ask(path, { method: 'POST', headers: { 'x-tenant': 'c' } })
  for (const request of requests) expect((await bench.ask(path, request)).text).toBe('new')
})

test.each<[string, string, Record<string, string>]>([
  ['one response', '', {}],
  ['a variant', '', { vary: 'accept-language' }],
  ['what the route keys', '/keyed', {}],
])('what is under way meanwhile is not stored, since it may be older than the change: %s', async (_, prefix, vary) => {
  const fields = { 'cache-control': 'public, max-age=60', ...vary }
  const path = bench.fresh(prefix)
  const stalled = Promise.withResolvers<ServerResponse>()
  bench.origin.handle = (request, response) =>
    request.method === 'GET' ? stalled.resolve(response) : response.writeHead(204).end()
  const early = bench.ask(path)
  const response = await stalled.promise
  await bench.ask(path, { method: 'POST' })
  reply(response, 'old', fields)
  await once(response, 'close')
  expect((await early).text).toBe('old')
  bench.origin.handle = (_, answer) => reply(answer, 'new', fields)
  expect((await bench.ask(path)).text).toBe('new')
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
  expect((await bench.ask(path)).text).toBe('new')
})

test('nor given to who asks after the change, though another variant has come since', async () => {
  const fields = { 'cache-control': 'max-age=60', vary: 'accept-language' }
  const path = bench.fresh()
  const inLanguage = (language: string) => bench.ask(path, { headers: { 'accept-language': language } })
  bench.origin.handle = (_, response) => reply(response, 'old', fields)
  await inLanguage('en')
  await expect.poll(async () => (await inLanguage('en')).cache).toContain('hit')
  const stalled = Promise.withResolvers<ServerResponse>()
  bench.origin.handle = (request, response) =>
    request.method === 'GET' ? stalled.resolve(response) : response.writeHead(204).end()
  const early = inLanguage('de')
  const response = await stalled.promise
  await bench.ask(path, { method: 'POST' })
  bench.origin.handle = (_, answer) => reply(answer, 'new', fields)
  await inLanguage('en')
  await expect.poll(async () => (await inLanguage('en')).cache).toContain('hit')
  const late = inLanguage('de')
  reply(response, 'old', fields)
  expect([(await early).text, (await late).text]).toEqual(['old', 'new'])
})

test('a slow answer does not replace what was asked for after it', async () => {
  const minute = { 'cache-control': 'max-age=60' }
  const path = bench.fresh('/alone')
  const stalled = Promise.withResolvers<ServerResponse>()
  bench.origin.handle = (_, response) => stalled.resolve(response)
  const early = bench.ask(path)
  const response = await stalled.promise
  bench.origin.handle = (_, answer) => reply(answer, 'new', minute)
  await bench.ask(path)
  await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
  reply(response, 'old', minute)
  await early
  expect((await bench.ask(path)).text).toBe('new')
})

describe('RFC 9110 §9.3.3: the answer to a POST that is what a GET would give', () => {
  test.each<[string, Record<string, string>, boolean, number?]>([
    ['Content-Location of the target, and a lifetime', { 'cache-control': 'max-age=60' }, true],
    ['a status that says something else', { 'cache-control': 'max-age=60' }, false, 201],
    ['no lifetime', { 'last-modified': lastModified }, false],
    ['private', { 'cache-control': 'private, max-age=60' }, false],
    ['Content-Location elsewhere', { 'cache-control': 'max-age=60', 'content-location': '/elsewhere' }, false],
  ])('%s', async (_, headers, reused, status = 200) => {
    const path = bench.fresh()
    bench.origin.handle = (request, response) =>
      reply(response, `to a ${request.method}`, { 'content-location': path, ...headers }, status)
    expect((await bench.ask(path, { method: 'POST', body: 'x' })).cache.includes('stored')).toBe(reused)
    bench.origin.handle = (request, response) => reply(response, `to a ${request.method}`, {})
    if (reused) await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit')
    expect((await bench.ask(path)).text).toBe(reused ? 'to a POST' : 'to a GET')
  })
})
