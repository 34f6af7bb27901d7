// Responses that differ by request fields (RFC 9111 §4.1), and what cannot be stored at all.
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CacheBench, reply, startCacheBench } from './support/cache.ts'

let bench: CacheBench

beforeAll(async () => {
  bench = await startCacheBench({
    '/languages': { languages: ['en', 'de'] },
    '/types': { types: ['text/html', 'application/json'] },
    '/few': { maxVariants: 3 },
  })
})
afterAll(() => bench?.close())

/** Answers with what the origin was told in a field, and says that it went by it. */
function echo(name: string, vary = name, headers: Record<string, string> = { 'cache-control': 'max-age=60' }) {
  bench.origin.handle = (request, response) =>
    reply(response, `${name}: ${request.headers[name]} (${bench.origin.requests})`, { vary, ...headers })
}

test('every variant is kept, and each request gets its own', async () => {
  echo('x-color')
  const path = bench.fresh()
  const first = new Map<string, string>()
  for (const color of ['red', 'green', 'blue']) {
    const miss = await bench.ask(path, { headers: { 'x-color': color } })
    expect(miss.cache).toBe(`weir; fwd=${first.size === 0 ? 'uri' : 'vary'}-miss; fwd-status=200; stored`)
    first.set(color, miss.text)
    await expect.poll(async () => (await bench.ask(path, { headers: { 'x-color': color } })).cache).toContain('hit')
  }
  for (const [color, text] of first) expect((await bench.ask(path, { headers: { 'x-color': color } })).text).toBe(text)
  expect((await bench.ask(path)).cache).toContain('fwd=vary-miss')
})

test('a Vary that grows forgets what was selected by less', async () => {
  echo('x-color')
  const path = bench.fresh()
  await bench.ask(path, { headers: { 'x-color': 'red' } })
  await expect.poll(async () => (await bench.ask(path, { headers: { 'x-color': 'red' } })).cache).toContain('hit')
  echo('x-color', 'x-color, x-size')
  await bench.ask(path, { headers: { 'x-color': 'blue', 'x-size': 'l' } })
  await expect
    .poll(async () => (await bench.ask(path, { headers: { 'x-color': 'blue', 'x-size': 'l' } })).cache)
    .toContain('hit')
  for (const headers of [{ 'x-color': 'blue' }, { 'x-color': 'blue', 'x-size': 's' }]) {
    expect((await bench.ask(path, { headers })).cache).toContain('fwd=vary-miss')
  }
})

test('what was selected by one field is not found by another', async () => {
  const path = bench.fresh()
  echo('x-color')
  await bench.ask(path, { headers: { 'x-color': 'l' } })
  await expect.poll(async () => (await bench.ask(path, { headers: { 'x-color': 'l' } })).cache).toContain('hit')
  echo('x-size', 'x-size', { 'cache-control': 'public, max-age=60' })
  const medium = { 'x-color': 'red', 'x-size': 'm' }
  await bench.ask(path, { headers: medium })
  await expect.poll(async () => (await bench.ask(path, { headers: medium })).cache).toContain('hit')
  expect((await bench.ask(path, { headers: { ...medium, 'x-size': 'l' } })).text).toMatch(/^x-size: l /)
})

describe('fields in their normal form, in the key and to the origin', () => {
  test.each<[string, string, string, string[], string]>([
    ['languages in any order and case', '', 'accept-language', ['en, de', ' DE ,en'], 'de,en'],
    ['the best of the route’s languages', '/languages', 'accept-language', ['fr;q=1, de-AT;q=0.8', 'de'], 'de'],
    ['none of the route’s languages', '/languages', 'accept-language', ['fr', 'it, fr'], 'undefined'],
    ['types', '/types', 'accept', ['application/json, */*;q=0.1', 'application/json'], 'application/json'],
    ['codings', '', 'accept-encoding', ['br, gzip', 'zstd, gzip, deflate, br;q=0.5'], 'gzip, br'],
  ])('%s', async (_, prefix, name, [first, second], sent) => {
    echo(name)
    const path = bench.fresh(prefix)
    expect((await bench.ask(path, { headers: { [name]: first! } })).text).toContain(`${name}: ${sent} (`)
    await expect.poll(async () => (await bench.ask(path, { headers: { [name]: first! } })).cache).toContain('hit')
    expect((await bench.ask(path, { headers: { [name]: second! } })).cache).toContain('hit')
  })
})

