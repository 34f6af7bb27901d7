// What a request costs in calls of the platform, counted in workerd: a hit is one match, and nothing is asked of KV,
// D1 or an object on the way of any request.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Calls, type CallsCounter, startCallsCounter } from '../bench/calls.ts'
import { startOrigin, type TestOrigin } from './support/origin.ts'

let origin: TestOrigin
let counter: CallsCounter

beforeAll(async () => {
  origin = await startOrigin(({ url }, response) => {
    const varies = url === '/varies' && { vary: 'accept-language' }
    const session = url === '/session/begin' && { 'weir-session-set': 'cart=1' }
    response.writeHead(200, { 'content-length': 2, 'cache-control': 'max-age=60', ...varies, ...session })
    response.end('ok')
  })
  const pools = ['web']
  counter = await startCallsCounter({
    pools: { web: { origins: [{ url: origin.url }] } },
    routes: [
      { path: '/pass/*', pools, cache: { mode: 'off' } },
      { path: '/session/*', pools, session: true },
      { path: '/*', pools },
    ],
  })
})

afterAll(async () => {
  await counter?.close()
  await origin?.close()
})

const none: Calls = { match: 0, put: 0, delete: 0, kv: 0, d1: 0, objects: 0, fetch: 0 }

test('a new isolate reads the configuration once, and later requests do not', async () => {
  const first = await counter.callsOf('/pass/')
  expect(first).toMatchObject({ kv: 1, d1: 0, objects: 0 })
  expect(await counter.callsOf('/pass/')).toMatchObject({ kv: 0, d1: 0, objects: 0, match: 0, put: 0 })
})

test('a miss is one match, one flight and one put, and a match behind the response for what came meanwhile', async () => {
  const miss = await counter.callsOf('/miss')
  expect(miss).toEqual({
    ...none,
    match: 2,
    put: 1,
    objects: 1,
    fetch: 1,
    cacheStatus: 'weir; fwd=uri-miss; fwd-status=200; stored',
  })
})

test.each(['GET', 'HEAD'])('a hit is one match, and a hot one calls nothing: %s', async (method) => {
  const path = `/hit/${method}`
  const hit = { ...none, cacheStatus: expect.stringContaining('weir; hit') }
  await counter.callsOf(path)
  // The miss has asked for it once: this hit takes it into memory.
  expect(await counter.callsOf(path, { method })).toEqual({ ...hit, match: 1 })
  expect(await counter.callsOf(path, { method })).toEqual(hit)
})

test('where responses vary a hit is two, and a hot one calls nothing either', async () => {
  const hit = { ...none, cacheStatus: expect.stringContaining('weir; hit') }
  await counter.callsOf('/varies')
  // First the note of the variants gets into memory, then the variant.
  for (const match of [2, 1, 0]) expect(await counter.callsOf('/varies')).toEqual({ ...hit, match })
})

test.each(['GET', 'HEAD'])('a pass is the request to the origin alone: %s', async (method) => {
  const pass = await counter.callsOf('/pass/', { method })
  expect(pass).toEqual({ ...none, fetch: 1, cacheStatus: expect.stringContaining('weir; fwd=bypass') })
})

test('a request without a session touches no object where it hits or is passed, and one with a session exactly one', async () => {
  const begun = await fetch(`${counter.url}/session/begin`, { method: 'POST' })
  const cookie = begun.headers.get('set-cookie')!.split(';')[0]!
  const anonymous = async (init?: RequestInit) => (await counter.callsOf('/session/page', init)).objects
  expect(await anonymous({ method: 'POST' })).toBe(0)
  await anonymous()
  expect(await anonymous()).toBe(0)
  expect(await anonymous({ headers: { cookie: `${cookie}x` } })).toBe(0)
  const headers = { cookie }
  const session = { ...none, objects: 1, fetch: 1, cacheStatus: 'weir; fwd=bypass; fwd-status=200; detail=session' }
  expect(await counter.callsOf('/session/page', { headers })).toEqual(session)
  expect((await counter.callsOf('/pass/', { headers })).objects).toBe(0)
  expect((await counter.callsOf('/session/page', { headers, method: 'POST' })).objects).toBe(1)
  expect((await counter.callsOf('/session/begin', { headers, method: 'POST' })).objects).toBe(2)
})

test('a method that is not cached does not ask the store, and what it may have changed is let go', async () => {
  const options = await counter.callsOf('/post', { method: 'OPTIONS' })
  expect(options).toEqual({ ...none, fetch: 1, cacheStatus: expect.stringContaining('weir; fwd=method') })
  const post = await counter.callsOf('/post', { method: 'POST' })
  expect(post).toEqual({
    ...none,
    fetch: 1,
    match: 1,
    put: 1,
    cacheStatus: expect.stringContaining('weir; fwd=method'),
  })
})