test('runaway variants: beyond the bound nothing more is stored, and what is stored goes on serving', async () => {
  echo('x-color')
  const path = bench.fresh('/few')
  for (const color of ['1', '2', '3']) {
    await bench.ask(path, { headers: { 'x-color': color } })
    await expect.poll(async () => (await bench.ask(path, { headers: { 'x-color': color } })).cache).toContain('hit')
  }
  for (let time = 0; time < 2; time++) {
    expect((await bench.ask(path, { headers: { 'x-color': '4' } })).cache).toBe(
      'weir; fwd=vary-miss; fwd-status=200; detail=variants',
    )
  }
  expect((await bench.ask(path, { headers: { 'x-color': '2' } })).cache).toContain('hit')

  // What varies by more is counted anew.
  echo('x-color', 'x-color, x-size')
  expect((await bench.ask(path, { headers: { 'x-color': '4' } })).cache).toContain('stored')
})

test('who finds no place among runaway variants does not wait for others', async () => {
  echo('accept-language')
  const path = bench.fresh('/few')
  for (const language of ['de', 'en', 'fr']) {
    const headers = { 'accept-language': language }
    await bench.ask(path, { headers })
    await expect.poll(async () => (await bench.ask(path, { headers })).cache).toContain('hit')
  }
  const last = { headers: { 'accept-language': 'it' } }
  for (let time = 0; time < 2; time++) expect((await bench.ask(path, last)).cache).toContain('detail=variants')
  const waiting: ServerResponse[] = []
  bench.origin.handle = (_, response) => void waiting.push(response)
  const crowd = [1, 2, 3].map(() => bench.ask(path, last))
  await expect.poll(() => waiting.length).toBe(3)
  for (const response of waiting) reply(response, 'body', { 'cache-control': 'max-age=60', vary: 'accept-language' })
  await Promise.all(crowd)
})

describe('hit-for-miss', () => {
  test.each<[string, Record<string, string>]>([
    ['Vary: *', { 'cache-control': 'max-age=60', vary: '*' }],
    ['no-store', { 'cache-control': 'no-store' }],
    ['Set-Cookie', { 'cache-control': 'max-age=60', 'set-cookie': 'id=1' }],
  ])('%s is remembered, and a cacheable answer ends it', async (_, headers) => {
    bench.origin.handle = (_, response) => reply(response, 'not for the store', headers)
    const path = bench.fresh()
    await bench.ask(path)
    await expect
      .poll(async () => (await bench.ask(path)).cache)
      .toBe('weir; fwd=uri-miss; fwd-status=200; detail=hit-for-miss')
    bench.origin.handle = (_, response) => reply(response, 'for the store', { 'cache-control': 'max-age=60' })
    expect((await bench.ask(path)).cache).toContain('stored')
    await expect.poll(async () => (await bench.ask(path)).cache).toContain('hit; ttl')
  })

  test('what only one request made so is not remembered', async () => {
    bench.origin.handle = (_, response) => reply(response, 'whose', { 'cache-control': 'max-age=60' })
    const path = bench.fresh()
    await bench.ask(path, { headers: { authorization: 'x' } })
    expect((await bench.ask(path)).cache).toContain('stored')
  })
})

describe('what no variant may be made of', () => {
  test.each(['x-forwarded-for', 'x-request-id', 'traceparent'])('%s, which the gateway says itself', async (name) => {
    echo(name)
    const path = bench.fresh()
    for (let time = 0; time < 2; time++) expect((await bench.ask(path)).cache).not.toContain('stored')
  })

  test('what the origin saw of the client behind a hit-for-miss note is what the key says', async () => {
    const path = bench.fresh('/languages')
    echo('accept-language', 'accept-language', { 'cache-control': 'private' })
    await bench.ask(path, { headers: { 'accept-language': 'en' } })
    await expect
      .poll(async () => (await bench.ask(path, { headers: { 'accept-language': 'en' } })).cache)
      .toContain('hit-for-miss')
    echo('accept-language')
    const stored = await bench.ask(path, { headers: { 'accept-language': 'xx-evil, en;q=0.1' } })
    expect(stored.text).toMatch(/^accept-language: en /)
  })
})
